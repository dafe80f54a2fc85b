import json
from functools import partial
from pathlib import Path

import pytest

from gasearch.cli import main
from gasearch.crystal.composition import Composition
from gasearch.errors import CalculationError, InputError
from gasearch.outcomes import Failure, Reason
from gasearch.parallel.executor import drive, serial_executor
from gasearch.potential.molecular_dynamics import travel
from gasearch.potential.relaxation import RelaxationSettings
from gasearch.potential.settings import LennardJonesPair, LennardJonesSettings
from gasearch.screening.amorphous import MeltQuenchSettings
from gasearch.units import pressure_from_GPa
from gasearch.workflow.beyond.amorphous import AmorphousTask, _drive
from gasearch.workflow.beyond.amorphous_document import pressure_lines, schema

QUICK = "--atoms 16 --melt 9000 --melt-time 0.06 --rate 80000 --compression-time 0.06 --replicas 2".split()


@pytest.fixture
def fresh(first_search: Path, tmp_path: Path) -> Path:
    """The same run, in which no glass was made."""
    path = tmp_path / "first"
    path.mkdir()
    for file in first_search.iterdir():
        if file.is_file() and not file.name.startswith("amorphous"):
            (path / file.name).write_bytes(file.read_bytes())
    return path


def test_glasses_are_made_and_compared(first_search: Path, capsys, monkeypatch, validate):
    command = ["amorphous", str(first_search), "--formula", "NiP", "--pressure", "60", "40", *QUICK]
    assert main(command) == 0
    said = capsys.readouterr()
    assert "2 times Ni8P8: 9000 K at 40 GPa, quenched to 300 K" in said.out
    assert "nearest in structure: " in said.out and "replicas among themselves" in said.out
    document = json.loads((first_search / "amorphous-NiP.json").read_text())
    validate(document, schema())
    assert [p["pressure_GPa"] for p in document["pressures"]] == pytest.approx([40.0, 60.0])
    for found in document["pressures"]:
        names = {crystal["name"] for crystal in found["crystals"]}
        assert names and set(found["nearest_in_structure"]) == set(found["nearest_in_enthalpy"]) == names
        glasses = [glass for glass in found["glasses"] if glass["failure"] is None]
        for crystal in found["crystals"]:
            assert crystal["formula"] == "NiP"
            mean = sum(glass["enthalpy_eV_per_atom"] for glass in glasses) / len(glasses)
            assert crystal["glass_above_eV_per_atom"] == pytest.approx(mean - crystal["enthalpy_eV_per_atom"])
        # What is near is near in a hull, too.
        lowest = found["crystals"][0]
        gap = glasses[0]["above_hull_eV_per_atom"] - lowest["above_hull_eV_per_atom"]
        assert gap == pytest.approx(glasses[0]["enthalpy_eV_per_atom"] - lowest["enthalpy_eV_per_atom"], abs=1e-6)
    first, second = (found["glasses"][0] for found in document["pressures"])
    assert second["density_g_per_cm3"] > first["density_g_per_cm3"]
    assert (first_search / "amorphous-NiP.png").read_bytes().startswith(b"\x89PNG")
    assert (first_search / "amorphous-NiP.extxyz").read_text().count("pressure_GPa") == 4

    # What is finished is not done again; what was cut off is, and gives the same.
    for name in ("travel", "premixed"):
        monkeypatch.setattr(f"gasearch.workflow.beyond.amorphous.{name}", lambda *_: pytest.fail("done again"))
    assert main(command) == 0
    assert json.loads((first_search / "amorphous-NiP.json").read_text()) == document
    monkeypatch.setattr("gasearch.workflow.beyond.amorphous.travel", travel)
    legs = [
        f
        for f in (first_search / "amorphous").glob("*.json")
        if "momenta" in f.read_text() and "beyond" in f.read_text()
    ]
    assert len(legs) == 8
    for file in legs[::2]:
        file.unlink()
    assert main(command) == 0
    assert json.loads((first_search / "amorphous-NiP.json").read_text()) == document


def task(path: Path) -> AmorphousTask:
    pairs = {"Ni-Ni": (1.0, 2.0), "Ni-P": (1.5, 1.6), "P-P": (0.5, 1.76)}
    from gasearch.crystal.composition import Pair

    table = {Pair.from_text(pair): LennardJonesPair(*numbers) for pair, numbers in pairs.items()}
    pressure = pressure_from_GPa(40.0)
    settings = MeltQuenchSettings(
        (pressure,),
        pressure,
        atoms=16,
        replicas=2,
        melt_temperature=9000.0,
        melt_time=0.04,
        rate=1e5,
        compression_time=0.04,
    )
    potential = LennardJonesSettings("lennard-jones", table)
    return AmorphousTask(path, Composition.from_formula("NiP"), settings, potential, RelaxationSettings(), window=0.1)


def test_one_worker_and_two_find_the_same(fresh: Path, capsys):
    documents = []
    for threads in (1, 2):
        for file in (fresh / "amorphous").glob("*"):
            file.unlink()
        ask = partial(_drive, task(fresh), lambda _: None, lambda _: None)
        drive(ask, serial_executor(threads=threads), orderly=Exception)
        documents.append(json.loads((fresh / "amorphous-NiP.json").read_text()))
    assert documents[0] == documents[1]


def test_what_explodes_is_told(fresh: Path, capsys, monkeypatch, validate):
    failed = Failure(Reason.COLLAPSED, 30, None, "in the melt")
    monkeypatch.setattr("gasearch.workflow.beyond.amorphous.travel", lambda *_: failed)
    assert main(["amorphous", str(fresh), "--formula", "NiP", *QUICK]) == CalculationError.exit_code
    said = capsys.readouterr()
    assert "replica 1: failed, two atoms came too close, in the melt" in said.out
    assert "no glass was made" in said.err
    document = json.loads((fresh / "amorphous-NiP.json").read_text())
    validate(document, schema())
    assert document["replicas"][0]["failure"]["steps"] == 30
    assert document["pressures"][0]["above_hull_eV_per_atom"] is None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--formula", "LaH10"], "LaH10 is no mixture of Ni, P"),
        (["--formula", "NiX"], "not a chemical element"),
        (["--formula", "NiP", "--atoms", "4"], "give 16 or more"),
        (["--formula", "NiP", "--melt", "200"], "below that of the melt"),
    ],
)
def test_what_cannot_be_made_is_said(first_search: Path, capsys, arguments: list[str], told: str):
    assert main(["amorphous", str(first_search), *arguments]) == InputError.exit_code
    assert told in capsys.readouterr().err


def test_a_temperature_is_above_zero(first_search: Path, capsys):
    with pytest.raises(SystemExit):
        main(["amorphous", str(first_search), "--formula", "NiP", "--temperature", "0"])
    assert "is not a number above 0" in capsys.readouterr().err


def described(**more) -> dict:
    return {
        "failure": None,
        "density_g_per_cm3": 6.0,
        "doubtful": False,
        "order": "amorphous",
        "space_group": "P1",
    } | more


def crystal(name: str, group: str, above: float, doubtful: bool = False) -> dict:
    return {
        "name": name,
        "space_group": group,
        "doubtful": doubtful,
        "structure_distance": 0.08,
        "structure_distance_deviation": 0.01,
        "glass_above_eV_per_atom": above,
        "glass_above_deviation_eV_per_atom": None,
    }


def test_what_is_found_is_said_plainly():
    found = {
        "pressure_GPa": 99.0,
        "within_training_range": False,
        "above_hull_eV_per_atom": 0.212,
        "above_hull_deviation_eV_per_atom": 0.013,
        "between_replicas": 0.05,
        "glasses": [
            described(),
            described(order="crystalline", space_group="R3m", doubtful=True),
            {"failure": {"reason": "r"}},
        ],
        "crystals": [crystal("a", "Im-3m", 0.2), crystal("b", "P1", -0.01, doubtful=True)],
        "nearest_in_structure": ["b", "a"],
        "nearest_in_enthalpy": ["a", "b"],
    }
    head, alike, below = pressure_lines(found)
    assert "212 ± 13 meV/atom above the hull, 6.00 g/cm³" in head
    assert "1 amorphous, 1 crystalline (R3m), 1 failed, 1 doubtful (?)" in head
    assert head.endswith("! beyond the training")
    assert "P1? (b) 0.080 ± 0.010, Im-3m (a) 0.080 ± 0.010 (replicas among themselves 0.050)" in alike
    assert "Im-3m (a) 200 meV/atom below the glass, P1? (b) 10 meV/atom above the glass" in below
    assert "--structure" in pressure_lines(found | {"crystals": []})[-1]
    nothing = {"glasses": [{"failure": {"reason": "two atoms came too close"}}]}
    assert pressure_lines(found | nothing) == [
        "     99.0 GPa  no glass: two atoms came too close   ! beyond the training"
    ]

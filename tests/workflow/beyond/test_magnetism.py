"""The screen for soft magnetism, with a calculator whose collapse is known in closed form."""

import json
import re

import numpy as np
import pytest

from gasearch.cli import main
from gasearch.crystal.crystal import Crystal
from gasearch.outcomes import Failure, Reason
from gasearch.screening.orderings import Ordering
from gasearch.workflow.beyond.following import MagnetismSettings, follow
from gasearch.workflow.beyond.magnets import MagneticState

#: Landau's expansion in the moment, whose first coefficient changes sign with the volume per atom: with alignment
#: ``s`` (1 for the ferromagnet, 0.8 for others), e = K (V − V0)² / 2 V0 − s (V − Vc) m² + m⁴. Close-packed crystals
#: are denser by V1 and higher by E1, and have no moments.
CALCULATOR = """
import numpy as np
from ase.calculators.calculator import Calculator, all_changes

K, V0, VC, V1, E1 = 20.0, 12.0, 11.5, 11.0, 0.3

class Landau(Calculator):
    implemented_properties = ["energy", "forces", "stress", "magmoms"]

    def __init__(self, off=0.0):
        super().__init__()
        self.off = off  # eV/A^3, by which the stress misses the slope of the energy

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        signs = np.sign(atoms.get_initial_magnetic_moments())
        volume = atoms.get_volume() / len(atoms)
        packed = np.allclose(atoms.cell.angles(), 60)
        signs, v0, e0 = (0 * signs, V1, E1) if packed else (signs, V0, 0.0)
        s = 1.0 if abs(signs.sum()) == len(atoms) else 0.8
        squared = max(s * (volume - VC) / 2, 0.0) if signs.any() else 0.0
        energy = e0 + K * (volume - v0) ** 2 / (2 * v0) - s * (volume - VC) * squared + squared**2
        slope = K * (volume - v0) / v0 - s * squared - self.off
        self.results = {
            "energy": energy * len(atoms),
            "forces": np.zeros((len(atoms), 3)),
            "stress": np.array([slope, slope, slope, 0, 0, 0]),
            "magmoms": signs * np.sqrt(squared),
        }
"""
#: K (V0 − Vc) / V0 in GPa.
COLLAPSE_GPA = 20 * 0.5 / 12 * 160.2176634


@pytest.fixture
def iron(tmp_path, monkeypatch):
    (tmp_path / "landau_magnet.py").write_text(CALCULATOR)
    monkeypatch.syspath_prepend(tmp_path)
    path = tmp_path / "iron.vasp"
    path.write_text("Fe\n1\n-1.42 1.42 1.42\n1.42 -1.42 1.42\n1.42 1.42 -1.42\nFe\n1\nDirect\n0 0 0\n")
    return path


def screened(iron, *more: str, others: tuple = ()) -> dict:
    folder = iron.parent / "out"
    words = [
        "screen",
        "magnetism",
        *map(str, (iron, *others)),
        "--calculator",
        "landau_magnet.Landau",
        "-o",
        str(folder),
        *more,
    ]
    assert main([*words, "--workers", "1", "--protocol", "precise"]) == 0
    assert (folder / "iron-moments.png").stat().st_size > 0
    return json.loads((folder / "magnetism.json").read_text())


def test_the_collapse_of_a_known_magnet_is_found_within_the_grid(iron, capsys):
    pressures = np.linspace(0, 240, 7)
    document = screened(iron, "--pressures", *map(str, pressures))
    material = document["materials"]["iron"]
    assert set(material["starts"]) == {"NM up", "FM up", "FM down", "AFM1 up", "AFM1 down", "AFM2 up", "AFM2 down"}
    for start in ("FM up", "FM down", "AFM1 up"):
        soft = material["softness"][start]
        assert soft["kind"] == "continuous"
        assert soft["collapses_near_GPa"] == pytest.approx(COLLAPSE_GPA, abs=8.0)
        assert soft["collapses_between_GPa"] == [pytest.approx(120.0), pytest.approx(160.0)]
    assert material["ground_state"]["start"].startswith("FM")
    first = material["starts"]["FM up"][0]
    # At zero pressure K (V − V0) / V0 = m² with m² = (V − Vc) / 2.
    volume = (20.0 - 11.5 / 2) / (20 / 12 - 0.5)
    assert first["moment_per_magnetic_atom"] == pytest.approx(np.sqrt((volume - 11.5) / 2), rel=0.01)
    assert first["over_nonmagnetic_meV_per_atom"] < 0
    assert document["softest_first"] == ["iron"]
    assert "collapse: continuous between 120 and 160 GPa" in capsys.readouterr().out


def test_up_only_and_no_antiferromagnets_where_so_asked(iron):
    document = screened(iron, "--pressures", "0", "40", "--no-return", "--antiferromagnets", "0")
    assert set(document["materials"]["iron"]["starts"]) == {"NM up", "FM up"}
    assert document["materials"]["iron"]["softness"]["FM up"]["kind"] == "none in the range"


def test_of_several_phases_the_lowest_at_each_pressure_is_told(iron, capsys):
    packed = iron.with_name("packed.vasp")
    packed.write_text("Fe\n1\n0 1.76 1.76\n1.76 0 1.76\n1.76 1.76 0\nFe\n1\nDirect\n0 0 0\n")
    words = ("--pressures", "0", "40", "80", "120", "--no-return", "--antiferromagnets", "0")
    document = screened(iron, *words, others=(packed,))
    phases = document["phases"]["Fe"]
    (transition,) = phases["transitions"]
    assert phases["lowest"] == [transition["before"], transition["after"]] == ["iron", "packed"]
    assert transition["pressure_GPa"] == pytest.approx(_transition_GPa(), abs=3.0)
    below = [pressure < transition["pressure_GPa"] for pressure in (0, 40, 80, 120)]
    assert [moment > 0.1 for moment in phases["moments"]] == below
    assert phases["softness"]["kind"] == "abrupt"
    printed = capsys.readouterr().out
    assert "Fe: iron is the lowest; packed above" in printed and "softest first: iron, packed" in printed


def _transition_GPa() -> float:
    """Where the two minima of e + P V cross, on a fine mesh of volumes."""
    volumes = np.linspace(6.0, 13.0, 70001)
    squared = np.clip(volumes - 11.5, 0, None) / 2
    open_ = 20 * (volumes - 12) ** 2 / 24 - (volumes - 11.5) * squared + squared**2
    packed = 0.3 + 20 * (volumes - 11) ** 2 / 22
    pressures = np.linspace(0, 120, 1201) / 160.2176634
    higher = [(open_ + p * volumes).min() > (packed + p * volumes).min() for p in pressures]
    return float(np.linspace(0, 120, 1201)[np.argmax(higher)])


def test_a_stress_that_is_no_slope_is_warned_of_and_does_not_stop_the_relaxation(iron, capsys):
    off = 6.0 / 160.2176634
    document = screened(iron, "--arguments", json.dumps({"off": off}), "--pressures", "0", "20", "--no-return")
    assert re.search("GPa where the slope .* raise the cutoff", capsys.readouterr().out)
    states = document["materials"]["iron"]["starts"]["NM up"]
    # Without moments K (V - V0) / V0 = off - P.
    volumes = [12.0 * (1 + (off - pressure / 160.2176634) / 20.0) for pressure in (0, 20)]
    assert [state["volume_A3_per_atom"] for state in states] == pytest.approx(volumes, rel=1e-3)


def test_a_calculator_without_moments_is_refused(iron, capsys):
    words = ["screen", "magnetism", str(iron), "--calculator", "ase.calculators.lj.LennardJones", "--pressures", "0"]
    assert main([*words, "-o", str(iron.parent / "emt")]) == 3
    assert "magnetic moments" in capsys.readouterr().err


def test_an_unknown_element_is_named(iron, capsys):
    assert main(["screen", "magnetism", str(iron), "--pressures", "0", "--elements", "Xx"]) == 2
    assert "Xx is no element" in capsys.readouterr().err


def test_what_is_finished_is_not_computed_again(iron, monkeypatch):
    words = ("--pressures", "0", "40", "--no-return", "--antiferromagnets", "0")
    document = screened(iron, *words)
    for asked in ("relax", "warnings"):
        monkeypatch.setattr(f"gasearch.workflow.beyond.magnets.CalculatorMagnet.{asked}", None)
    assert screened(iron, *words) == document


class Stubborn:
    """Fails at the highest pressure."""

    def relax(self, start, moments, pressure):
        if pressure > 0.25:
            return Failure(Reason.CALCULATOR)
        return MagneticState(start, pressure, np.sign(moments) * 2.0, 2.0, True)


def test_the_way_down_begins_at_the_highest_pressure_that_was_reached():
    start = Ordering("FM", Crystal(np.eye(3) * 2, [[0, 0, 0]], [26]), np.ones(1))
    up, down = follow(Stubborn(), start, MagnetismSettings(pressures=(0.0, 20.0, 40.0, 60.0)))
    for one in (up, down):
        assert [isinstance(state, Failure) for state in one.states] == [False, False, False, True]
    assert not down.upwards and down.curve((0, 20, 40, 60)).moments[:3].tolist() == [2.0, 2.0, 2.0]


def test_fewer_antiferromagnets_than_asked_for_are_said(iron, capsys):
    screened(iron, "--pressures", "0", "--no-return", "--antiferromagnets", "2", "--multiple", "1")
    assert "warning: iron: 0 of 2 antiferromagnets" in capsys.readouterr().out

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.io import write

from gasearch.cli import main
from gasearch.cli.command import opened
from gasearch.crystal.crystal import Crystal
from gasearch.errors import InputError, RunDirectoryError
from gasearch.outcomes import Failure, Reason, RefinedPhase, Relaxed
from gasearch.potential.lennard_jones import LennardJones
from gasearch.potential.relaxation import BatchRelaxer
from gasearch.potential.settings import LennardJonesSettings, MaceSettings
from gasearch.screening.decompression import Verdict
from gasearch.units import pressure_from_GPa
from gasearch.workflow.beyond.diagram import hull_at
from gasearch.workflow.beyond.quench import _step, draw_quench
from gasearch.workflow.beyond.quench_document import phase_document, phase_lines
from gasearch.workflow.beyond.trust import is_trained_at, range_warnings
from gasearch.workflow.search.epoch import make_relaxer

H_S = MaceSettings(kind="mace", path=Path(__file__).parents[3] / "potentials" / "h-s-200gpa")


def test_the_hull_of_a_run_is_followed_down(first_search: Path, capsys, monkeypatch):
    searched = json.loads((first_search / "hull.json").read_text())
    command = ["quench", str(first_search), "--to", "0", "--steps", "3", "--follow", "0", "--no-phonons"]
    assert main(command) == 0
    assert "on the hull; a minimum: phonons were left out" in capsys.readouterr().out
    document = json.loads((first_search / "quench.json").read_text())
    assert document["pressures_GPa"] == pytest.approx([40.0, 20.0, 0.0], abs=1e-9)
    assert {p["formula"] for p in document["phases"]} == {p["formula"] for p in searched["phases"] if p["on_hull"]}
    for phase in document["phases"]:
        first = phase["rows"][0]
        assert first["above_hull_eV_per_atom"] == pytest.approx(0.0, abs=1e-4)
        assert sum(part["share_of_atoms"] for part in first["decomposes_into"]) == pytest.approx(1.0)
        volumes = [row["volume_A3_per_atom"] for row in phase["rows"]]
        assert volumes == sorted(volumes)
        # A symmetric phase of a short search may be a saddle; what it is, is said.
        assert first["verdict"] in ("minimum", "elastic")
        if first["verdict"] == "minimum":
            lowest = np.linalg.eigvalsh(first["stiffness_GPa"])[0]
            assert lowest == pytest.approx(first["lowest_stiffness_GPa"], abs=0.1)
            assert lowest > 0
    assert (first_search / "quench.png").read_bytes().startswith(b"\x89PNG")
    # What was checked is not checked again.
    for done in ("quench.check", "descent.relaxed_at"):
        monkeypatch.setattr(f"gasearch.workflow.beyond.{done}", lambda *_: pytest.fail("done again"))
    assert main(command) == 0
    assert json.loads((first_search / "quench.json").read_text()) == document


def test_without_a_hull_nothing_is_said_from_there_down(first_search: Path, capsys, monkeypatch):
    def hull_above_10_GPa(pressure, *rest):
        if pressure < pressure_from_GPa(10):
            raise RunDirectoryError("no point at endpoint(s) [1]")
        return hull_at(pressure, *rest)

    monkeypatch.setattr("gasearch.workflow.beyond.quench.hull_at", hull_above_10_GPa)
    command = ["quench", str(first_search), "--to", "0", "--steps", "3", "--follow", "0", "--no-phonons"]
    assert main(command) == 0
    assert "nothing is said, from here down: no point at endpoint" in capsys.readouterr().out
    document = json.loads((first_search / "quench.json").read_text())
    assert document["pressures_GPa"] == pytest.approx([40.0, 20.0])
    assert max(len(phase["rows"]) for phase in document["phases"]) == 2


def test_a_quench_goes_down(first_search: Path, capsys):
    assert main(["quench", str(first_search), "--to", "9999"]) == InputError.exit_code
    assert "above the pressure of the search" in capsys.readouterr().err


def test_beyond_the_training_is_warned_of():
    assert [is_trained_at(H_S, pressure) for pressure in (99.0, 100.0, 200.0, 301.0)] == [False, True, True, False]
    (warning,) = range_warnings(H_S, [0.0, 50.0, 150.0])
    assert "trained from 100 to 300 GPa" in warning
    assert "0, 50 GPa" in warning
    unknown = LennardJonesSettings(kind="lennard-jones", pairs={})
    assert is_trained_at(unknown, 0.0) is None
    assert range_warnings(unknown, [0.0]) == []


def relaxed(cell: np.ndarray) -> Relaxed:
    return Relaxed(Crystal(cell, [[0, 0, 0]], [29]), 0.0, 0.0, 1, 0.0, 0.0)


def test_a_step_that_changes_the_structure_is_told():
    fcc, bcc = relaxed(1.8 * (np.ones((3, 3)) - np.eye(3))), relaxed(1.4 * (np.ones((3, 3)) - 2 * np.eye(3)))
    assert _step(None, fcc) is None
    assert _step(fcc.crystal, fcc) is None
    assert _step(fcc.crystal, bcc).verdict is Verdict.TRANSFORMED
    assert _step(fcc.crystal, Failure(Reason.EXPLODED)).verdict is Verdict.LOST
    assert _step(fcc.crystal, Failure(Reason.STEP_LIMIT)).verdict is Verdict.UNSURE


def test_a_soft_crystal_that_expands_remains_itself():
    argon = LennardJones({(18, 18): (0.0104, 3.4)}, cutoff_sigma=2.5)
    start = Crystal(2.4 * (np.ones((3, 3)) - np.eye(3)), [[0, 0, 0]], [18])
    dense, thin = (BatchRelaxer(argon).relax([start], pressure_from_GPa(p))[0] for p in (5.0, 0.0))
    assert thin.crystal.volume > 1.35 * dense.crystal.volume
    assert _step(dense.crystal, thin) is None


def test_a_given_structure_must_stay_itself_at_the_first_pressure(first_search: Path, tmp_path: Path, capsys):
    given = tmp_path / "given.cif"
    write(given, Atoms("Ni2", cell=[1.9, 2.6, 3.1, 80, 95, 104], scaled_positions=[[0, 0, 0], [0.4, 0.55, 0.6]]))
    command = ["quench", str(first_search), "--to", "20", "--steps", "2", "--follow", "0", "--no-phonons"]
    assert main([*command, "--structure", str(given)]) == 0
    followed = json.loads((first_search / "quench.json").read_text())["phases"]
    (phase,) = [phase for phase in followed if "given.cif" in phase["name"]]
    assert [row["verdict"] for row in phase["rows"]] == ["transformed"]
    assert phase["lowest_minimum_GPa"] is None and phase["lost_GPa"] == pytest.approx(40.0)


def test_phases_of_runs_beside_it_count_for_the_hull_and_are_not_followed(first_search: Path, tmp_path: Path, capsys):
    command = ["quench", str(first_search), "--to", "20", "--steps", "2", "--follow", "0", "--no-phonons"]
    assert main(command) == 0
    alone = json.loads((first_search / "quench.json").read_text())
    beside = tmp_path / "beside"
    shutil.copytree(first_search, beside)
    assert main([*command, "--beside", str(beside)]) == 0
    found = json.loads((first_search / "quench.json").read_text())
    assert found["searched"] == [str(first_search), str(beside)]
    assert [phase["name"] for phase in found["phases"]] == [phase["name"] for phase in alone["phases"]]
    for one, other in zip(found["phases"], alone["phases"], strict=True):
        for now, before in zip(one["rows"], other["rows"], strict=True):
            # More phases lower a hull, or leave it.
            assert now["above_hull_eV_per_atom"] >= before["above_hull_eV_per_atom"] - 1e-6
    assert "lower bounds" in capsys.readouterr().out


class Same:
    """DFT that agrees with the potential of the run, but for one composition, which fails."""

    def __init__(self, run: Path, failing: str = ""):
        config = opened(run)[1]
        self.relaxer, self.failing = make_relaxer(config.potential, config.relaxation), failing

    def prepared(self, cells, executor):
        assert cells
        return self

    def settings(self) -> dict:
        return {"same": True}

    def refine(self, start: Crystal, pressure: float) -> RefinedPhase | Failure:
        result = self.relaxer.relax([start], pressure)[0]
        if isinstance(result, Failure) or start.composition.reduced.formula == self.failing:
            return Failure(Reason.SCF, detail="it did not")
        return RefinedPhase(result, pressure, ())


def test_dft_that_agrees_has_the_same_hull_at_each_pressure(first_search: Path, capsys, monkeypatch):
    monkeypatch.setattr("gasearch.cli.quench._engine", lambda options: Same(first_search))
    command = ["quench", str(first_search), "--to", "20", "--steps", "2", "--follow", "30", "--no-phonons"]
    assert main([*command, "--dft", "fast", "--workers", "1"]) == 0
    document = json.loads((first_search / "quench.json").read_text())
    rows = [row for phase in document["phases"] for row in phase["rows"] if "above_hull_eV_per_atom" in row]
    assert len(rows) > 2 and document["dft"]["settings"] == {"same": True}
    for one in rows:
        assert one["dft"]["above_hull_eV_per_atom"] == pytest.approx(one["above_hull_eV_per_atom"], abs=2e-3)
        assert sum(part["share_of_atoms"] for part in one["dft"]["decomposes_into"]) == pytest.approx(1.0)
    assert "by DFT 0.0 meV/atom above its hull" in capsys.readouterr().out


def test_without_an_endpoint_by_dft_there_is_no_distance(first_search: Path, capsys, monkeypatch):
    monkeypatch.setattr("gasearch.cli.quench._engine", lambda options: Same(first_search, failing="Ni"))
    command = ["quench", str(first_search), "--to", "40", "--steps", "2", "--follow", "0", "--no-phonons"]
    assert main([*command, "--dft", "fast", "--workers", "1"]) == 0
    document = json.loads((first_search / "quench.json").read_text())
    said = {phase["formula"]: phase["rows"][0]["dft"] for phase in document["phases"]}
    assert "it did not" in said.pop("Ni")["failure"]
    assert said and all(one["above_hull_eV_per_atom"] is None for one in said.values())
    printed = capsys.readouterr().out
    assert "by DFT nothing: " in printed and "by DFT without a hull" in printed


def row(pressure: float, verdict: Verdict, **more) -> dict:
    return {
        "pressure_GPa": pressure,
        "within_training_range": pressure > 15,
        "space_group": "Im-3m",
        "above_hull_eV_per_atom": 0.01,
        "decomposes_into": [{"formula": "H", "space_group": "Cmce", "share_of_atoms": 1.0}],
        "verdict": verdict.name.lower(),
        "detail": str(verdict),
        **more,
    }


def test_the_fate_of_a_phase_is_said():
    into = {"space_group": "R3m", "structure": {}}
    rows = [row(20.0, Verdict.MINIMUM), row(10.0, Verdict.PHONON, leads_to=into)]
    phase = phase_document("7", "H3S", rows)
    assert (phase["lowest_minimum_GPa"], phase["lost_GPa"], phase["turns_into"]) == (20.0, 10.0, into)
    lines = phase_lines(phase)
    assert lines[-1].strip() == "a minimum down to 20.0 GPa; lost at 10.0 GPa, and becomes R3m"
    assert lines[-2].endswith("! beyond the training")
    assert not lines[1].endswith("training")
    assert phase_lines(phase_document("7", "H3S", rows[:1]))[-1].strip() == "a minimum down to 20.0 GPa; lost nowhere"


def test_the_fate_says_what_is_not_known():
    rows = [row(20.0, Verdict.UNSURE), row(10.0, Verdict.MINIMUM), row(5.0, Verdict.UNSURE), row(0.0, Verdict.UNSURE)]
    phase = phase_document("7", "H3S", rows)
    assert phase["lowest_minimum_GPa"] == 10.0 and phase["unsure_GPa"] == [20.0, 5.0, 0.0]
    fate = phase_lines(phase)[-1].strip()
    assert fate == (
        "a minimum down to 10.0 GPa, beyond the training; the potential cannot tell from 5.0 to 0.0 GPa; lost nowhere"
    )
    nothing = phase_lines(phase_document("7", "H3S", rows[:1]))[-1].strip()
    assert nothing.startswith("nowhere known to be a minimum; the potential cannot tell from 20.0")


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_is_drawn(verdict: Verdict, tmp_path: Path):
    phases = [phase_document("7", "H3S", [row(20.0, Verdict.MINIMUM), row(10.0, verdict)])]
    document = {"phases": phases, "endpoints": ["H", "S"], "trained_GPa": None}
    assert [file.suffix for file in draw_quench(document, tmp_path / "quench")] == [".png", ".svg"]

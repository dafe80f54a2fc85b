import json
from pathlib import Path

import numpy as np
import pytest

from gasearch.cli import main
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.known_phases import KNOWN_PHASES, known_phases
from gasearch.crystal.symmetry import space_group
from gasearch.errors import InputError, MissingProgramError, PotentialError, RunDirectoryError
from gasearch.espresso.settings import RefineSettings
from gasearch.outcomes import Failure, Reason, RefinedPhase
from gasearch.units import pressure_from_GPa
from gasearch.workflow.dft.engines import CalculatorEngine, engine_of
from gasearch.workflow.dft.proposals import known, simple_cells
from gasearch.workflow.dft.vasp import vasp_inputs

PRESSURE = pressure_from_GPa(10.0)
ALUMINIUM = Crystal((np.ones((3, 3)) - np.eye(3)) * 2.1, [[0, 0, 0]], [13])
FOUND = {
    "pressure_GPa": 200.0,
    "endpoints": ["H", "S", "NaCl"],
    "phases": [
        {"shares": [0.5, 0.5, 0], "volume_A3_per_atom": 5.0},
        {"shares": [1, 0, 0], "volume_A3_per_atom": 2.0},
        {"shares": [0, 1, 0], "volume_A3_per_atom": 10.0},
        {"shares": [0, 0, 1], "volume_A3_per_atom": 9.0},
    ],
}


def test_a_calculator_relaxes_and_what_it_has_done_is_read_again(tmp_path: Path, monkeypatch):
    settings = RefineSettings(ase_calculator="ase.calculators.emt.EMT")
    engine = engine_of(settings, tmp_path)
    found = engine.refine(ALUMINIUM, PRESSURE)
    assert isinstance(found, RefinedPhase) and found.relaxed.max_stress < settings.dft.descent.max_stress
    assert found.relaxed.enthalpy == pytest.approx(found.relaxed.energy + PRESSURE * found.relaxed.crystal.volume)
    monkeypatch.setattr(CalculatorEngine, "_relaxer", None)
    again = engine.refine(ALUMINIUM, PRESSURE)
    assert again.relaxed.enthalpy == found.relaxed.enthalpy and again.attempts == found.attempts
    assert engine.electrons(found) is None and engine.cutoffs() == {}


def test_another_accuracy_is_another_question(tmp_path: Path):
    fast, precise = (
        engine_of(RefineSettings(ase_calculator="ase.calculators.emt.EMT", protocol=name), tmp_path)
        for name in ("fast", "precise")
    )
    assert fast.refine(ALUMINIUM, PRESSURE).relaxed.max_stress > 2 * precise.descent.max_stress
    assert precise.refine(ALUMINIUM, PRESSURE).relaxed.max_stress < precise.descent.max_stress


def test_a_calculator_that_lacks_its_program_stops_and_spoils_nothing(tmp_path: Path, monkeypatch):
    engine = CalculatorEngine(
        "gasearch.espresso.calculator.PwCalculator", {}, RefineSettings().dft.descent, tmp_path / "kept"
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingProgramError, match=r"pw\.x is not on the PATH"):
        engine.refine(ALUMINIUM, PRESSURE)
    assert not (tmp_path / "kept").exists()


def test_what_a_calculator_fails_to_do_is_tried_again(tmp_path: Path):
    engine = CalculatorEngine("ase.calculators.emt.EMT", {}, RefineSettings().dft.descent, tmp_path / "kept")
    sodium = Crystal(ALUMINIUM.cell, ALUMINIUM.frac, [11])
    found = engine.refine(sodium, PRESSURE)
    assert isinstance(found, Failure) and found.reason is Reason.CALCULATOR
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("phase", KNOWN_PHASES, ids=lambda phase: f"{phase.element} {phase.prototype.name}")
def test_a_known_phase_has_its_group_and_room_for_its_atoms(phase):
    from gasearch.crystal.geometry import nearest_distances

    crystal = phase.crystal(10.0)
    assert space_group(crystal, 1e-3).number == phase.prototype.group
    assert crystal.volume / len(crystal) == pytest.approx(10.0)
    assert np.min(nearest_distances(crystal.cell, crystal.frac)) > 0.5 * 10.0 ** (1 / 3)


def test_known_phases_are_those_of_the_pressure():
    assert [phase.prototype.group for phase in known_phases("S", 200.0)] == [166]
    assert known_phases("S", 1.0) == [] and known_phases("NaCl", 200.0) == []


def test_known_phases_and_simple_cells_are_as_dense_as_what_was_found():
    sulphur = next(proposal for proposal in known(FOUND) if proposal.name.startswith("S "))
    assert sulphur.crystal.volume == pytest.approx(10.0) and sulphur.shares.tolist() == [0, 1, 0]
    assert sulphur.above is None
    cells = simple_cells(FOUND, (1, 11, 16))
    assert [cells[z].volume for z in (1, 11, 16)] == pytest.approx([2.0, 7.0, 10.0])


def test_inputs_of_vasp_have_the_pressure_in_kbar_and_a_grid():
    texts = vasp_inputs(ALUMINIUM, 200.0, {"k_spacing": 0.4, "degauss": 0.02})
    assert "PSTRESS = 2000\n" in texts["INCAR"] and "SYSTEM = Al at 200 GPa" in texts["INCAR"]
    assert texts["KPOINTS"].splitlines()[2:] == ["Gamma", "7 7 7", "0 0 0"]


def test_a_magnet_is_one_for_vasp_too():
    iron = Crystal(ALUMINIUM.cell, [[0, 0, 0], [0.5, 0.5, 0.5], [0.2, 0.2, 0.2]], [26, 1, 26])
    # In the order of POSCAR.
    assert vasp_inputs(iron, 0.0, {}, aligned=True)["INCAR"].endswith("ISPIN = 2\nMAGMOM = 0 5 5\n")
    assert "ISPIN" not in vasp_inputs(iron, 0.0, {})["INCAR"]
    assert "ISPIN" not in vasp_inputs(ALUMINIUM, 0.0, {}, aligned=True)["INCAR"]


def test_refinement_by_a_calculator_from_the_command_line(run: Path, tmp_path: Path, capsys):
    arguments = json.dumps({"sigma": 1.4, "epsilon": 1.0, "rc": 4.0})
    command = ["refine", str(run), "--no-known", "--calculator", "ase.calculators.lj.LennardJones"]
    assert main([*command, "--arguments", arguments]) == 0
    found = json.loads((run / "refined.json").read_text())
    assert found["settings"]["ase_calculator"] == "ase.calculators.lj.LennardJones"
    assert found["provenance"]["quantum_espresso"] is None and found["phases"][0]["electrons"] is None
    to = str(tmp_path / "candidates")
    assert main(["export", str(run), "--to", to]) == RunDirectoryError.exit_code
    assert main(["export", str(run), "--to", to, "--all", "--vasp"]) == 0
    (folder,) = (tmp_path / "candidates").iterdir()
    assert {p.name for p in (folder / "vasp").iterdir()} == {"INCAR", "KPOINTS", "POSCAR"}
    assert not (folder / "scf.in").exists()
    capsys.readouterr()
    assert main([*command, "--arguments", "sigma=1"]) == InputError.exit_code
    assert "--arguments: 'sigma=1' is not JSON" in capsys.readouterr().err
    assert main([*command[:-1], "no.such.Calculator"]) == PotentialError.exit_code

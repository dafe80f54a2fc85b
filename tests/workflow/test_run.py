"""A run that goes on to DFT, phonons and export, with settings that are quick and wrong."""

import json
import shutil
from pathlib import Path

import pytest

from gasearch.cli import main
from gasearch.errors import RunDirectoryError
from gasearch.espresso.settings import ExportSettings, RefineSettings
from gasearch.evolution.termination import Termination
from gasearch.phonon.phonons import PhononSettings
from gasearch.workflow.dft.export import schema
from gasearch.workflow.run import MAY_CHANGE

needs_pw = pytest.mark.skipif(shutil.which("projwfc.x") is None, reason="Quantum ESPRESSO is not installed")
SEARCH = """
endpoints: [H]
pressure_GPa: 200
atoms: {min: 1, max: 2}
potential:
  kind: lennard-jones
  pairs:
    H-H: {epsilon_eV: 1.0, sigma_A: 1.4}
  cutoff_sigma: 2.5
search:
  first_generation: 8
  termination: {candidates: 12}
"""
STAGES = """
refine: {window_meV: 5, budget: 2, known: false, ecutwfc: 25, k_spacing: 1.2, degauss: 0.05}
phonons: {min_length_A: 4}
export: {}
"""


def write(folder: Path, text: str) -> str:
    path = folder / "input.yaml"
    path.write_text(text)
    return str(path)


def written(run: Path) -> dict[Path, int]:
    """When each calculation and verdict was written."""
    return {p: p.stat().st_mtime_ns for pattern in ("refined/calculations/*/*", "phonons/*") for p in run.glob(pattern)}


@needs_pw
def test_a_run_goes_on_to_dft_phonons_and_export_and_does_nothing_twice(tmp_path: Path, capsys, validate):
    run = tmp_path / "run"
    assert main(["run", write(tmp_path, SEARCH), "--run-dir", str(run)]) == 0
    command = ["run", write(tmp_path, SEARCH + STAGES), "--run-dir", str(run)]
    assert main(command) == 0
    told = capsys.readouterr().out
    assert "refined in" in told and "phonons:" in told and "exported 1 phases" in told
    (folder,) = (run / "candidates").iterdir()
    described = json.loads((folder / "candidate.json").read_text())
    validate(described, schema())
    assert described["phonons"]["verdict"] in ("stable", "unstable", "unknown")
    assert described["provenance"]["quantum_espresso"] and described["provenance"]["dft_cutoffs"]["H"]
    assert (run / "electrons" / f"{described['provenance']['candidate']}.png").exists()

    before = written(run)
    assert main(command) == 0
    assert written(run) == before
    capsys.readouterr()
    assert main(["phonons", str(run), "--min-length", "5", "--json"]) == 0
    (verdict,) = json.loads(capsys.readouterr().out)
    assert verdict["phonons"]["verdict"] in ("stable", "unstable", "unknown")
    assert main(["hull", str(run), "--dft"]) == 0
    table = capsys.readouterr().out
    assert "H         P6_3/mmc" in table and "above the potential's hull:" in table


def test_without_pw_the_search_ends_with_a_clear_word(tmp_path: Path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert main(["run", write(tmp_path, SEARCH + STAGES), "--run-dir", str(tmp_path / "run")]) == 0
    told = capsys.readouterr()
    assert "no refinement by DFT: pw.x is not on the PATH" in told.out
    assert "refine: pw.x, dos.x, projwfc.x not on the PATH" in told.err
    assert main(["phonons", str(tmp_path / "run")]) == RunDirectoryError.exit_code


def test_stages_after_the_refinement_need_it(tmp_path: Path, capsys):
    assert main(["check", write(tmp_path, SEARCH + "export: {}\nphonons: {}\n")]) == 2
    assert "export: needs a refinement; give refine: {}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("stage", "problem"),
    [
        ("refine: {window: 5}", "did you mean window_meV"),
        ("refine: {launcher: mpirun '-n}", "close its quotes"),
        ("refine: {references: [none.cif]}", "refine.references: there is no file"),
        ("phonons: {min_length_A: 0}", "allowed is a number above 0"),
        ("cluster: {ranks: 8}", "cluster: needs a refinement; give refine: {}"),
        ("cluster: {walltime_s: 60}", "did you mean wall_time_s"),
    ],
)
def test_a_stage_is_read_strictly(stage: str, problem: str, tmp_path: Path, capsys):
    assert main(["check", write(tmp_path, SEARCH + stage + "\n")]) == 2
    assert problem in capsys.readouterr().err


def test_what_may_change_in_a_resumed_run_names_nothing_of_the_search():
    from dataclasses import fields

    from gasearch.potential.settings import AseSettings, LennardJonesSettings, MaceSettings
    from gasearch.schema import key_of

    changing = [
        key_of(f) for kind in (Termination, RefineSettings, PhononSettings, ExportSettings) for f in fields(kind)
    ]
    assert set(changing) <= set(MAY_CHANGE)
    for kind in (AseSettings, LennardJonesSettings, MaceSettings):
        assert not {key_of(f) for f in fields(kind)} & set(MAY_CHANGE)


@pytest.mark.parametrize(
    ("refine", "problem"),
    [
        ("{pseudo_dir: nowhere}", "refine.pseudo_dir: H.UPF not in"),
        ("{launcher: nolauncher -n 4}", "refine.launcher: nolauncher is not on the PATH"),
        ("{ase_calculator: no.such.Calculator}", "refine.ase_calculator: there is no module no.such"),
        ("{ase_calculator: ase.calculators.emt.EMT}", "export: an ASE calculator does not tell metals"),
    ],
)
def test_what_would_stop_a_refinement_is_said_before_the_search(tmp_path: Path, capsys, refine: str, problem: str):
    assert main(["check", write(tmp_path, f"{SEARCH}refine: {refine}\nexport: {{}}\n")]) == 2
    assert problem in capsys.readouterr().err

"""Real pw.x on hydrogen atoms, with settings that are quick and wrong."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from gasearch.cli import main
from gasearch.errors import InputError, MissingProgramError, RunDirectoryError
from gasearch.workflow.dft.export import schema
from gasearch.workflow.record.pictures import draw_comparison
from gasearch.workflow.record.run_directory import RunDirectory

needs_pw = pytest.mark.skipif(shutil.which("projwfc.x") is None, reason="Quantum ESPRESSO is not installed")


def command(run: Path, *more: str) -> list[str]:
    quick = ["--ecutwfc", "25", "--k-spacing", "1.2", "--degauss", "0.05", "--window", "100", "--no-known"]
    return ["refine", str(run), *quick, *more]


def calculations(run: Path) -> dict[str, int]:
    return {p.parent.name: p.stat().st_mtime_ns for p in run.glob("refined/calculations/[0-9a-f]*/0-pw.x.out")}


@needs_pw
def test_a_killed_refinement_goes_on_and_what_it_finds_is_exported(run: Path, tmp_path: Path, capsys, validate):
    process = subprocess.Popen([sys.executable, "-m", "gasearch", *command(run)], stdout=subprocess.DEVNULL)
    while not (finished := calculations(run)):
        time.sleep(0.02)
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert draw_comparison(RunDirectory(run)) == []

    assert main(command(run, "--workers", "2")) == 0
    assert finished.items() <= calculations(run).items()
    assert list((run / "refined" / "scratch").iterdir()) == []
    assert {path.name for path in draw_comparison(RunDirectory(run))} == {"hull-dft.png", "hull-dft.svg"}

    found = json.loads((run / "refined.json").read_text())
    assert found["complete"] and found["window"]["closed"]
    assert [phase["dft"]["on_hull"] for phase in found["phases"]] == [True, False]
    assert all(phase["dft"]["max_stress_GPa"] < 1.0 for phase in found["phases"])
    # The window has grown to where both are near the hull.
    assert all(phase["electrons"]["metal"] for phase in found["phases"])

    assert len(exported(run, tmp_path / "candidates", capsys)) == 1
    folders = exported(run, tmp_path / "candidates", capsys, "--window", "1000", "--all", "--vasp")
    assert len(folders) == 2
    for folder in folders:
        assert sorted(p.name for p in folder.iterdir()) == [
            *("POSCAR", "candidate.json"),
            *("electrons.json", "electrons.png"),
            *("ph.in", "scf-dense.in", "scf.in", "structure.cif", "vasp"),
        ]
        described = json.loads((folder / "candidate.json").read_text())
        validate(described, schema())
        check_structure_files(folder, described)


@needs_pw
def test_on_a_cluster_jobs_outlive_a_killed_refinement_and_are_found_again(run: Path, slurm: Path, tmp_path: Path):
    (tmp_path / "cluster.yaml").write_text("{ranks: 2, wall_time_s: 3600, jobs: 2, options: {account: physics}}")
    arguments = command(run, "--cluster", str(tmp_path / "cluster.yaml"))
    process = subprocess.Popen([sys.executable, "-m", "gasearch", *arguments], stdout=subprocess.DEVNULL)
    while not (run / "refined.json").exists() and not list((run / "refined" / "jobs").glob("*.job")):
        time.sleep(0.02)
        assert process.poll() is None
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    submitted = len(list(slurm.glob("*.script")))

    assert main(arguments) == 0
    found = json.loads((run / "refined.json").read_text())
    assert found["complete"] and found["phases"][0]["electrons"]["metal"]
    # The cutoff, two phases and their densities of states: none was submitted twice.
    assert len(list(slurm.glob("*.script"))) == 5 and submitted >= 1
    assert "--account=physics" in next(slurm.glob("*.script")).read_text()
    assert set((slurm / "srun.ranks").read_text().split()) == {"2"}
    assert list((run / "refined" / "jobs").iterdir()) == []


def test_a_cluster_that_cannot_be_used_is_told(run: Path, tmp_path: Path, capsys):
    file = tmp_path / "cluster.yaml"
    file.write_text("{rank: 2}")
    assert main(command(run, "--cluster", str(file))) == InputError.exit_code
    assert "ranks" in capsys.readouterr().err
    file.write_text("{ranks: 2}")
    if shutil.which("sbatch") is None:
        assert main(command(run, "--cluster", str(file))) == MissingProgramError.exit_code
        assert "with Slurm" in capsys.readouterr().err


@needs_pw
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("mpirun") is None, reason="mpirun is not installed")
def test_ranks_share_the_structures_and_give_what_one_process_gives(run: Path):
    launch = ["mpirun", "--allow-run-as-root", "--oversubscribe", "-n", "2", sys.executable, "-m", "gasearch"]
    told = subprocess.run([*launch, *command(run)], capture_output=True, text=True, check=True).stdout
    assert "2 ranks" in told
    before = json.loads((run / "refined.json").read_text())
    shutil.rmtree(run / "refined")
    assert main(command(run)) == 0
    assert json.loads((run / "refined.json").read_text())["phases"] == before["phases"]


def exported(run: Path, to: Path, capsys, *more: str) -> list[Path]:
    capsys.readouterr()
    assert main(["export", str(run), "--to", str(to), *more]) == 0
    return [Path(line) for line in capsys.readouterr().out.splitlines()]


def check_structure_files(folder: Path, described: dict) -> None:
    from ase.io import read
    from pymatgen.core import Structure

    volume = abs(np.linalg.det(described["structure"]["cell_A"]))
    for file in ("structure.cif", "POSCAR"):
        assert read(folder / file).get_volume() == pytest.approx(volume, rel=1e-6)
        assert Structure.from_file(folder / file).volume == pytest.approx(volume, rel=1e-6)
    for file in ("scf.in", "scf-dense.in"):
        assert read(folder / file, format="espresso-in").get_volume() == pytest.approx(volume, rel=1e-6)
        assert "H 1.008 H.UPF" in (folder / file).read_text()


@pytest.mark.parametrize(("option", "value"), [("--window", "-1"), ("--budget", "0"), ("--timeout", "inf")])
def test_numbers_without_a_meaning_are_refused(option: str, value: str, run: Path, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(command(run, option, value))
    assert option in capsys.readouterr().err


def test_what_is_missing_is_named(run: Path, tmp_path: Path, capsys, monkeypatch):
    assert main(["export", str(run), "--to", str(tmp_path)]) == RunDirectoryError.exit_code
    assert "gasearch refine" in capsys.readouterr().err
    foreign = tmp_path / "salt.cif"
    Path(foreign).write_text("")
    assert main(command(run, "--reference", str(foreign))) == InputError.exit_code
    assert "salt.cif cannot be read" in capsys.readouterr().err
    assert main(command(run, "--pseudo-dir", str(tmp_path))) == MissingProgramError.exit_code
    assert "put the pseudopotentials there" in capsys.readouterr().err
    assert main(command(run, "--launcher", "mpirun '-n")) == InputError.exit_code
    assert "close its quotes" in capsys.readouterr().err
    monkeypatch.setenv("PATH", "")
    assert main(command(run)) == MissingProgramError.exit_code
    assert "pw.x is not on the PATH" in capsys.readouterr().err


def test_two_refinements_of_one_run_do_not_go_on_at_once(run: Path, capsys, monkeypatch):
    from gasearch import folder

    (run / "refined").mkdir()
    hold = f"""
from pathlib import Path
from gasearch.folder import locked
with locked(Path({str(run / "refined" / "lock")!r})):
    print(flush=True)
    input()
"""
    monkeypatch.setattr(folder.time, "monotonic", iter(range(0, 1000, 10)).__next__)
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert main(command(run)) == RunDirectoryError.exit_code
        process.communicate(b"\n")
    assert "in use by process" in capsys.readouterr().err


def test_a_refinement_by_hand_begins_with_the_settings_of_the_input(run: Path, monkeypatch):
    asked = []
    monkeypatch.setattr("gasearch.workflow.dft.refine.refine", lambda settings, *_: asked.append(settings))
    whole = (run / "input.yaml").read_text().rstrip().removesuffix("}")
    (run / "input.yaml").write_text(f"{whole}, refine: {{protocol: standard, ecutwfc: 60, window_meV: 7}}}}\n")
    assert main(["refine", str(run)]) == 0
    assert main(["refine", str(run), "--ecutwfc", "70", "--launcher", "mpirun -n 4"]) == 0
    first, second = asked
    assert (first.protocol, first.ecutwfc, first.window) == ("standard", 60, pytest.approx(0.007))
    assert (second.protocol, second.ecutwfc, second.workers) == ("standard", 70, 1)

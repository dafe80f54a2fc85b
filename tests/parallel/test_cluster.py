"""Jobs of Slurm, which small programs beside this file stand for."""

import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from gasearch.errors import CalculationError, MissingProgramError
from gasearch.parallel.cluster import cluster_executor, jobs_left
from gasearch.parallel.executor import drive, serial_executor
from gasearch.parallel.programs import drive_programs, prepare_scratch
from gasearch.parallel.settings import ClusterSettings

SETTINGS = ClusterSettings(jobs=2, wall_time=600.0)


def tasks() -> ModuleType:
    """Import what jobs import, too."""
    return import_module("slurm_tasks")


def jobs_of(slurm: Path) -> int:
    return len(list(slurm.glob("*.script")))


def test_jobs_give_what_calls_give_and_leave_nothing(slurm: Path, tmp_path: Path):
    with cluster_executor(SETTINGS, tmp_path / "jobs") as executor:
        futures = [executor.submit(divmod, x, 3) for x in (7, 8)]
        failing = executor.submit(divmod, 1, 0)
        assert [future.result() for future in futures] == [(2, 1), (2, 2)]
        with pytest.raises(ZeroDivisionError):
            failing.result()
        assert executor.workers == 2
    assert jobs_of(slurm) == 3
    assert not jobs_left(tmp_path / "jobs") and list((tmp_path / "jobs").iterdir()) == []


def test_a_job_asks_for_what_the_settings_say(slurm: Path, tmp_path: Path):
    settings = ClusterSettings("long", 2, 64, 5400.0, 1, {"account": "physics"}, ("module load espresso || true",))
    with cluster_executor(settings, tmp_path / "jobs") as executor:
        executor.submit(abs, -1).result()
    script = next(slurm.glob("*.script")).read_text()
    for line in ("--partition=long", "--nodes=2", "--ntasks=64", "--time=90", "--account=physics"):
        assert f"#SBATCH {line}\n" in script
    assert "\nmodule load espresso || true\n" in script and "srun" not in script


def test_programs_run_on_all_ranks_and_end_before_their_job_does():
    settings = ClusterSettings(ranks=8, wall_time=1000.0)
    assert settings.launch(()) == ("srun", "-n", "8")
    assert settings.launch(("mpirun",)) == ("mpirun",) and ClusterSettings().launch(()) == ()
    assert settings.timeout(100.0) == 100.0 and settings.timeout(1e9) == pytest.approx(900.0)


def test_a_job_that_was_cut_short_is_submitted_again(slurm: Path, tmp_path: Path):
    with cluster_executor(SETTINGS, tmp_path / "jobs") as executor:
        assert executor.submit(tasks().die_at_first, str(tmp_path), "TIMEOUT").result() == "went on"
    assert jobs_of(slurm) == 2


def test_a_job_that_slurm_has_forgotten_is_submitted_again(slurm: Path, tmp_path: Path):
    with cluster_executor(SETTINGS, tmp_path / "jobs") as executor:
        future = executor.submit(tasks().slow, 1.0)
        while not (marks := list((tmp_path / "jobs").glob("*.job"))):
            time.sleep(0.01)
        assert future.result() == "101"
    marks[0].write_text("99")
    with cluster_executor(SETTINGS, tmp_path / "jobs") as executor:
        assert executor.submit(tasks().slow, 1.0).result() == "102"


def test_a_job_that_died_is_an_error_that_says_how(slurm: Path, tmp_path: Path):
    with cluster_executor(SETTINGS, tmp_path / "jobs") as executor:
        with pytest.raises(CalculationError, match=r"(?s)job 101 ended as OUT_OF_MEMORY: .*this is the end.*kept"):
            executor.submit(tasks().die_at_first, str(tmp_path), "OUT_OF_MEMORY").result()
        assert not jobs_left(tmp_path / "jobs")


def test_what_slurm_refuses_is_an_error(slurm: Path, tmp_path: Path):
    (slurm / "refuse").touch()
    with cluster_executor(SETTINGS, tmp_path / "jobs") as executor, pytest.raises(CalculationError, match="partition"):
        executor.submit(abs, 1).result()


def test_without_slurm_or_submitit_it_says_what_is_missing(slurm: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(MissingProgramError, match=r"pip install 'gasearch\[cluster\]'"):
        cluster_executor(SETTINGS, tmp_path)
    monkeypatch.undo()
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingProgramError, match="sbatch, sacct, srun not on the PATH"):
        cluster_executor(SETTINGS, tmp_path)


def test_jobs_outlive_who_submitted_them_and_are_found_again(slurm: Path, tmp_path: Path):
    jobs, scratch = tmp_path / "jobs", tmp_path / "scratch"
    program = f"""
from pathlib import Path
import slurm_tasks
from gasearch.parallel.cluster import cluster_executor
from gasearch.parallel.settings import ClusterSettings
executor = cluster_executor(ClusterSettings(jobs=1), Path({str(jobs)!r}))
executor.submit(slurm_tasks.slow, 3.0).result()
"""
    driver = subprocess.Popen([sys.executable, "-c", program])
    while not jobs_left(jobs):
        assert driver.poll() is None
        time.sleep(0.02)
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()

    # What still computes keeps its scratch folder.
    (scratch / "pw-1").mkdir(parents=True)
    prepare_scratch(scratch, jobs)
    assert (scratch / "pw-1").is_dir()
    with cluster_executor(SETTINGS, jobs) as executor:
        assert executor.submit(tasks().slow, 3.0).result() == "101"
    assert jobs_of(slurm) == 1
    prepare_scratch(scratch, jobs)
    assert list(scratch.iterdir()) == []


def test_an_error_does_not_wait_for_programs_that_run():
    def driver(executor):
        running.append(executor.submit(time.sleep, 10.0))
        assert executor.submit(abs, -1).result() == 1
        raise CalculationError("no use")

    running = []
    with serial_executor() as executor, pytest.raises(CalculationError, match="no use"):
        drive_programs(driver, executor, threads=2)
    assert running[0].running()


def test_a_driver_without_errors_waits(slurm: Path, tmp_path: Path):
    def driver(executor):
        return [executor.submit(abs, -x) for x in range(3)][-1].result()

    with serial_executor() as executor:
        assert drive_programs(driver, executor, 1, SETTINGS, tmp_path / "jobs") == 2
    assert drive(driver, serial_executor(), orderly=()) == 2

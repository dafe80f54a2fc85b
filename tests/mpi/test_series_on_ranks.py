"""The same series, whatever the number of ranks, and whatever is killed."""

import signal
import subprocess
import time
from pathlib import Path

import pytest

from gasearch.workflow.record.archive_store import ArchiveStore
from gasearch.workflow.series.directory import SeriesDirectory

INPUT = """
endpoints: [Ni, P]
pressure_GPa: [0, 20]
atoms: {min: 1, max: 2}
potential:
  kind: lennard-jones
  pairs:
    Ni-Ni: {epsilon_eV: 1.0, sigma_A: 2.0}
    Ni-P: {epsilon_eV: 1.5, sigma_A: 1.6}
    P-P: {epsilon_eV: 0.5, sigma_A: 1.76}
  cutoff_sigma: 2.5
search:
  block: 3
  lag: 6
  first_generation: 9
  termination: {candidates: 24}
"""


def content(directory: Path) -> dict[str, list[tuple]]:
    """Return all candidates of all runs, but for times."""
    return {
        run["run"]: [
            (o.id, o.operator, o.parents, o.twin, o.result.crystal.frac.tobytes() if o.result.crystal else None)
            for o in ArchiveStore(directory / run["run"] / "archive.db").outcomes()
        ]
        for run in SeriesDirectory(directory).document()["runs"]
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("series")
    (path / "input.yaml").write_text(INPUT)
    return path


@pytest.fixture(scope="module")
def alone(command, folder: Path, mpi_environment) -> dict[str, list[tuple]]:
    done = subprocess.run(command(0, folder, "alone"), env=mpi_environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return content(folder / "alone")


@pytest.mark.slow
def test_two_ranks_find_what_one_process_finds(command, folder: Path, alone: dict, mpi_environment):
    done = subprocess.run(command(2, folder, "two"), env=mpi_environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert content(folder / "two") == alone
    shared = [(folder / name / "20GPa/shared.extxyz").read_bytes() for name in ("alone", "two")]
    assert shared[0] == shared[1]


@pytest.mark.slow
@pytest.mark.parametrize("place", ["0GPa", "20GPa"])
def test_killed_in_any_run_and_started_again_it_finds_the_same(
    place: str, command, folder: Path, alone: dict, mpi_environment
):
    name = f"killed-{place}"
    process = subprocess.Popen(command(0, folder, name), env=mpi_environment, stdout=subprocess.DEVNULL)
    archive, deadline = folder / name / place / "archive.db", time.monotonic() + 200
    while not archive.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert archive.exists()
    again = subprocess.run(command(0, folder, name), env=mpi_environment, capture_output=True, text=True, timeout=300)
    assert again.returncode == 0, again.stderr
    assert content(folder / name) == alone

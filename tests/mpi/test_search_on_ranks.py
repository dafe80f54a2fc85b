"""One archive, whatever the number of ranks, and whatever is killed."""

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from gasearch.outcomes import Relaxed
from gasearch.workflow.record.archive_store import ArchiveStore

LENNARD_JONES = """
endpoints: [Ni, P]
pressure_GPa: 0
atoms: {min: 1, max: 4}
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
  first_generation: 20
  termination: {candidates: 60}
"""

MACE = """
endpoints: [H, S]
pressure_GPa: 200
atoms: {min: 1, max: 4}
potential: {kind: mace, path: POTENTIAL}
search:
  block: 3
  lag: 3
  first_generation: 9
  termination: {candidates: 18}
"""
POTENTIAL = Path(__file__).parents[2] / "potentials" / "h-s-200gpa"


@pytest.fixture(scope="module")
def searched(command, mpi_environment):
    """Search on some ranks, or with 0 without mpirun: ``searched(ranks, folder, name)`` returns the archive."""

    def run(ranks: int, folder: Path, name: str) -> Path:
        call = command(ranks, folder, name)
        done = subprocess.run(call, env=mpi_environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return folder / name / "archive.db"

    return run


def content(archive: Path) -> dict[int, tuple]:
    """Return all that an archive says of each candidate, but for timings."""
    return {
        o.id: (o.operator, o.parents, o.twin, fields(o.start), result(o.result), raw(o.fingerprint))
        for o in ArchiveStore(archive).outcomes()
    }


def raw(array: np.ndarray | None) -> bytes | None:
    return None if array is None else array.tobytes()


def fields(crystal) -> tuple | None:
    return None if crystal is None else (raw(crystal.cell), raw(crystal.frac), raw(crystal.numbers))


def result(outcome) -> tuple:
    if isinstance(outcome, Relaxed):
        numbers = (outcome.energy, outcome.enthalpy, outcome.steps, outcome.max_force, outcome.max_stress)
        return (fields(outcome.crystal), *numbers)
    return (outcome.reason, outcome.steps, fields(outcome.crystal), outcome.detail)


def rows(archive: Path) -> list[tuple]:
    """Return the rows as ASE has written them, but for what differs from run to run by its nature."""
    with sqlite3.connect(archive) as connection:
        names = [row[1] for row in connection.execute("PRAGMA table_info(systems)")]
        kept = [n for n in names if n not in ("id", "unique_id", "ctime", "mtime", "data")]
        found = connection.execute(f"SELECT {', '.join(kept)} FROM systems").fetchall()
    return sorted(found, key=repr)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("search")
    (path / "input.yaml").write_text(LENNARD_JONES)
    return path


@pytest.fixture(scope="module")
def expected(searched, folder) -> Path:
    """Search without mpirun."""
    return searched(0, folder, "serial")


@pytest.mark.parametrize("ranks", [1, 2, 4])
def test_same_archive_on_any_number_of_ranks(ranks, searched, folder, expected):
    archive = searched(ranks, folder, f"ranks-{ranks}")
    assert len(content(expected)) == 60
    assert content(archive) == content(expected)
    assert rows(archive) == rows(expected)


def test_same_archive_with_more_than_one_aim(searched, tmp_path):
    aims = "search:\n  selection: {aims: {volume_per_atom: lowest}, aims_within_meV: 1000}\n"
    (tmp_path / "input.yaml").write_text(LENNARD_JONES.replace("search:\n", aims))
    alone, together = searched(0, tmp_path, "serial"), searched(2, tmp_path, "ranks-2")
    assert len(content(alone)) == 60
    assert content(together) == content(alone)


def test_same_archive_with_a_model_whose_sums_depend_on_the_batch(searched, tmp_path):
    (tmp_path / "input.yaml").write_text(MACE.replace("POTENTIAL", str(POTENTIAL)))
    alone = searched(0, tmp_path, "serial")
    assert len(content(alone)) == 18
    for ranks in (2, 3):
        together = searched(ranks, tmp_path, f"ranks-{ranks}")
        assert content(together) == content(alone)
        assert rows(together) == rows(alone)


def killed(process: subprocess.Popen, moment: float, whole: bool) -> bool:
    """Kill one rank, or the launcher and all ranks, after a while; return whether there was one to kill."""
    deadline = time.monotonic() + moment
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    ranks = [int(pid) for pid in found]
    for victim in [process.pid, *ranks] if whole else ranks[-1:]:
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
    process.wait(timeout=60)
    return bool(ranks)


def test_killed_ten_times_the_archive_is_the_same(command, mpi_environment, searched, folder, expected):
    random, kills = np.random.default_rng(0), 0
    while kills < 10:
        process = subprocess.Popen(
            command(2, folder, "killed"), env=mpi_environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if killed(process, random.uniform(0.5, 4.0), whole=bool(kills % 2)):
            kills += 1
        else:  # it came to its end before
            shutil.rmtree(folder / "killed")
    archive = searched(2, folder, "killed")
    assert content(archive) == content(expected)
    assert rows(archive) == rows(expected)

"""The run directory: its files and its lock."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gasearch.errors import RunDirectoryError
from gasearch.files import writing_to
from gasearch.folder import LOCKED_ERRNOS, keep_input, locked

#: The record of a series, which has its runs in folders below.
SERIES: Final = "series.json"


@dataclass(frozen=True)
class RunDirectory:
    """Where a run keeps its files.

    Parameters
    ----------
    path : Path
        The directory; need not exist.
    above : Path or None
        That of the run, if this is a later epoch of it.
    """

    path: Path
    above: Path | None = None

    @property
    def archive(self) -> Path:
        """Every candidate, good or failed; the one record."""
        return self.path / "archive.db"

    @property
    def input(self) -> Path:
        """The resolved input; all epochs have that of the run."""
        return (self.above or self.path) / "input.yaml"

    @property
    def calibration(self) -> Path:
        """Volumes and distances that suit the pressure; a resumed run takes them from here."""
        return self.path / "calibration.json"

    @property
    def hull(self) -> Path:
        """Snapshot of the phases on and near the hull."""
        return self.path / "hull.json"

    @property
    def summary(self) -> Path:
        """Snapshot of the counts and timings."""
        return self.path / "summary.json"

    @property
    def log(self) -> Path:
        """What the run said."""
        return self.path / "log.txt"

    @property
    def shared(self) -> Path:
        """Structures with which a series begins it: what another pressure has on and near its hull."""
        return self.path / "shared.extxyz"

    @property
    def candidates(self) -> Path:
        """Folder of exported metals, unless the export says otherwise."""
        return (self.above or self.path) / "candidates"

    @property
    def best(self) -> Path:
        """Folder of the best structures."""
        return self.path / "best"

    @property
    def refined(self) -> Path:
        """Folder of the calculations by DFT."""
        return self.path / "refined"

    @property
    def refined_phases(self) -> Path:
        """What DFT says of the phases."""
        return self.path / "refined.json"

    @property
    def electrons(self) -> Path:
        """Folder of densities of states and bands."""
        return self.path / "electrons"

    @property
    def phonons(self) -> Path:
        """Folder of the potential's verdicts on stability."""
        return self.path / "phonons"

    @property
    def lock(self) -> Path:
        """Locked while a run writes here; its text says which."""
        return (self.above or self.path) / "lock"

    @property
    def potential(self) -> Path | None:
        """Folder of a later epoch's potential; None where it is that of the input."""
        return self.path / "potential" if self.above else None

    @property
    def labels(self) -> Path:
        """Folder of what DFT said of structures that the search found."""
        return self.path / "labels"

    @property
    def asked(self) -> Path:
        """The cells that a later epoch has asked DFT about."""
        return self.path / "asked.json"

    def epoch(self, number: int) -> RunDirectory:
        """Return the folder of a later epoch: a search with a potential that has learnt from the one before."""
        return RunDirectory(self.path / f"epoch-{number}", self.path)

    def latest(self) -> RunDirectory:
        """Return the last epoch that has a hull; the run itself where there is none."""
        number = 1
        while self.epoch(number).hull.exists():
            number += 1
        return self.epoch(number - 1) if number > 1 else self


def existing_run(path: Path) -> RunDirectory:
    """Return the last epoch of a run in a directory, to read it; the run may be going on.

    Raises
    ------
    RunDirectoryError
        If there is no run in it.
    """
    run = RunDirectory(path)
    if not run.input.is_file():
        raise RunDirectoryError(f"{path} holds no run (there is no {run.input.name}): start one with `gasearch run`")
    return run.latest()


def is_running(run: RunDirectory) -> bool:
    """Return whether another process, here or on another machine, holds the lock."""
    try:
        with run.lock.open(encoding="utf-8") as file:
            fcntl.lockf(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError as error:
        return error.errno in LOCKED_ERRNOS
    return False


@contextmanager
def open_run(
    path: Path,
    resolved_input: str,
    may_change: Collection[str] = (),
    renewed: Callable[[Path], str] = Path.read_text,
    patience: float = 5.0,
) -> Iterator[RunDirectory]:
    """Create or resume a run and hold its lock; for one process only.

    Parameters
    ----------
    path : Path
    resolved_input : str
        The complete input as text; a run can be resumed only with the text it was started with.
    may_change : collection of str
        Keys of which this does not hold: their new values are kept.
    renewed : callable
        As of `gasearch.folder.keep_input`.
    patience : float
        How long to wait for the lock, s: the ranks of a killed run take a moment to end.

    Raises
    ------
    RunDirectoryError
        If another run writes there, it belongs to another input or to a series, or it cannot be written.
    """
    run = RunDirectory(path)
    if (path / SERIES).exists():
        raise RunDirectoryError(f"{path} holds a series of runs: choose another directory")
    with writing_to(path):
        path.mkdir(parents=True, exist_ok=True)
    with locked(run.lock, patience):
        if run.archive.exists() and not run.input.exists():
            raise RunDirectoryError(
                f"{path} has an archive but no {run.input.name}: restore it, or use another directory"
            )
        keep_input(run.input, resolved_input, may_change, renewed)
        yield run

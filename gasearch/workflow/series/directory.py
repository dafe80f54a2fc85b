"""The directory of a series: its record, and its runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from gasearch.errors import InputError
from gasearch.files import replace_text
from gasearch.workflow.record.run_directory import SERIES, RunDirectory, existing_run
from gasearch.workflow.record.snapshots import snapshot

#: Raised by one whenever readers of an older ``series.json`` could misread a new one.
FORMAT: Final = 1


class State(StrEnum):
    """How far a run of a series has come, as its record knows it."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    WITHOUT_DFT = "without DFT"


@dataclass(frozen=True)
class SeriesDirectory:
    """Where a series keeps its runs.

    Parameters
    ----------
    path : Path
        The directory; need not exist.
    """

    path: Path

    @property
    def record(self) -> Path:
        """Which runs there are, in their order, and how each has ended; replaced by rename."""
        return self.path / SERIES

    @property
    def log(self) -> Path:
        """What all runs said."""
        return self.path / "log.txt"

    @property
    def lock(self) -> Path:
        """Locked while a series writes here."""
        return self.path / "lock"

    def exists(self) -> bool:
        """Whether a series was begun here."""
        return self.record.is_file()

    def document(self) -> dict[str, Any]:
        """Read the record; `RunDirectoryError` if there is none."""
        return snapshot(self.record)

    def write(self, document: dict[str, Any]) -> None:
        """Replace the record."""
        replace_text(self.record, json.dumps(document, indent=1) + "\n")

    def run(self, place: str) -> RunDirectory:
        """Return the directory of a run."""
        return RunDirectory(self.path / place)

    def begun(self) -> list[Path]:
        """Return the directories of the runs that have a snapshot, in their order."""
        places = [run["run"] for run in self.document()["runs"]]
        return [self.path / place for place in places if self.run(place).latest().summary.is_file()]


def all_runs(paths: Sequence[Path]) -> list[Path]:
    """Return directories of runs, with each series replaced by its runs that have a snapshot.

    Raises
    ------
    InputError
        If a series has none yet.
    """
    found: list[Path] = []
    for path in paths:
        series = SeriesDirectory(path)
        runs = series.begun() if series.exists() else [path]
        if not runs:
            raise InputError(f"{path}: no run of this series has written a snapshot yet: wait some seconds")
        found += runs
    return found


def one_run(path: Path) -> RunDirectory:
    """Return the last epoch of the run in a directory; InputError, with its runs, where a series is."""
    series = SeriesDirectory(path)
    if series.exists():
        runs = ", ".join(str(run) for run in series.begun()[:6]) or "none yet"
        raise InputError(f"{path} holds a series; name one of its runs: {runs}")
    return existing_run(path)

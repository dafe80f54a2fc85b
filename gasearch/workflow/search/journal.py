"""Writes down a running search: the archive first, then snapshots that others may read, and the progress."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from gasearch.errors import RunDirectoryError
from gasearch.evolution.candidate import Outcome
from gasearch.evolution.search import Search
from gasearch.files import replace_text, writing_to
from gasearch.workflow.record.archive_store import ArchiveStore
from gasearch.workflow.record.run_directory import RunDirectory
from gasearch.workflow.record.summary import Tally, hull_document, summary_document

#: How far above the hull, eV per atom, a phase is still worth a line in the snapshot.
NEAR_HULL = 0.2
#: Phases in the last snapshot, and in those before: finding space groups takes the first rank's time.
MANY, FEW = 200, 40
#: Seconds before the first snapshot, and at most between later ones, which come at doubling intervals.
FIRST_INTERVAL, LAST_INTERVAL = 1.0, 30.0


def logged(say: Callable[[str], None], log: Path) -> Callable[[str], None]:
    """Return what tells the user a line, and the log."""

    def tell(line: str) -> None:
        say(line)
        with writing_to(log), log.open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now().astimezone().isoformat(timespec='seconds')}  {line}\n")

    return tell


class Journal:
    """Keeps the record of a run; only one process has one.

    Parameters
    ----------
    directory : RunDirectory
    store : ArchiveStore
    search : Search
    pressure : float
        eV/Å³.
    facts : dict
        What the summary says of the run besides what the search knows.
    say : callable
        Takes a line for the user.
    """

    def __init__(
        self,
        directory: RunDirectory,
        store: ArchiveStore,
        search: Search,
        pressure: float,
        facts: dict[str, Any],
        say: Callable[[str], None],
    ):
        self.directory = directory
        self.store = store
        self.search = search
        self.pressure = pressure
        self.facts = facts
        self.tally = Tally()
        self.recalled = 0
        self.say = say
        self._began = self._last = time.monotonic()
        self._driver_began = time.thread_time()
        self._interval = FIRST_INTERVAL

    def recall(self) -> list[Outcome]:
        """Return what an earlier run has left."""
        outcomes = self.store.outcomes()
        if len(outcomes) > (limit := self.search.settings.termination.candidates):
            raise RunDirectoryError(
                f"{len(outcomes)} candidates are in {self.store.path}, and termination.candidates is {limit}: give at "
                "least as many, as a shorter search would have another hull"
            )
        self.tally.count(outcomes)
        self.recalled = len(outcomes)
        if outcomes:
            self.say(f"resuming: {len(outcomes)} candidates are in {self.store.path}")
        return outcomes

    def record(self, outcomes: Sequence[Outcome]) -> None:
        """Write outcomes to the archive; from time to time a snapshot."""
        self.store.append(outcomes)
        self.tally.count(outcomes)
        if time.monotonic() - self._last > self._interval:
            self.snapshot(None)
            self.say(self.progress())
            self._last = time.monotonic()
            self._interval = min(2 * self._interval, LAST_INTERVAL)

    def snapshot(self, reason: str | None) -> None:
        """Write hull.json and summary.json; ``reason`` says why the search ended, None that it goes on."""
        facts = self.facts | {
            "elapsed_s": round(time.monotonic() - self._began, 1),
            "driver_cpu_s": round(time.thread_time() - self._driver_began, 2),
            "resumed_from": self.recalled,
        }
        most = FEW if reason is None else MANY
        found = hull_document(self.search.archive, self.pressure, NEAR_HULL, most, self.search.aims)
        _write(self.directory.hull, found)
        _write(self.directory.summary, summary_document(self.search, self.tally, reason, facts))

    def progress(self) -> str:
        """Return one line: relaxations, rate, hull changes, time left at most."""
        elapsed = time.monotonic() - self._began
        done, limit = self.tally.candidates, self.search.settings.termination.candidates
        rate = (done - self.recalled) / elapsed if elapsed > 0 else 0.0
        left = f"{(limit - done) / rate / 60:.0f} min left at most" if rate else "time left unknown"
        return (
            f"{done}/{limit} candidates, {self.tally.relaxations} relaxations, {rate:.2f} candidates/s, "
            f"{len(self.search.story)} hull changes, hull: {self._hull()}, {left}"
        )

    def _hull(self) -> str:
        archive = self.search.archive
        if archive.hull is None:
            return "incomplete"
        formulas = (archive.individual(id).crystal.composition.reduced.formula for id in archive.hull.ids.tolist())
        return " ".join(sorted(formulas))


def _write(path: Path, document: dict[str, Any]) -> None:
    replace_text(path, json.dumps(document, indent=1) + "\n")

"""A series of runs: several systems, several pressures, one after the other in one queue.

What one pressure has found begins the next of the same system. A run that fails does not stop the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from gasearch.crystal.composition import Composition, CompositionSpace
from gasearch.crystal.convert import to_ase
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import supercell
from gasearch.errors import GasearchError, RunDirectoryError, SeriesError
from gasearch.espresso.pw import PwSettings
from gasearch.espresso.runner import PwRunner
from gasearch.files import replacing, writing_to
from gasearch.folder import locked
from gasearch.learning.card import read_model
from gasearch.learning.ranking import TcModel
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.units import pressure_to_GPa
from gasearch.workflow.dft.proposals import candidates
from gasearch.workflow.record.run_directory import RunDirectory
from gasearch.workflow.record.snapshots import snapshot
from gasearch.workflow.record.summary import undoubted
from gasearch.workflow.run import pw_runner, run_on
from gasearch.workflow.search.journal import logged
from gasearch.workflow.search.plan import Plan
from gasearch.workflow.series.directory import FORMAT, SeriesDirectory, State
from gasearch.workflow.series.table import series_document, text_lines, write_tables

#: Enthalpy above its hull, eV per atom, up to which a phase is tried at the next pressure.
_SHARED_WINDOW: Final = 0.1


@dataclass(frozen=True)
class Member:
    """One run of a series.

    Parameters
    ----------
    place : str
        Its directory, from that of the series: ``h-s/200GPa``.
    plan : Plan
    resolved_input : callable
        Takes all seeds, and returns the run's complete input as text.
    renewed : callable
        As of `gasearch.workflow.record.run_directory.open_run`.
    """

    place: str
    plan: Plan
    resolved_input: Callable[[tuple[Path, ...]], str]
    renewed: Callable[[Path], str] = Path.read_text


def run_series(
    members: Sequence[Member],
    path: Path,
    models: Sequence[Path],
    say: Callable[[str], None],
    make_runner: Callable[[PwSettings], PwRunner] = pw_runner,
) -> None:
    """Run or resume a series in a directory, on every rank that there is.

    Raises
    ------
    SeriesError
        Where runs failed for reasons that a user can put right, when all others are done.
    """
    run_on_all_ranks(partial(_drive, members, path, models, say, make_runner))


def _drive(
    members: Sequence[Member],
    path: Path,
    models: Sequence[Path],
    say: Callable[[str], None],
    make_runner: Callable[[PwSettings], PwRunner],
    executor: QueueExecutor,
) -> None:
    series = SeriesDirectory(path)
    if (single := RunDirectory(path)).input.exists() or single.archive.exists():
        raise RunDirectoryError(f"{path} holds a run of its own: choose another directory for a series")
    # What ranks the metals is read before the searches, not after them.
    ranking = [read_model(model) for model in models]
    with writing_to(path):
        path.mkdir(parents=True, exist_ok=True)
    with locked(series.lock):
        tell, record = logged(say, series.log), _record(members, models, series)
        series.write(record)
        before: dict[tuple[Composition, ...], RunDirectory] = {}
        for number, (member, row) in enumerate(zip(members, record["runs"], strict=True), 1):
            # What the pressure before has found comes first; all ranks then work for this run.
            directory, system = series.run(member.place), member.plan.space.endpoints
            plan, text = seeded(member, before.get(system), directory)
            if not _is_done(row, text, directory):
                tell(f"run {number} of {len(members)}: {member.place}")
                begin = partial(run_on, plan, directory.path, text, tell, make_runner, member.renewed, executor)
                row |= _attempt(begin, tell)
                row["input_sha256"] = _sha256(text)
                series.write(record)
            if row["state"] != State.FAILED:
                before[system] = directory
        _summarize(series, ranking, tell)
    if failed := [f"{row['run']}: {row['problem']}" for row in record["runs"] if row["state"] == State.FAILED]:
        raise SeriesError("\n".join([f"{len(failed)} of {len(members)} runs failed; the others are done", *failed]))


def seeded(member: Member, before: RunDirectory | None, directory: RunDirectory) -> tuple[Plan, str]:
    """Return a run's plan and input with what the run before it has found among the seeds.

    What is shared is chosen before the run begins, and kept in its directory: whenever the run is resumed, its first
    candidates are the same.
    """
    if before is not None and not directory.input.exists():
        shared = shared_structures(before, member.plan.space, max(1, member.plan.search.first_generation // 2))
        if shared:
            _write(shared, directory.shared)
    seeds = (*member.plan.seeds, *([directory.shared] if directory.shared.is_file() else []))
    return replace(member.plan, seeds=seeds), member.resolved_input(seeds)


def shared_structures(before: RunDirectory, space: CompositionSpace, most: int) -> list[Crystal]:
    """Return what a run has on and near its hull, nearest first, in cells that a space admits."""
    latest = before.latest()
    found = snapshot(latest.hull)
    near = candidates(latest, {"phases": undoubted(found)})
    cells = (_admitted(proposal.crystal, space) for proposal in near if proposal.above <= _SHARED_WINDOW)
    return [cell for cell in cells if cell is not None][:most]


def _admitted(crystal: Crystal, space: CompositionSpace) -> Crystal | None:
    """Return a structure in the smallest cell, repeated along one axis, that has atoms enough; None if none has."""
    repeats = range(1, space.max_atoms // len(crystal) + 1)
    cells = (supercell(crystal, np.diag([1, 1, n])) for n in repeats)
    return next((cell for cell in cells if cell.composition in space), None)


def _write(crystals: Sequence[Crystal], path: Path) -> None:
    from ase.io import write

    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        write(part, [to_ase(crystal) for crystal in crystals], format="extxyz", parallel=False)


def _attempt(run: Callable[[], bool], say: Callable[[str], None]) -> dict[str, Any]:
    """Run, and return how that ended; a bug ends the series."""
    try:
        return {"state": State.DONE if run() else State.WITHOUT_DFT, "problem": None}
    except GasearchError as error:
        say(f"failed, the others go on: {error}")
        return {"state": State.FAILED, "problem": str(error)}


def _record(members: Sequence[Member], models: Sequence[Path], series: SeriesDirectory) -> dict[str, Any]:
    """Return the record of a series, with what an earlier one says of the same runs."""
    earlier = {row["run"]: row for row in series.document()["runs"]} if series.exists() else {}
    waiting = {"state": State.WAITING, "problem": None, "input_sha256": None}
    rows = [
        waiting
        | earlier.get(member.place, {})
        | {
            "run": member.place,
            "endpoints": [endpoint.formula for endpoint in member.plan.space.endpoints],
            "pressure_GPa": round(pressure_to_GPa(member.plan.pressure), 9),
            "candidates": str(member.plan.export.to) if member.plan.export and member.plan.export.to else None,
        }
        for member in members
    ]
    return {"format": FORMAT, "models": [str(model) for model in models], "runs": rows}


def _is_done(row: Mapping[str, Any], text: str, directory: RunDirectory) -> bool:
    return row["state"] == State.DONE and row["input_sha256"] == _sha256(text) and directory.summary.exists()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _summarize(series: SeriesDirectory, models: Sequence[TcModel], say: Callable[[str], None]) -> None:
    """Say and write what all runs have found: a table, and the metals in the order of their Tc."""
    document = series_document(series, models)
    files = write_tables(document, series.path)
    say("\n".join(["", *text_lines(document), "", *map(str, files)]))

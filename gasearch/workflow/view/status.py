"""How far runs are, from their snapshots alone: of finished, running and killed runs alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gasearch.errors import RunDirectoryError
from gasearch.workflow.record.run_directory import RunDirectory, existing_run, is_running
from gasearch.workflow.record.snapshots import snapshot
from gasearch.workflow.record.summary import hull_phases
from gasearch.workflow.series.directory import SeriesDirectory, State


def status_document(path: Path) -> dict[str, Any]:
    """Return how far a run is, or a series and each of its runs.

    Raises
    ------
    RunDirectoryError
        If there is no run, or a single run has not written a snapshot yet.
    """
    series = SeriesDirectory(path)
    return _of_series(series) if series.exists() else _of_run(existing_run(path))


def _of_run(directory: RunDirectory) -> dict[str, Any]:
    running, summary, hull = is_running(directory), snapshot(directory.summary), snapshot(directory.hull)
    done, elapsed = summary["candidates"], summary.get("elapsed_s", 0.0)
    new, limit = done - summary.get("resumed_from", 0), summary.get("limit")
    rate = new / elapsed if running and elapsed and new and not summary["finished"] else None
    return {
        "path": str(directory.above or directory.path),
        "running": running,
        "finished": summary["finished"],
        "candidates": done,
        "limit": limit,
        "relaxations": summary["relaxations"],
        "rate_per_s": rate,
        "left_s": (limit - done) / rate if rate and limit else None,
        "ranks": summary.get("ranks"),
        "individuals": summary["individuals"],
        "duplicates": summary["duplicates"],
        "doubtful": summary.get("doubtful", 0),
        "failures": summary["failures"],
        "hull_changes": len(summary.get("hull_deficit", ())),
        "hull": [{key: phase[key] for key in ("formula", "space_group")} for phase in hull_phases(hull["phases"])],
    }


def _of_series(series: SeriesDirectory) -> dict[str, Any]:
    runs = [_of_member(series, row) for row in series.document()["runs"]]
    return {"path": str(series.path), "running": is_running(RunDirectory(series.path)), "runs": runs}


def _of_member(series: SeriesDirectory, row: Mapping[str, Any]) -> dict[str, Any]:
    about = {key: row[key] for key in ("run", "state", "problem")}
    try:
        found = _of_run(existing_run(series.path / row["run"]))
    except RunDirectoryError:
        return about | {"run_status": None}
    unrecorded = found["running"] or row["state"] in (State.WAITING, State.FAILED)
    return about | {"state": _word(found) if unrecorded and not row["problem"] else row["state"], "run_status": found}


def _word(found: Mapping[str, Any]) -> str:
    if not found["running"]:
        return "not finished"
    return "after the search" if found["finished"] else "running"


def status_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a terminal shows without colours or movement."""
    if "runs" in document:
        return (yield from _series_lines(document))
    yield f"state        {state_text(document)}"
    yield f"candidates   {_candidates(document)}, of which {document['relaxations']} were relaxed"
    if document["rate_per_s"]:
        yield f"rate         {rate_text(document)}"
    yield f"individuals  {document['individuals']}, besides {document['duplicates']} duplicates"
    yield f"failures     {failures_text(document)}"
    if document["doubtful"]:
        yield f"doubtful     {document['doubtful']}: the committee of potentials disagrees; none of them is on the hull"
    yield f"hull         {hull_text(document)}"


def _series_lines(document: Mapping[str, Any]) -> Iterator[str]:
    runs = document["runs"]
    done = sum(run["state"] in (State.DONE, State.WITHOUT_DFT) for run in runs)
    ended = "finished" if done == len(runs) else "not finished; the same `gasearch run` goes on with it"
    yield f"{done} of {len(runs)} runs done, {'running' if document['running'] else ended}"
    width = max(len(run["run"]) for run in runs)
    for run in runs:
        yield f"{run['run']:<{width}}  {member_text(run)}"


def member_text(run: Mapping[str, Any]) -> str:
    """Say how far a run of a series is, and what is on its hull."""
    found = run["run_status"]
    if run["problem"]:
        return f"failed: {run['problem'].splitlines()[0]}"
    return run["state"] if found is None else f"{run['state']}: {_candidates(found)}; {hull_text(found)}"


def state_text(document: Mapping[str, Any]) -> str:
    """Say whether a run goes on."""
    if document["running"]:
        return f"{document['finished']}; what follows the search is running" if document["finished"] else "running"
    return document["finished"] or "not finished; the same `gasearch run` goes on with it"


def rate_text(document: Mapping[str, Any]) -> str:
    """Say how fast it goes, on how many ranks, and how long it may take."""
    ranks, left = document["ranks"], document["left_s"]
    where = f" on {ranks} rank{'s' if ranks > 1 else ''}" if ranks else ""
    return f"{document['rate_per_s']:.2f} candidates/s{where}" + (f"; {_time(left)} left at most" if left else "")


def failures_text(document: Mapping[str, Any]) -> str:
    """Count failures by their reasons."""
    return ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in document["failures"].items()) or "none"


def hull_text(document: Mapping[str, Any]) -> str:
    """Name what is on the hull."""
    return " ".join(phase["formula"] for phase in document["hull"]) or "incomplete: an endpoint has no phase yet"


def _candidates(document: Mapping[str, Any]) -> str:
    limit = f" of {document['limit']}" if document["limit"] else ""
    return f"{document['candidates']}{limit}"


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"

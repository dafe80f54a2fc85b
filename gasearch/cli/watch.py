"""Subcommands that watch runs: status, which may follow one, and report; the only importer of rich."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gasearch.cli.command import add_command, opened, say

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from gasearch.config import Config

#: Seconds between two looks at the snapshots.
_INTERVAL: Final = 1.0
#: Seconds after which a live page loads itself again.
_REFRESH: Final = 5


def add_watch(commands: Any) -> None:
    """Declare them."""
    status = add_command(
        commands, "status", _status, "say how far a run or a series is", "DIR", "gasearch status runs/x --follow"
    )
    what = "until the run ends; lines alone where the output is no terminal"
    status.add_argument("--follow", "-f", action="store_true", help=what)
    status.add_argument("--json", action="store_true", help="everything that is known, for programs")

    what = "write one page with all of it, to open in a browser; of several runs with a choice of system and pressure"
    report = add_command(commands, "report", _report, what, "DIR", "gasearch report runs/h-s-200gpa")
    report.add_argument("others", type=Path, nargs="*", metavar="DIR", help="more runs, or series of them")
    report.add_argument("--output", "-o", type=Path, metavar="FILE", help="default: report.html in the first directory")
    what = "write it again whenever a run has written a snapshot, until none runs; the page loads itself again"
    report.add_argument("--live", action="store_true", help=what)


def _status(options: Namespace) -> None:
    import json

    from gasearch.workflow.view.status import status_document, status_lines

    if options.follow:
        from rich.console import Console

        return follow(options.path, Console())
    document = status_document(options.path)
    print(json.dumps(document, indent=1) if options.json else "\n".join(status_lines(document)))


def follow(path: Path, console: Console, interval: float = _INTERVAL) -> None:
    """Show how far a run is until it ends; a console that is no terminal gets lines whenever they change."""
    document = _first(path, interval)
    if not console.is_terminal:
        return _follow_in_lines(path, document, interval)
    from rich.live import Live

    with Live(_picture(document), console=console, auto_refresh=False) as live:
        while document["running"]:
            time.sleep(interval)
            document = _first(path, interval)
            live.update(_picture(document), refresh=True)


def _follow_in_lines(path: Path, document: Mapping[str, Any], interval: float) -> None:
    from gasearch.workflow.view.status import status_lines

    say("\n".join(status_lines(document)))
    while document["running"]:
        time.sleep(interval)
        if (now := _first(path, interval)) != document:
            document = now
            say("\n".join(["", *status_lines(document)]))


def _first(path: Path, interval: float) -> dict[str, Any]:
    """Return the status; a run that has just begun is waited for until it has written its first snapshot."""
    from gasearch.workflow.record.run_directory import existing_run, is_running
    from gasearch.workflow.series.directory import SeriesDirectory
    from gasearch.workflow.view.status import status_document

    while not SeriesDirectory(path).exists():
        directory = existing_run(path)
        if not is_running(directory) or (directory.summary.exists() and directory.hull.exists()):
            break
        time.sleep(interval)
    return status_document(path)


def _picture(document: Mapping[str, Any]) -> RenderableType:
    from rich.panel import Panel

    body = _of_series(document) if "runs" in document else _of_run(document)
    return Panel(body, title=document["path"], border_style="blue" if document["running"] else "dim", padding=(1, 2))


def _of_run(document: Mapping[str, Any]) -> RenderableType:
    from rich.console import Group
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    from gasearch.workflow.view.status import failures_text, rate_text, state_text

    facts = Table.grid(padding=(0, 3))
    facts.add_column(style="dim")
    facts.add_row("state", state_text(document))
    facts.add_row("candidates", _bar_text(document))
    if document["rate_per_s"]:
        facts.add_row("rate", rate_text(document))
    facts.add_row("individuals", f"{document['individuals']}, besides {document['duplicates']} duplicates")
    facts.add_row("failures", failures_text(document))
    if document["doubtful"]:
        facts.add_row("doubtful", str(document["doubtful"]))
    facts.add_row("hull", _hull(document))
    facts.add_row("", f"changed {document['hull_changes']} times")
    bar = ProgressBar(total=document["limit"] or document["candidates"], completed=document["candidates"])
    return Group(bar, "", facts)


def _bar_text(document: Mapping[str, Any]) -> str:
    limit = f" of {document['limit']}" if document["limit"] else ""
    return f"{document['candidates']}{limit}, of which {document['relaxations']} were relaxed"


def _hull(document: Mapping[str, Any]) -> RenderableType:
    from rich.table import Table

    if not document["hull"]:
        return "incomplete: an endpoint has no phase yet"
    phases = Table.grid(padding=(0, 2))
    for phase in document["hull"]:
        phases.add_row(f"[bold]{phase['formula']}[/bold]", phase["space_group"])
    return phases


def _of_series(document: Mapping[str, Any]) -> RenderableType:
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    from gasearch.workflow.view.status import hull_text

    table = Table(box=None, padding=(0, 2))
    for name in ("run", "state", "candidates", "", "hull"):
        table.add_column(name, header_style="dim")
    for run in document["runs"]:
        found = run["run_status"]
        state = f"[red]{run['state']}[/red]" if run["problem"] else run["state"]
        if found is None:
            table.add_row(run["run"], state, "", "", run["problem"] or "")
            continue
        bar = ProgressBar(total=found["limit"] or found["candidates"], completed=found["candidates"], width=16)
        table.add_row(run["run"], state, str(found["candidates"]), bar, run["problem"] or hull_text(found))
    return table


def _report(options: Namespace) -> None:
    paths = [options.path, *options.others]
    file = options.output or options.path / "report.html"
    if not options.live:
        return print(_written(paths, file))
    said, seen = False, None
    while _any_runs(paths):
        if (stamp := _stamp(paths)) != seen:
            seen, said = stamp, _written_live(paths, file, said)
        time.sleep(_INTERVAL)
    print(_written(paths, file))


def _written(paths: list[Path], file: Path, refresh_s: float | None = None) -> Path:
    """Write the report of all runs that have a hull; where none has, the error says so."""
    from gasearch.workflow.record.snapshots import snapshot
    from gasearch.workflow.series.directory import all_runs
    from gasearch.workflow.view.page import ReportedRun, write_report

    runs = [opened(path) for path in all_runs(paths)]
    ready = [(directory, config) for directory, config in runs if snapshot(directory.hull)["complete"]] or runs[:1]
    found = [ReportedRun(run, _card(config), config.export.to if config.export else None) for run, config in ready]
    return write_report(found, file, refresh_s)


def _card(config: Config) -> Path | None:
    from gasearch.potential.card import card_file
    from gasearch.potential.settings import MaceSettings

    file = card_file(config.potential.path) if isinstance(config.potential, MaceSettings) else None
    return file if file and file.is_file() else None


def _written_live(paths: list[Path], file: Path, said: bool) -> bool:
    """Write a report that loads itself again, unless there is no hull yet; name the file the first time."""
    from gasearch.errors import InputError, RunDirectoryError

    try:
        written = _written(paths, file, _REFRESH)
    except (InputError, RunDirectoryError):
        return said  # there will be one soon
    if not said:
        say(f"{written} follows the run; open it in a browser")
    return True


def _any_runs(paths: list[Path]) -> bool:
    from gasearch.workflow.record.run_directory import RunDirectory, existing_run, is_running
    from gasearch.workflow.series.directory import SeriesDirectory

    return any(is_running(RunDirectory(p) if SeriesDirectory(p).exists() else existing_run(p)) for p in paths)


def _stamp(paths: list[Path]) -> list[tuple[Path, int]]:
    """Return which snapshots there are, and when each was replaced."""
    from gasearch.workflow.record.run_directory import existing_run
    from gasearch.workflow.series.directory import SeriesDirectory

    runs = [run for p in paths for run in (SeriesDirectory(p).begun() if SeriesDirectory(p).exists() else [p])]
    files = [existing_run(run).summary for run in runs]
    return [(file, file.stat().st_mtime_ns) for file in files if file.exists()]

"""Subcommands of a search: run, check, init; status, plot, report, diagram, hull."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from gasearch.cli.command import add_command, count, opened, positive, say, warn
from gasearch.errors import InputError
from gasearch.parallel.executor import is_first_rank


def add_search(commands: Any) -> None:
    """Declare what begins a search."""
    what = "search, then refine and export where the input says so; the same command resumes"
    run = add_command(commands, "run", _run, what, "INPUT", "mpirun -n 2 gasearch run input.yaml")
    run.add_argument("--run-dir", type=Path, metavar="DIR", help="default: runs/ and the name of the input")

    check = add_command(
        commands, "check", _check, "print an input with all its defaults", "INPUT", "gasearch check input.yaml"
    )
    check.add_argument("--ranks", type=int, default=1, metavar="N", help="warn of what does not suit N ranks")

    init = add_command(
        commands, "init", _init, "write an input with comments", None, "gasearch init H S --pressure 200"
    )
    init.add_argument("endpoints", nargs="+", metavar="ELEMENT", help="one to five elements or compounds, such as H3S")
    init.add_argument("--pressure", type=float, required=True, metavar="P", help="GPa")
    init.add_argument("--potential", type=Path, metavar="PATH", help="MACE model, or its folder")
    init.add_argument("--output", "-o", type=Path, metavar="FILE", help="default: named after elements and pressure")


def add_views(commands: Any) -> None:
    """Declare what looks at one."""
    add_command(commands, "status", _status, "say how far a run is", "DIR", "gasearch status runs/h-s-200gpa")
    add_command(commands, "plot", _plot, "draw hulls and progress", "DIR", "gasearch plot runs/h-s-200gpa")

    report = add_command(
        commands,
        "report",
        _report,
        "write one page with all of it, to open in a browser",
        "DIR",
        "gasearch report runs/h-s-200gpa",
    )
    report.add_argument("--output", "-o", type=Path, metavar="FILE", help="default: report.html in the run's directory")

    diagram = add_command(
        commands,
        "diagram",
        _diagram,
        "say which phases are stable at which pressure, by the runs' potential",
        "DIR",
        "gasearch diagram runs/h-s-200gpa --from 100 --to 300",
    )
    add = diagram.add_argument
    add("others", type=Path, nargs="*", metavar="DIR", help="more runs of the same system, such as at other pressures")
    add("--from", type=float, required=True, metavar="P", dest="lowest", help="GPa")
    add("--to", type=float, required=True, metavar="P", dest="highest", help="GPa")
    add("--steps", type=count, default=9, metavar="N", help="pressures in all, evenly spaced; default: 9")
    add("--window", type=positive, default=100.0, metavar="MEV", help="above the hulls of the runs; default: 100")
    add("--output", "-o", type=Path, metavar="FOLDER", help="default: the first run's directory")

    hull = add_command(
        commands, "hull", _hull, "list phases, nearest to the hull first", "DIR", "gasearch hull runs/x --json"
    )
    hull.add_argument("--json", action="store_true", help="everything that is known of them")
    hull.add_argument("--dft", action="store_true", help="what DFT says of those that it has relaxed")


def _run(options: Namespace) -> None:
    from gasearch.config import load, to_yaml, warnings
    from gasearch.workflow.plan import Plan
    from gasearch.workflow.run import run

    config = load(options.path)
    directory = options.run_dir or Path("runs", options.path.stem)
    plan = Plan(
        space=config.space,
        pressure=config.pressure,
        potential=config.potential,
        seed=config.seed,
        relaxation=config.relaxation,
        search=config.search,
        prototypes=config.prototypes,
        seeds=config.seeds,
        refine=config.refine,
        phonons=config.phonons,
        export=config.export,
    )
    if is_first_rank():
        warn(warnings(config))
    run(plan, directory, to_yaml(config, directory), say)


def _check(options: Namespace) -> None:
    from gasearch.config import load, to_yaml, warnings

    config = load(options.path)
    print(to_yaml(config, options.path.parent), end="")
    warn(warnings(config, options.ranks))


def _init(options: Namespace) -> None:
    from gasearch.config import example

    name = "-".join([*options.endpoints, f"{options.pressure:g}GPa"]).lower()
    path = options.output or Path(f"{name}.yaml")
    text = example(options.endpoints, options.pressure, options.potential, path.parent)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; choose another file with --output") from error
    say(f"wrote {path}; next: gasearch check {path}")


def _status(options: Namespace) -> None:
    from gasearch.workflow.run_directory import existing_run, is_running
    from gasearch.workflow.snapshots import snapshot

    directory = existing_run(options.path)
    unfinished = "running" if is_running(directory) else "not finished; the same `gasearch run` goes on with it"
    summary = snapshot(directory.summary)
    failures = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in summary["failures"].items())
    hull = [phase["formula"] for phase in snapshot(directory.hull)["phases"] if phase["on_hull"]]
    print(f"state        {summary['finished'] or unfinished}")
    print(f"candidates   {summary['candidates']}, of which {summary['relaxations']} were relaxed")
    print(f"individuals  {summary['individuals']}, besides {summary['duplicates']} duplicates")
    print(f"failures     {failures or 'none'}")
    if summary.get("doubtful"):
        print(f"doubtful     {summary['doubtful']}: the committee of potentials disagrees; none of them is on the hull")
    print(f"hull         {' '.join(hull) or 'incomplete: an endpoint has no phase yet'}")


def _plot(options: Namespace) -> None:
    from gasearch.workflow.pictures import draw, draw_comparison, draw_electrons, draw_front
    from gasearch.workflow.run_directory import existing_run

    directory = existing_run(options.path)
    for path in [*draw(directory), *draw_front(directory), *draw_comparison(directory), *draw_electrons(directory)]:
        print(path)


def _report(options: Namespace) -> None:
    from gasearch.potential.card import card_file
    from gasearch.potential.settings import MaceSettings
    from gasearch.workflow.page import write_report

    directory, config = opened(options.path)
    card = card_file(config.potential.path) if isinstance(config.potential, MaceSettings) else None
    texts = {"Potential: what it was trained on, and its errors": card} if card and card.is_file() else {}
    print(write_report(directory, options.output, texts))


def _diagram(options: Namespace) -> None:
    import numpy as np

    from gasearch.units import MEV_PER_EV, pressure_from_GPa
    from gasearch.workflow.diagram import DiagramSettings, diagram

    if not options.lowest <= options.highest:
        raise InputError(f"--from {options.lowest:g} is above --to {options.highest:g}: exchange them")
    _, config = opened(options.path)
    pressures = np.unique(np.linspace(options.lowest, options.highest, options.steps))
    settings = DiagramSettings(
        pressures=tuple(pressure_from_GPa(pressure) for pressure in pressures.tolist()),
        window=options.window / MEV_PER_EV,
        potential=config.potential,
        relaxation=config.relaxation,
    )
    diagram(settings, [options.path, *options.others], options.output or options.path, say)


def _hull(options: Namespace) -> None:
    import json

    from gasearch.workflow.run_directory import existing_run
    from gasearch.workflow.snapshots import snapshot
    from gasearch.workflow.table import dft_lines, front_lines

    directory = existing_run(options.path)
    document = snapshot(directory.refined_phases if options.dft else directory.hull)
    if options.json:
        return print(json.dumps(document, indent=1))
    if options.dft:
        return print("\n".join(dft_lines(directory, document)))
    print(f"{'formula':<14}{'space group':<13}{'atoms':>5}{'H (eV/atom)':>14}{'above hull (meV/atom)':>23}")
    for phase in document["phases"]:
        above = 1000 * phase["above_hull_eV_per_atom"]
        mark = f"   ? {1000 * phase['spread_eV_per_atom']:.0f}" if phase.get("doubtful") else ""
        print(
            f"{phase['formula']:<14}{phase['space_group']:<13}{phase['atoms']:>5}"
            f"{phase['enthalpy_eV_per_atom']:>14.4f}{above:>23.1f}{mark}"
        )
    if any(phase.get("doubtful") for phase in document["phases"]):
        limit = 1000 * document["spread_limit_eV_per_atom"]
        print(
            f"? the committee of potentials disagrees by more than {limit:.0f} meV/atom (by how much, follows): not "
            "counted for the hull; let DFT decide"
        )
    for line in front_lines(document):
        print(line)

"""Subcommands of a search: run, check, init; plot, diagram, hull."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from gasearch.cli.command import add_command, count, opened, positive, print_json, say, warn
from gasearch.cli.series import check_several, plan_of, run_several
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
    add_command(commands, "plot", _plot, "draw hulls and progress", "DIR", "gasearch plot runs/h-s-200gpa")

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
    add("--from", type=float, metavar="P", dest="lowest", help="GPa; default: the runs' lowest pressure")
    add("--to", type=float, metavar="P", dest="highest", help="GPa; default: the runs' highest pressure")
    add("--steps", type=count, default=9, metavar="N", help="pressures in all, evenly spaced; default: 9")
    add("--window", type=positive, default=100.0, metavar="MEV", help="above the hulls of the runs; default: 100")
    add("--output", "-o", type=Path, metavar="FOLDER", help="default: the first run's directory")
    add("--json", action="store_true", help="the diagram as data, for programs")

    hull = add_command(
        commands, "hull", _hull, "list phases, nearest to the hull first", "DIR", "gasearch hull runs/x --json"
    )
    hull.add_argument("--json", action="store_true", help="everything that is known of them")
    hull.add_argument("--dft", action="store_true", help="what DFT says of those that it has relaxed")
    formats = "their structures and enthalpies instead: pymatgen's entries (.json), AIRSS's .res, or .extxyz"
    hull.add_argument("--write", type=Path, metavar="FILE", help=formats)


def _run(options: Namespace) -> None:
    from gasearch.config import holds_series, load, renewed, to_yaml, warnings
    from gasearch.workflow.run import run

    directory = options.run_dir or Path("runs", options.path.stem)
    if holds_series(options.path):
        return run_several(options.path, directory)
    config = load(options.path)
    if is_first_rank():
        warn(warnings(config))
    run(plan_of(config), directory, to_yaml(config, directory), say, renewed=renewed)


def _check(options: Namespace) -> None:
    from gasearch.config import holds_pretraining, holds_series, load, load_pretraining, to_yaml, warnings

    if holds_pretraining(options.path):
        return print(to_yaml(load_pretraining(options.path), options.path.parent), end="")
    if holds_series(options.path):
        return check_several(options.path, options.ranks)
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


def _plot(options: Namespace) -> None:
    from gasearch.workflow.record.pictures import draw, draw_comparison, draw_electrons, draw_front
    from gasearch.workflow.record.run_directory import existing_run
    from gasearch.workflow.series.directory import all_runs

    for run in all_runs([options.path]):
        directory = existing_run(run)
        drawn = (draw(directory), draw_front(directory), draw_comparison(directory), draw_electrons(directory))
        for path in chain.from_iterable(drawn):
            print(path)


def _diagram(options: Namespace) -> None:
    import numpy as np

    from gasearch.units import MEV_PER_EV, pressure_from_GPa, pressure_to_GPa
    from gasearch.workflow.beyond.diagram import DiagramSettings, diagram
    from gasearch.workflow.series.directory import all_runs

    paths = all_runs([options.path, *options.others])
    configs = [opened(path)[1] for path in paths]
    searched = [pressure_to_GPa(config.pressure) for config in configs]
    lowest = min(searched) if options.lowest is None else options.lowest
    highest = max(searched) if options.highest is None else options.highest
    if lowest == highest and None in (options.lowest, options.highest):
        raise InputError(f"all runs are at {lowest:g} GPa: give --from and --to, or runs at several pressures")
    if not lowest <= highest:
        raise InputError(f"--from {lowest:g} is above --to {highest:g}: exchange them")
    pressures = np.unique(np.linspace(lowest, highest, options.steps).round(9))
    settings = DiagramSettings(
        pressures=tuple(pressure_from_GPa(pressure) for pressure in pressures.tolist()),
        window=options.window / MEV_PER_EV,
        potential=configs[0].potential,
        relaxation=configs[0].relaxation,
    )
    output = options.output or options.path
    diagram(settings, paths, output, say)
    if options.json:
        print_json(output / "phase-diagram.json")


def _mark(phase: Mapping[str, Any]) -> str:
    """Return the question mark behind a doubtful phase, with the committee's spread, if it has one."""
    spread = phase["spread_eV_per_atom"]
    return "   ?" if spread is None else f"   ? {1000 * spread:.0f}"


def _hull(options: Namespace) -> None:
    import json

    from gasearch.workflow.dft.table import dft_lines, front_lines
    from gasearch.workflow.record.snapshots import snapshot
    from gasearch.workflow.series.directory import one_run

    if options.write:
        return _write_hull(options)
    directory = one_run(options.path)
    document = snapshot(directory.refined_phases if options.dft else directory.hull)
    if options.json:
        return print(json.dumps(document, indent=1))
    if options.dft:
        return print("\n".join(dft_lines(directory, document)))
    print(f"{'formula':<14}{'space group':<13}{'atoms':>5}{'H (eV/atom)':>14}{'above hull (meV/atom)':>23}")
    for phase in document["phases"]:
        above = 1000 * phase["above_hull_eV_per_atom"]
        mark = _mark(phase) if phase.get("doubtful") else ""
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


def _write_hull(options: Namespace) -> None:
    from gasearch.workflow.view.hull_files import write_phases
    from gasearch.workflow.view.results import load_refined, load_run

    phases = (load_refined if options.dft else load_run)(options.path)
    write_phases(phases, options.write)
    print(f"{options.write}: {len(phases.phases)} phases")

"""A series of runs: what `gasearch run` and `check` do with its input, and the subcommand series."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gasearch.cli.command import add_command, say, warn
from gasearch.parallel.executor import is_first_rank

if TYPE_CHECKING:
    from gasearch.config import Config
    from gasearch.workflow.search.plan import Plan
    from gasearch.workflow.series.queue import Member


def add_series(commands: Any) -> None:
    """Declare what shows all runs of a series at once."""
    what = "list the hulls of a series of runs, and its metals in the order of their Tc"
    example = "gasearch series runs/hydrides --model models/hydrides"
    series = add_command(commands, "series", _series, what, "DIR", example)
    what = "folder of a model for what has no computed Tc; the first that knows a phase speaks; default: the input's"
    series.add_argument("--model", type=Path, action="append", metavar="DIR", help=what)
    series.add_argument("--json", action="store_true", help="everything that is known, for programs")
    what = "write phases.csv, ranking.csv and table.json there"
    series.add_argument("--output", "-o", type=Path, metavar="FOLDER", help=what)


def plan_of(config: Config) -> Plan:
    """Return what an input asks to do."""
    from gasearch.workflow.search.plan import Plan

    return Plan(
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
        cluster=config.cluster,
    )


def run_several(path: Path, directory: Path) -> None:
    """Run or resume the series of an input file."""
    from gasearch.config import load_series, warnings
    from gasearch.workflow.series.queue import run_series

    series = load_series(path)
    if is_first_rank():
        warn(f"{place}: {warning}" for place, config in series.runs.items() for warning in warnings(config))
    members = [_member(place, config, directory / place) for place, config in series.runs.items()]
    run_series(members, directory, series.models, say)


def _member(place: str, config: Config, directory: Path) -> Member:
    from gasearch.config import renewed, to_yaml
    from gasearch.workflow.series.queue import Member

    def resolved_input(seeds: tuple[Path, ...]) -> str:
        return to_yaml(replace(config, seeds=tuple(seed.resolve() for seed in seeds)), directory)

    return Member(place, plan_of(config), resolved_input, renewed)


def check_several(path: Path, ranks: int) -> None:
    """Print the input of each run of a series with all its defaults."""
    from gasearch.config import load_series, to_yaml, warnings

    series = load_series(path)
    for place, config in series.runs.items():
        print(f"--- # {place}")
        print(to_yaml(config, path.parent), end="")
    warn(f"{place}: {warning}" for place, config in series.runs.items() for warning in warnings(config, ranks))


def _series(options: Namespace) -> None:
    import json

    from gasearch.errors import RunDirectoryError
    from gasearch.learning.card import read_model
    from gasearch.workflow.series.directory import SeriesDirectory
    from gasearch.workflow.series.table import series_document, text_lines, write_tables

    series = SeriesDirectory(options.path)
    if not series.exists():
        raise RunDirectoryError(f"{options.path} holds no series: `gasearch run` begins one from lists in its input")
    models = options.model or [Path(model) for model in series.document()["models"]]
    document = series_document(series, [read_model(model) for model in models])
    if options.output:
        options.output.mkdir(parents=True, exist_ok=True)
        write_tables(document, options.output)
    print(json.dumps(document, indent=1, ensure_ascii=False) if options.json else "\n".join(text_lines(document)))

"""What all subcommands share: how they are declared, and how they speak."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawTextHelpFormatter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gasearch.cli.voice import say
from gasearch.errors import GasearchError
from gasearch.parallel.executor import is_first_rank

if TYPE_CHECKING:
    from gasearch.config import Config
    from gasearch.parallel.settings import ClusterSettings
    from gasearch.workflow.record.run_directory import RunDirectory

__all__ = [
    "add_cluster",
    "add_command",
    "add_group",
    "add_programs",
    "add_workers",
    "count",
    "epilog",
    "grid",
    "opened",
    "positive",
    "print_json",
    "say",
    "warn",
    "workers_of",
]


def add_command(
    commands: Any, name: str, function: Callable[[Namespace], None], what: str, path: str | None, example: str
) -> ArgumentParser:
    """Add a subcommand, with the path that it takes, an example and the exit codes in its help."""
    command = commands.add_parser(
        name, help=what, description=what, epilog=epilog(f"  {example}"), formatter_class=RawTextHelpFormatter
    )
    command.set_defaults(command=function)
    if path:
        command.add_argument("path", type=Path, metavar=path)
    loudness = command.add_mutually_exclusive_group()
    loudness.add_argument("--quiet", "-q", action="store_true", help="say nothing but results, warnings and errors")
    loudness.add_argument("--verbose", "-v", action="store_true", help="say when; show where an error comes from")
    return command


def add_group(commands: Any, name: str, what: str, example: str) -> Any:
    """Add a subcommand that has subcommands of its own; return what they are added to."""
    group = commands.add_parser(
        name, help=what, description=what, epilog=epilog(f"  {example}"), formatter_class=RawTextHelpFormatter
    )
    return group.add_subparsers(metavar="COMMAND", required=True)


def add_workers(command: ArgumentParser) -> None:
    """Add the option that says how many programs run at the same time."""
    cores = os.cpu_count() or 1
    what = f"calculations at a time, where there is no mpirun; default: the cores here, {cores}, or 1 with a launcher"
    command.add_argument("--workers", type=count, metavar="N", help=what)


def workers_of(options: Namespace, launcher: str = "") -> int:
    """Return how many programs run at the same time: with a launcher, each of them has the cores already."""
    alone = launcher or getattr(options, "launcher", "")
    return options.workers or (1 if alone else os.cpu_count() or 1)


def add_programs(command: ArgumentParser, program: str, hours: float, several: bool = True) -> None:
    """Add the options that say how programs of Quantum ESPRESSO are run, the longest being ``program``.

    ``several`` says whether more than one may run at a time.
    """
    command.add_argument(
        "--pseudo-dir", type=Path, metavar="DIR", help="holds X.UPF for each element X; default: PseudoDojo PBE"
    )
    if several:
        add_workers(command)
    command.add_argument(
        "--launcher", default="", metavar="COMMAND", help=f"starts {program} on several ranks: 'mpirun -n 4'"
    )
    limit = f"for one run of {program}; default: {hours:g}"
    command.add_argument("--timeout", type=positive, default=hours, metavar="HOURS", help=limit)


def add_cluster(command: ArgumentParser) -> None:
    """Say how calculations become jobs of a cluster."""
    cluster = "run them as jobs of Slurm that FILE (YAML) describes: partition, ranks, wall_time_s …"
    command.add_argument("--cluster", type=Path, metavar="FILE", help=cluster)


def cluster_of(options: Namespace) -> ClusterSettings | None:
    """Return the cluster that the options name, if any."""
    from gasearch.config import load_cluster

    return load_cluster(options.cluster) if options.cluster else None


def epilog(examples: str) -> str:
    """Return examples and exit codes, as they end a help text."""
    codes = {kind.exit_code: kind.__doc__.splitlines()[0] for kind in GasearchError.__subclasses__()}
    codes |= {0: "Done.", 1: "A bug: please report it with what was printed.", 130: "Interrupted."}
    return "\n".join(
        ["examples:", examples, "", "exit codes:", *(f"  {code:<3} {codes[code]}" for code in sorted(codes))]
    )


def positive(text: str) -> float:
    """Read a number above 0."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise ArgumentTypeError(f"{text} is not a number above 0")
    return number


def not_negative(text: str) -> float:
    """Read a number of at least 0."""
    number = float(text)
    if not 0 <= number < float("inf"):
        raise ArgumentTypeError(f"{text} is not a number of at least 0")
    return number


def count(text: str) -> int:
    """Read a whole number above 0."""
    number = int(text)
    if number < 1:
        raise ArgumentTypeError(f"{text} is less than 1")
    return number


def grid(text: str) -> tuple[int, int, int]:
    """Read a grid of points: 4x4x4."""
    numbers = text.split("x")
    if len(numbers) != 3 or not all(n.isdecimal() and int(n) > 0 for n in numbers):
        raise ArgumentTypeError(f"{text} is no grid; write one such as 4x4x4")
    first, second, third = map(int, numbers)
    return first, second, third


def keyword_arguments(text: str) -> dict[str, Any]:
    """Read the keyword arguments of a calculator, as JSON; ValueError if they are none."""
    import json

    try:
        arguments = json.loads(text)
    except ValueError as error:
        raise ValueError(f"arguments: {text!r} is not JSON ({error}); give an object such as '{{\"a\": 1}}'") from error
    if not isinstance(arguments, dict):
        raise ValueError(f"arguments: {text!r} is no JSON object; give one such as '{{\"a\": 1}}'")
    return arguments


def opened(path: Path) -> tuple[RunDirectory, Config]:
    """Return the last epoch of a run, and the run's input with that epoch's potential."""
    from gasearch.config import load_begun
    from gasearch.workflow.record.run_directory import existing_run

    directory = existing_run(path)
    config = load_begun(directory.input)
    if directory.potential is None:
        return directory, config
    return directory, replace(config, potential=replace(config.potential, path=directory.potential))


def print_json(path: Path | Iterable[Path]) -> None:
    """Print what a file of JSON holds, or several do as a list, on the first rank."""
    from gasearch.workflow.record.snapshots import snapshot

    if is_first_rank():
        print(json.dumps(snapshot(path) if isinstance(path, Path) else [snapshot(one) for one in path], indent=1))


def warn(warnings: Iterable[str]) -> None:
    """Print warnings where they do not mix with results."""
    for warning in warnings:
        print(f"gasearch: warning: {warning}", file=sys.stderr)

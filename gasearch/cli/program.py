"""The program ``gasearch``: its subcommands, and the only place where errors become exit codes."""

from __future__ import annotations

import sys
import traceback
from argparse import ArgumentParser, RawTextHelpFormatter
from collections.abc import Sequence
from importlib.metadata import version

from gasearch.cli.command import epilog
from gasearch.cli.completion import add_completion
from gasearch.cli.dft import add_dft
from gasearch.cli.learning import add_figure
from gasearch.cli.potential import add_potential
from gasearch.cli.quench import add_quench
from gasearch.cli.screen import add_screen
from gasearch.cli.search import add_search, add_views
from gasearch.cli.series import add_series
from gasearch.cli.tc import add_tc, with_run
from gasearch.cli.voice import speaking
from gasearch.cli.watch import add_watch
from gasearch.errors import GasearchError, InputError
from gasearch.parallel.executor import is_first_rank

_DESCRIPTION = (
    "From chemical elements and a pressure to convex hulls, by a genetic algorithm on machine-learned potentials; "
    "and from electron-phonon coupling to Tc."
)
_EXAMPLE = """\
  gasearch init H S --pressure 200              write an input with every setting explained
  gasearch check h-s-200gpa.yaml                find every mistake in it before a run does
  mpirun -n 2 gasearch run h-s-200gpa.yaml      search; the same command resumes a run that was ended"""


def entry() -> None:
    """Run the command line and leave Python with its exit code."""
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _parser().parse_args(with_run(sys.argv[1:] if arguments is None else list(arguments)))
    try:
        with speaking(options):
            options.command(options)
    except GasearchError as error:
        # Every rank finds the same mistake in an input; one says so.
        if is_first_rank():
            if options.verbose:
                traceback.print_exception(error)
            print(_explained(error), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has enough; Python would complain once more when it flushes at exit.
        sys.stdout = None
        return 0
    return 0


def _explained(error: GasearchError) -> str:
    if not isinstance(error, InputError) or len(error.problems) == 1:
        return f"gasearch: {error}"
    return "\n  ".join([f"gasearch: {len(error.problems)} problems in the input", *error.problems])


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "gasearch", description=_DESCRIPTION, epilog=epilog(_EXAMPLE), formatter_class=RawTextHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"gasearch {version('gasearch')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (
        *(add_search, add_watch, add_views, add_series, add_potential),
        *(add_dft, add_tc, add_quench, add_screen, add_figure),
    ):
        add(commands)
    add_completion(commands, parser)
    return parser

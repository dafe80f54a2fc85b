"""Other programs as processes: each is a job of its own, and dies with its parent."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

#: A child that finds these, which a launcher sets, believes that it is a rank of our own MPI job, and fails in
#: MPI_Init. What users set, such as OMPI_MCA_btl or OMPI_ALLOW_RUN_AS_ROOT, is for the child, too.
_OF_A_LAUNCHER: Final = re.compile(
    r"OMPI_(?!ALLOW_|MCA_)|OMPI_MCA_(ess|orte_|pmix|initial_wdir|shmem_RUNTIME|mpi_oversubscribe)|P(MIX|RTE)_(?!MCA_)|PMI_"
)
#: What asks Linux to kill a process when its parent is gone, and then becomes the program that follows.
_PRCTL: Final = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execvp(sys.argv[1], sys.argv[1:])"


class TimeLimitError(Exception):
    """A program ran into its wall-clock limit and has been killed; ``printed`` is what it had said."""

    def __init__(self, printed: str) -> None:
        super().__init__("the program was killed at its wall-clock limit")
        self.printed = printed


def run_command(command: Sequence[str], directory: Path, timeout: float | None = None) -> str:
    """Run a command in a directory and return what it prints; it dies with its parent, and is a job of its own.

    Raises
    ------
    TimeLimitError
        After ``timeout`` seconds; the program has been killed.
    """
    with subprocess.Popen(
        [*_dying_with_parent(), *command],
        cwd=directory,
        env=clean_environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            return process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired as error:
            _kill(process)
            # It is bytes although text was asked for; None if nothing was printed.
            raise TimeLimitError((error.output or b"").decode(errors="replace")) from error
        except BaseException:
            _kill(process)
            raise


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill a program with its ranks, which its launcher alone would leave."""
    os.killpg(process.pid, signal.SIGKILL)


@cache
def _dying_with_parent() -> tuple[str, ...]:
    """Return the prefix that makes Linux kill a child whose parent is gone; elsewhere none.

    Some distributions have a setpriv that cannot do it.
    """
    if not sys.platform.startswith("linux"):
        return ()
    by_setpriv = ("setpriv", "--pdeathsig", "KILL")
    try:
        works = subprocess.run([*by_setpriv, "true"], stdin=subprocess.DEVNULL, capture_output=True).returncode == 0
    except OSError:
        works = False
    return by_setpriv if works else (sys.executable, "-c", _PRCTL)


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a child that is its own MPI job, with one thread."""
    kept = {k: v for k, v in environment.items() if not _OF_A_LAUNCHER.match(k)}
    # As its own job of one rank it needs no daemon beside it, which would outlive it when it is killed.
    return {**kept, "OMP_NUM_THREADS": "1", "OMPI_MCA_ess_singleton_isolated": "1"}

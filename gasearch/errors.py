"""Errors that a user can act on; everything else that is raised is a bug."""

from __future__ import annotations

from collections.abc import Sequence


class GasearchError(Exception):
    """Something a user can put right: says what was found, what is allowed, what to do.

    ``exit_code`` is what ``gasearch`` returns to the shell; only `gasearch.cli` uses it.
    """

    exit_code = 1


class InputError(GasearchError):
    """One or more problems in the input; all are reported at once."""

    exit_code = 2

    def __init__(self, problems: str | Sequence[str]):
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class PotentialError(GasearchError):
    """A potential cannot be loaded, is not what its card says, or does not know an element."""

    exit_code = 3


class RunDirectoryError(GasearchError):
    """A run directory is damaged, in use, full, or belongs to another input."""

    exit_code = 4


class MissingProgramError(GasearchError):
    """A program or library that this step needs is not installed."""

    exit_code = 5


class SpectrumError(GasearchError):
    """A spectrum α²F cannot be read, contradicts what its file says of it, or is unphysical."""

    exit_code = 6


class CalculationError(GasearchError):
    """A calculation without which nothing can go on has failed."""

    exit_code = 7


class SeriesError(GasearchError):
    """Some runs of a series have failed; the others are done."""

    exit_code = 8

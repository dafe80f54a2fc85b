"""What a search asks for, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from gasearch.crystal.composition import Composition
from gasearch.crystal.crystal import Crystal
from gasearch.outcomes import Failure, Relaxed
from gasearch.thermodynamics.hull import Hull


@dataclass(frozen=True, eq=False)
class Individual:
    """A relaxed candidate that was admitted to the archive.

    Parameters
    ----------
    id : int
    crystal : Crystal
        Relaxed, reduced to its primitive cell.
    enthalpy_per_atom : float
        eV per atom at the pressure of the search.
    fingerprint : (n,) array
        See `gasearch.crystal.fingerprint`.
    operator : str
        What made it.
    parents : tuple of int
        Ids of its parents; empty for the first generation.
    spread : float
        By which a committee of potentials disagrees about it, eV/atom; NaN without one.
    """

    id: int
    crystal: Crystal
    enthalpy_per_atom: float
    fingerprint: np.ndarray
    operator: str
    parents: tuple[int, ...]
    spread: float = np.nan

    @staticmethod
    def from_outcome(outcome: Outcome) -> Individual:
        """Take what was relaxed, with its fingerprint; ValueError if the candidate failed."""
        if not isinstance(outcome.result, Relaxed) or outcome.fingerprint is None:
            raise ValueError(f"candidate {outcome.id} was not relaxed")
        relaxed = outcome.result
        return Individual(
            outcome.id,
            relaxed.crystal,
            relaxed.enthalpy_per_atom,
            outcome.fingerprint,
            outcome.operator,
            outcome.parents,
            relaxed.spread,
        )


@dataclass(frozen=True, eq=False)
class Candidate:
    """A recipe: enough to build and relax a structure anywhere, with the same result.

    Parameters
    ----------
    id : int
        Unique, counted from 0; also the key of its random generator.
    operator : str
        Name of the operator, ``random``, ``prototype`` or ``seed``.
    composition : Composition
        What to build; operators with parents begin near it and may end elsewhere.
    parents : tuple of Individual
    given : Crystal or None
        The structure itself, for seeds and prototypes.
    volume : float or None
        Volume that a random crystal should have, Å³; None to leave it to the search space.
    may_be_stopped : bool
        Whether its relaxation may be given up when it will end too far above the hull.
    """

    id: int
    operator: str
    composition: Composition
    parents: tuple[Individual, ...] = ()
    given: Crystal | None = None
    volume: float | None = None
    may_be_stopped: bool = False


@dataclass(frozen=True, eq=False)
class Block:
    """Candidates that are built and relaxed together, with what is needed to judge them.

    Parameters
    ----------
    candidates : tuple of Candidate
    neighbours : tuple of Individual
        Low individuals of the compositions aimed at, which a candidate may turn out to repeat.
    hull : Hull or None
        The hull when the block was made; None before there is one.
    """

    candidates: tuple[Candidate, ...]
    neighbours: tuple[Individual, ...]
    hull: Hull | None


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a candidate; everything that the archive records.

    Parameters
    ----------
    id, operator, parents
        As in `Candidate`; ``parents`` are ids.
    start : Crystal or None
        The structure before it was relaxed; None if none could be built.
    result : Relaxed or Failure
    fingerprint : (n,) array or None
        Of the relaxed crystal.
    twin : int or None
        Id of an earlier individual that is the same structure.
    seconds : mapping
        Wall-clock time by part (``build``, ``relax``, ``compare``); never used to decide anything.
    """

    id: int
    operator: str
    parents: tuple[int, ...]
    start: Crystal | None
    result: Relaxed | Failure
    fingerprint: np.ndarray | None = None
    twin: int | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def started(self) -> bool:
        """Whether a relaxation was started for it."""
        return self.result.steps > 0

"""Which admitted compositions an operator may aim at."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from gasearch.crystal.composition import Composition, CompositionSpace


@lru_cache(maxsize=8)
def admitted_counts(space: CompositionSpace) -> np.ndarray:
    """Return all admitted compositions as counts (m, n_elements) of the space's elements; read-only."""
    counts = np.array([c.vector(space.elements) for c in space.compositions], dtype=int)
    counts = counts.reshape(-1, len(space.elements))
    counts.setflags(write=False)
    return counts


def changes(composition: Composition, space: CompositionSpace) -> np.ndarray:
    """Return what each admitted composition has more of, (m, n_elements), than this one."""
    return admitted_counts(space) - composition.vector(space.elements).astype(int)


def draw(options: np.ndarray, typical: float, rng: np.random.Generator) -> np.ndarray | None:
    """Draw one of the changes (m, n_elements), with weight exp(-atoms / typical); None if there are none.

    With ``typical`` at 0 it is one of those that move the fewest atoms. However small ``typical`` is, these remain
    possible, so that a step is as large as the endpoints' stoichiometry demands.
    """
    if not len(options):
        return None
    atoms = np.abs(options).sum(axis=1)
    excess = atoms - atoms.min()
    weights = np.exp(-excess / typical) if typical > 0 else excess == 0
    return options[rng.choice(len(options), p=weights / weights.sum())]

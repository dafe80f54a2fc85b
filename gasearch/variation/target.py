"""Which admitted compositions an operator may aim at, and how to reach one."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from gasearch.crystal.composition import Composition, CompositionSpace, SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import distance_limits, nearest_distances


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


def reach(change: np.ndarray, sites: Crystal, occupied: np.ndarray, space: SearchSpace) -> np.ndarray:
    """Return which sites (n,) are occupied after a change (n_elements,) of how many atoms of each element there are.

    Each site has its element. One after the other, the site with most room is filled or the most crowded one emptied;
    room is the distance to the nearest atom in units of the smallest one that the two elements may have.
    """
    if not change.any():
        return occupied
    occupied = occupied.copy()
    room = nearest_distances(sites.cell, sites.frac) / distance_limits(sites.numbers, space.minimum_distances)
    for z, missing in zip(space.compositions.elements, change, strict=True):
        for _ in range(abs(missing)):
            movable = np.flatnonzero((sites.numbers == z) & (occupied != (missing > 0)))
            clearance = room[np.ix_(movable, occupied)].min(axis=1, initial=np.inf)
            occupied[movable[clearance.argmax() if missing > 0 else clearance.argmin()]] = missing > 0
    return occupied

"""Which of many structures are worth a label, told without a calculation: those least like all others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import fingerprint


def descriptors(crystals: Sequence[Crystal], elements: tuple[int, ...]) -> np.ndarray:
    """Return a vector (n, d) of each structure: its fingerprint, by whose distance structures differ."""
    return np.array([fingerprint(crystal, elements) for crystal in crystals])


def farthest_first(found: np.ndarray, count: int, known: np.ndarray | None = None, nearest: float = 0.0) -> list[int]:
    """Choose points one after the other, each the farthest from all that are chosen or known.

    The traversal of Gonzalez, doi:10.1016/0304-3975(85)90224-5.

    Parameters
    ----------
    found : (n, d) array
        What is chosen from.
    count : int
        How many at most.
    known : (m, d) array or None
        What there is already.
    nearest : float
        A point that is not farther than this from what is there is no news.
    """
    from scipy.spatial.distance import cdist

    if not len(found):
        return []
    nothing = known is None or not len(known)
    apart = np.full(len(found), np.inf) if nothing else cdist(found, known).min(axis=1)
    chosen: list[int] = []
    while len(chosen) < min(count, len(found)) and (farthest := int(np.argmax(apart))) not in chosen:
        if apart[farthest] <= nearest:
            break
        chosen.append(farthest)
        apart = np.minimum(apart, np.linalg.norm(found - found[farthest], axis=1))
    return chosen


def farthest_in_turn(groups: Sequence[np.ndarray], count: int, known: np.ndarray, nearest: float) -> list[list[int]]:
    """Choose from one group of points after the other, as `farthest_first` does; return the places of each.

    Parameters
    ----------
    groups : sequence of (n, d) array
        The most important first.
    count : int
        How many at most, of all of them.
    known : (m, d) array
    nearest : float
    """
    chosen: list[list[int]] = []
    for found in groups:
        taken = farthest_first(found, count - sum(map(len, chosen)), known, nearest)
        known = np.concatenate([known, found[taken]]) if taken else known
        chosen.append(taken)
    return chosen

"""Non-dominated sorting and crowding (Deb et al. 2002, doi:10.1109/4235.996017); every objective is to be small."""

from __future__ import annotations

import numpy as np


def fronts(objectives: np.ndarray) -> np.ndarray:
    """Return the front (n,) of each point of objectives (n, m): 0 for those that no other dominates, and so on.

    A point dominates another if it is nowhere worse and somewhere better; equal points share a front.
    """
    dominates = _dominates(objectives)
    above = dominates.sum(axis=0)
    ranks = np.full(len(objectives), -1)
    rank = 0
    while (ranks < 0).any():
        front = (ranks < 0) & (above == 0)
        ranks[front] = rank
        above -= dominates[front].sum(axis=0)
        rank += 1
    return ranks


def _dominates(objectives: np.ndarray) -> np.ndarray:
    """Return whether each point dominates each other one (n, n); one objective at a time, to spare memory."""
    no_worse = np.ones((len(objectives),) * 2, dtype=bool)
    better = np.zeros_like(no_worse)
    for values in objectives.T:
        no_worse &= values[:, None] <= values
        better |= values[:, None] < values
    return no_worse & better


def crowding(objectives: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Return how far apart the neighbours of each point (n,) are on its front; inf at the ends of a front.

    The sum, over objectives, of the distance of the two neighbours, in units of the front's range.
    """
    distances = np.zeros(len(objectives))
    for rank in np.unique(ranks):
        members = np.flatnonzero(ranks == rank)
        for values in objectives[members].T:
            distances[members] += _gaps(values)
    return distances


def _gaps(values: np.ndarray) -> np.ndarray:
    order = np.argsort(values, kind="stable")
    gaps = np.full(len(values), np.inf)
    extent = values[order[-1]] - values[order[0]]
    if extent > 0:
        gaps[order[1:-1]] = (values[order[2:]] - values[order[:-2]]) / extent
    elif len(values) > 2:
        # An objective in which all are equal has no ends, and says nothing.
        gaps[:] = 0.0
    return gaps

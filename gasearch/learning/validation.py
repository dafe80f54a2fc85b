"""Cross-validation of forests: random, and by groups that must not stand on both sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gasearch.errors import InputError
from gasearch.learning.forest import Forest, Growth, grow

#: Groups without which none can be held out.
_FEWEST = 2


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What forests say of rows that they were grown without.

    Parameters
    ----------
    expected : (n,) array
        Mean over the trees, in the unit of the target.
    spread : (n,) array
        Standard deviation over the trees.
    importance : mapping
        Name of a block of features → how much the mean absolute error grows when it is permuted among the rows.
    """

    expected: np.ndarray
    spread: np.ndarray
    importance: Mapping[str, float]


def folds(groups: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Return the fold (n,) of each row, the same for all of a group; random, and of about the same size."""
    names, members = np.unique(groups, return_inverse=True)
    sizes, rng = np.bincount(members), np.random.default_rng(seed)
    order = rng.permutation(len(names))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of, filled = np.empty(len(names), int), np.zeros(count)
    for group in order:
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    return fold_of[members]


def held_out(
    features: np.ndarray,
    target: np.ndarray,
    groups: np.ndarray,
    growth: Growth,
    seed: int,
    count: int = 5,
    blocks: Mapping[str, np.ndarray] | None = None,
) -> HeldOut:
    """Return what forests say of each row (n, k) without its fold.

    Parameters
    ----------
    features, target, groups : (n, k), (n,), (n,) arrays
    growth : Growth
    seed : int
    count : int
        Folds.
    blocks : mapping or None
        Name → columns, whose importance is asked for.

    Raises
    ------
    InputError
        If there is a single group.
    """
    if len(np.unique(groups)) < _FEWEST:
        raise InputError("found a single chemical system, or row; to hold one out and learn from the rest, give more")
    fold = folds(groups, count, seed)
    expected, spread = np.empty(len(target)), np.empty(len(target))
    worse = {name: 0.0 for name in blocks or {}}
    rng = np.random.default_rng(seed)
    for one in range(count):
        test = fold == one
        forest = grow(features[~test], target[~test], growth, seed)
        said = forest.each(features[test])
        expected[test], spread[test] = said.mean(0), said.std(0)
        error = np.abs(expected[test] - target[test]).sum()
        for name, columns in (blocks or {}).items():
            worse[name] += (_permuted_error(forest, features[test], target[test], columns, rng) - error) / len(target)
    return HeldOut(expected, spread, worse)


def _permuted_error(
    forest: Forest, features: np.ndarray, target: np.ndarray, columns: np.ndarray, rng: np.random.Generator
) -> float:
    """Return the summed absolute error with some columns permuted together among the rows."""
    mixed = features.copy()
    mixed[:, columns] = features[rng.permutation(len(features))][:, columns]
    return float(np.abs(forest.each(mixed).mean(0) - target).sum())

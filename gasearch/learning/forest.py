"""Random forests as plain arrays: scikit-learn grows them, and nothing but numpy is needed to read and ask them.

A model file is a NumPy archive of numbers and text without pickle: loading it runs no code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Forest:
    """Regression trees, one after the other.

    Parameters
    ----------
    roots : (trees,) array of int
    left, right : (nodes,) arrays of int
        Children; a leaf is its own.
    feature : (nodes,) array of int
    threshold : (nodes,) array
        A row goes left where its feature is not above it.
    value : (nodes,) array
        What a leaf says.
    """

    roots: np.ndarray
    left: np.ndarray
    right: np.ndarray
    feature: np.ndarray
    threshold: np.ndarray
    value: np.ndarray

    def each(self, features: np.ndarray) -> np.ndarray:
        """Return what each tree says (trees, n) of rows (n, k)."""
        # The trees were grown on single precision, and compare it with double.
        rows = np.asarray(features, np.float32)
        node = np.repeat(self.roots[:, None], len(rows), axis=1)
        while True:
            goes_left = rows[np.arange(len(rows)), self.feature[node]] <= self.threshold[node]
            below = np.where(goes_left, self.left[node], self.right[node])
            if (below == node).all():
                return self.value[node]
            node = below

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray]) -> Forest:
        """Build it of arrays by name.

        Raises
        ------
        ValueError
            If they are no forest: rows would lead nowhere.
        """
        forest = Forest(**{field.name: np.asarray(arrays[field.name]) for field in fields(Forest)})
        nodes = len(forest.value)
        links = (forest.roots, forest.left, forest.right)
        whole = all(len(array) == nodes for array in (forest.left, forest.right, forest.feature, forest.threshold))
        inside = all(((link >= 0) & (link < nodes)).all() for link in links)
        # Children come after their parents, so that every row arrives at a leaf.
        if not (whole and inside and all((link >= np.arange(nodes)).all() for link in links[1:])):
            raise ValueError("the arrays are no forest")
        return forest


@dataclass(frozen=True)
class Growth:
    """How a forest is grown.

    Parameters
    ----------
    trees : int
    least_leaf : int
        Rows in a leaf, at least.
    features : float
        Share of the features among which each split chooses.
    extra : bool
        Whether thresholds are random and every tree sees all rows.
    """

    trees: int = 100
    least_leaf: int = 1
    features: float = 0.33
    extra: bool = True


def grow(features: np.ndarray, target: np.ndarray, growth: Growth, seed: int) -> Forest:
    """Fit a forest to rows (n, k) and a target (n,)."""
    from sklearn.ensemble import ExtraTreesRegressor, RandomForestRegressor

    kind = ExtraTreesRegressor if growth.extra else RandomForestRegressor
    model = kind(
        n_estimators=growth.trees,
        min_samples_leaf=growth.least_leaf,
        max_features=growth.features,
        random_state=seed,
    ).fit(features, target)
    return _joined([tree.tree_ for tree in model.estimators_])


def _joined(trees: list[Any]) -> Forest:
    roots = np.cumsum([0, *(tree.node_count for tree in trees)])[:-1]
    left, right, feature = [], [], []
    for tree, root in zip(trees, roots, strict=True):
        here = np.arange(tree.node_count)
        leaf = tree.children_left < 0
        left.append(root + np.where(leaf, here, tree.children_left))
        right.append(root + np.where(leaf, here, tree.children_right))
        feature.append(np.where(leaf, 0, tree.feature))
    return Forest(
        roots=roots.astype(np.int32),
        left=np.concatenate(left).astype(np.int32),
        right=np.concatenate(right).astype(np.int32),
        feature=np.concatenate(feature).astype(np.int16),
        threshold=np.concatenate([tree.threshold for tree in trees]),
        value=np.concatenate([tree.value[:, 0, 0] for tree in trees]).astype(np.float32),
    )

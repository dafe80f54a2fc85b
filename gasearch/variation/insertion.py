"""Insertion: atoms are added where there is room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gasearch.crystal.composition import SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.variation.cell import admitted, enlarged, expansion
from gasearch.variation.target import changes, draw, reach


@dataclass(frozen=True)
class Insertion:
    """Add one or a few atoms, each at the roomiest of some random points; the cell grows with them.

    Parameters
    ----------
    typical : float
        Number of atoms n that are added is drawn with weight exp(-n / typical), among the numbers by which the
        composition stays in the space: where the endpoints are compounds, whole formula units.
    trials : int
        Random points among which an atom finds its place.
    enlarged : float
        Probability to work in a supercell of the parent, where the space has room.
    """

    name: ClassVar[str] = "insertion"
    n_parents: ClassVar[int] = 1
    typical: float = 1.5
    trials: int = 16
    enlarged: float = 0.2

    def __call__(self, parents: Sequence[Crystal], space: SearchSpace, rng: np.random.Generator) -> Crystal | None:
        """Make a child; None where no larger composition is admitted."""
        parent = enlarged(parents[0], 1, space.compositions.max_atoms - 1, self.enlarged, rng)
        if parent is None:
            return None
        options = changes(parent.composition, space.compositions)
        change = draw(options[(options >= 0).all(axis=1) & options.any(axis=1)], self.typical, rng)
        if change is None:
            return None
        points = np.repeat(space.compositions.elements, np.where(change > 0, change + self.trials, 0))
        sites = Crystal(
            parent.cell,
            np.concatenate((parent.frac, rng.random((len(points), 3)))),
            np.concatenate((parent.numbers, points)),
        )
        filled = reach(change, sites, np.arange(len(sites)) < len(parent), space)
        child = Crystal(parent.cell, sites.frac[filled], sites.numbers[filled])
        return admitted(child, space, expansion(parent, space))

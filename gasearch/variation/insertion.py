"""Insertion: atoms are added where there is room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gasearch.crystal.composition import SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import distance_limits, nearest_distances
from gasearch.variation.cell import admitted, enlarged, expansion
from gasearch.variation.target import changes, draw


@dataclass(frozen=True)
class Insertion:
    """Add one or a few atoms, each at the roomiest of several random points; the cell grows with them.

    Parameters
    ----------
    typical : float
        Number of atoms n that are added is drawn with weight exp(-n / typical), among the numbers by which the
        composition stays in the space: where the endpoints are compounds, whole formula units.
    trials : int
        Random points tried for each atom.
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
        child = parent
        for z in rng.permutation(np.repeat(space.compositions.elements, change)):
            child = self._with_atom(child, z, space, rng)
        return admitted(child, space, expansion(parent, space))

    def _with_atom(self, crystal: Crystal, z: int, space: SearchSpace, rng: np.random.Generator) -> Crystal:
        """Return the structure with an atom at the trial point whose distances are largest for their elements."""
        frac = np.concatenate((crystal.frac, rng.random((self.trials, 3))))
        numbers = np.append(crystal.numbers, z)
        limits = distance_limits(numbers, space.minimum_distances)[-1, :-1]
        distances = nearest_distances(crystal.cell, frac)[len(crystal) :, : len(crystal)]
        best = len(crystal) + (distances / limits).min(axis=1).argmax()
        return Crystal(crystal.cell, np.append(crystal.frac, frac[best : best + 1], axis=0), numbers)

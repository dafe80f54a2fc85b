"""Removal: atoms are taken away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gasearch.crystal.composition import SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.variation.cell import admitted, enlarged, expansion
from gasearch.variation.target import changes, draw


@dataclass(frozen=True)
class Removal:
    """Take away one or a few atoms; the cell shrinks with them.

    Parameters
    ----------
    typical : float
        Number of atoms n that go is drawn with weight exp(-n / typical), among the numbers by which the composition
        stays in the space: where the endpoints are compounds, whole formula units.
    enlarged : float
        Probability to work in a supercell of the parent, where the space has room.
    """

    name: ClassVar[str] = "removal"
    n_parents: ClassVar[int] = 1
    typical: float = 1.5
    enlarged: float = 0.6

    def __call__(self, parents: Sequence[Crystal], space: SearchSpace, rng: np.random.Generator) -> Crystal | None:
        """Make a child; None where no smaller composition is admitted."""
        bounds = space.compositions.min_atoms + 1, space.compositions.max_atoms
        parent = enlarged(parents[0], *bounds, self.enlarged, rng)
        if parent is None:
            return None
        options = changes(parent.composition, space.compositions)
        change = draw(options[(options <= 0).all(axis=1) & options.any(axis=1)], self.typical, rng)
        if change is None:
            return None
        kept = np.ones(len(parent), dtype=bool)
        for z, n in zip(space.compositions.elements, change, strict=True):
            kept[rng.permutation(np.flatnonzero(parent.numbers == z))[:-n]] = False
        return admitted(Crystal(parent.cell, parent.frac[kept], parent.numbers[kept]), space, expansion(parent, space))

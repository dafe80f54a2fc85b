"""Permutation: unlike atoms change places."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gasearch.crystal.composition import SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.variation.cell import admitted, enlarged, expansion


@dataclass(frozen=True)
class Permutation:
    """Exchange atoms of two elements, one to all pairs; in a supercell this tries other orders on the same lattice.

    Lyakhov, Oganov, Stokes & Zhu, Comput. Phys. Commun. 184, 1172 (2013), doi:10.1016/j.cpc.2012.12.009.

    Parameters
    ----------
    enlarged : float
        Probability to work in a supercell of the parent, where the space has room.
    """

    name: ClassVar[str] = "permutation"
    n_parents: ClassVar[int] = 1
    enlarged: float = 0.6

    def __call__(self, parents: Sequence[Crystal], space: SearchSpace, rng: np.random.Generator) -> Crystal | None:
        """Make a child; None from a parent of one element."""
        bounds = space.compositions.min_atoms, space.compositions.max_atoms
        parent = enlarged(parents[0], *bounds, self.enlarged, rng)
        if parent is None or len(parent.composition.elements) < 2:
            return None
        one, other = (
            rng.permutation(np.flatnonzero(parent.numbers == z))
            for z in rng.choice(parent.composition.elements, size=2, replace=False)
        )
        swaps = rng.integers(1, min(len(one), len(other)), endpoint=True)
        numbers = parent.numbers.copy()
        numbers[one[:swaps]], numbers[other[:swaps]] = parent.numbers[other[0]], parent.numbers[one[0]]
        return admitted(Crystal(parent.cell, parent.frac, numbers), space, expansion(parent, space))

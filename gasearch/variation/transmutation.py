"""Transmutation: atoms become another element."""

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
class Transmutation:
    """Change the element of some atoms, or of all atoms of an element, which keeps the symmetry.

    Lyakhov, Oganov, Stokes & Zhu, Comput. Phys. Commun. 184, 1172 (2013), doi:10.1016/j.cpc.2012.12.009.

    Parameters
    ----------
    typical : float
        Number of atoms n that change is drawn with weight exp(-n / typical).
    whole : float
        Probability to exchange one element for another throughout.
    enlarged : float
        Probability to work in a supercell of the parent, where the space has room.
    """

    name: ClassVar[str] = "transmutation"
    n_parents: ClassVar[int] = 1
    typical: float = 1.5
    whole: float = 0.2
    enlarged: float = 0.6

    def __call__(self, parents: Sequence[Crystal], space: SearchSpace, rng: np.random.Generator) -> Crystal | None:
        """Make a child; None where the space has one element, or no composition within reach."""
        whole = rng.random() < self.whole
        bounds = space.compositions.min_atoms, space.compositions.max_atoms
        parent = enlarged(parents[0], *bounds, 0.0 if whole else self.enlarged, rng)
        if parent is None:
            return None
        numbers = _relabelled(parent, space, rng) if whole else self._changed(parent, space, rng)
        if numbers is None:
            return None
        return admitted(Crystal(parent.cell, parent.frac, numbers), space, expansion(parent, space))

    def _changed(self, parent: Crystal, space: SearchSpace, rng: np.random.Generator) -> np.ndarray | None:
        """Return atomic numbers (n,) of an admitted composition, with few of them changed."""
        options = changes(parent.composition, space.compositions)
        same_size = (options.sum(axis=1) == 0) & options.any(axis=1)
        # Each atom that changes counts twice in a change: once for what it was and once for what it becomes.
        change = draw(options[same_size], 2 * self.typical, rng)
        if change is None:
            return None
        elements = np.array(space.compositions.elements)
        gained = rng.permutation(np.repeat(elements, np.maximum(change, 0)))
        lost = [
            rng.choice(np.flatnonzero(parent.numbers == z), size=-n, replace=False)
            for z, n in zip(elements, change, strict=True)
            if n < 0
        ]
        numbers = parent.numbers.copy()
        numbers[np.concatenate(lost)] = gained
        return numbers


def _relabelled(parent: Crystal, space: SearchSpace, rng: np.random.Generator) -> np.ndarray | None:
    """Return atomic numbers (n,) with an element of the parent and another one of the space exchanged."""
    old = rng.choice(parent.composition.elements)
    others = [z for z in space.compositions.elements if z != old]
    if not others:
        return None
    new = rng.choice(others)
    return np.select([parent.numbers == old, parent.numbers == new], [new, old], parent.numbers)

"""Strain and rattle: the same structure, out of shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gasearch.crystal.composition import SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.variation.cell import admitted, enlarged, expansion


@dataclass(frozen=True)
class Strain:
    """Strain the cell at constant volume and displace some of the atoms.

    The strain is the lattice mutation of Glass, Oganov & Hansen, Comput. Phys. Commun. 175, 713 (2006),
    doi:10.1016/j.cpc.2006.07.020, taken as a logarithmic strain without trace, so that the cell cannot collapse.

    Parameters
    ----------
    strain : float
        Standard deviation of the components of the strain.
    rattle : float
        Standard deviation of a displacement along each axis, in units of the cube root of the volume per atom.
    rattled : float
        Largest fraction of the atoms that is displaced. The fraction is drawn uniformly from 0, as atoms that stay in
        place keep some symmetry.
    enlarged : float
        Probability to work in a supercell of the parent, where the space has room.
    """

    name: ClassVar[str] = "strain"
    n_parents: ClassVar[int] = 1
    strain: float = 0.3
    rattle: float = 0.3
    rattled: float = 1.0
    enlarged: float = 0.3

    def __call__(self, parents: Sequence[Crystal], space: SearchSpace, rng: np.random.Generator) -> Crystal | None:
        """Make a child."""
        bounds = space.compositions.min_atoms, space.compositions.max_atoms
        parent = enlarged(parents[0], *bounds, self.enlarged, rng)
        if parent is None:
            return None
        cell = parent.cell @ self._stretch(rng)
        child = Crystal(cell, parent.frac + self._displacements(parent, rng) @ np.linalg.inv(cell), parent.numbers)
        return admitted(child, space, expansion(parent, space))

    def _stretch(self, rng: np.random.Generator) -> np.ndarray:
        """Draw a symmetric matrix (3, 3) of determinant 1."""
        noise = rng.normal(scale=self.strain, size=(3, 3))
        logarithms, axes = np.linalg.eigh(np.tril(noise) + np.tril(noise, -1).T)
        return (axes * np.exp(logarithms - logarithms.mean())) @ axes.T

    def _displacements(self, crystal: Crystal, rng: np.random.Generator) -> np.ndarray:
        """Draw displacements (n, 3), Å; those of atoms that stay are zero."""
        displacements = np.zeros((len(crystal), 3))
        moved = rng.permutation(len(crystal))[: round(rng.uniform(0, self.rattled) * len(crystal))]
        spacing = (crystal.volume / len(crystal)) ** (1 / 3)
        displacements[moved] = rng.normal(scale=self.rattle * spacing, size=(len(moved), 3))
        return displacements

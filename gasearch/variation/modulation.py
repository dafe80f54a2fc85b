"""Modulation: a frozen wave of displacements, usually in a supercell."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gasearch.crystal.composition import SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.variation.cell import admitted, enlarged, expansion

# One of each pair ±k of the shortest wave vectors, in units of the reciprocal lattice vectors.
_WAVE_VECTORS = np.array(list(itertools.product((-1, 0, 1), repeat=3)))[14:]


@dataclass(frozen=True)
class Modulation:
    """Displace the atoms as a phonon would: one wave vector, one polarization, an amplitude for each element.

    With a wave vector of the parent's own lattice it is the ripple of Lonie & Zurek, Comput. Phys. Commun. 182,
    372 (2011), doi:10.1016/j.cpc.2010.07.048; in a supercell it is a commensurate mode, as a soft one would freeze in.

    Parameters
    ----------
    amplitude : (lowest, highest)
        Largest displacement, in units of the cube root of the volume per atom; drawn uniformly.
    enlarged : float
        Probability to work in a supercell of the parent, where the space has room.
    """

    name: ClassVar[str] = "modulation"
    n_parents: ClassVar[int] = 1
    amplitude: tuple[float, float] = (0.2, 0.8)
    enlarged: float = 0.7

    def __call__(self, parents: Sequence[Crystal], space: SearchSpace, rng: np.random.Generator) -> Crystal | None:
        """Make a child; None where the space has room for one atom only."""
        bounds = max(2, space.compositions.min_atoms), space.compositions.max_atoms
        parent = enlarged(parents[0], *bounds, self.enlarged, rng)
        if parent is None:
            return None
        phases = (parent.frac - parent.frac[0]) @ _WAVE_VECTORS.T
        # The others would move the whole crystal.
        waves = _WAVE_VECTORS[(np.abs(phases - np.rint(phases)) > 1e-3).any(axis=0)]
        shape = mode(parent, rng.choice(waves), rng)
        spacing = (parent.volume / len(parent)) ** (1 / 3)
        scale = rng.uniform(*self.amplitude) * spacing / np.linalg.norm(shape, axis=1).max()
        child = Crystal(parent.cell, parent.frac + scale * shape @ np.linalg.inv(parent.cell), parent.numbers)
        return admitted(child, space, expansion(parent, space))


def mode(crystal: Crystal, wave: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw displacements (n, 3) of arbitrary size with this wave vector, in units of the reciprocal lattice vectors.

    The polarization is longitudinal once in three times, else transverse.
    """
    along = np.linalg.solve(crystal.cell, wave)
    along /= np.linalg.norm(along)
    across = np.cross(along, rng.normal(size=3))
    direction = along if rng.random() < 1 / 3 else across / np.linalg.norm(across)
    elements, kind = np.unique(crystal.numbers, return_inverse=True)
    amplitudes = rng.normal(size=len(elements))[kind]
    return np.outer(amplitudes * np.cos(2 * np.pi * (crystal.frac @ wave + rng.random())), direction)

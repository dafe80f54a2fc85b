"""Enthalpy over atoms and lattice together: one flat space of generalised coordinates for many copies of a crystal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.potential.potential import Batch, Potential
from gasearch.screening.correspondence import Correspondence, strain_scale

#: Å by which coordinates are moved for second derivatives.
_STEP = 0.01
#: eV/Å²; a curvature above minus this is no direction downhill, but rounding.
FLAT = 0.01
#: Points that are evaluated together.
_BATCH = 32


@dataclass(frozen=True, eq=False)
class Surface:
    """Enthalpy H = E + PV of a crystal whose cell is ``reference @ D`` and whose atoms are at ``x @ D``.

    A point (n + 3, 3), Å, holds the places x of the atoms in the reference cell, and J·D below them. D is symmetric:
    that is every cell there is, but for rotation. J makes lengths, and so paths of steepest descent, the same in every
    cell of the same crystal (Sheppard and others, doi:10.1063/1.3684549).

    Parameters
    ----------
    potential : Potential
    reference : (3, 3) array
        Å.
    numbers : (n,) array of int
    scale : float
        J, Å.
    pressure : float
        eV/Å³.
    """

    potential: Potential
    reference: np.ndarray
    numbers: np.ndarray
    scale: float
    pressure: float

    @staticmethod
    def of(potential: Potential, ends: Correspondence, pressure: float) -> Surface:
        """Return the surface on which two crystals that correspond lie."""
        return Surface(potential, ends.reference, ends.numbers, ends.scale, pressure)

    @staticmethod
    def around(potential: Potential, crystal: Crystal, pressure: float) -> Surface:
        """Return the surface whose reference is a crystal."""
        return Surface(potential, crystal.cell, crystal.numbers, strain_scale(crystal.cell, len(crystal)), pressure)

    def point(self, crystal: Crystal) -> np.ndarray:
        """Return the point (n + 3, 3) of a crystal in the reference cell itself."""
        return np.concatenate([crystal.frac @ self.reference, self.scale * np.eye(3)])

    def ends(self, ends: Correspondence) -> np.ndarray:
        """Return both ends as points (2, n + 3, 3)."""
        return np.concatenate([ends.places, self.scale * ends.deformations], axis=1)

    def crystal(self, point: np.ndarray) -> Crystal:
        """Return the crystal at a point (n + 3, 3)."""
        return Crystal(
            self.reference @ point[-3:] / self.scale, point[:-3] @ np.linalg.inv(self.reference), self.numbers
        )

    def enthalpies(self, points: np.ndarray, labels: tuple[object, ...] = ()) -> tuple[np.ndarray, np.ndarray]:
        """Return enthalpies (m,), eV per cell, and their gradients (m, n + 3, 3), eV/Å, at points (m, n + 3, 3)."""
        deformation = points[:, -3:] / self.scale
        cells, count, atoms = self.reference @ deformation, len(points), len(self.numbers)
        batch = Batch(
            cells=cells,
            positions=(points[:, :-3] @ deformation).reshape(-1, 3),
            numbers=np.tile(self.numbers, count),
            offsets=atoms * np.arange(count + 1),
            labels=labels,
        )
        result = self.potential.compute(batch)
        forces = result.forces.reshape(count, atoms, 3)
        moves = -forces @ deformation
        moves -= moves.mean(axis=1, keepdims=True)
        stress = (result.stress + self.pressure * np.eye(3)) * batch.volumes[:, None, None]
        strain = np.linalg.inv(deformation) @ stress
        strain = (strain + strain.swapaxes(1, 2)) / (2 * self.scale)
        return result.energy + self.pressure * batch.volumes, np.concatenate([moves, strain], axis=1)

    def hessian(self, point: np.ndarray) -> np.ndarray:
        """Return the second derivatives (3n + 3, 3n + 3), eV/Å², along `basis`, by differences of gradients."""
        basis = self.basis()
        steps = _STEP * basis.reshape(-1, *point.shape)
        gradients = [
            self.enthalpies(point + sign * steps[k : k + _BATCH])[1]
            for sign in (1, -1)
            for k in range(0, len(steps), _BATCH)
        ]
        forward, backward = np.concatenate(gradients).reshape(2, len(basis), -1)
        hessian = (forward - backward) @ basis.T / (2 * _STEP)
        return (hessian + hessian.T) / 2

    def directions_downhill(self, point: np.ndarray) -> int:
        """Return in how many directions enthalpy falls from a stationary point: 0 at a minimum, 1 at a saddle."""
        return int((np.linalg.eigvalsh(self.hessian(point)) < -FLAT).sum())

    def basis(self) -> np.ndarray:
        """Return orthonormal directions (3n + 3, 3 (n + 3)): 3n - 3 of atoms without a common shift, then 6 strains.

        The strains are xx, xy, xz, yy, yz, zz.
        """
        atoms = len(self.numbers)
        relative = np.linalg.svd(np.ones((1, atoms)))[2][1:]
        moves = np.kron(relative, np.eye(3))
        strains = [np.outer(e, f) + np.outer(f, e) for i, e in enumerate(np.eye(3)) for f in np.eye(3)[i:]]
        strains = np.array([s.ravel() / np.linalg.norm(s) for s in strains])
        return np.block(
            [[moves, np.zeros((len(moves), 9))], [np.zeros((6, 3 * atoms)), strains]],
        )

"""Elastic stiffness under pressure, and whether a crystal withstands every strain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.potential.potential import Potential
from gasearch.screening.surface import FLAT, Surface

#: Voigt's order xx, yy, zz, yz, xz, xy among the strains of a surface's basis: xx, xy, xz, yy, yz, zz.
_VOIGT: Final = (0, 3, 5, 4, 2, 1)
#: A unit step along a shear of the basis has the strain ε_xy = 1/√2, and Voigt's shear is 2ε_xy.
_UNITS: Final = np.array([1, 1, 1, 2**0.5, 2**0.5, 2**0.5])
#: eV/Å²; curvatures that differ by less are taken for equal by symmetry.
_ALIKE: Final = 0.02


@dataclass(frozen=True, eq=False)
class Elasticity:
    """How enthalpy at constant pressure changes with strain and with moves of the atoms, to second order.

    Parameters
    ----------
    clamped : (6, 6) array
        Stiffness, eV/Å³, in Voigt's order, where atoms keep their fractional coordinates.
    stiffness : (6, 6) array or None
        The same where atoms relax; None where the crystal is no minimum for moves of its atoms.
    softest : float
        Lowest curvature of enthalpy for strains and moves together, eV/Å².
    modes : (k, n + 3, 3) array
        Its k directions: moves of the atoms, and strain times J, as points of `surface`; several by symmetry.
    surface : Surface
    """

    clamped: np.ndarray
    stiffness: np.ndarray | None
    softest: float
    modes: np.ndarray
    surface: Surface

    @property
    def stable(self) -> bool:
        """Whether the stiffness is positive definite, as Born's criteria want."""
        return self.stiffness is not None and self.lowest_stiffness > 0

    @property
    def lowest_stiffness(self) -> float:
        """Lowest eigenvalue of the stiffness, eV/Å³; -inf where there is none."""
        return -np.inf if self.stiffness is None else float(np.linalg.eigvalsh(self.stiffness)[0])


def elasticity(potential: Potential, crystal: Crystal, pressure: float) -> Elasticity:
    """Return the elasticity of a crystal that the potential relaxed at a pressure (eV/Å³), which is primitive.

    The stiffness is the second derivative of H = E + PV with a symmetric deformation, over the volume: by expansion of
    E in Lagrangian strain it is C_ijkl − P (δ_ik δ_jl + δ_il δ_jk − δ_ij δ_kl), the stress–strain coefficients B under
    hydrostatic pressure (Mouhat and Coudert, doi:10.1103/PhysRevB.90.224104; Wang and others,
    doi:10.1103/PhysRevB.52.12627), whose positive definiteness is necessary and sufficient for stability.
    """
    surface = Surface.around(potential, crystal, pressure)
    point = surface.point(crystal)
    hessian = surface.hessian(point)
    moves = len(hessian) - 6
    inner, mixed, outer = hessian[:moves, :moves], hessian[:moves, moves:], hessian[moves:, moves:]
    to_stiffness = surface.scale**2 / crystal.volume
    # Atoms follow the strain to where no force is left on them: Schur's complement.
    minimum = not moves or np.linalg.eigvalsh(inner)[0] > 0
    relaxed = outer - mixed.T @ np.linalg.solve(inner, mixed) if minimum else None
    curvatures, vectors = np.linalg.eigh(hessian)
    return Elasticity(
        clamped=_voigt(to_stiffness * outer),
        stiffness=None if relaxed is None else _voigt(to_stiffness * relaxed),
        softest=float(curvatures[0]),
        modes=(vectors[:, curvatures < curvatures[0] + _ALIKE].T @ surface.basis()).reshape(-1, *point.shape),
        surface=surface,
    )


def _voigt(stiffness: np.ndarray) -> np.ndarray:
    return stiffness[np.ix_(_VOIGT, _VOIGT)] / np.outer(_UNITS, _UNITS)


def along(found: Elasticity, crystal: Crystal, length: float) -> list[Crystal]:
    """Return the crystal moved along its softest mode by a length, Å, of the largest component.

    Where there are several, also along mixtures of them: a direction of high symmetry may lead to a saddle.
    """
    count = len(found.modes)
    mixtures = np.random.default_rng(0).normal(size=(count if count > 1 else 0, count))
    steps = np.tensordot(np.vstack([np.eye(count), mixtures]), found.modes, axes=1)
    point = found.surface.point(crystal)
    return [found.surface.crystal(point + length / np.abs(step).max() * step) for step in steps]


def is_minimum(found: Elasticity) -> bool:
    """Whether no strain and no move of the atoms in the cell lowers the enthalpy, beyond rounding."""
    return found.softest > -FLAT

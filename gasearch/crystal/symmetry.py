"""Space groups, primitive and symmetrized cells (spglib)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import reduced
from gasearch.crystal.spglib import ask


@dataclass(frozen=True)
class SpaceGroup:
    """A space-group type.

    Parameters
    ----------
    number : int
        1 to 230.
    symbol : str
        Short Hermann–Mauguin symbol without blanks: ``Im-3m``.
    """

    number: int
    symbol: str


def space_group(crystal: Crystal, symprec: float = 0.05) -> SpaceGroup:
    """Return the space group at a distance tolerance (Å); P1 where none can be found."""
    found = _ask("get_symmetry_dataset", crystal, symprec=symprec)
    return SpaceGroup(found.number, found.international) if found else SpaceGroup(1, "P1")


def operation_count(crystal: Crystal, symprec: float) -> int:
    """Return how many symmetry operations map the cell onto itself at a tolerance (Å), translations within it too."""
    found = _ask("get_symmetry_dataset", crystal, symprec=symprec)
    return len(found.rotations) if found else 1


def primitive(crystal: Crystal, symprec: float = 0.01) -> Crystal:
    """Return the structure in its primitive, Niggli-reduced cell; the crystal itself if it is primitive already.

    Neither rotated nor idealized; also the crystal itself where spglib finds no symmetry at all.
    """
    found = _ask("get_symmetry_dataset", crystal, symprec=symprec)
    copies = np.bincount(found.mapping_to_primitive)[0] if found else 1
    if copies == 1:
        return crystal
    smaller = _ask("standardize_cell", crystal, to_primitive=True, no_idealize=True, symprec=symprec)
    return reduced(Crystal(*smaller)) if smaller else crystal


def symmetrized(crystal: Crystal, symprec: float) -> Crystal:
    """Return the primitive, reduced cell with positions and lattice idealized to the group found at ``symprec`` (Å).

    The result may be rotated; where no symmetry can be found, the crystal is returned as it is.
    """
    found = _ask("standardize_cell", crystal, to_primitive=True, symprec=symprec)
    return reduced(Crystal(*found)) if found else crystal


def irreducible(crystal: Crystal, grid: tuple[int, int, int], q: np.ndarray | None = None) -> np.ndarray:
    """Return how many points of a Γ-centred grid each irreducible one stands for (n,), time reversal included.

    With ``q`` (3,), in units of the reciprocal vectors, only symmetries that keep it are used: those of a phonon.
    """
    points = np.zeros((1, 3)) if q is None else np.reshape(q, (1, 3))
    return np.unique(_mesh(crystal, grid, points)[0], return_counts=True)[1]


def irreducible_points(crystal: Crystal, grid: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return the irreducible points of a Γ-centred grid, and which of them each of its points is like.

    Time reversal is included. The points (n, 3) are in units of the reciprocal vectors; of the grid's points
    (n1·n2·n3,) the third index is the quickest.
    """
    mapping, addresses = _mesh(crystal, grid, np.zeros((1, 3)))
    # Of spglib's points the first index is the quickest.
    first, images = np.unique(mapping.reshape(grid[::-1]).T, return_inverse=True)
    return addresses[first] / np.array(grid), images.reshape(-1)


def _mesh(crystal: Crystal, grid: tuple[int, int, int], q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    found = _ask("get_symmetry_dataset", crystal, symprec=0.01)
    rotations = found.rotations if found else np.eye(3, dtype=int)[None]
    return ask("get_stabilized_reciprocal_mesh", grid, rotations, is_time_reversal=True, qpoints=q)


def conventional(crystal: Crystal, symprec: float) -> Crystal:
    """Return the conventional cell, idealized to the group found at ``symprec`` (Å), in spglib's standard setting.

    The result may be rotated; where no symmetry can be found, the crystal is returned as it is.
    """
    found = _ask("standardize_cell", crystal, to_primitive=False, symprec=symprec)
    return Crystal(*found) if found else crystal


def _ask(function: str, crystal: Crystal, **settings: float) -> Any:
    return ask(function, (crystal.cell, crystal.frac, crystal.numbers), **settings)

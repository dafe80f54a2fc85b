"""Paths through the Brillouin zone for band structures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gasearch.crystal.convert import to_ase
from gasearch.crystal.crystal import Crystal

#: Relative deviation of cell lengths and angles up to which a lattice counts as one of higher symmetry.
_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class BandPath:
    """Points along lines of high symmetry.

    Parameters
    ----------
    points : (n, 3) array
        In units of the crystal's reciprocal lattice vectors.
    distances : (n,) array
        Length of the path up to each point, 1/Å; a jump has none.
    corners : tuple of (float, str)
        Distance and name of the points where lines begin and end, by the names of doi:10.1016/j.commatsci.2010.05.010.
    """

    points: np.ndarray
    distances: np.ndarray
    corners: tuple[tuple[float, str], ...]


def band_path(crystal: Crystal, count: int) -> BandPath:
    """Return a path of about ``count`` points that suits the crystal's lattice."""
    path = to_ase(crystal).cell.bandpath(npoints=count, eps=_TOLERANCE)
    distances, places, names = path.get_linear_kpoint_axis()
    corners = tuple(zip((2 * np.pi * places).tolist(), names, strict=True))
    return BandPath(path.kpts, 2 * np.pi * distances, corners)

"""Paths between the points of high symmetry in the Brillouin zone (Setyawan and Curtarolo, through ASE)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gasearch.crystal.convert import to_ase
from gasearch.crystal.crystal import Crystal


@dataclass(frozen=True, eq=False)
class BandPath:
    """A path through the Brillouin zone (doi:10.1016/j.commatsci.2010.05.010).

    Parameters
    ----------
    points : (n, 3) array
        In units of the reciprocal vectors of the crystal's cell.
    distances : (n,) array
        Along the path, Å⁻¹, without the factor 2π; the same on both sides of a jump.
    ticks : tuple of (float, str)
        Distance and name of each point of high symmetry; both names where the path jumps: X|R.
    """

    points: np.ndarray
    distances: np.ndarray
    ticks: tuple[tuple[float, str], ...]


def band_path(crystal: Crystal, count: int = 160) -> BandPath:
    """Return a path of some ``count`` points for the crystal's lattice, whatever its cell."""
    path = to_ase(crystal).cell.bandpath(npoints=count)
    distances, places, names = path.get_linear_kpoint_axis()
    ticks: list[tuple[float, str]] = []
    for place, name in zip(places.tolist(), names, strict=True):
        name = name.replace("G", "Γ")
        if ticks and abs(ticks[-1][0] - place) < 1e-9:
            ticks[-1] = (place, f"{ticks[-1][1]}|{name}")
        else:
            ticks.append((place, name))
    return BandPath(path.kpts, distances, tuple(ticks))

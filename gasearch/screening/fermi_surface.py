"""The Fermi surface in the first Brillouin zone, as triangles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gasearch.crystal.geometry import reduced_cell
from gasearch.screening.bands import FermiBands

#: Å⁻²; rounding of the products of vectors of a corner that lies on a face.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class BrillouinZone:
    """The points that are nearer to Γ than to any other reciprocal lattice vector.

    Parameters
    ----------
    vectors : (f, 3) array
        Å⁻¹, one for each face, which bisects it.
    faces : tuple of (m, 3) array
        Å⁻¹, the corners of each face in their order.
    """

    vectors: np.ndarray
    faces: tuple[np.ndarray, ...]

    @staticmethod
    def of(reciprocal: np.ndarray) -> BrillouinZone:
        """Return the zone of a lattice with these vectors (3, 3), rows, Å⁻¹."""
        from scipy.spatial import Voronoi

        cell, _ = reduced_cell(reciprocal)
        multiples = np.stack(np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        points = multiples @ cell
        origin = int(np.flatnonzero(~multiples.any(axis=1))[0])
        cells = Voronoi(points)
        faces = {
            int(pair[pair != origin][0]): cells.vertices[corners]
            for pair, corners in zip(cells.ridge_points, cells.ridge_vertices, strict=True)
            if origin in pair
        }
        return BrillouinZone(points[list(faces)], tuple(faces.values()))


def fermi_surface(bands: FermiBands) -> list[np.ndarray]:
    """Return the Fermi surface of each band in the first Brillouin zone, triangles (n, 3, 3) of points, Å⁻¹.

    Marching cubes (Lewiner and others, doi:10.1080/10867651.2003.10487582) through the band's grid, cut off at the
    faces of the zone. A band that does not cross the Fermi energy has none. Normals point to higher energies.
    """
    zone = BrillouinZone.of(bands.reciprocal)
    return [_within(zone, _surface(band, bands.reciprocal, zone)) for band in bands.energies]


def _surface(band: np.ndarray, reciprocal: np.ndarray, zone: BrillouinZone) -> np.ndarray:
    """Return the triangles of one band in as many cells as the zone reaches into."""
    from skimage.measure import marching_cubes

    if not band.min() < 0 < band.max():
        return np.empty((0, 3, 3))
    corners = np.concatenate(zone.faces) @ np.linalg.inv(reciprocal)
    shape = np.array(band.shape)
    low = np.floor(corners.min(axis=0) * shape).astype(int) - 1
    high = np.ceil(corners.max(axis=0) * shape).astype(int) + 2
    tiled = band[np.ix_(*(np.arange(a, b) % n for a, b, n in zip(low, high, shape, strict=True)))]
    right_handed = np.linalg.det(reciprocal) > 0
    vertices, triangles, _, _ = marching_cubes(tiled, 0.0, gradient_direction="descent" if right_handed else "ascent")
    return ((vertices + low) / shape @ reciprocal)[triangles]


def _within(zone: BrillouinZone, triangles: np.ndarray) -> np.ndarray:
    """Return what of the triangles lies in the zone, cut at one face after the other."""
    for vector in zone.vectors:
        triangles = _cut(triangles, vector, vector @ vector / 2)
    return triangles


def _cut(triangles: np.ndarray, normal: np.ndarray, level: float) -> np.ndarray:
    """Return what of triangles (n, 3, 3) lies where x·normal ≤ level."""
    height = triangles @ normal - level
    inside = height <= _ROUNDING
    count = inside.sum(axis=1)
    kept = [triangles[count == 3]]
    for corners, lonely_inside in ((1, True), (2, False)):
        chosen = np.flatnonzero(count == corners)
        # The corner that is alone on its side comes first.
        first = (inside[chosen] if lonely_inside else ~inside[chosen]).argmax(axis=1)
        order = (first[:, None] + np.arange(3)) % 3
        a, b, c = np.moveaxis(np.take_along_axis(triangles[chosen], order[..., None], axis=1), 1, 0)
        ha, hb, hc = np.take_along_axis(height[chosen], order, axis=1).T
        ab = a + (ha / (ha - hb))[:, None] * (b - a)
        ac = a + (ha / (ha - hc))[:, None] * (c - a)
        if lonely_inside:
            kept.append(np.stack([a, ab, ac], axis=1))
        else:
            kept += [np.stack([ab, b, c], axis=1), np.stack([ab, c, ac], axis=1)]
    return np.concatenate(kept)

"""The lower convex hull of enthalpy over a composition space.

Compositions are shares x of the endpoints (non-negative, summing to one), so that every facet is a linear form
μ·x whose coefficients are the endpoints' chemical potentials per atom, and the hull is their maximum:
h(x) = max_f μ_f·x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Enthalpy differences below this are rounding, eV/atom.
RESOLUTION = 1e-9


@dataclass(frozen=True, eq=False)
class Hull:
    """Vertices and facets of a lower convex hull; it holds enthalpies of one method and setting only.

    Parameters
    ----------
    ids : (n,) array of int
        Labels of the vertices.
    shares : (n, d) array
        Their endpoint shares.
    enthalpies : (n,) array
        eV per atom.
    facets : (m, d) array of int
        Rows of the vertices of each facet.
    potentials : (m, d) array
        Chemical potentials of the endpoints on each facet, eV per atom.
    """

    ids: np.ndarray
    shares: np.ndarray
    enthalpies: np.ndarray
    facets: np.ndarray
    potentials: np.ndarray

    @staticmethod
    def of(ids: np.ndarray, shares: np.ndarray, enthalpies: np.ndarray) -> Hull:
        """Build the hull of points (n,), (n, d), (n,).

        Raises
        ------
        ValueError
            If an endpoint has no point: there is no hull without it.
        """
        ids, shares, enthalpies = np.asarray(ids), np.asarray(shares, float), np.asarray(enthalpies, float)
        lowest = endpoint_enthalpies(shares, enthalpies)
        formation = enthalpies - shares @ lowest
        simplices = _lower_simplices(shares, formation)
        potentials = np.array([np.linalg.solve(shares[s], formation[s]) for s in simplices]) + lowest
        kept, facets = np.unique(simplices, return_inverse=True)
        return Hull(ids[kept], shares[kept], enthalpies[kept], facets.reshape(simplices.shape), potentials)

    def enthalpy(self, shares: np.ndarray) -> np.ndarray:
        """Return the hull's enthalpy (...,), eV per atom, at shares (..., d)."""
        return (np.asarray(shares) @ self.potentials.T).max(axis=-1)

    def above(self, shares: np.ndarray, enthalpies: np.ndarray) -> np.ndarray:
        """Return enthalpies (...,) above the hull, eV per atom; negative where a point lies below it."""
        return np.asarray(enthalpies) - self.enthalpy(shares)

    def facet(self, shares: np.ndarray) -> int:
        """Return the row of the facet that is the hull at shares (d,)."""
        return int(np.argmax(self.potentials @ shares))

    def decomposition(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the vertices (d,), as rows, that coexist at shares (d,), and their fractions of the atoms (d,)."""
        vertices = self.facets[self.facet(shares)]
        return vertices, np.clip(np.linalg.solve(self.shares[vertices].T, shares), 0.0, 1.0)

    def with_point(self, id: int, shares: np.ndarray, enthalpy: float) -> Hull:
        """Return the hull with one more point; the same object if the point changes nothing."""
        if self.above(shares, enthalpy) >= -RESOLUTION:
            return self
        return Hull.of(np.append(self.ids, id), np.vstack([self.shares, shares]), np.append(self.enthalpies, enthalpy))


def above_own_hull(shares: np.ndarray, enthalpies: np.ndarray) -> np.ndarray:
    """Return how far points (n, d), (n,) lie above the hull of them all (n,), eV per atom; errors as of `Hull.of`."""
    return Hull.of(np.arange(len(enthalpies)), shares, enthalpies).above(shares, enthalpies)


def is_endpoint(shares: np.ndarray) -> np.ndarray:
    """Tell of which endpoint, if any, each point (n, d) is a phase (n, d)."""
    return np.isclose(shares, 1.0, atol=1e-9)


def endpoint_enthalpies(shares: np.ndarray, enthalpies: np.ndarray) -> np.ndarray:
    """Return the lowest enthalpy (d,), eV per atom, that points (n, d), (n,) have at each endpoint.

    Raises
    ------
    ValueError
        If an endpoint has no point.
    """
    pure = is_endpoint(shares)
    if not pure.any(axis=0).all():
        missing = np.flatnonzero(~pure.any(axis=0)).tolist()
        raise ValueError(f"no point at endpoint(s) {missing}: a hull needs every endpoint")
    return np.where(pure, enthalpies[:, None], np.inf).min(axis=0)


def _lower_simplices(shares: np.ndarray, formation: np.ndarray) -> np.ndarray:
    """Return the point indices (m, d) of the lower facets."""
    from scipy.spatial import ConvexHull  # slow to import, and no check of an input needs it

    d = shares.shape[1]
    if d == 1:
        return np.array([[np.argmin(formation)]])
    candidates = np.flatnonzero(formation <= RESOLUTION)
    # A point high above the middle keeps the hull full-dimensional when only endpoints are known.
    points = np.column_stack([shares[candidates, 1:], formation[candidates]])
    apex = np.append(np.full(d - 1, 1.0 / d), 1.0 + np.abs(formation[candidates]).max())
    hull = ConvexHull(np.vstack([points, apex]))
    faces_down = hull.equations[:, d - 1] < -1e-10
    without_apex = (hull.simplices < len(candidates)).all(axis=1)
    return candidates[hull.simplices[faces_down & without_apex]]

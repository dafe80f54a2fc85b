"""Chemical potentials on the hull, and the grand potential they define."""

from __future__ import annotations

import numpy as np

from gasearch.thermodynamics.hull import Hull


def facet_at(hull: Hull, shares: np.ndarray) -> np.ndarray:
    """Return the chemical potentials (d,), eV per atom, of the facet that is the hull at shares (d,)."""
    return hull.potentials[hull.facet(shares)]


def grand_potential(potentials: np.ndarray, shares: np.ndarray, enthalpies: np.ndarray) -> np.ndarray:
    """Return Ω = H − Σ μᵢNᵢ (...,), eV per atom.

    On the hull's own facets Ω ≥ 0, and 0 only for the phases that coexist there: ranking by Ω prefers the
    neighbourhood of one facet, where ranking by the distance to the hull treats all compositions alike.
    """
    return np.asarray(enthalpies) - np.asarray(shares) @ potentials

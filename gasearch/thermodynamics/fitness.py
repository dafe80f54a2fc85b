"""Fitness: enthalpy above the hull turned into the odds of becoming a parent."""

from __future__ import annotations

import numpy as np


def boltzmann(above: np.ndarray, scale: float) -> np.ndarray:
    """Return weights (n,) that fall off exponentially with a distance (n,) ≥ 0; both in eV per atom."""
    return np.exp(-np.clip(above, 0.0, None) / scale)


def shared(weights: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Divide each weight (n,) by the number of members with the same label (n,).

    Sharing of fitness within a niche keeps one composition from crowding out the others
    (Goldberg & Richardson 1987).
    """
    _, niche, counts = np.unique(labels, return_inverse=True, return_counts=True)
    return weights / counts[niche]

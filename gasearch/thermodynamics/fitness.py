"""Fitness: enthalpy above the hull turned into the odds of becoming a parent."""

from __future__ import annotations

import numpy as np


def boltzmann(above: np.ndarray, scale: float) -> np.ndarray:
    """Return weights (n,) that fall off exponentially with a distance (n,) ≥ 0; both in eV per atom."""
    return np.exp(-np.clip(above, 0.0, None) / scale)

"""Partial radial distributions: what stands at which distance from what, in crystals, liquids and glasses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations_with_replacement

import numpy as np

from gasearch.crystal.composition import Pair
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import pair_lengths, reduced_cell

#: How far is looked, in units of the smallest height of the cell.
_SIGHT = 0.75
#: Standard deviation of a peak where two structures are compared, in units of the mean spacing (V/N)^(1/3).
_WIDTH = 0.06
#: Points of the grid per such width.
_FINENESS = 3
#: Standard deviations of a peak beyond which it is nothing.
_FAR = 5.0
#: The first shell ends at the lowest point of g(r) up to this many times the distance of its peak.
_SHELL = 1.5


def spacing(crystal: Crystal) -> float:
    """Return the cube root of the volume per atom, Å."""
    return (crystal.volume / len(crystal)) ** (1 / 3)


def reach(crystal: Crystal) -> float:
    """Return three quarters of the smallest height of the cell, Å, up to which a disordered structure is looked at.

    An atom meets its own images at the whole of it, and those of its neighbours somewhat before.
    """
    cell, _ = reduced_cell(crystal.cell)
    return float(_SIGHT / np.linalg.norm(np.linalg.inv(cell), axis=0).max())


def peak_width(crystal: Crystal) -> float:
    """Return the width of a peak, Å, where others are compared with this structure."""
    return _WIDTH * spacing(crystal)


def partial_distributions(crystal: Crystal, distances: np.ndarray, width: float) -> dict[Pair, np.ndarray]:
    """Return the partial radial distribution functions of all pairs of elements.

        g_AB(r) = V / (N_A N_B) Σ_{i∈A, j∈B} δ(r − r_ij) / (4π r_ij²),

    over all periodic images, each δ a Gaussian; 1 where atoms know nothing of each other. Does not depend on
    orientation, origin, order of atoms and choice of cell.

    Parameters
    ----------
    crystal : Crystal
    distances : (m,) array
        Å.
    width : float
        Standard deviation of the Gaussian, Å.

    Returns
    -------
    dict
        Pair of atomic numbers → g (m,).
    """
    i, j, lengths = pair_lengths(crystal, float(distances[-1]) + _FAR * width)
    counts = dict(crystal.composition.counts)
    found = {}
    for a, b in combinations_with_replacement(counts, 2):
        chosen = _of_elements(crystal.numbers, i, j, a, b)
        r, ordered = lengths[chosen], _ordered(i[chosen], j[chosen], a == b)
        weights = crystal.volume / (counts[a] * counts[b]) * ordered / (4 * np.pi * r**2)
        found[Pair(a, b)] = _smoothed(r, weights, distances, width)
    return found


def coordination_numbers(crystal: Crystal, cutoffs: Mapping[Pair, float]) -> dict[str, float]:
    """Return how many atoms of an element stand, on average, within the cutoff (Å) of an atom of another.

    The keys name the central atom first: ``S-H`` counts the H around an S.
    """
    i, j, lengths = pair_lengths(crystal, max(cutoffs.values()))
    counts = dict(crystal.composition.counts)
    found = {}
    for (a, b), cutoff in cutoffs.items():
        chosen = _of_elements(crystal.numbers, i, j, a, b) & (lengths < cutoff)
        total = float(_ordered(i[chosen], j[chosen], a == b).sum())
        found[str(Pair(a, b))] = total / counts[a]
        if a != b:
            found["-".join(reversed(str(Pair(a, b)).split("-")))] = total / counts[b]
    return found


def first_shell(distances: np.ndarray, distribution: np.ndarray) -> tuple[float, float]:
    """Return where the first peak of a g(r) above 1 is, and where its shell ends, Å; NaN where there is none."""
    inner = distribution[1:-1]
    peaks = 1 + np.flatnonzero((inner > distribution[:-2]) & (inner >= distribution[2:]) & (inner > 1))
    if not peaks.size:
        return np.nan, np.nan
    beyond = np.flatnonzero((distances > distances[peaks[0]]) & (distances <= _SHELL * distances[peaks[0]]))
    if not beyond.size:
        return float(distances[peaks[0]]), np.nan
    return float(distances[peaks[0]]), float(distances[beyond[np.argmin(distribution[beyond])]])


def structure_vector(crystal: Crystal, length: float, width: float) -> np.ndarray:
    """Describe what surrounds the atoms up to a distance, as a vector of length 1.

    It joins the reduced distributions r [g_AB(r) − 1] of all pairs, the usual way to look at a glass, each weighted by
    the root of its share of all pairs. The fingerprint of a search looks five spacings far and at peaks of 3 %: there a
    glass in a small cell meets its own images, and resembles nothing.

    Parameters
    ----------
    crystal : Crystal
    length, width : float
        How far it looks, and the width of a peak, Å; to be compared, two structures need the same.
    """
    distances = np.arange(1, int(_FINENESS * length / width) + 1) * width / _FINENESS
    counts = dict(crystal.composition.counts)
    parts = []
    for (a, b), g in partial_distributions(crystal, distances, width).items():
        share = (1 if a == b else 2) * counts[a] * counts[b] / len(crystal) ** 2
        parts.append(np.sqrt(share) * distances * (g - 1))
    vector = np.concatenate(parts)
    return vector / np.linalg.norm(vector)


def structure_distances(glass: Crystal, others: Iterable[Crystal]) -> list[float]:
    """Return the cosine distance (1 − f·g)/2 of the surroundings in a glass to those in others of its composition.

    0 is the same, 0.5 unrelated. The glass says how far is looked, to its `reach`, and how sharply.

    Raises
    ------
    ValueError
        If one is of another composition.
    """
    length, width = reach(glass), peak_width(glass)
    own = structure_vector(glass, length, width)
    found = []
    for other in others:
        if other.composition.reduced != glass.composition.reduced:
            raise ValueError(f"{other.composition.formula} is not {glass.composition.reduced.formula}")
        found.append(float(np.clip((1 - own @ structure_vector(other, length, width)) / 2, 0.0, 1.0)))
    return found


def _of_elements(numbers: np.ndarray, i: np.ndarray, j: np.ndarray, a: int, b: int) -> np.ndarray:
    """Tell which pairs of atoms join these two elements."""
    first, second = numbers[i], numbers[j]
    return ((first == a) & (second == b)) | ((first == b) & (second == a))


def _ordered(i: np.ndarray, j: np.ndarray, alike: bool) -> np.ndarray:
    """Return how many ordered pairs of the two elements each pair i ≤ j is; an atom and its images are listed twice."""
    return np.where(alike & (i != j), 2.0, 1.0)


def _smoothed(places: np.ndarray, weights: np.ndarray, distances: np.ndarray, width: float) -> np.ndarray:
    """Return Σ weight · Gaussian(distance − place) (m,)."""
    total = np.zeros_like(distances)
    for k in range(0, len(places), 4096):  # so that the table of all differences stays small
        x = (distances[:, None] - places[k : k + 4096]) / width
        total += np.exp(-(x**2) / 2) @ weights[k : k + 4096]
    return total / (width * np.sqrt(2 * np.pi))

"""Fingerprints to compare structures by, and the verdict whether two structures are the same."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np

from gasearch.crystal.convert import to_pymatgen
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import pair_lengths
from gasearch.crystal.symmetry import primitive

#: Interatomic distances beyond this many times the cube root of the volume per atom are not seen.
_REACH = 5.0
#: Standard deviation of a peak, and spacing of the grid, in the logarithm of the distance.
_WIDTH = 0.03
_GRID = np.arange(np.log(0.4), np.log(25.0), _WIDTH)


def fingerprint(crystal: Crystal, elements: tuple[int, ...]) -> np.ndarray:
    """Describe a structure by the smoothed distribution of distances of each pair of elements.

    The fingerprint of Oganov and Valle, doi:10.1063/1.3079326, eq. 3,

        F_AB = Σ_{i∈A, j∈B} δ(r − r_ij) V / (4π r² N_A N_B) − 1,

    on a grid of ln r from 0.4 to 25 Å, where peaks have the width 0.03, so that resolution is relative and lengths
    remain absolute. It is multiplied by sin²(πx/5), x = r / (V/N)^(1/3) from 0 to 5: what is seen scales with the
    volume per atom, and atoms come into sight smoothly. Invariant to rotation, origin, order of atoms and cell.

    Parameters
    ----------
    crystal : Crystal
    elements : tuple of int
        Atomic numbers of the search, which fix the length and the order of the pairs; all of the crystal's among them.

    Returns
    -------
    (n,) array, read-only
        Of length 1; each pair's part is weighted by its share of all pairs (eq. 6a). Compare by `distance`.
    """
    pairs = list(itertools.combinations_with_replacement(range(len(elements)), 2))
    kinds = np.array([elements.index(z) for z in crystal.numbers.tolist()])
    counts = np.bincount(kinds, minlength=len(elements))
    spacing = (crystal.volume / len(crystal)) ** (1 / 3)
    density = _radial_density(crystal, kinds, len(elements), spacing)
    background = _window(np.exp(_GRID) / spacing)
    parts = []
    for a, b in pairs:
        share = (1 if a == b else 2) * counts[a] * counts[b] / len(crystal) ** 2
        # The density holds ordered pairs, and so each unlike pair twice.
        parts.append(
            np.sqrt(share) * (density[a, b] / (share * len(crystal)) - background) if share else 0 * background
        )
    vector = np.concatenate(parts)
    vector /= np.linalg.norm(vector)
    vector.setflags(write=False)
    return vector


def distance(f: np.ndarray, g: np.ndarray) -> float:
    """Return the cosine distance (1 − f·g)/2 of two fingerprints, 0 to 1 (eq. 7); 0.5 for unrelated ones."""
    return float(np.clip((1.0 - f @ g) / 2, 0.0, 1.0))


def same_structure(a: Crystal, b: Crystal) -> bool:
    """Tell whether two crystals are one structure, up to rotation, origin, choice of cell and small distortions.

    pymatgen's StructureMatcher on the primitive cells: lengths may differ by 10 %, angles by 5°, and positions by 0.1
    of the cube root of the volume per atom (root mean square). Volumes are not scaled to one another.
    """
    if a.composition.reduced != b.composition.reduced:
        return False
    from pymatgen.analysis.structure_matcher import StructureMatcher

    matcher = StructureMatcher(ltol=0.1, stol=0.1, angle_tol=5, primitive_cell=False, scale=False)
    return bool(matcher.fit(*(to_pymatgen(primitive(x, symprec=0.1)) for x in (a, b))))


def same_but_for_volume(a: Crystal, b: Crystal) -> bool:
    """Tell whether two crystals are one structure at two pressures: `same_structure` at one volume per atom."""
    volume = a.volume / len(a) * len(b)
    return same_structure(a, b.scaled_to(volume))


def _radial_density(crystal: Crystal, kinds: np.ndarray, n_kinds: int, spacing: float) -> np.ndarray:
    """Return Σ_ij δ(ln r − ln r_ij) w(r_ij) V / (4π r³ N) of each ordered pair of kinds on the grid."""
    i, j, lengths = pair_lengths(crystal, _REACH * spacing)
    weights = np.where(i == j, 1.0, 2.0) * _window(lengths / spacing) * spacing**3 / (4 * np.pi * lengths**3)
    pair = np.minimum(kinds[i], kinds[j]) * n_kinds + np.maximum(kinds[i], kinds[j])
    place = (np.log(lengths) - _GRID[0]) / _WIDTH
    bins = np.floor(place).astype(int)
    seen = (bins >= 0) & (bins < len(_GRID) - 1)
    first, upper, weights = (pair * len(_GRID) + bins)[seen], (place - bins)[seen], weights[seen]
    size = n_kinds**2 * len(_GRID)
    histogram = np.bincount(first, weights * (1 - upper), size) + np.bincount(first + 1, weights * upper, size)
    return histogram.reshape(n_kinds, n_kinds, -1) @ _smoothing()


def _window(x: np.ndarray) -> np.ndarray:
    return np.where(x < _REACH, np.sin(np.pi * x / _REACH) ** 2, 0.0)


@cache
def _smoothing() -> np.ndarray:
    """Return the matrix that turns a histogram over the grid into a density over ln r, smoothed by a Gaussian."""
    return np.exp(-(((_GRID[:, None] - _GRID) / _WIDTH) ** 2) / 2) / (_WIDTH * np.sqrt(2 * np.pi))

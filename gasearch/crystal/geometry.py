"""Distances and lattices: nearest neighbours through periodic boundaries, reduced cells, supercells."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from functools import lru_cache

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.spglib import ask

#: The cell and its 26 neighbours, as multiples of the lattice vectors.
NEIGHBOURS = np.array(list(itertools.product((-1.0, 0.0, 1.0), repeat=3)))


def reduced_cell(cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the Niggli-reduced, right-handed cell (3, 3), Å, of the same lattice, and the change of coordinates.

    The change (3, 3) holds integers: ``frac @ change`` are the coordinates, in the reduced cell, of the same points.
    Where the reduction fails, as it may for cells that are needles to rounding, the lattice vectors stay.
    """
    transformation = _niggli_transformation(cell)
    return transformation @ cell, np.linalg.inv(transformation)


def _niggli_transformation(cell: np.ndarray) -> np.ndarray:
    """Return the integer matrix T (3, 3), |det T| = 1, for which ``T @ cell`` is Niggli-reduced and right-handed.

    The sign is the one exception to det T = 1: a left-handed cell is inverted.
    """
    niggli = ask("niggli_reduce", cell)
    transformation = np.eye(3) if niggli is None else np.rint(niggli @ np.linalg.inv(cell))
    if abs(abs(np.linalg.det(transformation)) - 1) > 1e-6:
        transformation = np.eye(3)
    return transformation * np.sign(np.linalg.det(transformation @ cell))


@lru_cache(maxsize=64)  # An operator tries the same parents again and again.
def reduced(crystal: Crystal) -> Crystal:
    """Return the same structure, neither rotated nor shifted, in its Niggli-reduced, right-handed cell."""
    cell, change = reduced_cell(crystal.cell)
    return Crystal(cell, crystal.frac @ change, crystal.numbers)


def nearest_distances(cell: np.ndarray, frac: np.ndarray) -> np.ndarray:
    """Return the distance (n, n), Å, from each atom to the nearest image of each other one.

    The diagonal holds the distance to an atom's own nearest image, which is the shortest lattice vector.
    """
    cell, change = reduced_cell(cell)
    frac = frac @ change
    distances = shortest_images(frac[:, None] - frac, cell)
    np.fill_diagonal(distances, np.linalg.norm(cell, axis=1).min())
    return distances


def shortest_images(differences: np.ndarray, reduced_cell: np.ndarray) -> np.ndarray:
    """Return the length, Å, of the shortest periodic image of each fractional difference (..., 3).

    The cell must be reduced: only then is the shortest image at most one cell away from a wrapped difference.
    """
    vectors = (differences - np.rint(differences)) @ reduced_cell
    shifts = NEIGHBOURS @ reduced_cell
    # |v + s|² − |v|²: one matrix product, instead of an array of all image vectors.
    excess = 2 * vectors @ shifts.T + np.einsum("kx,kx->k", shifts, shifts)
    squared = np.einsum("...x,...x->...", vectors, vectors) + excess.min(axis=-1)
    return np.sqrt(np.maximum(squared, 0.0))


def pair_lengths(crystal: Crystal, cutoff: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List the distances within the cutoff between atoms i ≤ j, all images included, as (i, j, length)."""
    cell, change = reduced_cell(crystal.cell)
    frac = crystal.frac @ change
    i, j = np.triu_indices(len(crystal))
    difference = frac[j] - frac[i]
    vectors = (difference - np.rint(difference)) @ cell
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    ranges = (np.arange(-n, n + 1) for n in np.floor(cutoff / heights + 0.5).astype(int))
    images = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3) @ cell
    reach = cutoff + np.linalg.norm(vectors, axis=1).max()
    images = images[np.einsum("kx,kx->k", images, images) < reach**2]
    squared = 2 * vectors @ images.T + np.einsum("kx,kx->k", images, images)
    squared += np.einsum("px,px->p", vectors, vectors)[:, None]
    pair, image = np.nonzero((squared < cutoff**2) & (squared > 1e-6))
    return i[pair], j[pair], np.sqrt(squared[pair, image])


def closest_distances(crystal: Crystal) -> dict[tuple[int, int], float]:
    """Return the shortest distance, Å, of each pair of elements (Z₁ ≤ Z₂) that occurs, over all periodic images."""
    distances = nearest_distances(crystal.cell, crystal.frac)
    elements = crystal.composition.elements
    return {
        (a, b): float(distances[np.ix_(crystal.numbers == a, crystal.numbers == b)].min())
        for a, b in itertools.combinations_with_replacement(elements, 2)
    }


def closest_distances_in(crystals: Iterable[Crystal]) -> dict[tuple[int, int], float]:
    """Return the shortest distance, Å, of each pair of elements (Z₁ ≤ Z₂) that occurs in any of the crystals."""
    closest: dict[tuple[int, int], float] = {}
    for crystal in crystals:
        for pair, distance in closest_distances(crystal).items():
            closest[pair] = min(distance, closest.get(pair, distance))
    return closest


def too_close(crystal: Crystal, minimum_distances: Mapping[tuple[int, int], float]) -> bool:
    """Tell whether any two atoms, images included, are nearer than their elements' minimum distance (Å)."""
    distances = nearest_distances(crystal.cell, crystal.frac)
    return bool((distances < distance_limits(crystal.numbers, minimum_distances)).any())


def distance_limits(numbers: np.ndarray, minimum_distances: Mapping[tuple[int, int], float]) -> np.ndarray:
    """Return the minimum distance (n, n), Å, of each pair of atoms."""
    elements = sorted(set(numbers.tolist()))
    limits = np.array([[minimum_distances[min(a, b), max(a, b)] for b in elements] for a in elements])
    kinds = np.searchsorted(elements, numbers)
    return limits[kinds[:, None], kinds]


def supercell(crystal: Crystal, matrix: np.ndarray) -> Crystal:
    """Return the structure in the cell ``matrix @ cell``; ``matrix`` (3, 3) holds integers and is not singular."""
    inverse = np.linalg.inv(matrix)
    corners = np.array(list(itertools.product((0, 1), repeat=3))) @ matrix
    ranges = (np.arange(low, high + 1) for low, high in zip(corners.min(0), corners.max(0), strict=True))
    points = np.array(list(itertools.product(*ranges))) @ inverse
    inside = points[((points > -1e-9) & (points < 1 - 1e-9)).all(axis=1)]
    frac = (crystal.frac @ inverse)[:, None] + inside
    return Crystal(matrix @ crystal.cell, frac.reshape(-1, 3), np.repeat(crystal.numbers, len(inside)))

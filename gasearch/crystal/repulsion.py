"""Atoms pushed apart as soft spheres: from random coordinates to a sensible start, at the cost of one energy call."""

from __future__ import annotations

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import NEIGHBOURS

#: Pairs nearer than this many times their limit are followed.
_SIGHT = 1.6
#: Largest norm of the strain of one step.
_LARGEST_STRAIN = 0.15
_IDENTITY = np.eye(3)


def pushed_apart(crystal: Crystal, limits: np.ndarray, steps: int) -> Crystal:
    """Move atoms and deform the cell at constant volume until no two atoms are nearer than their limit.

    Steepest descent in Σ max(0, limit − distance)². Whatever symmetry there is remains, as its gradient has it too.
    Success is not guaranteed: check the result.

    Parameters
    ----------
    crystal : Crystal
        In a reduced cell.
    limits : (n, n) array
        Smallest distance wanted for each pair of atoms, Å.
    steps : int
        Number of steps at most.
    """
    cell, positions = crystal.cell, crystal.positions
    i, j, images = _close_pairs(crystal, _SIGHT * limits)
    wanted = limits[i, j]
    for _ in range(steps):
        vectors = positions[j] - positions[i] + images @ cell
        lengths = np.sqrt(np.einsum("px,px->p", vectors, vectors)) + 1e-9
        overlap = np.maximum(wanted - lengths, 0.0)
        if not overlap.any():
            break
        directions = vectors / lengths[:, None]
        push = overlap[:, None] * directions
        # Each pair is listed in both orders, and each atom of it moves by 3/4 of the overlap: overrelaxed by a half.
        moves = [np.bincount(i, component, len(crystal)) for component in push.T]
        deformation = _deformation(push.T @ (directions / lengths[:, None]) / len(crystal))
        positions = (positions - 0.75 * np.transpose(moves)) @ deformation
        cell = cell @ deformation
    pushed = Crystal(cell, positions @ np.linalg.inv(cell), crystal.numbers)
    return pushed.scaled_to(crystal.volume)


def _close_pairs(crystal: Crystal, reach: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """List pairs i, j and the images (p, 3), in lattice vectors, of j that are within reach of i."""
    difference = crystal.frac - crystal.frac[:, None]
    wrap = -np.rint(difference)
    vectors = ((difference + wrap) @ crystal.cell)[:, :, None] + NEIGHBOURS @ crystal.cell
    squared = np.einsum("ijkx,ijkx->ijk", vectors, vectors)
    squared[np.arange(len(crystal)), np.arange(len(crystal)), len(NEIGHBOURS) // 2] = np.inf
    i, j, k = np.nonzero(squared < reach[:, :, None] ** 2)
    return i, j, wrap[i, j] + NEIGHBOURS[k]


def _deformation(strain: np.ndarray) -> np.ndarray:
    """Return the matrix that deforms by the strain, without its trace and limited in size."""
    strain = strain - _IDENTITY * (strain.trace() / 3)
    return _IDENTITY + strain * min(1.0, _LARGEST_STRAIN / (np.sqrt((strain**2).sum()) + 1e-12))

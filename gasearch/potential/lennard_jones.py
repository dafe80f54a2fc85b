"""Lennard-Jones with a table per pair, energy and force shifted to zero at the cutoff."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gasearch.potential.neighbours import PairCache, Pairs
from gasearch.potential.potential import Batch, BatchResult, check_elements


class LennardJones:
    """φ(r) - φ(r_c) - (r - r_c) φ'(r_c) with φ(r) = 4ε [(σ/r)¹² - (σ/r)⁶], and zero beyond r_c.

    Parameters
    ----------
    pairs : mapping
        (Z₁, Z₂) → (ε in eV, σ in Å), each pair of elements once in either order.
    cutoff_sigma : float
        r_c/σ, the same for all pairs.
    skin : float
        Of the neighbour list, Å: changes the speed, not the result.

    References
    ----------
    Force shift: Toxvaerd and Dyre, doi:10.1063/1.3558787, eq. (3).
    """

    name = "Lennard-Jones"

    def __init__(
        self, pairs: Mapping[tuple[int, int], tuple[float, float]], cutoff_sigma: float = 5.0, skin: float = 1.0
    ):
        self.elements = tuple(sorted({z for pair in pairs for z in pair}))
        self.cutoff_sigma = cutoff_sigma
        self._epsilon, self._sigma = _tables(pairs, self.elements)
        self._cache = PairCache(skin)
        # φ(r_c) and -φ'(r_c) in units of ε and σ; the shifted potential is φ + constant + slope r.
        well = cutoff_sigma**-6
        self._slope = 24 * (2 * well**2 - well) / cutoff_sigma
        self._constant = -4 * (well**2 - well) - self._slope * cutoff_sigma

    def compute(self, batch: Batch) -> BatchResult:
        """Return energies, forces and stresses; system by system, so that batches change no bit of a result."""
        check_elements(self, batch.numbers)
        energy, forces, virial = np.empty(len(batch)), np.empty_like(batch.positions), np.empty_like(batch.cells)
        found = self._cache.lookup(batch, self._cutoffs)
        for s, (pairs, atoms) in enumerate(zip(found, batch.slices, strict=True)):
            energy[s], forces[atoms], virial[s] = self._sum(
                pairs, batch.cells[s], batch.positions[atoms], batch.numbers[atoms]
            )
        return BatchResult(energy, forces, virial / batch.volumes[:, None, None])

    def _cutoffs(self, numbers: np.ndarray) -> np.ndarray:
        kinds = np.searchsorted(self.elements, numbers)
        return self.cutoff_sigma * self._sigma[kinds[:, None], kinds]

    def _sum(
        self, pairs: Pairs, cell: np.ndarray, positions: np.ndarray, numbers: np.ndarray
    ) -> tuple[float, np.ndarray, np.ndarray]:
        """Energy, forces (n, 3) and Σ d ⊗ dU/dd (3, 3) of one system."""
        kinds = np.searchsorted(self.elements, numbers)
        couples = kinds[pairs.first], kinds[pairs.second]
        epsilon = np.repeat(self._epsilon[couples], pairs.counts)
        sigma2 = np.repeat(self._sigma[couples] ** 2, pairs.counts)
        vectors = pairs.vectors(cell, positions)
        x = sigma2 / (vectors * vectors).sum(axis=0)
        epsilon *= x > self.cutoff_sigma**-2
        root = np.sqrt(x)
        x3 = x * x * x
        energy = epsilon @ (4 * x3 * (x3 - 1) + self._constant + self._slope / root)
        pull = epsilon / sigma2 * (self._slope * root - 24 * x3 * (2 * x3 - 1) * x) * vectors
        forces = np.zeros_like(positions)
        on_first = np.add.reduceat(pull, pairs.starts, axis=1).T
        np.add.at(forces, pairs.first, on_first)
        np.subtract.at(forces, pairs.second, on_first)
        return energy, forces, vectors @ pull.T


def _tables(pairs: Mapping[tuple[int, int], tuple[float, float]], elements: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """ε and σ as symmetric matrices over the elements."""
    tables = np.full((2, len(elements), len(elements)), np.nan)
    for (a, b), values in pairs.items():
        i, j = elements.index(a), elements.index(b)
        tables[:, i, j] = tables[:, j, i] = values
    return tables[0], tables[1]

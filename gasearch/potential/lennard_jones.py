"""Lennard-Jones with a table per pair, energy and force shifted to zero at the cutoff."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from gasearch.crystal.composition import Pair
from gasearch.errors import PotentialError
from gasearch.potential.neighbours import PairCache
from gasearch.potential.potential import Batch, BatchResult, check_elements


class LennardJones:
    """φ(r) - φ(r_c) - (r - r_c) φ'(r_c) with φ(r) = 4ε [(σ/r)¹² - (σ/r)⁶], and zero beyond r_c.

    Parameters
    ----------
    pairs : mapping
        (Z₁, Z₂) → (ε in eV, σ in Å), each pair of elements in either order.
    cutoff_sigma : float
        r_c/σ, the same for all pairs.
    skin : float
        Of the neighbour list, Å: changes the speed, not the result.

    Raises
    ------
    PotentialError
        If a pair is missing.

    References
    ----------
    Toxvaerd and Dyre, doi:10.1063/1.3558787, eq. (3).
    """

    name = "Lennard-Jones"

    def __init__(
        self, pairs: Mapping[tuple[int, int], tuple[float, float]], cutoff_sigma: float = 5.0, skin: float = 2.0
    ):
        self.elements = tuple(sorted({z for pair in pairs for z in pair}))
        self.shortest_distances: dict[tuple[int, int], float] = {}
        self._epsilon, self._sigma = _tables(pairs, self.elements)
        self._cutoff = cutoff_sigma
        self._cache = PairCache(self._cutoffs, skin)
        # The shifted potential is φ + constant + slope r, in units of ε and σ.
        self._slope = 24 * (2 * cutoff_sigma**-12 - cutoff_sigma**-6) / cutoff_sigma
        self._constant = -4 * (cutoff_sigma**-12 - cutoff_sigma**-6) - self._slope * cutoff_sigma

    def _cutoffs(self, numbers: np.ndarray) -> np.ndarray:
        kinds = np.searchsorted(self.elements, numbers)
        return self._cutoff * self._sigma[kinds[:, None], kinds]

    def compute(self, batch: Batch) -> BatchResult:
        """Return energies, forces and stresses; what shares a batch changes no bit of a result."""
        check_elements(self, batch.numbers)
        pairs = self._cache.pairs(batch)
        kinds = np.searchsorted(self.elements, batch.numbers)
        couple = kinds[pairs.first], kinds[pairs.second]
        vectors = pairs.vectors(batch)
        energy, tension = self._energy(
            np.repeat(self._epsilon[couple], pairs.counts),
            np.repeat(self._sigma[couple] ** 2, pairs.counts),
            np.einsum("kp,kp->p", vectors, vectors),
        )
        forces, stress = pairs.forces_and_stress(batch, vectors, tension * vectors)
        return BatchResult(pairs.energies(energy), forces, stress)

    def _energy(self, epsilon: np.ndarray, sigma2: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energy u and u'(r)/r of pairs at squared distances r²."""
        x = sigma2 / np.where(squares > 1e-12, squares, np.nan)  # no energy for atoms at one place
        within = x > self._cutoff**-2
        root, x3 = np.sqrt(x), x * x * x
        energy = epsilon * within * (4 * x3 * (x3 - 1) + self._constant + self._slope / root)
        tension = epsilon * within / sigma2 * (self._slope * root - 24 * x * x3 * (2 * x3 - 1))
        return energy, tension


def _tables(pairs: Mapping[tuple[int, int], tuple[float, float]], elements: tuple[int, ...]) -> tuple[np.ndarray, ...]:
    """ε and σ as symmetric matrices over the elements."""
    tables = np.full((2, len(elements), len(elements)), np.nan)
    for (a, b), values in pairs.items():
        i, j = elements.index(a), elements.index(b)
        tables[:, i, j] = tables[:, j, i] = values
    missing = [Pair(elements[i], elements[j]) for i, j in np.argwhere(np.isnan(np.triu(tables[0])))]
    if missing:
        raise PotentialError(
            f"Lennard-Jones has no parameters of {', '.join(map(str, missing))}; give epsilon and sigma of every pair"
        )
    return tables[0], tables[1]

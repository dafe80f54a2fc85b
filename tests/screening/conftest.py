import numpy as np
import pytest

from gasearch.potential.neighbours import PairCache
from gasearch.potential.potential import Batch, BatchResult


class Morse:
    """ε [exp(−2ρ(r/r₀ − 1)) − 2 exp(−ρ(r/r₀ − 1))] (1 − r²/r_c²)³, and zero beyond r_c; for one element."""

    name, elements = "Morse", None

    def __init__(self, epsilon: float, rho: float, nearest: float, cutoff: float):
        self.shortest_distances: dict[tuple[int, int], float] = {}
        self._epsilon, self._rho, self._nearest, self._cutoff = epsilon, rho, nearest, cutoff
        self._cache = PairCache(lambda numbers: np.full((len(numbers), len(numbers)), cutoff), 1.0)

    def compute(self, batch: Batch) -> BatchResult:
        pairs = self._cache.pairs(batch)
        vectors = pairs.vectors(batch)
        r = np.sqrt(np.einsum("kp,kp->p", vectors, vectors))
        decay = np.exp(-self._rho * (r / self._nearest - 1))
        taper = np.maximum(1 - (r / self._cutoff) ** 2, 0.0)
        energy = self._epsilon * (decay**2 - 2 * decay)
        slope = -2 * self._epsilon * self._rho / self._nearest * (decay**2 - decay)
        tension = (slope * taper**3 - energy * 6 * r / self._cutoff**2 * taper**2) / r
        forces, stress = pairs.forces_and_stress(batch, vectors, tension * vectors)
        return BatchResult(pairs.energies(energy * taper**3), forces, stress)


@pytest.fixture
def morse() -> Morse:
    """Of so long a reach that both bcc and fcc are minima; nearest neighbours attract each other at about 4 Å."""
    return Morse(epsilon=1.0, rho=3.0, nearest=4.0, cutoff=12.0)

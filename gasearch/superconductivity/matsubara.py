"""Sums over Matsubara frequencies with few terms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Thinning:
    """How sums over the Matsubara frequencies ωₙ = (2n + 1)πT, n ≥ 0, are thinned.

    Consecutive n form blocks of the size 2, and further up of a share of their first n. Each block has two points
    with half its size as weight: the Gauss quadrature of a sum of equal terms, exact for cubic polynomials in n and
    the sum itself where the size is 2. Terms fall as powers of n, so the relative error is the same in each block.

    Parameters
    ----------
    growth : float
        Size of a block over its first n.
    dense : int
        n below which nothing is thinned.
    """

    growth: float = 0.25
    dense: int = 16

    def points(self, counts: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
        """Return n (k,), weights (k,), and how many n the blocks cover in fact up to each of these counts.

        Blocks end, with at least as many n as asked for, at each of the counts, which do not decrease.
        """
        starts, sizes, ends, n = [], [], [], 0
        for count in counts:
            while n < count:
                size = 2 if n < self.dense else max(2, int(self.growth * n))
                starts.append(n)
                sizes.append(size)
                n += size
            ends.append(n)
        size = np.array(sizes, float)
        middle, half = np.array(starts) + (size - 1) / 2, np.sqrt((size**2 - 1) / 12)
        return np.column_stack([middle - half, middle + half]).ravel(), np.repeat(size / 2, 2), tuple(ends)


#: Every term of the sums.
FULL = Thinning(growth=0.0)

"""Is a structure crystalline? By the symmetry of its cell, and by how far atoms scatter in phase."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import reduced_cell
from gasearch.crystal.radial_distribution import spacing
from gasearch.crystal.symmetry import operation_count, space_group

#: Tolerance of a symmetry, in units of the mean spacing of atoms.
_TOLERANCE: Final = 0.1
#: Wave vectors up to this many times the inverse spacing: the first reflections of simple structures lie at 6.3 to 8.9.
_LARGEST_WAVE: Final = 10.0
#: The structure factor of a liquid at its peak.
_LIQUID_PEAK: Final = 3.0


class Order(StrEnum):
    """What is said of a structure; each value is what a user reads."""

    AMORPHOUS = "amorphous"
    PARTLY = "partly ordered"
    CRYSTALLINE = "crystalline"


@dataclass(frozen=True)
class LongRangeOrder:
    """How crystalline a structure is.

    Parameters
    ----------
    order : Order
        Crystalline with any symmetry but the identity; partly ordered where atoms scatter more in phase than those of
        a liquid would.
    space_group : str
    operations : int
        Symmetry operations of the cell, translations within it among them; 1 is the identity alone.
    in_phase : float
        Largest |Σ exp(ikr)|² / N² of the wave vectors k that fit into the cell: 1 in a simple lattice.
    of_a_liquid : float
        What it could be by chance in a liquid of so many atoms; where that is 1, nothing can be said by it.
    """

    order: Order
    space_group: str
    operations: int
    in_phase: float
    of_a_liquid: float


def long_range_order(crystal: Crystal) -> LongRangeOrder:
    """Judge a relaxed structure in a cell that would hold many primitive cells of a crystal."""
    symprec = _TOLERANCE * spacing(crystal)
    operations = operation_count(crystal, symprec)
    in_phase, of_a_liquid = _in_phase(crystal)
    disordered = Order.PARTLY if in_phase > of_a_liquid else Order.AMORPHOUS
    order = Order.CRYSTALLINE if operations > 1 else disordered
    return LongRangeOrder(order, space_group(crystal, symprec).symbol, operations, in_phase, of_a_liquid)


def _in_phase(crystal: Crystal) -> tuple[float, float]:
    """Return the largest structure factor over N, and what chance gives in a liquid.

    The structure factors of a disordered structure are distributed exponentially about their mean, so the largest of M
    is about ln M times that, which is at most that of the liquid's peak.
    """
    cell, change = reduced_cell(crystal.cell)
    reciprocal = 2 * np.pi * np.linalg.inv(cell).T
    largest = _LARGEST_WAVE / spacing(crystal)
    ranges = (np.arange(-n, n + 1) for n in (largest * np.linalg.norm(cell, axis=1) / (2 * np.pi)).astype(int))
    index = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1).reshape(-1, 3)
    index = index[len(index) // 2 + 1 :]  # k and −k scatter alike
    index = index[np.linalg.norm(index @ reciprocal, axis=1) <= largest]
    amplitudes = np.exp(2j * np.pi * (crystal.frac @ change) @ index.T).mean(axis=0)
    chance = _LIQUID_PEAK * np.log(max(len(index), 2)) / len(crystal)
    return float(np.max(np.abs(amplitudes) ** 2, initial=0.0)), float(min(chance, 1.0))

"""The seam between energy models and everything that uses them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.errors import PotentialError


@dataclass(frozen=True, eq=False)
class Batch:
    """Several crystals in concatenated arrays.

    Parameters
    ----------
    cells : (n_sys, 3, 3) array
        Lattice vectors as rows, Å.
    positions : (n_atoms, 3) array
        Cartesian, Å; they may lie outside the cell.
    numbers : (n_atoms,) array of int
        Atomic numbers.
    offsets : (n_sys + 1,) array of int
        System ``s`` owns the atoms ``offsets[s]:offsets[s + 1]``.
    labels : tuple of object, one per system, or empty
        Under its label a potential may keep a system's neighbour list for the next call; compared by identity.
    """

    cells: np.ndarray
    positions: np.ndarray
    numbers: np.ndarray
    offsets: np.ndarray
    labels: tuple[object, ...] = ()

    @staticmethod
    def from_crystals(crystals: Sequence[Crystal]) -> Batch:
        """Concatenate crystals; at least one."""
        return Batch(
            cells=np.array([c.cell for c in crystals]),
            positions=np.concatenate([c.positions for c in crystals]),
            numbers=np.concatenate([c.numbers for c in crystals]),
            offsets=np.cumsum([0, *(len(c) for c in crystals)]),
        )

    def __len__(self) -> int:
        return len(self.cells)

    @property
    def slices(self) -> list[slice]:
        """Each system's atoms."""
        return [slice(a, b) for a, b in itertools.pairwise(self.offsets.tolist())]

    @property
    def volumes(self) -> np.ndarray:
        """Cell volumes (n_sys,), Å³."""
        return np.abs(np.linalg.det(self.cells))


@dataclass(frozen=True, eq=False)
class BatchResult:
    """Energies and their derivatives; not finite where the model has no answer.

    Parameters
    ----------
    energy : (n_sys,) array
        eV per cell.
    forces : (n_atoms, 3) array
        eV/Å.
    stress : (n_sys, 3, 3) array
        dE/dε / V, eV/Å³: symmetric, negative when the crystal pushes outwards.
    errors : mapping
        System → what its calculator said; that system's numbers are NaN.
    """

    energy: np.ndarray
    forces: np.ndarray
    stress: np.ndarray
    errors: Mapping[int, str] = field(default_factory=dict)


class Potential(Protocol):
    """An energy model that is evaluated on batches.

    ``elements`` are the atomic numbers that it knows, ascending; None if it cannot say. ``shortest_distances`` are
    those, Å, below which it does not know a pair of elements (Z₁ ≤ Z₂); a pair without one has no such limit.
    """

    name: str
    elements: tuple[int, ...] | None
    shortest_distances: Mapping[tuple[int, int], float]

    def compute(self, batch: Batch) -> BatchResult:
        """Return energies, forces and stresses of all systems; each depends on that system alone, up to rounding."""
        ...


#: Crystals that are computed together where there may be many: what a model needs of memory grows with them.
_PART: Final = 32


def compute_all(potential: Potential, crystals: Sequence[Crystal]) -> BatchResult:
    """Return what a potential says of any number of crystals, computed in parts."""
    parts = [crystals[first : first + _PART] for first in range(0, len(crystals), _PART)]
    results = [potential.compute(Batch.from_crystals(part)) for part in parts]
    return BatchResult(
        energy=np.concatenate([np.empty(0), *(r.energy for r in results)]),
        forces=np.concatenate([np.empty((0, 3)), *(r.forces for r in results)]),
        stress=np.concatenate([np.empty((0, 3, 3)), *(r.stress for r in results)]),
        errors={_PART * i + system: said for i, r in enumerate(results) for system, said in r.errors.items()},
    )


def check_elements(potential: Potential, numbers: Sequence[int] | np.ndarray) -> None:
    """Raise `PotentialError` if the potential does not know one of these atomic numbers."""
    if potential.elements is None:
        return
    unknown = sorted(set(np.asarray(numbers).tolist()) - set(potential.elements))
    if unknown:
        found, known = (", ".join(SYMBOLS[z] for z in zs) for zs in (unknown, potential.elements))
        raise PotentialError(f"{potential.name} does not know {found}; it knows {known}. Leave them out, or train it")

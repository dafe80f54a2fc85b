"""Heredity: a slab of one parent, the rest of the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from gasearch.crystal.composition import Composition, SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.variation.cell import admitted, expansion, random_setting, random_supercell
from gasearch.variation.target import changes, draw, reach


@dataclass(frozen=True)
class Heredity:
    """Cut two parents along a lattice plane and splice them.

    Both parents are brought to like numbers of atoms by supercells, their origins are shifted at random and the
    plane is one of the three of the reduced cells: Glass, Oganov & Hansen, Comput. Phys. Commun. 175, 713 (2006),
    doi:10.1016/j.cpc.2006.07.020; the doubling of the smaller parent is that of Tipton & Hennig,
    J. Phys.: Condens. Matter 25, 495401 (2013), doi:10.1088/0953-8984/25/49/495401.

    Parameters
    ----------
    thickness : (lowest, highest)
        Thickness of the first parent's slab as a fraction of the cell; drawn uniformly.
    enlarged : float
        Probability to make both parents larger than the larger one, where the space has room.
    """

    name: ClassVar[str] = "heredity"
    n_parents: ClassVar[int] = 2
    thickness: tuple[float, float] = (0.25, 0.75)
    enlarged: float = 0.25

    def __call__(self, parents: Sequence[Crystal], space: SearchSpace, rng: np.random.Generator) -> Crystal | None:
        """Make a child."""
        size = self._size(parents, space, rng)
        first, second = (random_setting(random_supercell(p, max(1, size // len(p)), rng), rng) for p in parents)
        return splice(first, second, rng.uniform(*self.thickness), space, rng)

    def _size(self, parents: Sequence[Crystal], space: SearchSpace, rng: np.random.Generator) -> int:
        """Draw the number of atoms that both parents are brought near to."""
        size = max(space.compositions.min_atoms, *map(len, parents))
        if rng.random() < self.enlarged and size < space.compositions.max_atoms:
            size = int(rng.integers(size, space.compositions.max_atoms, endpoint=True))
        return size


def splice(
    first: Crystal, second: Crystal, thickness: float, space: SearchSpace, rng: np.random.Generator
) -> Crystal | None:
    """Join the atoms of ``first`` below the plane at ``thickness`` of the first axis with those of ``second`` above.

    Cells and expansions are averaged with the slabs' shares, the cells in their lower triangular form, so that the
    parents' orientations in space do not matter. Where the composition is not admitted, atoms are taken away or
    brought back from the slabs that were cut off until it is the nearest one that is.
    """
    share = np.array([thickness, 1 - thickness])
    cell = np.tensordot(share, [np.linalg.cholesky(c.cell @ c.cell.T) for c in (first, second)], axes=1)
    both = Crystal(cell, np.concatenate((first.frac, second.frac)), np.concatenate((first.numbers, second.numbers)))
    kept = (both.frac[:, 0] < thickness) == (np.arange(len(both)) < len(first))
    change = _change(both.numbers, kept, space, rng)
    if change is None:
        return None
    kept = reach(change, both, kept, space)
    blend = float(share @ [expansion(first, space), expansion(second, space)])
    return admitted(Crystal(cell, both.frac[kept], both.numbers[kept]), space, blend)


def _change(numbers: np.ndarray, kept: np.ndarray, space: SearchSpace, rng: np.random.Generator) -> np.ndarray | None:
    """Return what the atoms kept lack (n_elements,) of the nearest admitted composition that all atoms can make up."""
    spare = Composition.from_numbers(numbers[~kept]).vector(space.compositions.elements)
    options = changes(Composition.from_numbers(numbers[kept]), space.compositions)
    return draw(options[(options <= spare).all(axis=1)], 0.0, rng)

"""What operators do to cells: superlattices, other settings of the axes, volumes that suit the pressure."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from gasearch.crystal.composition import SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import reduced, supercell


@lru_cache(maxsize=128)
def hermite_normal_forms(index: int) -> np.ndarray:
    """Return the integer matrices (k, 3, 3) of all superlattices of this index, each superlattice once.

    Rows are the new lattice vectors in units of the old ones (lower triangular, determinant ``index``);
    Hart & Forcade, Phys. Rev. B 77, 224115 (2008), doi:10.1103/PhysRevB.77.224115.
    """
    diagonals = (
        (a, b, index // (a * b))
        for a in range(1, index + 1)
        if index % a == 0
        for b in range(1, index // a + 1)
        if index // a % b == 0
    )
    forms = [
        ((a, 0, 0), (d, b, 0), (e, f, c)) for a, b, c in diagonals for d in range(a) for e in range(a) for f in range(b)
    ]
    matrices = np.array(forms)
    matrices.setflags(write=False)
    return matrices


def random_supercell(crystal: Crystal, index: int, rng: np.random.Generator) -> Crystal:
    """Return the structure in the reduced cell of a superlattice drawn from all those of this index."""
    if index > 1:
        crystal = supercell(crystal, rng.choice(hermite_normal_forms(index)))
    return reduced(crystal)


def enlarged(
    crystal: Crystal, smallest: int, largest: int, probability: float, rng: np.random.Generator
) -> Crystal | None:
    """Return the structure, or with this probability a larger supercell of it, within bounds on the number of atoms.

    Its cell is reduced. The index m of a supercell is drawn with weight 1/m. A structure with fewer than ``smallest``
    atoms is always enlarged. None if no multiple of the cell lies within the bounds.
    """
    lowest, highest = max(1, -(-smallest // len(crystal))), largest // len(crystal)
    if highest < lowest:
        return None
    index = lowest
    if highest > lowest and rng.random() < probability:
        indices = np.arange(lowest + 1, highest + 1)
        index = int(rng.choice(indices, p=1 / indices / np.sum(1 / indices)))
    return random_supercell(crystal, index, rng)


def random_setting(crystal: Crystal, rng: np.random.Generator) -> Crystal:
    """Return the structure with its axes in random order and of random sign, and its origin at a random point.

    The result may be the mirror image, if the cell is used without regard to its handedness.
    """
    order, signs = rng.permutation(3), rng.choice((-1, 1), size=3)
    return Crystal(
        crystal.cell[order] * signs[:, None], crystal.frac[:, order] * signs + rng.random(3), crystal.numbers
    )


def expansion(crystal: Crystal, space: SearchSpace) -> float:
    """Return the volume in units of the one that the composition should have at the pressure of the search."""
    return crystal.volume / space.volume(crystal.composition)


def admitted(crystal: Crystal, space: SearchSpace, expansion: float) -> Crystal | None:
    """Return the structure with this expansion (see `expansion`), or None if its composition is outside the space."""
    if crystal.composition not in space.compositions:
        return None
    return crystal.scaled_to(expansion * space.volume(crystal.composition))

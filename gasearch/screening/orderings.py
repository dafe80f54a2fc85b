"""Collinear magnetic orderings of a sublattice in small supercells."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import same_structure
from gasearch.crystal.geometry import supercell
from gasearch.errors import InputError

FERROMAGNETIC = "FM"
NONMAGNETIC = "NM"


@dataclass(frozen=True, eq=False)
class Ordering:
    """A start of a spin-polarised calculation.

    Parameters
    ----------
    name : str
        FM, NM, or AFM1 and so on, the smallest cells first.
    crystal : Crystal
        The structure in a cell that holds the ordering.
    signs : (n,) array
        1 and −1 on the magnetic atoms, 0 on others.
    """

    name: str
    crystal: Crystal
    signs: np.ndarray


def orderings(
    crystal: Crystal, magnetic: frozenset[int], count: int = 2, multiple: int = 2, max_magnetic: int = 16
) -> list[Ordering]:
    """Return the state without moments, the ferromagnet, and so many antiferromagnets.

    Antiferromagnets have as many spins up as down, in cells of up to ``multiple`` times the crystal's; of those that
    symmetry makes one, the first is kept.

    Parameters
    ----------
    crystal : Crystal
        Primitive.
    magnetic : frozenset of int
        Atomic numbers.
    count : int
        Antiferromagnets at most.
    multiple : int
    max_magnetic : int
        Magnetic atoms in a supercell; the number of patterns doubles with each of them.

    Raises
    ------
    InputError
        If no atom is magnetic.
    """
    magnetic_atoms = np.isin(crystal.numbers, list(magnetic))
    if not magnetic_atoms.any():
        symbols = ", ".join(SYMBOLS[z] for z in sorted(magnetic))
        raise InputError(f"{crystal.composition.formula} has no magnetic atoms; such are here {symbols}")
    found: list[Ordering] = []
    # Whatever has the cells of the crystal comes first, then larger ones.
    for cell in (supercell(crystal, matrix) for n in range(1, multiple + 1) for matrix in _hermite(n)):
        moments = np.isin(cell.numbers, list(magnetic))
        if np.count_nonzero(moments) > max_magnetic or len(found) >= count:
            break
        for signs in _compensated(moments):
            new = Ordering(f"AFM{len(found) + 1}", cell, signs)
            if len(found) < count and not any(_same(new, old) for old in found):
                found.append(new)
    ferromagnet = Ordering(FERROMAGNETIC, crystal, magnetic_atoms.astype(float))
    return [Ordering(NONMAGNETIC, crystal, np.zeros(len(crystal))), ferromagnet, *found]


def _hermite(n: int) -> Iterator[np.ndarray]:
    """Yield a matrix for each superlattice with n cells: Hermite normal forms (doi:10.1103/PhysRevB.77.224115)."""
    for a in (a for a in range(1, n + 1) if n % a == 0):
        for b in (b for b in range(1, n // a + 1) if (n // a) % b == 0):
            c = n // (a * b)
            for d, e, f in itertools.product(range(b), range(c), range(c)):
                yield np.array([[a, d, e], [0, b, f], [0, 0, c]])


def _compensated(magnetic: np.ndarray) -> Iterator[np.ndarray]:
    """Yield patterns with as many spins up as down, the first of them up."""
    places = np.flatnonzero(magnetic)
    if len(places) % 2:
        return
    for up in itertools.combinations(places[1:].tolist(), len(places) // 2 - 1):
        signs = np.where(magnetic, -1.0, 0.0)
        signs[[places[0], *up]] = 1.0
        yield signs


def _same(a: Ordering, b: Ordering) -> bool:
    """Tell whether symmetry, or turning all spins round, makes two orderings one."""
    first = _painted(a, a.signs)
    return any(same_structure(first, _painted(b, sign * b.signs)) for sign in (1, -1))


def _painted(ordering: Ordering, signs: np.ndarray) -> Crystal:
    """Return the crystal with spins that point down as atoms of other elements: those that it does not hold."""
    elements = sorted(set(ordering.crystal.numbers.tolist()))
    free = iter(z for z in range(1, len(SYMBOLS)) if z not in elements)
    down = {z: next(free) for z in elements}
    numbers = [down[z] if sign < 0 else z for z, sign in zip(ordering.crystal.numbers.tolist(), signs, strict=True)]
    return Crystal(ordering.crystal.cell, ordering.crystal.frac, numbers)

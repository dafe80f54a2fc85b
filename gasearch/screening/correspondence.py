"""Which atom, and which lattice vector, of one crystal becomes which of another."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import NEIGHBOURS, reduced, supercell
from gasearch.crystal.symmetry import primitive
from gasearch.errors import InputError

#: Correspondences whose distance and stretches differ by less than this are the same but for symmetry.
_SAME: Final = 0.01
#: The least strained choices of lattice vectors in which atoms are assigned, for each pair of supercells.
_CHOICES: Final = 400
#: How often atoms are assigned again after the crystals were shifted against each other.
_SHIFTS: Final = 6


@dataclass(frozen=True, eq=False)
class Correspondence:
    """Two crystals as deformations of one reference cell, and as moves of its atoms.

    The lattice vectors of either are ``reference @ D`` with a symmetric D (3, 3), so that neither is rotated against
    the other, and its atoms lie at ``places @ D``. The cell in between is the reference: exchanging the two ends
    gives the same correspondence, rotated.

    Parameters
    ----------
    reference : (3, 3) array
        Lattice vectors as rows, Å.
    numbers : (n,) array of int
        Atomic numbers, the same at both ends.
    places : (2, n, 3) array
        Atoms of start and end in the reference cell, Å; as near to each other as can be, without a common shift.
    deformations : (2, 3, 3) array
        D of start and end.
    """

    reference: np.ndarray
    numbers: np.ndarray
    places: np.ndarray
    deformations: np.ndarray

    @property
    def scale(self) -> float:
        """By how much a strain counts as a move of atoms, Å: that of all atoms against their neighbours."""
        return strain_scale(self.reference, len(self.numbers))

    @property
    def stretches(self) -> np.ndarray:
        """Ratios (3,), ascending, by which the start's cell is stretched along the principal axes."""
        return np.linalg.eigvalsh(self.deformations[1]) ** 2

    @property
    def distance(self) -> float:
        """How far the ends are apart, Å per √atom, in the metric of the generalised coordinates."""
        moves, strain = np.diff(self.places, axis=0), self.scale * np.diff(self.deformations, axis=0)
        return math.sqrt(((moves**2).sum() + (strain**2).sum()) / len(self.numbers))


def strain_scale(cell: np.ndarray, atoms: int) -> float:
    """Return J = Ω^(1/3) N^(1/6), Å, of a cell: the same physics for every choice of it.

    Sheppard and others, doi:10.1063/1.3684549.
    """
    return abs(np.linalg.det(cell)) ** (1 / 3) * atoms ** (1 / 6)


def correspondences(start: Crystal, end: Crystal, count: int, multiple: int = 1) -> list[Correspondence]:
    """Return the ``count`` shortest correspondences of two crystals that differ by more than symmetry, shortest first.

    Lattice vectors of the end are all combinations, with coefficients -1, 0 and 1 and the same volume, of its reduced
    ones, in every supercell with as many atoms as the start's; atoms of an element are assigned by the Hungarian
    algorithm for each way to lay one atom on another.

    Parameters
    ----------
    start, end : Crystal
    count : int
    multiple : int
        The cell has this many times the fewest atoms that both crystals can have.

    Raises
    ------
    InputError
        If the compositions differ.
    """
    if start.composition.reduced != end.composition.reduced:
        formulas = start.composition.reduced.formula, end.composition.reduced.formula
        raise InputError(f"{formulas[0]} cannot become {formulas[1]}: give two phases of one composition")
    first, second = primitive(start), primitive(end)
    atoms = multiple * math.lcm(len(first), len(second))
    pairs = list(itertools.product(_supercells(first, atoms), _supercells(second, atoms)))
    found: list[Correspondence] = []
    for strain, pair, change in _lattice_choices(pairs):
        if len(found) >= count and strain > found[count - 1].distance:
            break
        new = _assigned(*pairs[pair], change)
        if not any(_same(new, old) for old in found):
            found = sorted([*found, new], key=lambda one: one.distance)
    return found[:count]


def _supercells(crystal: Crystal, atoms: int) -> list[Crystal]:
    """Return a crystal in every supercell with so many atoms, reduced; it may be none bigger than itself."""
    return [reduced(supercell(crystal, matrix)) for matrix in _hermite_forms(atoms // len(crystal))]


def _hermite_forms(size: int) -> Iterator[np.ndarray]:
    """Yield the integer matrices (3, 3) of all sublattices of an index: Hermite normal forms."""
    for a, b in itertools.product(range(1, size + 1), repeat=2):
        if size % (a * b) == 0:
            c = size // (a * b)
            for d, e, f in itertools.product(range(b), range(c), range(c)):
                yield np.array([[a, d, e], [0, b, f], [0, 0, c]])


@cache
def _changes() -> np.ndarray:
    """Return the matrices (m, 3, 3) with elements -1, 0 and 1 and determinant 1."""
    matrices = np.array(list(itertools.product((-1, 0, 1), repeat=9))).reshape(-1, 3, 3)
    return matrices[np.rint(np.linalg.det(matrices)) == 1]


def _lattice_choices(pairs: list[tuple[Crystal, Crystal]]) -> list[tuple[float, int, np.ndarray]]:
    """Return (the strain's part of the distance, pair, change of the end's lattice vectors), least strained first."""
    choices = []
    for place, (start, end) in enumerate(pairs):
        ratios = np.linalg.svd(np.linalg.inv(start.cell) @ (_changes() @ end.cell), compute_uv=False)
        # The eigenvalues of D at the ends are s^(-1/2) and s^(1/2).
        strains = np.linalg.norm(2 * np.sinh(np.log(ratios) / 2), axis=1)
        volume = math.sqrt(start.volume * end.volume)
        strains *= strain_scale(np.eye(3) * volume ** (1 / 3), len(start)) / math.sqrt(len(start))
        choices += [(float(strains[i]), place, _changes()[i]) for i in np.argsort(strains, kind="stable")[:_CHOICES]]
    return sorted(choices, key=lambda choice: choice[0])


def _assigned(start: Crystal, end: Crystal, change: np.ndarray) -> Correspondence:
    """Return the shortest correspondence with these lattice vectors of the end."""
    left, stretches, _ = np.linalg.svd(np.linalg.inv(start.cell) @ change @ end.cell)
    # The end is turned so that the deformation between the two is symmetric: left · stretches · leftᵀ.
    half = np.array([left @ np.diag(stretches**power) @ left.T for power in (-0.5, 0.5)])
    reference = start.cell @ half[1]
    moved = end.frac @ np.linalg.inv(change)
    numbers = start.numbers
    rarest = min(start.composition.counts, key=lambda pair: pair[1])[0]
    origin = start.frac[np.flatnonzero(numbers == rarest)[0]]
    best: tuple[float, np.ndarray] | None = None
    for shift in origin - moved[end.numbers == rarest]:
        moves = _moves(start, moved + shift, end.numbers, reference)
        if best is None or (moves**2).sum() < best[0] - 1e-9:
            best = float((moves**2).sum()), moves
    places = start.frac @ reference
    return Correspondence(reference, numbers, np.array([places, places + best[1]]), half)


def _moves(start: Crystal, frac: np.ndarray, numbers: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Return the shortest moves (n, 3), Å, of the start's atoms to places (n, 3) of the same elements, any shift."""
    shift, order = np.zeros(3), np.array([], dtype=int)
    for _ in range(_SHIFTS):
        vectors = _shortest(frac[None] + shift - start.frac[:, None], reference)
        again = _matched((vectors**2).sum(axis=2), start.numbers, numbers)
        moves = vectors[np.arange(len(frac)), again]
        if np.array_equal(again, order):
            break
        order, shift = again, shift - moves.mean(axis=0) @ np.linalg.inv(reference)
    return moves - moves.mean(axis=0)


def _shortest(differences: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Return the shortest image, Å, of fractional differences (..., 3)."""
    vectors = (differences - np.rint(differences))[..., None, :] @ cell + NEIGHBOURS @ cell
    best = (vectors**2).sum(axis=-1).argmin(axis=-1)
    return np.take_along_axis(vectors, best[..., None, None], axis=-2)[..., 0, :]


def _matched(costs: np.ndarray, numbers: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return, for each atom, the other of its element that it becomes (n,), at the least sum of costs (n, n)."""
    from scipy.optimize import linear_sum_assignment

    order = np.zeros(len(numbers), dtype=int)
    for z in np.unique(numbers):
        rows, columns = np.flatnonzero(numbers == z), np.flatnonzero(others == z)
        _, chosen = linear_sum_assignment(costs[np.ix_(rows, columns)])
        order[rows] = columns[chosen]
    return order


def _same(a: Correspondence, b: Correspondence) -> bool:
    return abs(a.distance - b.distance) < _SAME and bool(np.abs(a.stretches - b.stretches).max() < _SAME)

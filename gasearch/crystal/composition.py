"""Compositions, and the composition space that a search covers."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import gcd
from typing import NamedTuple

import numpy as np

#: Chemical symbols; the index is the atomic number.
SYMBOLS: tuple[str, ...] = tuple(
    (
        "X H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr "
        "Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu "
        "Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr"
    ).split()
)
_NUMBER_OF = {symbol: number for number, symbol in enumerate(SYMBOLS) if number}
#: Symbols by Pauling electronegativity: the order in which a formula names them (LaH10, H3S, NaCl).
_ELECTROPOSITIVE_FIRST = (
    "Fr Cs K Rb Ba Ra Na Sr Li Ca La Tb Yb Ac Ce Pr Pm Nd Sm Eu Gd Y Dy Ho Er Tm Lu Pu Hf Th Am Cm Bk Cf "
    "Es Fm Md No Lr Mg Zr Sc Np U Ta Pa Ti Mn Be Nb Al Tl V Zn Cr Cd In Ga Fe Co Si Cu Tc Re Ni Ag Sn Hg "
    "Po Ge Bi B Sb Te Mo As P H Ru Pd Os Ir At Rn Rh Pt Pb W Au C Se S Xe I Br Kr N Cl O F He Ne Ar "
).split()
_RANK = {symbol: rank for rank, symbol in enumerate(_ELECTROPOSITIVE_FIRST)}
_TOKEN = re.compile(r"([A-Z][a-z]?)(\d*)")


class Pair(NamedTuple):
    """Two atomic numbers, the smaller first."""

    first: int
    second: int

    @staticmethod
    def from_text(text: str) -> Pair:
        """Read a pair such as Ni-P; ValueError if it is none."""
        symbols = text.split("-")
        if len(symbols) != 2 or not set(symbols) <= set(_NUMBER_OF):
            raise ValueError(f"{text!r} is no pair of elements; write one such as Ni-P")
        return Pair(*sorted(_NUMBER_OF[symbol] for symbol in symbols))

    def __str__(self) -> str:
        return f"{SYMBOLS[self.first]}-{SYMBOLS[self.second]}"


@dataclass(frozen=True)
class Composition:
    """How many atoms of each element; hashable, so that it can be a key.

    ``counts`` is a tuple of (atomic number, count > 0), sorted by atomic number.
    """

    counts: tuple[tuple[int, int], ...]

    @staticmethod
    def from_numbers(numbers: Iterable[int]) -> Composition:
        """Count atomic numbers."""
        return Composition.from_mapping(Counter(map(int, numbers)))

    @staticmethod
    def from_mapping(counts: Mapping[int, int]) -> Composition:
        """Take counts by atomic number; zeros are dropped."""
        return Composition(tuple(sorted((int(z), int(n)) for z, n in counts.items() if n)))

    @staticmethod
    def from_formula(formula: str) -> Composition:
        """Read a formula such as ``H3S``; ValueError if it is none."""
        tokens = _TOKEN.findall(formula)
        if not formula or "".join(s + n for s, n in tokens) != formula:
            raise ValueError(f"{formula!r} is not a chemical formula; write one such as H3S or Al2O3")
        counts: Counter[int] = Counter()
        for symbol, count in tokens:
            if symbol not in _NUMBER_OF:
                raise ValueError(f"{symbol!r} in {formula!r} is not a chemical element")
            counts[_NUMBER_OF[symbol]] += int(count or 1)
        return Composition.from_mapping(counts)

    @property
    def n_atoms(self) -> int:
        """Number of atoms."""
        return sum(n for _, n in self.counts)

    @property
    def elements(self) -> tuple[int, ...]:
        """Atomic numbers present, ascending."""
        return tuple(z for z, _ in self.counts)

    @property
    def units(self) -> int:
        """Number of reduced formula units."""
        return gcd(*(n for _, n in self.counts))

    @cached_property
    def reduced(self) -> Composition:
        """The composition of one reduced formula unit."""
        units = self.units
        return Composition(tuple((z, n // units) for z, n in self.counts))

    @property
    def formula(self) -> str:
        """The formula with these counts, electropositive elements first: ``H6S2``, ``LaH10``."""
        named = sorted(((SYMBOLS[z], n) for z, n in self.counts), key=lambda pair: _RANK[pair[0]])
        return "".join(symbol + (str(n) if n > 1 else "") for symbol, n in named)

    def vector(self, elements: tuple[int, ...]) -> np.ndarray:
        """Counts (len(elements),) in the given order; elements that are not listed are left out."""
        counts = dict(self.counts)
        return np.array([counts.get(z, 0) for z in elements], dtype=float)

    def numbers(self) -> np.ndarray:
        """Atomic numbers (n_atoms,), sorted."""
        return np.repeat([z for z, _ in self.counts], [n for _, n in self.counts])


@dataclass(frozen=True)
class CompositionSpace:
    """All compositions that a search may visit.

    Parameters
    ----------
    endpoints : tuple of Composition
        One to five linearly independent elements or compounds; compositions are their non-negative mixtures.
    min_atoms, max_atoms : int
        Atoms a cell.
    windows : tuple of (lower, upper), one per endpoint, or empty
        Bounds of each endpoint's fraction of the atoms. The endpoints themselves are always admitted.
    """

    endpoints: tuple[Composition, ...]
    min_atoms: int
    max_atoms: int
    windows: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= len(self.endpoints) <= 5:
            raise ValueError(f"{len(self.endpoints)} endpoints; a search takes one to five")
        if np.linalg.matrix_rank(self._matrix) < len(self.endpoints):
            names = ", ".join(e.formula for e in self.endpoints)
            raise ValueError(f"the endpoints {names} are mixtures of one another; leave one out")
        if self.windows and len(self.windows) != len(self.endpoints):
            raise ValueError(f"{len(self.windows)} composition windows for {len(self.endpoints)} endpoints")

    @cached_property
    def elements(self) -> tuple[int, ...]:
        """Atomic numbers that occur in any endpoint, ascending."""
        return tuple(sorted({z for e in self.endpoints for z in e.elements}))

    @cached_property
    def _matrix(self) -> np.ndarray:
        return np.array([e.vector(self.elements) / e.n_atoms for e in self.endpoints])

    @cached_property
    def _inverse(self) -> np.ndarray:
        return np.linalg.pinv(self._matrix)

    def fractions(self, composition: Composition) -> np.ndarray | None:
        """Return the atoms' share (n_endpoints,) that each endpoint contributes, or None if it is no mixture."""
        if not set(composition.elements) <= set(self.elements):
            return None
        atoms = composition.vector(self.elements) / composition.n_atoms
        shares = atoms @ self._inverse
        if np.abs(shares @ self._matrix - atoms).max() > 1e-9 or shares.min() < -1e-9:
            return None
        return np.clip(shares, 0.0, 1.0)

    def __contains__(self, composition: Composition) -> bool:
        if not self.min_atoms <= composition.n_atoms <= self.max_atoms:
            return False
        shares = self.fractions(composition)
        if shares is None:
            return False
        if not self.windows or shares.max() > 1 - 1e-9:
            return True
        return all(low - 1e-9 <= x <= high + 1e-9 for x, (low, high) in zip(shares, self.windows, strict=True))

    @cached_property
    def compositions(self) -> tuple[Composition, ...]:
        """Every admitted composition (by cell content), by number of atoms, then by counts."""
        return tuple(c for c in self._all() if c in self)

    def _all(self) -> Iterator[Composition]:
        for n in range(self.min_atoms, self.max_atoms + 1):
            for bars in itertools.combinations(range(n + len(self.elements) - 1), len(self.elements) - 1):
                edges = (-1, *bars, n + len(self.elements) - 1)
                counts = (b - a - 1 for a, b in itertools.pairwise(edges))
                yield Composition.from_mapping(dict(zip(self.elements, counts, strict=True)))


@dataclass(frozen=True)
class SearchSpace:
    """What a search may build: compositions, and the lengths that suit the pressure.

    Parameters
    ----------
    compositions : CompositionSpace
    atomic_volumes : mapping
        Atomic number → volume of an atom at the pressure of the search, Å³.
    minimum_distances : mapping
        (Z₁, Z₂) with Z₁ ≤ Z₂ → smallest distance that a new structure may have, Å.
    """

    compositions: CompositionSpace
    atomic_volumes: Mapping[int, float]
    minimum_distances: Mapping[tuple[int, int], float]

    def volume(self, composition: Composition) -> float:
        """Return the volume, Å³, that a cell of this composition should have."""
        return sum(n * self.atomic_volumes[z] for z, n in composition.counts)

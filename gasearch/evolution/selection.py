"""Which composition to visit next, and which individuals become parents."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from gasearch.crystal.composition import Composition, CompositionSpace
from gasearch.evolution.aims import Standing
from gasearch.evolution.archive import Archive
from gasearch.evolution.candidate import Individual
from gasearch.evolution.descriptors import DESCRIPTORS, TC
from gasearch.schema import setting, unknown
from gasearch.thermodynamics.fitness import boltzmann
from gasearch.thermodynamics.hull import Hull


@dataclass(frozen=True)
class SelectionSettings:
    """How parents and compositions are drawn.

    Parameters
    ----------
    per_composition : int
        Individuals of one composition that may be parents: the lowest ones.
    exploration : float
        Weight, from 0 to 1, that any composition or individual has beside what its distance to the hull gives it.
    focus : float
        Distance to the hull at which that falls to 1/e, in units of the median distance.
    width : float
        Range in composition (endpoint shares) from which the parents for a composition come.
    aims : mapping
        What counts beside the distance to the hull: descriptor → highest or lowest. A descriptor is hydrogen_share,
        volume_per_atom, atoms, shortest_distance, hydrogen_distance, tc, or the import path of a function that takes a
        Crystal. Compounds on their Pareto front, and those behind it, become parents and attract the search.
    aims_within : float
        Enthalpy above the hull up to which compounds are ranked by the aims, per atom.
    tc_models : tuple of Path
        Folders of models that expect a Tc of a composition at the pressure (`gasearch tc train`), for the aim tc; the
        first that knows a composition speaks.
    """

    per_composition: int = setting(5, at_least=1)
    exploration: float = setting(0.1, at_least=0, at_most=1)
    focus: float = setting(0.5, above=0)
    width: float = setting(0.1, above=0)
    aims: Mapping[str, Literal["highest", "lowest"]] = setting(default_factory=dict)
    aims_within: float = setting(0.2, above=0, unit="meV")
    tc_models: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        known = (*DESCRIPTORS, TC)
        if wrong := [name for name in self.aims if name not in known and "." not in name]:
            raise ValueError(f"aims: {'; '.join(unknown(name, known) for name in wrong)}")
        if (TC in self.aims) != bool(self.tc_models):
            raise ValueError("tc_models: the aim tc needs models of Tc, and they need the aim; give both or neither")


def drawn(weights: np.ndarray, rng: np.random.Generator) -> int:
    """Draw an index with odds in proportion to weights (n,); a tenth of the time of ``rng.choice``."""
    reach = np.cumsum(weights)
    return int(np.searchsorted(reach[:-1], rng.random() * reach[-1], side="right"))


class CompositionChoice:
    """Draws compositions: near the hull more often, those where nothing better comes less often.

    Reduced compositions are drawn first, then the cell, so that a composition is not favoured because many cell
    sizes hold it. Cells are drawn as the share of new structures that they give, over their atoms: small ones cost less
    and are soon exhausted.
    """

    def __init__(self, space: CompositionSpace, settings: SelectionSettings):
        self.settings = settings
        self.cells: dict[Composition, list[Composition]] = {}
        self._by_size: dict[int, list[Composition]] = {}
        for composition in space.compositions:
            self.cells.setdefault(composition.reduced, []).append(composition)
            self._by_size.setdefault(composition.n_atoms, []).append(composition)
        self.reduced = list(self.cells)
        self.shares = np.array([space.fractions(c) for c in self.reduced])
        self._place = {composition: place for place, composition in enumerate(self.reduced)}
        self._lowest = np.full(len(self.reduced), np.inf)
        self._fruitless = np.zeros(len(self.reduced))
        self._visits, self._new = Counter[Composition](), Counter[Composition]()

    def record(self, cell: Composition, enthalpy_per_atom: float, new: bool) -> bool:
        """Take the enthalpy, eV per atom, that a candidate of a cell content has come to, inf if it failed.

        ``new`` says whether it is a structure that was not known. Return whether it is the lowest of its composition
        so far. A composition outside the space is passed over.
        """
        place = self._place.get(cell.reduced)
        if place is None:
            return False
        self._visits[cell] += 1
        self._new[cell] += new
        better = enthalpy_per_atom < self._lowest[place]
        self._lowest[place] = min(enthalpy_per_atom, self._lowest[place])
        self._fruitless[place] = 0 if better else self._fruitless[place] + 1
        return bool(better)

    def founder(self, rng: np.random.Generator) -> Composition:
        """Draw a cell content when nothing is known: each number of atoms as often, then each of its compositions."""
        cells = self._by_size[list(self._by_size)[rng.integers(len(self._by_size))]]
        return cells[rng.integers(len(cells))]

    def odds(self, hull: Hull | None, aimed: Mapping[Composition, float] | None = None) -> np.ndarray:
        """Return the odds (n,) of each reduced composition; ``aimed`` is how well some stand by other aims, 0 to 1."""
        promise = self._promise(hull)
        for composition, weight in (aimed or {}).items():
            place = self._place[composition]
            promise[place] = max(promise[place], weight)
        weights = (self.settings.exploration + promise) / np.sqrt(1.0 + self._fruitless)
        return weights / weights.sum()

    def draw(self, odds: np.ndarray, rng: np.random.Generator) -> Composition:
        """Draw a cell content by the odds (n,) of the reduced compositions."""
        cells = self.cells[self.reduced[drawn(odds, rng)]]
        fresh = np.array([(1 + self._new[cell]) / (1 + self._visits[cell]) / cell.n_atoms for cell in cells])
        return cells[drawn(fresh, rng)]

    def share(self, cell: Composition) -> np.ndarray:
        """Return the endpoint shares (d,) of a cell content."""
        return self.shares[self._place[cell.reduced]]

    def _promise(self, hull: Hull | None) -> np.ndarray:
        """Return how near the hull the lowest of each reduced composition is: 1 on it, and where nothing is known."""
        known = np.isfinite(self._lowest)
        promise = np.ones(len(known))
        if hull is not None:
            above = hull.above(self.shares[known], self._lowest[known])
            promise[known] = boltzmann(above, self.settings.focus * _median(above))
        return promise


def _median(above: np.ndarray) -> float:
    """Return the median distance to the hull of what is not on it; 1 if all is."""
    off = above[above > 1e-6]
    return float(np.median(off)) if off.size else 1.0


class ParentChoice:
    """Draws parents near a composition: by distance to the hull, hull members always among them.

    With more than one aim, by where they stand, too, whichever counts more; what stands well is then among them even if
    others of its composition are lower.
    """

    def __init__(self, archive: Archive, settings: SelectionSettings, standing: Standing | None = None):
        best = archive.best(settings.per_composition)
        weights = {} if standing is None else dict(zip(standing.places.tolist(), standing.weights, strict=True))
        aimed = [] if standing is None else standing.places[standing.weights > 0].tolist()
        self.places = np.array(list(dict.fromkeys([*best, *aimed])), dtype=int)
        self.archive = archive
        above = archive.above[self.places]
        promise = boltzmann(above, settings.focus * _median(above))
        if weights:
            promise = np.maximum(promise, [weights.get(place, 0.0) for place in self.places.tolist()])
        self.fitness = settings.exploration + promise
        self.shares = archive.shares[self.places]
        self.width = settings.width

    def draw(self, shares: np.ndarray, count: int, rng: np.random.Generator) -> tuple[Individual, ...] | None:
        """Draw different parents for a composition with these shares (d,); None if there are too few."""
        if len(self.places) < count:
            return None
        away = ((self.shares - shares) ** 2).sum(axis=1)
        weights = self.fitness * np.exp(-away / (2 * self.width**2)) + 1e-12
        chosen = []
        for _ in range(count):
            chosen.append(drawn(weights, rng))
            weights[chosen[-1]] = 0.0
        return tuple(self.archive.individuals[place] for place in self.places[chosen].tolist())

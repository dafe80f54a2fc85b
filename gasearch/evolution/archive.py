"""All individuals ever admitted, and the hull they define."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass
from itertools import islice

import numpy as np

from gasearch.crystal.composition import Composition, CompositionSpace
from gasearch.crystal.fingerprint import distance, same_structure
from gasearch.evolution.candidate import Individual
from gasearch.schema import setting
from gasearch.thermodynamics.hull import Hull, is_endpoint


@dataclass(frozen=True)
class TwinTolerance:
    """How alike two structures of one composition must be to count as the same.

    Parameters
    ----------
    enthalpy : float
        Largest difference, eV per atom.
    volume : float
        Largest relative difference.
    fingerprint : float
        Largest distance at which fingerprints alone decide that they are the same.
    doubtful_fingerprint : float
        Largest distance at which it is worth comparing the structures themselves.
    """

    enthalpy: float = setting(0.003, above=0, unit="eV")
    volume: float = setting(0.01, above=0, at_most=1)
    fingerprint: float = setting(0.002, above=0, at_most=1)
    doubtful_fingerprint: float = setting(0.03, above=0, at_most=1)

    def coincide(self, f: np.ndarray, g: np.ndarray) -> bool:
        """Tell whether fingerprints alone decide that two structures of one composition are the same."""
        return distance(f, g) < self.fingerprint

    def same(self, a: Individual, b: Individual) -> bool:
        """Tell at once whether two individuals are the same: by enthalpy, volume and fingerprint."""
        return self._alike(a, b) and self.coincide(a.fingerprint, b.fingerprint)

    def same_on_closer_look(self, a: Individual, b: Individual) -> bool:
        """Tell whether two individuals are the same; where fingerprints leave a doubt, by the structures themselves."""
        if not self._alike(a, b):
            return False
        doubtful = distance(a.fingerprint, b.fingerprint) < self.doubtful_fingerprint
        return self.coincide(a.fingerprint, b.fingerprint) or (doubtful and same_structure(a.crystal, b.crystal))

    def _alike(self, a: Individual, b: Individual) -> bool:
        """Tell whether enthalpy and volume leave open that two individuals are the same."""
        volume_a, volume_b = (i.crystal.volume / len(i.crystal) for i in (a, b))
        return (
            abs(a.enthalpy_per_atom - b.enthalpy_per_atom) <= self.enthalpy
            and abs(volume_a - volume_b) <= self.volume * volume_a
            and a.crystal.composition.reduced == b.crystal.composition.reduced
        )


class Archive:
    """Individuals in order of admission, their distances to the hull, and the twins among them.

    Until every endpoint has an individual there is no hull, and every distance is zero. An individual about which a
    committee of potentials disagrees is kept, and repetitions of it are found, but it is no vertex of the hull, above
    which it may lie by less than nothing, and no parent.

    Parameters
    ----------
    space : CompositionSpace
    tolerance : TwinTolerance
    max_spread : float
        Spread, eV/atom, from which on the committee's disagreement counts.
    """

    def __init__(self, space: CompositionSpace, tolerance: TwinTolerance, max_spread: float = np.inf):
        self.space = space
        self.tolerance = tolerance
        self.max_spread = max_spread
        self.individuals: list[Individual] = []
        self.hull: Hull | None = None
        self._place: dict[int, int] = {}
        self._by_enthalpy: dict[Composition, list[tuple[float, int]]] = {}
        self._shares = np.empty((64, len(space.endpoints)))
        self._enthalpies = np.empty(64)
        self._above: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.individuals)

    @property
    def shares(self) -> np.ndarray:
        """Endpoint shares (n, d) of the individuals."""
        return self._shares[: len(self)]

    @property
    def enthalpies(self) -> np.ndarray:
        """Enthalpies (n,), eV per atom."""
        return self._enthalpies[: len(self)]

    @property
    def above(self) -> np.ndarray:
        """Enthalpies above the hull (n,), eV per atom."""
        if self._above is None:
            self._above = np.zeros(len(self)) if self.hull is None else self.hull.above(self.shares, self.enthalpies)
        return self._above

    @property
    def hull_ids(self) -> frozenset[int]:
        """Ids of the individuals on the hull."""
        return frozenset() if self.hull is None else frozenset(self.individual(id).id for id in self.hull.ids.tolist())

    def doubtful(self, individual: Individual) -> bool:
        """Tell whether the committee disagrees too much about an individual."""
        return individual.spread > self.max_spread

    def individual(self, id: int) -> Individual:
        """Return the individual with this id, or the better relaxed twin that took its place."""
        return self.individuals[self._place[id]]

    def lowest(self, reduced: Composition, count: int) -> list[Individual]:
        """Return the ``count`` lowest individuals of a reduced composition."""
        return [self.individuals[place] for _, place in self._by_enthalpy.get(reduced, [])[:count]]

    def volume(self, composition: Composition) -> float | None:
        """Return the volume, Å³, of the phases that coexist at a composition; None before there is a hull."""
        if self.hull is None:
            return None
        vertices, amounts = self.hull.decomposition(self.space.fractions(composition))
        crystals = [self.individual(id).crystal for id in self.hull.ids[vertices].tolist()]
        per_atom = sum(amount * c.volume / len(c) for amount, c in zip(amounts.tolist(), crystals, strict=True))
        return composition.n_atoms * per_atom

    def best(self, count: int) -> list[int]:
        """Return the places of the ``count`` lowest individuals of every composition that are not doubtful."""
        groups = ((place for _, place in group) for group in self._by_enthalpy.values())
        return [place for group in groups for place in islice(filter(self._known, group), count)]

    def _known(self, place: int) -> bool:
        return not self.doubtful(self.individuals[place])

    def twin_of(self, new: Individual) -> Individual | None:
        """Return an earlier individual that is the same by enthalpy, volume and fingerprint."""
        group = self._by_enthalpy.get(new.crystal.composition.reduced, [])
        first = bisect_left(group, (new.enthalpy_per_atom - self.tolerance.enthalpy, -1))
        for enthalpy, place in group[first:]:
            if enthalpy > new.enthalpy_per_atom + self.tolerance.enthalpy:
                break
            if self.tolerance.same(new, self.individuals[place]):
                return self.individuals[place]
        return None

    def admit(self, new: Individual) -> bool:
        """Add an individual; return whether it changed the hull."""
        place, shares = len(self), self.space.fractions(new.crystal.composition)
        if place == len(self._enthalpies):
            self._shares = np.vstack([self._shares, np.empty_like(self._shares)])
            self._enthalpies = np.concatenate([self._enthalpies, np.empty_like(self._enthalpies)])
        self._shares[place], self._enthalpies[place] = shares, new.enthalpy_per_atom
        self._place[new.id] = place
        self.individuals.append(new)
        insort(self._by_enthalpy.setdefault(new.crystal.composition.reduced, []), (new.enthalpy_per_atom, place))
        self._above = None
        return self._update_hull(new, shares)

    def replace(self, old: Individual, new: Individual) -> bool:
        """Put a better relaxed twin in the place of an individual; return whether the hull changed.

        A doubtful one does not take the place of one that is not.
        """
        if self.doubtful(new) and not self.doubtful(old):
            self._place[new.id] = self._place[old.id]
            return False
        group = self._by_enthalpy[old.crystal.composition.reduced]
        place = self._place[new.id] = self._place[old.id]
        group.remove((old.enthalpy_per_atom, place))
        insort(group, (new.enthalpy_per_atom, place))
        self.individuals[place], self._enthalpies[place], self._above = new, new.enthalpy_per_atom, None
        return self._update_hull(new, self._shares[place])

    def _update_hull(self, new: Individual, shares: np.ndarray) -> bool:
        if self.doubtful(new):
            return False
        if self.hull is not None:
            before, self.hull = self.hull, self.hull.with_point(new.id, shares, new.enthalpy_per_atom)
            return self.hull is not before
        known = np.array([place for place in range(len(self)) if self._known(place)])
        if is_endpoint(self.shares[known]).any(axis=0).all():
            ids = np.array([individual.id for individual in self.individuals])
            self.hull = Hull.of(ids[known], self.shares[known], self.enthalpies[known])
        return self.hull is not None

"""A search with more than one aim: who stands where, by the distance to the hull and by descriptors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from gasearch.crystal.composition import Composition
from gasearch.evolution.archive import Archive
from gasearch.evolution.candidate import Individual
from gasearch.evolution.descriptors import Descriptor, descriptor, value
from gasearch.evolution.pareto import crowding, fronts

#: How many individuals, at most, are parents for what they are by the aims.
POPULATION = 20


@dataclass(frozen=True, eq=False)
class Standing:
    """The individuals that are ranked.

    Parameters
    ----------
    places : (n,) array of int
        In the archive.
    above : (n,) array
        Enthalpy above the hull, eV per atom.
    values : (n, d) array
        Of the descriptors, in the order of the aims.
    ranks : (n,) array of int
        0 on the Pareto front.
    weights : (n,) array
        What it counts as a parent, 0 to 1: falling evenly along the crowded order, front by front and on each by the
        room that it has, as the odds of a binary tournament do (doi:10.1109/4235.996017, section III.B); the order is
        cut off where a generation would be full.
    """

    places: np.ndarray
    above: np.ndarray
    values: np.ndarray
    ranks: np.ndarray
    weights: np.ndarray


class Aims:
    """Ranks the individuals of an archive; a function of the archive alone, so that a restart ranks them alike.

    Elements are left out where there are compounds: on the hull by definition, they would dominate whatever is
    compared with them by composition. So is what is doubtful, too far above the hull, or NaN by a descriptor.

    Parameters
    ----------
    aims : mapping
        Name of a descriptor → ``highest`` or ``lowest``.
    within : float
        Enthalpy above the hull up to which individuals are ranked, eV per atom.
    of_models : mapping
        Descriptors that know more than the crystal, by name.
    """

    def __init__(
        self, aims: Mapping[str, str], within: float, of_models: Mapping[str, Descriptor] = MappingProxyType({})
    ):
        self.ways = dict(aims)
        self.names = tuple(aims)
        self.within = within
        self._signs = np.array([-1.0 if way == "highest" else 1.0 for way in aims.values()])
        self._functions = [descriptor(name, of_models) for name in aims]
        self._known: dict[int, np.ndarray] = {}

    def standing(self, archive: Archive) -> Standing | None:
        """Return who stands where; None before there is a hull, or where nobody can be ranked."""
        if archive.hull is None:
            return None
        above = np.maximum(archive.above, 0.0)
        places = np.array([p for p in np.flatnonzero(above <= self.within).tolist() if self._counts(archive, p)], int)
        if not places.size:
            return None
        values = np.array([self._values(archive.individuals[place]) for place in places])
        known = np.isfinite(values).all(axis=1)
        places, values = places[known], values[known]
        return _standing(places, above[places], values, self._signs) if places.size else None

    def _counts(self, archive: Archive, place: int) -> bool:
        individual = archive.individuals[place]
        compound = len(individual.crystal.composition.elements) > 1 or len(archive.space.elements) == 1
        return compound and not archive.doubtful(individual)

    def _values(self, individual: Individual) -> np.ndarray:
        """Return what the descriptors say (d,); each individual is asked once."""
        if individual.id not in self._known:
            named = zip(self.names, self._functions, strict=True)
            self._known[individual.id] = np.array([value(name, f, individual.crystal) for name, f in named])
        return self._known[individual.id]


def _standing(places: np.ndarray, above: np.ndarray, values: np.ndarray, signs: np.ndarray) -> Standing:
    objectives = np.column_stack([above, signs * values])
    ranks = fronts(objectives)
    order = np.lexsort((-crowding(objectives, ranks), ranks))
    weights = np.zeros(len(ranks))
    weights[order] = np.maximum(1 - np.arange(len(ranks)) / POPULATION, 0.0)
    return Standing(places, above, values, ranks, weights)


def by_composition(archive: Archive, standing: Standing) -> dict[Composition, float]:
    """Return the highest weight of each reduced composition."""
    found: dict[Composition, float] = {}
    for place, weight in zip(standing.places.tolist(), standing.weights.tolist(), strict=True):
        reduced = archive.individuals[place].crystal.composition.reduced
        found[reduced] = max(weight, found.get(reduced, 0.0))
    return found

"""What a search found and what it took, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from gasearch.crystal.composition import CompositionSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.symmetry import SpaceGroup, space_group
from gasearch.evolution.aims import Aims
from gasearch.evolution.archive import Archive
from gasearch.evolution.candidate import Individual, Outcome
from gasearch.evolution.search import Search
from gasearch.outcomes import Failure
from gasearch.units import pressure_to_GPa

#: Tolerances, Å, at which space groups are given: what it is, and what it nearly is.
SYMMETRY_TOLERANCES = (0.02, 0.1)


@dataclass
class Tally:
    """Counts over outcomes, in whatever order they come."""

    candidates: int = 0
    relaxations: int = 0
    evaluations: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    operators: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)

    def count(self, outcomes: Iterable[Outcome]) -> None:
        """Add outcomes."""
        for outcome in outcomes:
            self.candidates += 1
            self.relaxations += outcome.started
            self.evaluations += outcome.result.steps
            self.operators[outcome.operator] += 1
            self.seconds.update(outcome.seconds)
            if isinstance(outcome.result, Failure):
                self.failures[outcome.result.reason.name.lower()] += 1


def phases(archive: Archive, within: float) -> list[tuple[Individual, float]]:
    """Return the individuals at most ``within`` (eV per atom) above the hull, and how far; nearest first.

    What is doubtful may lie below the hull, and comes first then.
    """
    doubtful = np.array([archive.doubtful(individual) for individual in archive.individuals], dtype=bool)
    above = np.where(doubtful, archive.above, np.maximum(archive.above, 0.0))
    near = np.flatnonzero(above <= within)
    order = near[np.lexsort((archive.enthalpies[near], above[near]))]
    return [(archive.individuals[place], float(above[place])) for place in order]


def hull_document(
    archive: Archive, pressure: float, within: float, most: int, aims: Aims | None = None
) -> dict[str, Any]:
    """Return ``most`` phases within a distance (eV per atom) of the hull, nearest first; pressure in eV/Å³.

    With ``aims``, also their Pareto front.
    """
    found = phases(archive, within)[:most] if archive.hull is not None else []
    on_hull = archive.hull_ids
    return {
        "pressure_GPa": round(pressure_to_GPa(pressure), 9),
        "endpoints": [endpoint.formula for endpoint in archive.space.endpoints],
        "complete": archive.hull is not None,
        "spread_limit_eV_per_atom": archive.max_spread if np.isfinite(archive.max_spread) else None,
        "phases": [
            phase_document(archive.space, phase, above, phase.id in on_hull) | _doubt(archive, phase)
            for phase, above in found
        ],
    } | (front_document(archive, aims) if aims and aims.names else {})


def front_document(archive: Archive, aims: Aims) -> dict[str, Any]:
    """Return the compounds on the Pareto front, nearest to the hull first, and where the others stand."""
    standing = aims.standing(archive)
    if standing is None:
        return {"aims": aims.ways, "front": [], "behind": []}
    order = np.lexsort((standing.places, standing.above))
    first = [i for i in order.tolist() if standing.ranks[i] == 0]
    behind = [i for i in order.tolist() if standing.ranks[i] > 0]

    def values(i: int) -> dict[str, float]:
        return dict(zip(aims.names, standing.values[i].tolist(), strict=True))

    def phase(i: int) -> dict[str, Any]:
        individual, above = archive.individuals[standing.places[i]], float(standing.above[i])
        return phase_document(archive.space, individual, above, individual.id in archive.hull_ids)

    return {
        "aims": aims.ways,
        "front": [phase(i) | {"aims": values(i)} for i in first],
        "behind": [
            {"above_hull_eV_per_atom": float(standing.above[i]), "rank": int(standing.ranks[i])} | values(i)
            for i in behind
        ],
    }


def undoubted(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the phases of a hull.json about which no committee of potentials disagrees."""
    return [phase for phase in document["phases"] if not phase.get("doubtful", False)]


def hull_phases(phases: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return those phases of a document that are on the hull, in the order of their compositions."""
    return sorted((phase for phase in phases if phase["on_hull"]), key=lambda phase: phase["shares"][::-1])


def phase_document(space: CompositionSpace, individual: Individual, above: float, on_hull: bool) -> dict[str, Any]:
    """Return one phase, ``above`` the hull (eV per atom) or on it, as plain data."""
    crystal = individual.crystal
    tight, loose = space_groups(crystal)
    return {
        "formula": crystal.composition.reduced.formula,
        "space_group": loose.symbol,
        "space_group_number": loose.number,
        "space_group_tight": tight.symbol,
        "atoms": len(crystal),
        "enthalpy_eV_per_atom": individual.enthalpy_per_atom,
        "above_hull_eV_per_atom": above,
        "on_hull": on_hull,
        "volume_A3_per_atom": crystal.volume / len(crystal),
        "shares": space.fractions(crystal.composition).tolist(),
        "candidate": individual.id,
        "operator": individual.operator,
        "parents": list(individual.parents),
    }


def _doubt(archive: Archive, individual: Individual) -> dict[str, Any]:
    """Return by how much a committee disagrees about a phase, None where a member has no answer; is it too much?"""
    if np.isnan(individual.spread):
        return {}
    spread = individual.spread if np.isfinite(individual.spread) else None
    return {"spread_eV_per_atom": spread, "doubtful": archive.doubtful(individual)}


@lru_cache(maxsize=4096)
def space_groups(crystal: Crystal) -> tuple[SpaceGroup, ...]:
    """Return the space groups at both tolerances; crystals are compared by identity, so a snapshot asks once."""
    return tuple(space_group(crystal, symprec) for symprec in SYMMETRY_TOLERANCES)


def summary_document(search: Search, tally: Tally, reason: str | None, run: dict[str, Any]) -> dict[str, Any]:
    """Return counts, times and the search's story; ``run`` holds what the driver alone knows."""
    final = search.story[-1].mean_enthalpy if search.story else 0.0
    return {
        "finished": reason,
        "candidates": tally.candidates,
        "relaxations": tally.relaxations,
        "evaluations": tally.evaluations,
        "individuals": len(search.archive),
        "doubtful": sum(map(search.archive.doubtful, search.archive.individuals)),
        "duplicates": search.twins + tally.failures["twin_before"],
        "failures": dict(sorted(tally.failures.items())),
        "operators": _operators(search, tally),
        "seconds": {part: round(value, 3) for part, value in sorted(tally.seconds.items())},
        "hull_deficit": [
            {
                "candidate": change.id,
                "relaxations": change.relaxations,
                "deficit_eV_per_atom": change.mean_enthalpy - final,
            }
            for change in search.story
        ],
    } | run


def _operators(search: Search, tally: Tally) -> dict[str, Any]:
    odds = dict(zip(search.weights.names, search.weights.probabilities().tolist(), strict=True))
    return {
        name: {"candidates": count, "gain": search.weights.gains.get(name), "probability": odds.get(name)}
        for name, count in sorted(tally.operators.items())
    }

"""What is said of glasses and of the crystals beside them: as plain data, as lines, and as what is drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import numpy as np

from gasearch.crystal.composition import Pair
from gasearch.crystal.convert import masses
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import same_structure
from gasearch.crystal.order import Order, long_range_order
from gasearch.crystal.radial_distribution import (
    coordination_numbers,
    first_shell,
    partial_distributions,
    peak_width,
    reach,
    structure_distances,
)
from gasearch.crystal.symmetry import space_group
from gasearch.outcomes import Failure, Relaxed
from gasearch.potential.molecular_dynamics import Leg, Travelled
from gasearch.report.amorphous import GlassView, LevelsView
from gasearch.screening.amorphous import (
    Resemblance,
    mean_and_deviation,
    nearest_in_enthalpy,
    nearest_in_structure,
    pairs_of,
)
from gasearch.units import G_PER_CM3_PER_U_PER_A3, MEV_PER_EV, pressure_to_GPa
from gasearch.workflow.beyond.diagram import HullAt
from gasearch.workflow.dft.refined_document import structure_document
from gasearch.workflow.dft.refinement import Proposal

#: Raised by one whenever readers of an older document could misread a new one.
FORMAT: Final = 1
SCHEMA: Final = f"amorphous-{FORMAT}.schema.json"
LIMITS: Final = (
    "Melts of some picoseconds in small cells, cooled orders of magnitude faster than any experiment (the rate is "
    "given): such glasses lie higher, and keep more of the liquid, than slowly cooled ones, and nothing nucleates that "
    "needs a nucleus larger than the cell or longer than the trajectory. The cell keeps its shape until it is relaxed. "
    "Nuclei are classical: hydrogen's zero-point motion, of 0.1 eV per atom and more, is missing in structure and "
    "enthalpy. Enthalpies are of the potential at 0 K, without entropy; a potential trained on cold crystals is "
    "extrapolated by a hot liquid. Likeness is a hint, not a rate of growth."
)
#: Å; tolerance of the space groups of crystals.
_SYMPREC: Final = 0.05
#: Spacing of the distances that are written and drawn, Å.
_GRID: Final = 0.02
#: Crystals in a line of text.
_SHOWN: Final = 3


@dataclass(frozen=True, eq=False)
class Beside:
    """Glasses and crystals at one pressure.

    Parameters
    ----------
    shares : (d,) array
        Share of the atoms of a glass that each endpoint contributes.
    glasses : mapping
        Number of the replica → what became of it.
    proposals, results : sequences
        Crystals of all compositions, and what became of them.
    hull : HullAt
        Of these crystals.
    max_spread : float
        Disagreement of a committee, eV/atom, beyond which a structure is doubtful.
    """

    shares: np.ndarray
    glasses: Mapping[int, Relaxed | Failure]
    proposals: Sequence[Proposal]
    results: Sequence[Relaxed | Failure]
    hull: HullAt
    max_spread: float

    @property
    def made(self) -> dict[int, Relaxed]:
        """The glasses that there are."""
        return {number: glass for number, glass in self.glasses.items() if isinstance(glass, Relaxed)}

    def above_hull(self, relaxed: Relaxed) -> float:
        """Return the enthalpy above the hull of a structure of the composition of the glasses, eV per atom."""
        return float(self.hull.hull.above(self.shares, relaxed.enthalpy_per_atom))

    def crystals(self) -> list[tuple[Proposal, Relaxed]]:
        """Return those of the composition of the glasses, each structure once, the lowest first."""
        kept: list[tuple[Proposal, Relaxed]] = []
        formulas = {glass.crystal.composition.reduced for glass in self.made.values()}
        both = [(p, r) for p, r in zip(self.proposals, self.results, strict=True) if isinstance(r, Relaxed)]
        # Of twins the one that was given stays, by the name that the user knows.
        for proposal, result in sorted(both, key=lambda x: (x[0].above is not None, x[1].enthalpy_per_atom)):
            alike = (same_structure(result.crystal, other.crystal) for _, other in kept)
            if result.crystal.composition.reduced in formulas and not any(alike):
                kept.append((proposal, result))
        return sorted(kept, key=lambda x: x[1].enthalpy_per_atom)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    return json.loads((files("gasearch.workflow") / "schemas" / SCHEMA).read_text(encoding="utf-8"))


def history_document(number: int, legs: Sequence[tuple[Leg, Travelled]], failure: Failure | None) -> dict[str, Any]:
    """Return the trajectory of a replica as plain data."""
    return {
        "replica": number,
        "failure": None if failure is None else _failure(failure),
        "legs": [
            {
                "name": leg.name,
                "duration_ps": leg.duration,
                "steps": travelled.steps,
                "mean_temperature_K": travelled.temperature,
                "mean_pressure_GPa": pressure_to_GPa(travelled.pressure),
                "volume_A3_per_atom": travelled.volume,
                "moved_A": dict(travelled.moved),
                "nearer_than_trained": travelled.beyond,
            }
            for leg, travelled in legs
        ],
    }


def at_pressure(beside: Beside, trained: bool | None) -> dict[str, Any]:
    """Return everything at one pressure as plain data; ``trained`` says whether the potential was made for it."""
    made, crystals = list(beside.made.values()), beside.crystals()
    names = [proposal.name for proposal, _ in crystals]
    between = [structure_distances(made[a].crystal, [made[b].crystal])[0] for a, b in pairs_of(len(made))]
    resemblances = _resemblances(made, crystals)
    structures = nearest_in_structure(resemblances)
    nearest = crystals[names.index(structures[0])][1].crystal if structures else None
    distributions, shells = _distributions([glass.crystal for glass in made], nearest) if made else ({}, {})
    heights = [beside.above_hull(glass) for glass in made]
    mean, deviation = mean_and_deviation(heights) if made else (None, None)
    return {
        "pressure_GPa": pressure_to_GPa(beside.hull.pressure),
        "within_training_range": trained,
        "above_hull_eV_per_atom": mean,
        "above_hull_deviation_eV_per_atom": deviation,
        "between_replicas": float(np.mean(between)) if between else None,
        "glasses": [_glass(number, result, beside, shells) for number, result in beside.glasses.items()],
        "crystals": [
            _crystal(proposal, result, beside, resemblance, shells)
            for (proposal, result), resemblance in zip(crystals, resemblances, strict=True)
        ],
        "nearest_in_structure": structures,
        "nearest_in_enthalpy": nearest_in_enthalpy(resemblances),
        "radial_distributions": distributions,
    }


def _resemblances(made: Sequence[Relaxed], crystals: Sequence[tuple[Proposal, Relaxed]]) -> list[Resemblance]:
    if not made:
        return []
    apart = [structure_distances(glass.crystal, [r.crystal for _, r in crystals]) for glass in made]
    return [
        Resemblance(
            name=proposal.name,
            distances=tuple(row[place] for row in apart),
            above=tuple(glass.enthalpy_per_atom - result.enthalpy_per_atom for glass in made),
        )
        for place, (proposal, result) in enumerate(crystals)
    ]


def _distributions(glasses: Sequence[Crystal], nearest: Crystal | None) -> tuple[dict[str, Any], dict[Pair, float]]:
    """Return partial radial distributions of the glasses and of a crystal, and where the glasses' first shells end."""
    length, width = min(map(reach, glasses)), peak_width(glasses[0])
    distances = np.arange(1, int(length / _GRID) + 1) * _GRID
    each = [partial_distributions(glass, distances, width) for glass in glasses]
    of_crystal = {} if nearest is None else partial_distributions(nearest, distances, width)
    document: dict[str, Any] = {"distances_A": _rounded(distances), "width_A": width, "pairs": []}
    shells = {}
    for pair in each[0]:
        curves = np.array([found[pair] for found in each])
        peak, end = first_shell(distances, curves.mean(axis=0))
        if np.isfinite(end):
            shells[pair] = end
        document["pairs"].append(
            {
                "pair": str(pair),
                "mean": _rounded(curves.mean(axis=0)),
                "lowest": _rounded(curves.min(axis=0)),
                "highest": _rounded(curves.max(axis=0)),
                "nearest_crystal": _rounded(of_crystal[pair]) if of_crystal else None,
                "first_peak_A": None if np.isnan(peak) else round(peak, 4),
                "shell_ends_A": None if np.isnan(end) else round(end, 4),
            }
        )
    return document, shells


def _rounded(values: np.ndarray) -> list[float]:
    return np.round(values, 4).tolist()


def _failure(failure: Failure) -> dict[str, Any]:
    return {"reason": str(failure.reason), "detail": failure.detail, "steps": failure.steps}


def _described(result: Relaxed, beside: Beside, shells: Mapping[Pair, float]) -> dict[str, Any]:
    """Return what is said of glasses and crystals alike."""
    crystal, spread = result.crystal, result.spread
    return {
        "enthalpy_eV_per_atom": result.enthalpy_per_atom,
        "above_hull_eV_per_atom": beside.above_hull(result),
        "volume_A3_per_atom": crystal.volume / len(crystal),
        "density_g_per_cm3": float(masses(crystal.numbers).sum()) / crystal.volume * G_PER_CM3_PER_U_PER_A3,
        "spread_eV_per_atom": spread if np.isfinite(spread) else None,
        "doubtful": bool(spread > beside.max_spread),
        "coordination": coordination_numbers(crystal, shells) if shells else {},
    }


def _glass(number: int, result: Relaxed | Failure, beside: Beside, shells: Mapping[Pair, float]) -> dict[str, Any]:
    if isinstance(result, Failure):
        return {"replica": number, "failure": _failure(result)}
    order = long_range_order(result.crystal)
    return {
        "replica": number,
        "failure": None,
        **_described(result, beside, shells),
        "order": str(order.order),
        "space_group": order.space_group,
        "symmetry_operations": order.operations,
        "in_phase": order.in_phase,
        "in_phase_of_a_liquid": order.of_a_liquid,
        "structure": structure_document(result.crystal),
    }


def _crystal(
    proposal: Proposal, result: Relaxed, beside: Beside, resemblance: Resemblance, shells: Mapping[Pair, float]
) -> dict[str, Any]:
    distance, distance_deviation = mean_and_deviation(resemblance.distances)
    above, above_deviation = mean_and_deviation(resemblance.above)
    return {
        "name": proposal.name,
        "formula": result.crystal.composition.reduced.formula,
        "space_group": space_group(result.crystal, _SYMPREC).symbol,
        "atoms": len(result.crystal),
        **_described(result, beside, shells),
        "structure_distance": distance,
        "structure_distance_deviation": distance_deviation,
        "glass_above_eV_per_atom": above,
        "glass_above_deviation_eV_per_atom": above_deviation,
        "structure": structure_document(result.crystal),
    }


def pressure_lines(found: Mapping[str, Any]) -> list[str]:
    """Return what is said at one pressure, in lines."""
    mark = "" if found["within_training_range"] is not False else "   ! beyond the training"
    glasses = [glass for glass in found["glasses"] if glass["failure"] is None]
    head = f"{found['pressure_GPa']:9.1f} GPa  "
    if not glasses:
        return [f"{head}no glass: {found['glasses'][0]['failure']['reason']}{mark}"]
    density, _ = mean_and_deviation([glass["density_g_per_cm3"] for glass in glasses])
    height = _with_deviation(found["above_hull_eV_per_atom"], found["above_hull_deviation_eV_per_atom"], MEV_PER_EV, 0)
    lines = [f"{head}{height} meV/atom above the hull, {density:.2f} g/cm³; {_orders(found['glasses'])}{mark}"]
    if not found["crystals"]:
        return [*lines, f"{'':15}no crystal of this composition to compare with: give some with --structure"]
    by_name = {crystal["name"]: crystal for crystal in found["crystals"]}
    between = found["between_replicas"]
    unlike = "" if between is None else f" (replicas among themselves {between:.3f})"
    alike = ", ".join(map(_alike, (by_name[name] for name in found["nearest_in_structure"][:_SHOWN])))
    below = ", ".join(map(_below, (by_name[name] for name in found["nearest_in_enthalpy"][:_SHOWN])))
    return [*lines, f"{'':15}nearest in structure: {alike}{unlike}", f"{'':15}nearest in enthalpy: {below}"]


def _with_deviation(mean: float, deviation: float | None, factor: float, digits: int) -> str:
    spread = "" if deviation is None else f" ± {factor * deviation:.{digits}f}"
    return f"{factor * mean:.{digits}f}{spread}"


def _orders(glasses: Sequence[Mapping[str, Any]]) -> str:
    """Say how many glasses are what."""
    told = []
    for order in Order:
        like = [glass for glass in glasses if glass.get("order") == order]
        groups = sorted({glass["space_group"] for glass in like})
        named = f" ({', '.join(groups)})" if order is Order.CRYSTALLINE else ""
        told += [f"{len(like)} {order}{named}"] if like else []
    failed = sum(glass["failure"] is not None for glass in glasses)
    doubtful = sum(glass.get("doubtful", False) for glass in glasses)
    told += [f"{failed} failed"] if failed else []
    told += [f"{doubtful} doubtful (?)"] if doubtful else []
    return ", ".join(told)


def _label(crystal: Mapping[str, Any]) -> str:
    return f"{crystal['space_group']}{'?' if crystal['doubtful'] else ''} ({crystal['name']})"


def _alike(crystal: Mapping[str, Any]) -> str:
    told = _with_deviation(crystal["structure_distance"], crystal["structure_distance_deviation"], 1.0, 3)
    return f"{_label(crystal)} {told}"


def _below(crystal: Mapping[str, Any]) -> str:
    mean, deviation = crystal["glass_above_eV_per_atom"], crystal["glass_above_deviation_eV_per_atom"]
    told = _with_deviation(abs(mean), deviation, MEV_PER_EV, 0)
    return f"{_label(crystal)} {told} meV/atom {'below' if mean >= 0 else 'above'} the glass"


def views(document: Mapping[str, Any]) -> tuple[list[GlassView], LevelsView]:
    """Return what is drawn of a document: the distributions at each pressure, and all enthalpies."""
    drawn = [found for found in document["pressures"] if found["radial_distributions"]]
    glasses = []
    for found in drawn:
        by_name = {crystal["name"]: crystal for crystal in found["crystals"]}
        nearest = [by_name[name] for name in found["nearest_in_structure"][:1]]
        glasses.append(
            GlassView(
                pressure=found["pressure_GPa"],
                distances=found["radial_distributions"]["distances_A"],
                pairs=found["radial_distributions"]["pairs"],
                nearest=nearest[0]["space_group"] if nearest else None,
            )
        )
    crystals: dict[str, list[tuple[float, float]]] = {}
    groups: dict[str, tuple[str, str]] = {}
    for found in drawn:
        for crystal in found["crystals"]:
            groups.setdefault(crystal["name"], (crystal["space_group"], crystal["name"].rpartition("/")[2]))
            place = (found["pressure_GPa"], crystal["above_hull_eV_per_atom"])
            crystals.setdefault(crystal["name"], []).append(place)
    levels = LevelsView(
        glasses=[
            (found["pressure_GPa"], glass["above_hull_eV_per_atom"])
            for found in drawn
            for glass in found["glasses"]
            if glass["failure"] is None
        ],
        crystals=[(*groups[name], places) for name, places in crystals.items()],
    )
    return glasses, levels

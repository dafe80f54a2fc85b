"""What DFT says of the phases of a run, as plain data: ``refined.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.symmetry import space_group
from gasearch.espresso.record import ScfFailure
from gasearch.outcomes import ElectronicStructure, Failure, RefinedPhase, SpinStart
from gasearch.thermodynamics.hull import Hull, endpoint_enthalpies
from gasearch.units import pressure_to_GPa
from gasearch.workflow.dft.refinement import ON_HULL, Judged, Proposal, Variant, Verdict, hull_of, points, twins
from gasearch.workflow.record.summary import undoubted

FORMAT: Final = 1
#: Distance tolerance, Å, at which the space groups of refined phases are given.
SYMPREC: Final = 0.01


def refined_document(
    found: Mapping[str, Any],
    settings: Mapping[str, Any],
    provenance: Mapping[str, Any],
    verdict: Verdict,
    judged: Sequence[Judged],
    electrons: Mapping[str, ElectronicStructure | ScfFailure],
) -> dict[str, Any]:
    """Return everything; ``found`` is the search's snapshot, ``judged`` the verdict's candidates and the references."""
    hull, repeated = hull_of(judged), twins(judged)
    return {
        "format": FORMAT,
        "pressure_GPa": found["pressure_GPa"],
        "endpoints": found["endpoints"],
        "complete": hull is not None,
        "settings": dict(settings),
        "provenance": dict(provenance),
        "window": {
            "meV_per_atom": 1000 * verdict.window,
            "largest_drop_meV_per_atom": 1000 * verdict.largest_drop if np.isfinite(verdict.largest_drop) else None,
            "closed": verdict.closed,
            "reason": verdict.reason,
        },
        "references": _reference_documents(found["endpoints"], judged),
        "phases": _on_hull_with_their_twins(
            [
                phase
                | {"same_as": repeated.get(j.proposal.name)}
                | {"electrons": _electrons_document(electrons, j.proposal.name)}
                for j, phase in _phase_documents(found, judged, hull)
            ]
        ),
        "failures": [_failure_document(j) for j in judged if j.kept is None],
    }


def _on_hull_with_their_twins(phases: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return phases of which one is on the hull if one is that repeats it: a little lower, it is the same."""
    touching = {phase["same_as"] for phase in phases if phase["dft"]["on_hull"]}
    return [
        phase | {"dft": phase["dft"] | {"on_hull": phase["dft"]["on_hull"] or phase["name"] in touching}}
        for phase in phases
    ]


def _phase_documents(
    found: Mapping[str, Any], judged: Sequence[Judged], hull: Hull | None
) -> list[tuple[Judged, dict[str, Any]]]:
    """Return what was refined, nearest to the DFT hull first."""
    refined = [j for j in judged if j.kept is not None]
    shares, enthalpies = points(refined) if refined else (np.zeros((0, 0)), np.zeros(0))
    mlip_ends = _mlip_ends(found)
    above = formation = np.full(len(refined), np.nan)
    if hull is not None:
        above = np.maximum(hull.above(shares, enthalpies), 0.0)
        formation = enthalpies - shares @ endpoint_enthalpies(shares, enthalpies)
    documents = [_phase_document(j, mlip_ends, *numbers) for j, *numbers in zip(refined, above, formation, strict=True)]
    order = np.lexsort((enthalpies, above))
    return [(refined[place], documents[place]) for place in order.tolist()]


def _mlip_ends(found: Mapping[str, Any]) -> np.ndarray:
    phases = undoubted(found)
    return endpoint_enthalpies(
        np.array([phase["shares"] for phase in phases]),
        np.array([phase["enthalpy_eV_per_atom"] for phase in phases]),
    )


def _phase_document(judged: Judged, mlip_ends: np.ndarray, above: float, formation: float) -> dict[str, Any]:
    proposal, crystal = judged.proposal, judged.kept.relaxed.crystal
    group = space_group(crystal, SYMPREC)
    return {
        "name": proposal.name,
        "origin": "reference" if proposal.above is None else "search",
        "formula": crystal.composition.reduced.formula,
        "space_group": group.symbol,
        "space_group_number": group.number,
        "atoms": len(crystal),
        "shares": [float(x) for x in proposal.shares],
        "volume_A3_per_atom": crystal.volume / len(crystal),
        "structure": structure_document(crystal),
        "dft": _dft_document(judged.kept, above, formation),
        "mlip": _mlip_document(proposal, mlip_ends),
        "variants": [_variant_document(variant, judged.kept) for variant in judged.variants],
    }


def _dft_document(phase: RefinedPhase, above: float, formation: float) -> dict[str, Any]:
    relaxed = phase.relaxed
    return {
        "enthalpy_eV_per_atom": relaxed.enthalpy_per_atom,
        "energy_eV_per_atom": relaxed.energy / len(relaxed.crystal),
        "formation_eV_per_atom": _number(formation),
        "above_hull_eV_per_atom": _number(above),
        "on_hull": bool(above <= ON_HULL),
        "max_force_eV_per_A": relaxed.max_force,
        "max_stress_GPa": pressure_to_GPa(relaxed.max_stress),
        "scf_cycles": relaxed.steps,
        "attempts": [asdict(attempt) for attempt in phase.attempts],
        "magnetization_muB_per_cell": phase.magnetization,
        "spin_starts": [_spin_document(start) for start in phase.spins],
    }


def _spin_document(start: SpinStart) -> dict[str, Any]:
    return {
        "start": "aligned" if start.aligned else "none",
        "enthalpy_eV_per_atom": start.enthalpy_per_atom,
        "magnetization_muB_per_cell": start.magnetization,
        "failure": start.outcome or None,
    }


def aligned_in(phase: Mapping[str, Any]) -> bool:
    """Return whether spins begin aligned in a phase of ``refined.json`` or a candidate, if an element asks for it."""
    starts = phase.get("dft", {}).get("spin_starts", ())
    known = [start for start in starts if start["enthalpy_eV_per_atom"] is not None]
    return not known or min(known, key=lambda start: start["enthalpy_eV_per_atom"])["start"] == "aligned"


def _mlip_document(proposal: Proposal, ends: np.ndarray) -> dict[str, Any] | None:
    if proposal.enthalpy is None or proposal.above is None:
        return None
    return {
        "enthalpy_eV_per_atom": proposal.enthalpy,
        "formation_eV_per_atom": float(proposal.enthalpy - np.dot(proposal.shares, ends)),
        "above_hull_eV_per_atom": proposal.above,
        "on_hull": proposal.on_hull,
        "doubtful": proposal.doubtful,
    }


def structure_document(crystal: Crystal) -> dict[str, Any]:
    """Return a crystal as plain data: rows of the cell in Å, fractional coordinates, symbols."""
    return {
        "cell_A": crystal.cell.tolist(),
        "fractional": crystal.frac.tolist(),
        "symbols": [SYMBOLS[z] for z in crystal.numbers.tolist()],
    }


def structure_from(document: Mapping[str, Any]) -> Crystal:
    """Return the crystal of `structure_document`."""
    numbers = [SYMBOLS.index(symbol) for symbol in document["symbols"]]
    return Crystal(document["cell_A"], document["fractional"], numbers)


def _variant_document(variant: Variant, kept: RefinedPhase | None) -> dict[str, Any]:
    result = variant.result
    told = (
        {"failure": str(result.reason), "detail": result.detail}
        if isinstance(result, Failure)
        else {"enthalpy_eV_per_atom": result.relaxed.enthalpy_per_atom}
    )
    start = {"tolerance_A": variant.tolerance, "start_space_group": variant.start.symbol}
    return start | told | {"kept": result is kept}


def _failure_document(judged: Judged) -> dict[str, Any]:
    return {
        "name": judged.proposal.name,
        "formula": judged.proposal.crystal.composition.reduced.formula,
        "above_mlip_hull_eV_per_atom": judged.proposal.above,
        "variants": [_variant_document(variant, None) for variant in judged.variants],
    }


def _reference_documents(endpoints: Sequence[str], judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """Return for each endpoint with a reference how far the search's lowest phase lies above it."""
    documents = []
    for place, endpoint in enumerate(endpoints):
        pure = [j for j in judged if j.kept is not None and j.proposal.shares[place] > 1 - 1e-9]
        given, own = (
            _lowest([j for j in pure if (j.proposal.above is None) == is_given]) for is_given in (True, False)
        )
        if given is not None:
            documents.append(
                {
                    "endpoint": endpoint,
                    "reference": given.proposal.name,
                    "search": own.proposal.name if own else None,
                    "search_above_reference_eV_per_atom": _enthalpy(own) - _enthalpy(given) if own else None,
                }
            )
    return documents


def _lowest(judged: Sequence[Judged]) -> Judged | None:
    return min(judged, key=_enthalpy, default=None)


def _enthalpy(judged: Judged) -> float:
    return judged.kept.relaxed.enthalpy_per_atom


def _electrons_document(electrons: Mapping[str, ElectronicStructure | ScfFailure], name: str) -> dict[str, Any] | None:
    found = electrons.get(name)
    if found is None:
        return None
    if isinstance(found, ScfFailure):
        return {"failure": str(found.problem), "detail": found.detail}
    per_cell = found.dos_at_fermi
    return {
        "metal": found.metal,
        "gap_eV": found.gap,
        "dos_at_fermi_per_eV": {
            "cell": per_cell,
            "cell_and_spin": per_cell / 2,
            "atom": per_cell / len(found.crystal),
            "valence_electron": per_cell / found.valence_electrons,
        },
        "projected_per_eV_and_cell": {
            f"{SYMBOLS[z]}-{orbital}": value for (z, orbital), value in sorted(found.projected_at_fermi.items())
        },
        "slope_at_fermi_per_eV": found.slope_at_fermi,
        "peak_at_fermi": found.peak_at_fermi,
        "magnetization_muB_per_cell": found.magnetization,
        "valence_electrons": found.valence_electrons,
        "k_points": found.k_points,
    }


def with_earlier_electrons(document: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with the densities of states that an earlier one has of the same structures.

    Nothing is taken over from one of other settings, programs or pseudopotentials.
    """
    what_decides = ("quantum_espresso", "pseudopotential_sha256")
    same = document["settings"] == earlier["settings"] and all(
        document["provenance"].get(key) == earlier["provenance"].get(key) for key in what_decides
    )
    kept = {phase["name"]: phase for phase in earlier["phases"]} if same else {}

    def completed(phase: Mapping[str, Any]) -> dict[str, Any]:
        twin = kept.get(phase["name"])
        known = phase["electrons"] is None and twin is not None and twin["structure"] == phase["structure"]
        return dict(phase) | ({"electrons": twin["electrons"]} if known else {})

    return dict(document) | {"phases": [completed(phase) for phase in document["phases"]]}


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

"""What DFT says of phases on their way down: how far they lie above its own hull at each pressure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import same_but_for_volume
from gasearch.crystal.symmetry import symmetrized
from gasearch.outcomes import Failure, RefinedPhase, Relaxed
from gasearch.thermodynamics.hull import Hull
from gasearch.workflow.beyond.diagram import HullAt
from gasearch.workflow.beyond.quench_document import SYMPREC, against_hull
from gasearch.workflow.dft.refinement import Proposal, Refiner


@dataclass(frozen=True, eq=False)
class Asked:
    """A structure that the potential has relaxed at a pressure, for DFT to relax there, too."""

    proposal: Proposal
    crystal: Crystal


def asked_of_dft(
    hull: HullAt, proposals: Mapping[int, Proposal], results: Mapping[int, Relaxed | Failure]
) -> dict[str, Asked]:
    """Return by name what is refined at a pressure: the phases that are followed, and what they would decompose into.

    Those are the phases on the potential's hull there, endpoints included.
    """
    found = {proposal.name: Asked(proposal, relaxed.crystal) for proposal, relaxed in hull.phases}
    for i, proposal in proposals.items():
        if isinstance(result := results[i], Relaxed):
            found[proposal.name] = Asked(proposal, result.crystal)
    return found


def refined_by_dft(
    refiner: Refiner, asked: Sequence[Mapping[str, Asked]], pressures: Sequence[float], executor: Executor
) -> list[dict[str, RefinedPhase | Failure]]:
    """Return what DFT relaxes the structures of each pressure (eV/Å³) to, by name."""
    futures = [
        {name: executor.submit(refiner.refine, symmetrized(one.crystal, SYMPREC), p) for name, one in those.items()}
        for those, p in zip(asked, pressures, strict=True)
    ]
    return [{name: future.result() for name, future in those.items()} for those in futures]


def documents_by_dft(
    asked: Mapping[str, Asked], refined: Mapping[str, RefinedPhase | Failure]
) -> dict[str, dict[str, Any]]:
    """Return name → what DFT says of a structure at one pressure; the hull is that of what was refined there.

    Distances are lower bounds: another phase may lie below. Without a phase of an endpoint there are none.
    """
    done = {name: phase for name, phase in refined.items() if isinstance(phase, RefinedPhase)}
    hull = _hull([asked[name].proposal.shares for name in done], [p.relaxed.enthalpy_per_atom for p in done.values()])
    crystals = [phase.relaxed.crystal for phase in done.values()]
    documents: dict[str, dict[str, Any]] = {}
    for name, result in refined.items():
        if isinstance(result, Failure):
            documents[name] = {"failure": f"{result.reason}: {result.detail[:300]}".rstrip(": ")}
            continue
        documents[name] = {
            **against_hull(asked[name].proposal.shares, result.relaxed, hull, crystals),
            "kept_its_structure": same_but_for_volume(asked[name].crystal, result.relaxed.crystal),
        }
    return documents


def _hull(shares: Sequence[np.ndarray], enthalpies: Sequence[float]) -> Hull | None:
    try:
        return Hull.of(np.arange(len(shares)), np.array(shares), np.array(enthalpies))
    except ValueError:
        return None

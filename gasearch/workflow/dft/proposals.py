"""What a refinement is asked to judge: the phases of a search, given structures, known phases of the elements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gasearch.crystal.composition import Composition, CompositionSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.known_phases import known_phases
from gasearch.crystal.prototype import Prototype
from gasearch.errors import InputError
from gasearch.thermodynamics.hull import is_endpoint
from gasearch.workflow.dft.refinement import Proposal
from gasearch.workflow.record.archive_store import ArchiveStore
from gasearch.workflow.record.run_directory import RunDirectory
from gasearch.workflow.record.structure_files import read_structures
from gasearch.workflow.search.journal import FEW, MANY, NEAR_HULL

_BODY_CENTRED = Prototype("W A2", 229, "A a")


def candidates(directory: RunDirectory, found: Mapping[str, Any]) -> list[Proposal]:
    """Return the phases of the search's last snapshot, nearest to its hull first."""
    crystals = ArchiveStore(directory.archive).crystals()
    return [
        Proposal(
            name=str(phase["candidate"]),
            crystal=crystals[phase["candidate"]],
            shares=phase["shares"],
            enthalpy=phase["enthalpy_eV_per_atom"],
            above=phase["above_hull_eV_per_atom"],
            doubtful=phase.get("doubtful", False),
        )
        for phase in found["phases"]
    ]


def given(paths: Sequence[Path], endpoints: Sequence[str]) -> list[Proposal]:
    """Return the structures of files; InputError if one is not of the compositions of the search."""
    space = CompositionSpace(tuple(map(Composition.from_formula, endpoints)), 1, 1)
    named = [(f"{path}#{n}", crystal) for path in paths for n, crystal in enumerate(read_structures([path]))]
    shares = [space.fractions(crystal.composition) for _, crystal in named]
    if outside := [name for (name, _), share in zip(named, shares, strict=True) if share is None]:
        raise InputError(f"references: {', '.join(outside)}: no mixture of {', '.join(endpoints)}")
    return [Proposal(name, crystal, share) for (name, crystal), share in zip(named, shares, strict=True)]


def known(found: Mapping[str, Any]) -> list[Proposal]:
    """Return the known phases of the endpoints that are elements, as dense as what the search found of them."""
    volumes, shares = endpoint_volumes(found), np.eye(len(found["endpoints"]))
    return [
        Proposal(f"{endpoint} {phase.prototype.name}", phase.crystal(volume), share)
        for endpoint, volume, share in zip(found["endpoints"], volumes, shares, strict=True)
        for phase in known_phases(endpoint, found["pressure_GPa"])
    ]


def endpoint_volumes(found: Mapping[str, Any]) -> list[float]:
    """Return the volume per atom, Å³, of the lowest phase of each endpoint."""
    pure = is_endpoint(np.array([phase["shares"] for phase in found["phases"]]))
    lowest = [int(np.flatnonzero(column)[0]) for column in pure.T]
    return [found["phases"][place]["volume_A3_per_atom"] for place in lowest]


def simple_cells(found: Mapping[str, Any], numbers: Sequence[int]) -> dict[int, Crystal]:
    """Return a body-centred cubic cell of each element, as dense as the endpoints are on average."""
    volume = float(np.mean(endpoint_volumes(found)))
    endpoints = dict(zip(found["endpoints"], endpoint_volumes(found), strict=True))
    cells = {z: _BODY_CENTRED.crystal({"A": z}) for z in numbers}
    return {z: cell.scaled_to(endpoints.get(cell.composition.formula, volume)) for z, cell in cells.items()}


def elements_of(proposals: Sequence[Proposal]) -> tuple[int, ...]:
    """Return the atomic numbers that occur, ascending."""
    return tuple(sorted({z for proposal in proposals for z in proposal.crystal.composition.elements}))


def horizon(found: Mapping[str, Any]) -> float:
    """Return the distance to the hull, eV/atom, up to which the snapshot holds all phases."""
    phases = found["phases"]
    return phases[-1]["above_hull_eV_per_atom"] if len(phases) in (FEW, MANY) else NEAR_HULL

"""What a search needs before its first candidate: lengths that suit the pressure, and structures that are given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from gasearch.crystal.composition import SYMBOLS, Pair, SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.prototype import prototypes
from gasearch.errors import InputError, RunDirectoryError
from gasearch.evolution.descriptors import TC, Descriptor
from gasearch.evolution.operators import PROTOTYPE, SEED
from gasearch.files import replace_text
from gasearch.learning.card import read_model
from gasearch.learning.ranking import expected_tc
from gasearch.potential.calibration import Calibration, calibrate
from gasearch.potential.potential import Potential
from gasearch.units import pressure_to_GPa
from gasearch.workflow.record.structure_files import read_structures
from gasearch.workflow.search.plan import Plan


def calibration(path: Path, potential: Potential, plan: Plan) -> Calibration:
    """Return the calibration kept at ``path``; made and kept if there is none, as a resumed run must use the same."""
    if not path.exists():
        made = calibrate(potential, plan.space.elements, plan.pressure)
        replace_text(path, json.dumps(_as_document(made), indent=1) + "\n")
    try:
        return _from_document(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError) as error:
        raise RunDirectoryError(f"{path} cannot be read ({error!r}); restore it, or use another directory") from error


def given_structures(plan: Plan, space: SearchSpace) -> list[tuple[str, Crystal]]:
    """Return the seeds and the prototypes, each with what it is.

    Raises
    ------
    InputError
        If a seed cannot be read, or its composition is not in the space.
    """
    seeds = read_structures(plan.seeds)
    outside = sorted({c.composition.formula for c in seeds if c.composition not in plan.space})
    if outside:
        limits = f"{plan.space.min_atoms} to {plan.space.max_atoms} atoms"
        raise InputError(f"seeds: {', '.join(outside)} lie outside the compositions of the search ({limits} a cell)")
    known = prototypes(space) if plan.prototypes else []
    return [(SEED, crystal) for crystal in seeds] + [(PROTOTYPE, crystal) for crystal in known]


def descriptors_of_models(plan: Plan) -> dict[str, Descriptor]:
    """Return the descriptors, by name, that follow from the plan's models and pressure.

    Raises
    ------
    InputError
        If a model cannot be read.
    """
    paths, pressure = plan.search.selection.tc_models, pressure_to_GPa(plan.pressure)
    if not paths:
        return {}
    models = [read_model(path) for path in paths]

    @cache
    def tc(formula: str) -> float:
        return expected_tc(formula, pressure, models)

    return {TC: lambda crystal: tc(crystal.composition.reduced.formula)}


def _as_document(made: Calibration) -> dict[str, Any]:
    return {
        "atomic_volumes_A3": {SYMBOLS[z]: volume for z, volume in made.atomic_volumes.items()},
        "minimum_distances_A": {str(Pair(*pair)): distance for pair, distance in made.minimum_distances.items()},
        "scans": made.scans,
    }


def _from_document(document: Mapping[str, Any]) -> Calibration:
    volumes = {SYMBOLS.index(symbol): volume for symbol, volume in document["atomic_volumes_A3"].items()}
    distances = {Pair.from_text(pair): distance for pair, distance in document["minimum_distances_A"].items()}
    return Calibration(volumes, distances, document["scans"])

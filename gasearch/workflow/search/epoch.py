"""A search with one potential, from its first candidate to its hull."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from gasearch.crystal.composition import SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.evolution.archive import Archive
from gasearch.evolution.search import Search, SearchSettings
from gasearch.outcomes import Relaxer
from gasearch.parallel.executor import QueueExecutor
from gasearch.parallel.shared import Shared
from gasearch.potential.calibration import Calibration, doubts
from gasearch.potential.committee import JudgedRelaxer
from gasearch.potential.load import identity, load_committee, load_potential, spread_limit
from gasearch.potential.potential import Potential
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings
from gasearch.potential.settings import UNIVERSAL, AseSettings, LennardJonesSettings, MaceSettings, PotentialSettings
from gasearch.units import pressure_to_GPa
from gasearch.workflow.record.archive_store import ArchiveMetadata, open_archive
from gasearch.workflow.record.pictures import draw
from gasearch.workflow.record.run_directory import RunDirectory
from gasearch.workflow.record.structure_files import write_best
from gasearch.workflow.record.summary import phases
from gasearch.workflow.search.evaluation import Evaluation
from gasearch.workflow.search.journal import NEAR_HULL, Journal
from gasearch.workflow.search.plan import Plan
from gasearch.workflow.search.preparation import calibration, descriptors_of_models, given_structures
from gasearch.workflow.search.steady_state import run_search


def search_epoch(
    plan: Plan,
    directory: RunDirectory,
    executor: QueueExecutor,
    say: Callable[[str], None],
    given: Sequence[tuple[str, Crystal]] | None = None,
) -> Archive:
    """Search, or go on with a search, in a directory that is ours, and return all that was found.

    ``given`` are structures that come first, each with what it is; None for the plan's seeds and prototypes.
    """
    began = time.monotonic()
    # The same potential gives the energies, and the lengths that suit the pressure.
    potential = load_potential(plan.potential)
    lengths = calibration(directory.calibration, potential, plan)
    space = SearchSpace(plan.space, lengths.atomic_volumes, lengths.minimum_distances)

    # A grand-canonical genetic algorithm proposes; the workers build, relax and compare.
    first = given_structures(plan, space) if given is None else given
    search = Search(plan.space, trusting(plan), plan.seed, first, descriptors_of_models(plan))
    relaxer = partial(make_relaxer, plan.potential, plan.relaxation)
    evaluate = Evaluation(space, relaxer, plan.pressure, plan.seed, plan.search.twins, plan.search.stop_above)
    metadata = ArchiveMetadata(identity(plan.potential), plan.pressure, plan.space.elements)
    store = open_archive(directory.archive, metadata)
    facts = {
        "potential": potential.name,
        "calibration_scans": lengths.scans,
        "ranks": executor.workers,
        "limit": plan.search.termination.candidates,
    }
    journal = Journal(directory, store, search, plan.pressure, facts, say)
    journal.say(
        f"{directory.path}: {executor.description}; {potential.name}; "
        f"up to {plan.search.termination.candidates} candidates"
    )
    for warning in warnings(plan, potential, lengths):
        journal.say(f"warning: {warning}")
    reason = run_search(search, Shared(evaluate), executor, journal.recall(), journal.record)

    # What lies on and near the hull is what a user takes from here.
    journal.snapshot(reason)
    write_best(directory.best, phases(search.archive, NEAR_HULL)[:50])
    if search.archive.hull is not None:
        draw(directory)
    journal.say(f"{reason}; {journal.progress()}; {time.monotonic() - began:.0f} s")
    return search.archive


def warnings(plan: Plan, potential: Potential, lengths: Calibration) -> list[str]:
    """Return why a potential that has no card may be wrong at the pressure; a card says what it was made for."""
    if isinstance(plan.potential, LennardJonesSettings) or (
        isinstance(plan.potential, MaceSettings) and plan.potential.card
    ):
        return []
    pressure = f"{pressure_to_GPa(plan.pressure):g} GPa"
    found = [
        f"at {pressure} {doubt}: do not trust {potential.name} there"
        for doubt in doubts(potential, lengths, plan.pressure)
    ]
    if isinstance(plan.potential, AseSettings) and plan.potential.calculator in UNIVERSAL:
        found.append(
            f"{plan.potential.calculator} was trained on crystals at low pressure: compare it with DFT at {pressure}"
        )
    return found


def make_relaxer(potential: PotentialSettings, relaxation: RelaxationSettings) -> Relaxer:
    """Return what relaxes, and judges where the potential has a committee, in the process that will use it."""
    relaxer, committee = BatchRelaxer(load_potential(potential), relaxation), load_committee(potential)
    return relaxer if committee is None else JudgedRelaxer(relaxer, committee)


def trusting(plan: Plan) -> SearchSettings:
    """Return the search's settings, with the potential's own limit of the committee's spread unless there is one."""
    if plan.search.max_spread is not None:
        return plan.search
    limit = spread_limit(plan.potential)
    return replace(plan.search, max_spread=limit if np.isfinite(limit) else None)

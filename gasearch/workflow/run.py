"""A run, from the plan to the hull; it reads like the methods section of a paper."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields, replace
from functools import partial
from pathlib import Path

import numpy as np

from gasearch.crystal.composition import SearchSpace
from gasearch.evolution.search import Search, SearchSettings
from gasearch.evolution.termination import Termination
from gasearch.outcomes import Relaxer
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.parallel.shared import Shared
from gasearch.potential.committee import JudgedRelaxer
from gasearch.potential.load import identity, load_committee, load_potential, spread_limit
from gasearch.potential.relaxation import BatchRelaxer
from gasearch.workflow.archive_store import ArchiveMetadata, open_archive
from gasearch.workflow.evaluation import Evaluation
from gasearch.workflow.journal import NEAR_HULL, Journal
from gasearch.workflow.pictures import draw
from gasearch.workflow.plan import Plan
from gasearch.workflow.preparation import calibration, given_structures
from gasearch.workflow.run_directory import open_run
from gasearch.workflow.steady_state import run_search
from gasearch.workflow.structure_files import write_best
from gasearch.workflow.summary import phases

#: What may be changed in the input of a run that is resumed; nothing that was done depends on it.
LIMITS = tuple(limit.name for limit in fields(Termination))


def run(plan: Plan, path: Path, resolved_input: str, say: Callable[[str], None]) -> None:
    """Run or resume a plan in a directory, on every rank that there is.

    Raises
    ------
    GasearchError
        For whatever a user can put right; what is in the directory is kept.
    """
    run_on_all_ranks(partial(_drive, plan, path, resolved_input, say))


def _drive(plan: Plan, path: Path, resolved_input: str, say: Callable[[str], None], executor: QueueExecutor) -> None:
    began = time.monotonic()
    with open_run(path, resolved_input, may_change=LIMITS) as directory:
        # The same potential gives the energies, and the lengths that suit the pressure.
        potential = load_potential(plan.potential)
        lengths = calibration(directory.calibration, potential, plan)
        space = SearchSpace(plan.space, lengths.atomic_volumes, lengths.minimum_distances)

        # A grand-canonical genetic algorithm proposes; the workers build, relax and compare.
        search = Search(plan.space, trusting(plan), plan.seed, given_structures(plan, space))
        evaluate = Evaluation(
            space, partial(make_relaxer, plan), plan.pressure, plan.seed, plan.search.twins, plan.search.stop_above
        )
        metadata = ArchiveMetadata(identity(plan.potential), plan.pressure, plan.space.elements)
        store = open_archive(directory.archive, metadata)
        facts = {"potential": potential.name, "calibration_scans": lengths.scans, "ranks": executor.workers}
        journal = Journal(directory, store, search, plan.pressure, facts, say)
        journal.say(
            f"{path}: {executor.description}; {potential.name}; up to {plan.search.termination.candidates} candidates"
        )
        reason = run_search(search, Shared(evaluate), executor, journal.recall(), journal.record)

        # What lies on and near the hull is what a user takes from here.
        journal.snapshot(reason)
        write_best(directory.best, phases(search.archive, NEAR_HULL)[:50])
        if search.archive.hull is not None:
            draw(directory)
        journal.say(f"{reason}; {journal.progress()}; {time.monotonic() - began:.0f} s")


def make_relaxer(plan: Plan) -> Relaxer:
    """Return the plan's relaxer, in the process that will use it."""
    relaxer, committee = BatchRelaxer(load_potential(plan.potential), plan.relaxation), load_committee(plan.potential)
    return relaxer if committee is None else JudgedRelaxer(relaxer, committee)


def trusting(plan: Plan) -> SearchSettings:
    """Return the search's settings, with the potential's own limit of the committee's spread unless there is one."""
    if plan.search.max_spread is not None:
        return plan.search
    limit = spread_limit(plan.potential)
    return replace(plan.search, max_spread=limit if np.isfinite(limit) else None)

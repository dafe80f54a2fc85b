"""A run, from the plan to the hull; it reads like the methods section of a paper."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path

from gasearch.crystal.composition import SearchSpace
from gasearch.errors import MissingProgramError
from gasearch.espresso.settings import ExportSettings, RefineSettings
from gasearch.evolution.search import Search
from gasearch.evolution.termination import Termination
from gasearch.outcomes import Relaxer
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.parallel.shared import Shared
from gasearch.phonon.phonons import PhononSettings
from gasearch.potential.load import identity, load_potential
from gasearch.potential.relaxation import BatchRelaxer
from gasearch.schema import key_of
from gasearch.workflow.archive_store import ArchiveMetadata, open_archive
from gasearch.workflow.evaluation import Evaluation
from gasearch.workflow.export import export
from gasearch.workflow.journal import NEAR_HULL, Journal
from gasearch.workflow.phonons import phonons_on
from gasearch.workflow.pictures import draw
from gasearch.workflow.plan import Plan
from gasearch.workflow.preparation import calibration, given_structures
from gasearch.workflow.refine import refine_on
from gasearch.workflow.run_directory import open_run
from gasearch.workflow.steady_state import run_search
from gasearch.workflow.structure_files import write_best
from gasearch.workflow.summary import phases

#: Stages after the search, and their settings.
STAGES = {"refine": RefineSettings, "phonons": PhononSettings, "export": ExportSettings}
#: What may be changed in the input of a run that is resumed; nothing that was done depends on it.
MAY_CHANGE = (*STAGES, *(key_of(entry) for kind in (Termination, *STAGES.values()) for entry in fields(kind)))


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
    with open_run(path, resolved_input, may_change=MAY_CHANGE) as directory:
        # The same potential gives the energies, and the lengths that suit the pressure.
        potential = load_potential(plan.potential)
        lengths = calibration(directory.calibration, potential, plan)
        space = SearchSpace(plan.space, lengths.atomic_volumes, lengths.minimum_distances)

        # A grand-canonical genetic algorithm proposes; the workers build, relax and compare.
        search = Search(plan.space, plan.search, plan.seed, given_structures(plan, space))
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
        _decide_by_dft(plan, path, journal.say, executor)


def _decide_by_dft(plan: Plan, path: Path, say: Callable[[str], None], executor: QueueExecutor) -> None:
    """Refine, ask the potential for phonons and export, as far as the plan says and Quantum ESPRESSO is there."""
    if plan.refine is None:
        return
    began = time.monotonic()
    try:
        refine_on(plan.refine, path, say, executor)
    except MissingProgramError as error:
        return say(f"no refinement by DFT: {error}; the same command goes on with it")
    say(f"refined in {time.monotonic() - began:.0f} s")
    if plan.phonons is not None:
        phonons_on(plan.phonons, plan.potential, path, say, executor)
    if plan.export is not None:
        folders = export(plan.export, path)
        say(f"exported {len(folders)} phases" + "".join(f"\n  {folder}" for folder in folders))


def make_relaxer(plan: Plan) -> Relaxer:
    """Return the plan's relaxer, in the process that will use it."""
    return BatchRelaxer(load_potential(plan.potential), plan.relaxation)

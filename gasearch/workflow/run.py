"""A run, from the plan to exported metals; it reads like the methods section of a paper."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path

from gasearch.errors import MissingProgramError
from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.pw import PwSettings
from gasearch.espresso.runner import PwRunner
from gasearch.espresso.settings import ExportSettings, RefineSettings
from gasearch.evolution.termination import Termination
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.parallel.settings import ClusterSettings
from gasearch.phonon.phonons import PhononSettings
from gasearch.schema import key_of
from gasearch.workflow.dft.export import export, unknown
from gasearch.workflow.dft.phonons import phonons_on
from gasearch.workflow.dft.refine import refine_on
from gasearch.workflow.record.run_directory import open_run
from gasearch.workflow.search.epoch import search_epoch
from gasearch.workflow.search.feedback import Feedback, feed_back
from gasearch.workflow.search.journal import logged
from gasearch.workflow.search.plan import Plan

#: Stages after the search, with where they run, and their settings.
STAGES = {"refine": RefineSettings, "phonons": PhononSettings, "export": ExportSettings, "cluster": ClusterSettings}
#: What may be changed in the input of a run that is resumed; nothing that was done depends on it.
MAY_CHANGE = (*STAGES, "rounds", *(key_of(entry) for kind in (Termination, *STAGES.values()) for entry in fields(kind)))


def pw_runner(settings: PwSettings) -> PwRunner:
    """Return what labels structures for a potential that learns from a search."""
    return PwRunner(settings, default_pseudo_dir())


def run(
    plan: Plan,
    path: Path,
    resolved_input: str,
    say: Callable[[str], None],
    make_runner: Callable[[PwSettings], PwRunner] = pw_runner,
    renewed: Callable[[Path], str] = Path.read_text,
) -> None:
    """Run or resume a plan in a directory, on every rank that there is; ``renewed`` as of `open_run`.

    Raises
    ------
    GasearchError
        For whatever a user can put right; what is in the directory is kept.
    """
    run_on_all_ranks(partial(run_on, plan, path, resolved_input, say, make_runner, renewed))


def run_on(
    plan: Plan,
    path: Path,
    resolved_input: str,
    say: Callable[[str], None],
    make_runner: Callable[[PwSettings], PwRunner],
    renewed: Callable[[Path], str],
    executor: QueueExecutor,
) -> bool:
    """Run or resume a plan with an executor; return whether it is complete: False where there was no pw.x."""
    # What feedback needs is asked for before the search, not after it.
    feedback = Feedback.of(plan, make_runner) if plan.search.feedback.rounds else None
    with open_run(path, resolved_input, MAY_CHANGE, renewed) as directory:
        tell = logged(say, directory.log)
        archive = search_epoch(plan, directory, executor, tell)
        if feedback:
            feed_back(feedback, plan, archive, directory, executor, tell)
            plan = plan.in_epoch(directory.latest())
        return _decide_by_dft(plan, path, tell, executor)


def _decide_by_dft(plan: Plan, path: Path, say: Callable[[str], None], executor: QueueExecutor) -> bool:
    """Refine, ask the potential for phonons and export, as far as the plan says; False without Quantum ESPRESSO."""
    if plan.refine is None:
        return True
    began = time.monotonic()
    try:
        refine_on(plan.refine, path, say, plan.cluster, executor)
    except MissingProgramError as error:
        say(f"no refinement by DFT: {error}; the same command goes on with it")
        return False
    say(f"refined in {time.monotonic() - began:.0f} s")
    if plan.phonons is not None:
        phonons_on(plan.phonons, plan.potential, path, say, executor)
    if plan.export is not None:
        folders = export(plan.export, path)
        say(f"exported {len(folders)} phases" + "".join(f"\n  {folder}" for folder in folders))
        for line in unknown(plan.export, path):
            say(line)
    return True

"""A run, from the plan to the hull; it reads like the methods section of a paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from pathlib import Path

from gasearch.espresso.pw import PwSettings
from gasearch.espresso.runner import PwRunner, default_pseudo_dir
from gasearch.evolution.termination import Termination
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.workflow.epoch import search_epoch
from gasearch.workflow.feedback import Feedback, feed_back
from gasearch.workflow.plan import Plan
from gasearch.workflow.run_directory import open_run

#: What may be changed in the input of a run that is resumed; nothing that was done depends on it.
LIMITS = (*(limit.name for limit in fields(Termination)), "rounds")


def pw_runner(settings: PwSettings) -> PwRunner:
    """Return what labels structures for a potential that learns from a search."""
    return PwRunner(settings, default_pseudo_dir())


def run(
    plan: Plan,
    path: Path,
    resolved_input: str,
    say: Callable[[str], None],
    make_runner: Callable[[PwSettings], PwRunner] = pw_runner,
) -> None:
    """Run or resume a plan in a directory, on every rank that there is.

    Raises
    ------
    GasearchError
        For whatever a user can put right; what is in the directory is kept.
    """
    run_on_all_ranks(partial(_drive, plan, path, resolved_input, say, make_runner))


def _drive(
    plan: Plan,
    path: Path,
    resolved_input: str,
    say: Callable[[str], None],
    make_runner: Callable[[PwSettings], PwRunner],
    executor: QueueExecutor,
) -> None:
    # What feedback needs is asked for before the search, not after it.
    feedback = Feedback.of(plan, make_runner) if plan.search.feedback.rounds else None
    with open_run(path, resolved_input, may_change=LIMITS) as directory:
        archive = search_epoch(plan, directory, executor, say)
        if feedback:
            feed_back(feedback, plan, archive, directory, executor, say)

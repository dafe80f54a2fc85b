"""DFT answers a search: what was found is labelled, the potential learns from it, and the best is relaxed again.

A new potential begins a new epoch, a search of its own in a folder of its own: no hull mixes two potentials.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import same_structure
from gasearch.errors import RunDirectoryError
from gasearch.espresso.pw import PwSettings
from gasearch.espresso.runner import PwRunner
from gasearch.evolution.archive import Archive
from gasearch.evolution.candidate import Individual
from gasearch.evolution.feedback import FeedbackSettings
from gasearch.evolution.operators import SURVIVOR
from gasearch.evolution.termination import Termination
from gasearch.files import writing_to
from gasearch.parallel.executor import QueueExecutor
from gasearch.parallel.programs import drive_programs
from gasearch.potential.settings import MaceSettings
from gasearch.pretrain.diversity import descriptors, farthest_in_turn
from gasearch.pretrain.fine_tuning import Tuning, fine_tune, tunable
from gasearch.pretrain.labelling import label_all, labels_of, read_samples, settled, write_samples
from gasearch.pretrain.sampling import Kind, Sample, Split, split_of
from gasearch.workflow.record.run_directory import RunDirectory
from gasearch.workflow.record.summary import phases
from gasearch.workflow.search.epoch import search_epoch
from gasearch.workflow.search.journal import NEAR_HULL
from gasearch.workflow.search.plan import Plan

#: Distance of two fingerprints (lengths one) up to which a structure is as good as labelled already.
LABELLED = 0.03
#: What makes the potential of an epoch again.
_COMMAND = "gasearch run input.yaml, by its search.feedback"


@dataclass(frozen=True)
class Feedback:
    """What answers, and what it is to do.

    Parameters
    ----------
    settings : FeedbackSettings
    runner : PwRunner
        Labels as the potential's training set was labelled.
    known : tuple of Crystal
        The cells of it that the potential was trained on; it knows nothing of those that were held out.
    """

    settings: FeedbackSettings
    runner: PwRunner
    known: tuple[Crystal, ...]

    @staticmethod
    def of(plan: Plan, make_runner: Callable[[PwSettings], PwRunner]) -> Feedback:
        """Find what is needed before anything is begun.

        Raises
        ------
        GasearchError
            If the potential cannot be trained further, or there is no pw.x.
        """
        assert isinstance(plan.potential, MaceSettings), "the input says so"
        before, runner = tunable(plan.potential.path, make_runner)
        known = (label.sample.crystal for label in before.labels if split_of(label.sample.origin) is Split.TRAIN)
        return Feedback(plan.search.feedback, runner, tuple(known))


def feed_back(
    feedback: Feedback,
    plan: Plan,
    archive: Archive,
    directory: RunDirectory,
    executor: QueueExecutor,
    say: Callable[[str], None],
) -> Archive:
    """Label, train and search again until the hull no longer changes; return the last epoch's archive.

    Every step is kept as soon as it is done, and skipped where it is there.
    """
    settings, known = feedback.settings, list(feedback.known)
    for number in range(1, settings.rounds + 1):
        # Structures on the hull, then doubtful and other ones near it, are labelled unless something like them was.
        chosen = worth_a_label(archive, settings, known)
        if not chosen:
            say(f"feedback ends: all that is near the hull was labelled, {number - 1} times")
            return archive
        samples = [Sample(i.crystal, f"{Kind.FEEDBACK}-{number}-{i.id}", Kind.FEEDBACK) for i in chosen]
        epoch = directory.epoch(number)
        keep_question(samples, epoch)
        by_programs(partial(label_all, samples, feedback.runner, directory.labels), executor, say)

        # The potential learns them.
        known += [s.crystal for s in samples if settled(s, feedback.runner, directory.labels)]
        labels = labels_of(samples, feedback.runner, directory.labels)
        tuning = Tuning(settings.tuning_epochs, settings.learning_rate, _COMMAND)
        learn = partial(fine_tune, plan.potential.path, labels, tuning, feedback.runner, epoch.potential)
        by_programs(learn, executor, say)
        plan = plan.in_epoch(epoch)

        # The best begin a search of their own with it, under new ids.
        before = archive
        survivors = [(SURVIVOR, individual.crystal) for individual in best(before, settings.survivors)]
        archive = search_epoch(_epoch_plan(plan, len(survivors)), epoch, executor, say, survivors)
        if same_hull(before, archive):
            say(f"feedback ends: the hull is that of the epoch before, after {number} rounds")
            return archive
    say(f"feedback ends after {settings.rounds} rounds, and the hull still changed in the last one")
    return archive


def by_programs(
    work: Callable[[QueueExecutor, Callable[[str], None]], None],
    executor: QueueExecutor,
    say: Callable[[str], None],
    at_a_time: int | None = None,
) -> None:
    """Let programs run on all ranks, or, where there is one, so many at a time: as there are cores, if not told."""
    drive_programs(lambda workers: work(workers, say), executor, at_a_time or os.cpu_count() or 1)


def keep_question(samples: Sequence[Sample], epoch: RunDirectory) -> None:
    """Keep what an epoch asks DFT, for which its potential and its search are.

    Raises
    ------
    RunDirectoryError
        If the search before it has gone on since, and asks something else.
    """
    with writing_to(epoch.path):
        epoch.path.mkdir(exist_ok=True)
    if not epoch.asked.exists():
        return write_samples(epoch.asked, samples)
    before = {sample.origin for sample in read_samples(epoch.asked)}
    if before != {sample.origin for sample in samples}:
        raise RunDirectoryError(
            f"{epoch.path} learned from what the search before it had found then, and that has gone on since: remove "
            "it and the epochs after it to learn again (labels are kept), or give search.termination as it was"
        )


def worth_a_label(archive: Archive, settings: FeedbackSettings, known: Sequence[Crystal]) -> list[Individual]:
    """Return individuals near or below the hull that are like nothing known: on the hull, then doubtful, then others.

    Of each of these those come first that are the least like all others.
    """
    near = [individual for individual, above in phases(archive, settings.window)]
    on_hull, elements = archive.hull_ids, archive.space.elements
    groups = [
        [i for i in near if i.id in on_hull],
        [i for i in near if archive.doubtful(i)],
        [i for i in near if i.id not in on_hull and not archive.doubtful(i)],
    ]
    marks = [descriptors([individual.crystal for individual in group], elements) for group in groups]
    taken = farthest_in_turn(marks, settings.labels, descriptors(known, elements), LABELLED)
    return [group[i] for group, places in zip(groups, taken, strict=True) for i in places]


def best(archive: Archive, count: int) -> list[Individual]:
    """Return what survives an epoch: all of the hull, and then what is nearest to it."""
    near = [individual for individual, _ in phases(archive, NEAR_HULL)]
    on_hull = archive.hull_ids
    return sorted(near, key=lambda individual: individual.id not in on_hull)[: max(count, len(on_hull))]


def same_hull(one: Archive, other: Archive) -> bool:
    """Tell whether two hulls hold the same structures."""
    if one.hull is None or other.hull is None:
        return one.hull is other.hull
    first, second = ([a.individual(id).crystal for id in sorted(a.hull_ids)] for a in (one, other))
    return len(first) == len(second) and all(any(same_structure(a, b) for b in second) for a in first)


def _epoch_plan(plan: Plan, survivors: int) -> Plan:
    """Return the plan of a later epoch: the survivors, and their children."""
    end = Termination(survivors + plan.search.feedback.children)
    return replace(plan, search=replace(plan.search, first_generation=1, termination=end))

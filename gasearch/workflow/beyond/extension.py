"""A potential carried to pressures that it was not trained at: DFT labels what is met there, and it learns that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.errors import CalculationError, InputError, RunDirectoryError
from gasearch.espresso.pw import PwSettings
from gasearch.espresso.runner import PwRunner
from gasearch.files import writing_to
from gasearch.folder import locked
from gasearch.outcomes import Relaxed
from gasearch.parallel.executor import QueueExecutor
from gasearch.potential.card import CARD, read_card
from gasearch.potential.load import load_potential
from gasearch.potential.settings import MaceSettings, PotentialSettings
from gasearch.pretrain.diversity import descriptors, farthest_in_turn
from gasearch.pretrain.fine_tuning import Tuning, fine_tune, tunable
from gasearch.pretrain.labelling import Label, label_all, labels_of
from gasearch.pretrain.predecessor import Predecessor
from gasearch.pretrain.sampling import Kind, Sample, SamplingSettings, Split, cheapest, rattled, split_of
from gasearch.pretrain.validation import held_out, rms_errors
from gasearch.units import pressure_to_GPa
from gasearch.workflow.beyond.descent import History
from gasearch.workflow.beyond.diagram import hull_at
from gasearch.workflow.dft.refined_document import structure_document
from gasearch.workflow.dft.refinement import Proposal
from gasearch.workflow.record.kept import kept_file
from gasearch.workflow.search.feedback import LABELLED, by_programs


@dataclass(frozen=True, eq=False)
class Extension:
    """What a potential learns other pressures with.

    Parameters
    ----------
    labels : int
        Cells that are labelled, at most: what was met, and as many strained and rattled copies.
    epochs : int
        Of the training that goes on.
    learning_rate : float
        At the first of them.
    potential : MaceSettings
        The potential as it is.
    before : Predecessor
        Its models and its training set.
    runner : PwRunner
        Labels as that was labelled.
    workers : int
        Programs at a time where there are no other ranks.
    """

    labels: int
    epochs: int
    learning_rate: float
    potential: MaceSettings
    before: Predecessor
    runner: PwRunner
    workers: int

    @staticmethod
    def of(
        potential: PotentialSettings,
        labels: int,
        epochs: int,
        learning_rate: float,
        make_runner: Callable[[PwSettings], PwRunner],
        workers: int,
    ) -> Extension:
        """Find what is needed before anything is begun.

        Raises
        ------
        GasearchError
            If the potential cannot be trained further, or there is no pw.x.
        """
        if not isinstance(potential, MaceSettings):
            raise InputError("--extend: only a potential of kind mace learns; leave it out, or pretrain one")
        return Extension(labels, epochs, learning_rate, potential, *tunable(potential.path, make_runner), workers)


@dataclass(frozen=True, eq=False)
class Met:
    """What a potential made of structures at a pressure.

    Parameters
    ----------
    pressure : float
        eV/Å³.
    followed : mapping
        Name → crystal of the phases that it is asked about; of one that did not relax, what the last pressure left.
    others : mapping
        What else it has near its hull there; nothing where it has no hull.
    """

    pressure: float
    followed: Mapping[str, Crystal]
    others: Mapping[str, Crystal]

    @staticmethod
    def at(
        pressure: float,
        place: int,
        proposals: Sequence[Proposal],
        histories: Sequence[History],
        near: float,
        low: float,
    ) -> Met:
        """Return what became of proposals at a pressure, which is at this place of their histories.

        Those up to ``near`` above the hull of their search (eV per atom) are followed, and what was given in a file.
        Others count up to ``low`` above the hull here, whatever a committee says: doubt is no reason against a label.
        """
        columns = [history[place] for history in histories]
        try:
            hull = hull_at(pressure, proposals, columns).hull
        except RunDirectoryError:
            hull = None
        followed, others = dict[str, Crystal](), dict[str, Crystal]()
        for proposal, history, now in zip(proposals, histories, columns, strict=True):
            if proposal.above is None or proposal.above <= near:
                if latest := [r.crystal for r in history[: place + 1] if isinstance(r, Relaxed)]:
                    followed[proposal.name] = latest[-1]
            elif hull and isinstance(now, Relaxed) and hull.above(proposal.shares, now.enthalpy_per_atom) <= low:
                others[proposal.name] = now.crystal
        return Met(pressure, followed, others)


def extended(
    extension: Extension,
    met: Sequence[Met],
    folder: Path,
    executor: QueueExecutor,
    say: Callable[[str], None],
) -> MaceSettings:
    """Return a potential that has learned what was met at some pressures, as the present one relaxed it.

    It is made in a folder of its own, which the same question finds again. Labels are shared. Nothing is done twice.

    Raises
    ------
    CalculationError
        If no cell could be labelled at the pressures next to those of the potential.
    """
    home = _home(extension, met, folder)
    after = replace(extension.potential, path=home / "potential")
    with locked(home / "lock"):
        # What is like nothing that is known is labelled.
        asked = worth_a_label_at(extension, met)
        samples = [sample for chosen in asked for sample in chosen]
        run = partial(by_programs, executor=executor, say=say, at_a_time=extension.workers)
        run(partial(label_all, samples, extension.runner, folder / "labels"))
        labels = [labels_of(chosen, extension.runner, folder / "labels") for chosen in asked]
        new = [label for found in labels for label in found]

        # The potential learns it, and then covers the pressures that it has met without a gap.
        if not (after.path / CARD).exists():
            pressures = _taught(extension, met, labels)
            tuning = Tuning(extension.epochs, extension.learning_rate, _command(extension, met), pressures)
            run(partial(fine_tune, extension.potential.path, new, tuning, extension.runner, after.path))
    for line in _told(extension, after, new):
        say(line)
    return after


def worth_a_label_at(extension: Extension, met: Sequence[Met]) -> list[list[Sample]]:
    """Return for each pressure cells unlike all that the potential was trained on, in structure or density, and copies.

    At each pressure as many: the phases that are followed, then others, but for the quarter that would take longest.
    All that became of a phase has one origin, and is on one side of the split.
    """
    elements = tuple(SYMBOLS.index(symbol) for symbol in extension.before.card.elements)
    trained = [label.sample for label in extension.before.labels]
    seen = _marks([sample.crystal for sample in trained if split_of(sample.origin) is Split.TRAIN], elements)
    limits = defaultdict(float, load_potential(extension.potential).shortest_distances)
    rng, asked, count = np.random.default_rng(0), list[list[Sample]](), 0
    for place, at in enumerate(met):
        share = extension.labels * (place + 1) // len(met) - count
        others, spacing = list(at.others.items()), extension.runner.settings.k_spacing
        cheap = [others[i] for i in cheapest(list(at.others.values()), SamplingSettings(), spacing)]
        groups = [list(at.followed.items()), cheap]
        marks = [_marks([crystal for _, crystal in group], elements) for group in groups]
        taken = farthest_in_turn(marks, (share + 1) // 2, seen, LABELLED)
        seen = np.concatenate([seen, *(found[places] for found, places in zip(marks, taken, strict=True) if places)])
        chosen = [group[i] for group, places in zip(groups, taken, strict=True) for i in places]
        parents = [Sample(crystal, f"extension-{name}", Kind.FEEDBACK) for name, crystal in chosen]
        copies = [rattled(parent, limits, SamplingSettings(), rng) for parent in parents]
        asked.append([*parents, *(copy for copy in copies if copy is not None)][:share])
        count += len(asked[-1])
    return asked


def _marks(crystals: Sequence[Crystal], elements: tuple[int, ...]) -> np.ndarray:
    """Return vectors (n, d): a fingerprint has the length one, so that a volume counts as much as its logarithm."""
    if not crystals:
        return np.empty((0, 0))
    volumes = np.array([crystal.volume / len(crystal) for crystal in crystals])
    return np.column_stack([descriptors(crystals, elements), np.log(volumes)])


def _home(extension: Extension, met: Sequence[Met], folder: Path) -> Path:
    structures = [structure_document(crystal) for at in met for crystal in (*at.followed.values(), *at.others.values())]
    settings = [extension.labels, extension.epochs, extension.learning_rate, [at.pressure for at in met]]
    home = folder / f"extended-{kept_file(folder, [extension.before.sums, settings, structures]).stem[:8]}"
    with writing_to(home):
        home.mkdir(exist_ok=True)
    return home


def _taught(extension: Extension, met: Sequence[Met], labels: Sequence[Sequence[Label]]) -> tuple[float, ...]:
    """Return the pressures that there are labels to train on of, from the potential's range on without a gap."""
    low, high = extension.before.card.pressure_GPa
    train = [any(split_of(label.sample.origin) is Split.TRAIN for label in found) for found in labels]
    taught = {at.pressure: known for at, known in zip(met, train, strict=True)}
    reached = list[float]()
    for way in (
        sorted((p for p in taught if pressure_to_GPa(p) < low), reverse=True),
        sorted(p for p in taught if pressure_to_GPa(p) > high),
    ):
        for pressure in way:
            if not taught[pressure]:
                break
            reached.append(pressure)
    if not reached:
        raise CalculationError(
            f"--extend: of {sum(map(len, labels))} cells that could be labelled none lies next to the "
            f"{low:g} to {high:g} GPa of the potential: give smaller steps in pressure, or see in quench/labels what "
            "pw.x says of the others"
        )
    return tuple(reached)


def _command(extension: Extension, met: Sequence[Met]) -> str:
    lowest = min(pressure_to_GPa(at.pressure) for at in met)
    return f"gasearch quench DIR --to {lowest:g} --extend {extension.labels}"


def _told(extension: Extension, after: MaceSettings, labels: Sequence[Label]) -> list[str]:
    """Return what was learned, and how wrong potentials are at what they have seen nothing like of."""
    card, before = read_card(after.path), extension.before
    learned = card.facts["labels"]["cells"] - len(before.labels)
    low, high = card.pressure_GPa
    lines = [f"{learned} new labels are learned by {after.path}, which covers {low:g} to {high:g} GPa"]
    if later := len(labels) - learned:
        lines.append(f"{later} labels came later and are not: remove its folder to train once more")
    complete = before.basis.completed(labels)
    unseen = held_out([*before.labels, *complete])[len(before.labels) :]
    new = [label for label, yes in zip(complete, unseen, strict=True) if yes]
    for potential, cells, what in (
        (extension.potential, complete, "before, at all of them"),
        (extension.potential, new, "before, at those held out"),
        (after, new, "after, at those held out"),
    ):
        if cells:
            lines.append(f"errors {what} ({len(cells)}): {rms_errors(load_potential(potential), cells)}")
    return lines if new else [*lines, "none of them is held out: more labels would have some"]

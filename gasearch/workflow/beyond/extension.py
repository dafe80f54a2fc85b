"""A potential carried to pressures that it was not trained at: DFT labels what is met there, and it learns that."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.errors import InputError
from gasearch.espresso.pw import PwSettings
from gasearch.espresso.runner import PwRunner
from gasearch.espresso.timing import relative_scf_time
from gasearch.files import writing_to
from gasearch.parallel.executor import QueueExecutor
from gasearch.potential.load import load_potential
from gasearch.potential.settings import MaceSettings, PotentialSettings
from gasearch.pretrain.diversity import descriptors, farthest_first
from gasearch.pretrain.fine_tuning import Tuning, fine_tune, tunable
from gasearch.pretrain.labelling import Label, key, label_all, read_labels, read_samples, write_samples
from gasearch.pretrain.predecessor import Predecessor
from gasearch.pretrain.sampling import Kind, Sample, SamplingSettings, Split, rattled, split_of
from gasearch.pretrain.validation import rms_errors
from gasearch.units import pressure_to_GPa
from gasearch.workflow.record.kept import kept_file
from gasearch.workflow.search.feedback import LABELLED, by_programs

_COMMAND = "gasearch quench DIR --extend N"


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
    """

    labels: int
    epochs: int
    learning_rate: float
    potential: MaceSettings
    before: Predecessor
    runner: PwRunner

    @staticmethod
    def of(
        potential: PotentialSettings,
        labels: int,
        epochs: int,
        learning_rate: float,
        make_runner: Callable[[PwSettings], PwRunner],
    ) -> Extension:
        """Find what is needed before anything is begun.

        Raises
        ------
        GasearchError
            If the potential cannot be trained further, or there is no pw.x.
        """
        if not isinstance(potential, MaceSettings):
            raise InputError("--extend: only a potential of kind mace learns; leave it out, or pretrain one")
        return Extension(labels, epochs, learning_rate, potential, *tunable(potential.path, make_runner))


@dataclass(frozen=True, eq=False)
class Met:
    """What a potential made of structures at a pressure.

    Parameters
    ----------
    pressure : float
        eV/Å³.
    followed : tuple of Crystal
        The phases that it is asked about.
    others : tuple of Crystal
        What else it has near its hull there.
    """

    pressure: float
    followed: tuple[Crystal, ...]
    others: tuple[Crystal, ...]


def extended(
    extension: Extension,
    met: Sequence[Met],
    folder: Path,
    executor: QueueExecutor,
    say: Callable[[str], None],
) -> MaceSettings:
    """Return a potential that has learned what was met at some pressures, as the present one relaxed it.

    It is made in a folder of its own, which the same question finds again. Nothing is done twice.
    """
    # What is asked of DFT is chosen once.
    home = _home(extension, met, folder)
    if not (home / "asked.json").exists():
        write_samples(home / "asked.json", worth_a_label_at(extension, met))
    samples = read_samples(home / "asked.json")
    by_programs(partial(label_all, samples, extension.runner, home / "labels"), executor, say)
    names = [key(sample.crystal, extension.runner.settings) for sample in samples]
    labels = list(read_labels(home / "labels", (name for name in names if (home / "labels" / f"{name}.json").exists())))

    # The potential learns it, and is measured at those cells that it has not seen.
    tuning = Tuning(extension.epochs, extension.learning_rate, _COMMAND, tuple(at.pressure for at in met))
    learn = partial(fine_tune, extension.potential.path, labels, tuning, extension.runner, home / "potential")
    by_programs(learn, executor, say)
    after = replace(extension.potential, path=home / "potential")
    for line in _told(extension, after, labels):
        say(line)
    return after


def worth_a_label_at(extension: Extension, met: Sequence[Met]) -> list[Sample]:
    """Return cells that are unlike all that the potential has learned, in structure or density, and copies of them.

    At each pressure as many: the phases that are followed, then others, but for the quarter that would take longest.
    """
    elements = tuple(SYMBOLS.index(symbol) for symbol in extension.before.card.elements)
    seen = _marks([label.sample.crystal for label in extension.before.labels], elements)
    limits = defaultdict(float, load_potential(extension.potential).shortest_distances)
    rng, chosen = np.random.default_rng(0), list[Sample]()
    for place, at in enumerate(met):
        share, news = extension.labels * (place + 1) // len(met) - len(chosen), list[Crystal]()
        for crystals in (at.followed, _affordable(at.others, extension.runner.settings.k_spacing)):
            marks = _marks(crystals, elements)
            taken = farthest_first(marks, (share + 1) // 2 - len(news), seen, LABELLED)
            seen = np.concatenate([seen, marks[taken]]) if taken else seen
            news += [crystals[i] for i in taken]
        name = f"extension-{pressure_to_GPa(at.pressure):.0f}"
        parents = [Sample(crystal, f"{name}-{i}", Kind.FEEDBACK) for i, crystal in enumerate(news)]
        copies = [rattled(parent, limits, SamplingSettings(), rng) for parent in parents]
        chosen += [*parents, *(copy for copy in copies if copy is not None)][:share]
    return chosen


def _affordable(crystals: Sequence[Crystal], k_spacing: float) -> list[Crystal]:
    """Return crystals without that share whose labels would take longest, by their k-points (spacing in 1/Å)."""
    times = [relative_scf_time(crystal, k_spacing) for crystal in crystals]
    kept = np.argsort(times, kind="stable")[: len(crystals) - round(SamplingSettings().dearest_share * len(crystals))]
    return [crystals[i] for i in np.sort(kept)]


def _marks(crystals: Sequence[Crystal], elements: tuple[int, ...]) -> np.ndarray:
    """Return vectors (n, d): a fingerprint has the length one, so that a volume counts as much as its logarithm."""
    if not crystals:
        return np.empty((0, 0))
    volumes = np.array([crystal.volume / len(crystal) for crystal in crystals])
    return np.column_stack([descriptors(crystals, elements), np.log(volumes)])


def _home(extension: Extension, met: Sequence[Met], folder: Path) -> Path:
    asked = [
        extension.before.sums,
        extension.labels,
        extension.epochs,
        extension.learning_rate,
        [at.pressure for at in met],
    ]
    home = folder / f"extended-{kept_file(folder, asked).stem[:8]}"
    with writing_to(home):
        home.mkdir(exist_ok=True)
    return home


def _told(extension: Extension, after: MaceSettings, labels: Sequence[Label]) -> list[str]:
    unseen = [label for label in labels if split_of(label.sample.origin) is Split.TEST]
    lines = [f"{len(labels)} cells were labelled; what has learned from them is in {after.path}"]
    for potential, cells, what in (
        (extension.potential, labels, "before, at all of them"),
        (extension.potential, unseen, "before, at those held out"),
        (after, unseen, "after, at those held out"),
    ):
        if cells:
            lines.append(f"errors {what} ({len(cells)}): {rms_errors(load_potential(potential), cells)}")
    return lines

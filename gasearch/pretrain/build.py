"""From a few settings to a potential with its card; it reads like the methods section of a paper."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from gasearch.crystal.composition import SYMBOLS, SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.errors import CalculationError
from gasearch.espresso.cutoff import CutoffCheck, check_cutoff
from gasearch.espresso.overlap import overlap_warnings
from gasearch.espresso.pw import ScfResult
from gasearch.espresso.runner import PwRunner
from gasearch.files import replace_text, writing_to
from gasearch.potential.committee import Committee
from gasearch.potential.mace import Mace
from gasearch.pretrain.active_learning import choose, explore, relax_in_blocks
from gasearch.pretrain.basis import BasisError, typical
from gasearch.pretrain.card import LOW, Made
from gasearch.pretrain.labelling import Label, label_all, label_names, read_labels, read_samples, write_samples
from gasearch.pretrain.predecessor import Predecessor
from gasearch.pretrain.publication import publish
from gasearch.pretrain.sampling import (
    Kind,
    Sample,
    Split,
    atomic_volume,
    diverse_samples,
    lattice,
    prototype_samples,
    search_space,
    split_of,
    volume_scans,
)
from gasearch.pretrain.settings import PretrainSettings
from gasearch.pretrain.training import Training, train_all, tuned
from gasearch.pretrain.validation import above_hull, rms_errors
from gasearch.units import MEV_PER_EV

#: Below the folder of a pretraining: its labels, and the volumes of the elements.
LABELS, VOLUMES = "labels", "volumes.json"
#: By how much the stress may differ from the slope of the energy, relative to it.
_STRESS_TOLERANCE = 0.05
#: With fewer cells nothing is said of whether a round was of use.
_FEW = 10


def _counted(kinds: Iterable[Kind]) -> str:
    return ", ".join(f"{number} {kind}" for kind, number in Counter(kinds).items())


def kept_by_element(file: Path, find: Callable[[], Mapping[int, float]]) -> dict[int, float]:
    """Return a number for each atomic number, found once and kept in a file."""
    if not file.exists():
        replace_text(file, json.dumps(dict(find())))
    return {int(z): number for z, number in json.loads(file.read_text()).items()}


@dataclass(frozen=True)
class Builder:
    """The steps of a build; each is skipped as far as its results are in the folder ``work`` already."""

    settings: PretrainSettings
    work: Path
    runner: PwRunner
    executor: Executor
    say: Callable[[str], None]
    before: Predecessor | None = None

    def build(self) -> None:
        """Make all labels, and the models of each round, until one is of no use."""
        settings = self.settings
        # Simple lattices at all distances, known structure types, and random cells at all compositions and volumes,
        # the least alike of many, teach the potential where not to go.
        space = search_space(settings.compositions, self._atomic_volumes())
        self.label(self._first(space))
        self.train(0)

        # Cells that the potential itself holds for low minima teach it the order of the minima.
        for number in range(settings.rounds):
            self.label(self.chosen(space, number))
            self.train(number + 1)
            if not self.gains(number + 1):
                break

    def _first(self, space: SearchSpace) -> list[Sample]:
        sampling, seed, k_spacing = self.settings.sampling, self.settings.seed, self.settings.dft.k_spacing
        simple = [*volume_scans(space, sampling), *prototype_samples(space, sampling, seed)]
        found = [*simple, *diverse_samples(space, sampling, seed, self.settings.random_cells, k_spacing)]
        self.say(f"{len(found)} first cells: {_counted(sample.kind for sample in found)}")
        return found

    @property
    def _labels(self) -> Path:
        return self.work / LABELS

    def _atomic_volumes(self) -> dict[int, float]:
        """Volumes of the elements at the middle pressure, Å³."""
        with self._timed():
            return kept_by_element(self.work / VOLUMES, self._find_volumes)

    def _find_volumes(self) -> dict[int, float]:
        _, pressure, _ = self.settings.pressures
        volumes = {z: atomic_volume(self._pressure, z, pressure) for z in self.settings.compositions.elements}
        for z, volume in volumes.items():
            self._check_cutoff(z, volume)
        return volumes

    def _pressure(self, crystal: Crystal) -> float:
        return -float(np.trace(self._scf(crystal).stress)) / 3

    def _check_cutoff(self, number: int, volume: float) -> None:
        """Refuse plane waves that are too few for the stress."""
        found = check_cutoff(self.runner, lattice("bcc", number, volume))
        if isinstance(found, CutoffCheck) and found.error > _STRESS_TOLERANCE:
            raise CalculationError(
                f"{found.told(SYMBOLS[number])}: dft.ecutwfc {found.ecutwfc:g} is too low for "
                "it; raise it, and ecutrho with it"
            )

    def _scf(self, crystal: Crystal) -> ScfResult:
        result = self.runner.scf(crystal)
        if not isinstance(result, ScfResult):
            raise CalculationError(
                f"the volumes of the elements cannot be found: {result.problem} ({result.detail}); "
                "change the settings under dft"
            )
        return result

    def label(self, samples: Iterable[Sample]) -> None:
        """Label samples, as many at a time as there are workers, without those that the start has."""
        if self.before:
            samples = [sample for sample in samples if not self.before.holds(sample.crystal)]
        with self._timed():
            label_all(samples, self.runner, self._labels, self.executor, self.say)

    def labels(self, number: int) -> list[Label]:
        """Return the labels that the models of a round learn from, completed with the Pulay stress.

        They are those that there were when their training began: what comes later, they do not know.
        """
        basis, own = self.basis(), list(read_labels(self._labels, self._learned(number)))
        if self._given_basis.per_atom:
            return [*self._given, *basis.completed(own)]
        return basis.completed([*self._given, *own])

    def _learned(self, number: int) -> list[str]:
        """Return the names of these labels, kept as soon as they are asked for."""
        path = self.work / f"model-{number}" / "labels.txt"
        if not path.exists():
            with writing_to(path.parent):
                path.parent.mkdir(exist_ok=True)
            replace_text(path, "\n".join(label_names(self._labels)))
        return path.read_text().split()

    @property
    def _given(self) -> tuple[Label, ...]:
        """The labels of the start."""
        return self.before.labels if self.before else ()

    @property
    def _given_basis(self) -> BasisError:
        """What completed them; it names no element where nothing did."""
        return self.before.basis if self.before else BasisError()

    def basis(self) -> BasisError:
        """Return what the plane waves lack, measured on some of the first labels, unless the start knows it."""
        if self._given_basis.per_atom:
            return self._given_basis
        return BasisError(kept_by_element(self.work / "basis.json", self._measure_basis))

    def _measure_basis(self) -> Mapping[int, float]:
        labels = [*self._given, *read_labels(self._labels)]
        crystals = typical(labels, self.above_hull(labels), self.settings.dft.k_spacing)
        for warning in overlap_warnings(self.runner.radii(self.settings.compositions.elements), crystals):
            self.say(warning)
        self.say(f"basis error of {len(crystals)} cells, from SCFs with other cutoffs")
        with self._timed():
            return BasisError.measured(crystals, self.runner, self.executor).per_atom

    @contextmanager
    def _timed(self) -> Iterator[None]:
        """Add the time that a step took to that of the steps before, of earlier runs too."""
        began = time.monotonic()
        try:
            yield
        finally:
            replace_text(self._clock, repr(self.seconds + time.monotonic() - began))

    @property
    def _clock(self) -> Path:
        return self.work / "seconds"

    @property
    def seconds(self) -> float:
        """Time of all steps so far, s."""
        return float(self._clock.read_text()) if self._clock.exists() else 0.0

    def train(self, number: int) -> None:
        """Train the models of a round on the labels that there are, unless they are there."""
        models = self._models(number)
        if all(model.exists() for model in models):
            return
        trainings = [self._training(number, member) for member in range(len(models))]
        labels, epochs = self.labels(number), trainings[0].settings.epochs
        self.say(f"training {len(trainings)} models on {len(labels)} labels, {epochs} epochs")
        with self._timed():
            train_all(trainings, labels, self.above_hull(labels), self.executor, self.say)

    def committee(self, number: int) -> Committee:
        """Return the models of a round, which are there."""
        return Committee([Mace(model, trusted=True) for model in self._models(number)])

    def _models(self, number: int) -> list[Path]:
        """Return the files of the potentials; those of the start are the first ones unless there are first cells."""
        members = range(self.settings.committee)
        if number == 0 and self._given_models and not self.settings.has_first_cells:
            return [self._given_models[member] for member in members]
        return [self._training(number, member).model for member in members]

    @property
    def _given_models(self) -> tuple[Path, ...]:
        return self.before.models if self.before and self.settings.start_models else ()

    def _training(self, number: int, member: int) -> Training:
        """Say how a model is trained: from random weights or the start's at first, then from the one before."""
        settings, folder = self.settings.training, self.work / f"model-{number}" / f"training-{member}"
        if number == 0 and not self._given_models:
            return Training(settings, folder, member)
        start = self._models(number - 1)[member] if number else self._given_models[member]
        further = tuned(settings, settings.further_epochs, settings.learning_rate / 2)
        return Training(further, folder, member, start=start)

    def above_hull(self, labels: Sequence[Label]) -> np.ndarray:
        """Return enthalpies above the labels' hull (n,), eV/atom, at the pressure at which each is nearest to it."""
        return above_hull(labels, self.settings.compositions, *self.settings.pressures)

    def chosen(self, space: SearchSpace, number: int) -> list[Sample]:
        """Return the cells of a round; they are kept, as relaxations on other machines would end a little elsewhere."""
        path = self.work / f"round-{number}.json"
        if not path.exists():
            with self._timed():
                write_samples(path, self.explore(space, self.committee(number), number))
        return read_samples(path)

    def explore(self, space: SearchSpace, committee: Committee, number: int) -> list[Sample]:
        """Relax random crystals, new ones for each round and pressure, and choose what to label."""
        settings, active, chosen = self.settings, self.settings.active, []
        for i, pressure in enumerate(settings.pressures):
            first = settings.sampling.pool * settings.random_cells + (3 * number + i) * active.relaxations
            numbers = range(first, first + active.relaxations)
            found = explore(
                committee,
                partial(relax_in_blocks, self.executor, self._models(number)[0], space, pressure),
                space,
                settings.sampling,
                pressure,
                settings.seed,
                numbers,
                settings.dft.k_spacing,
                active.underway_steps,
            )
            rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(number, i)))
            chosen += choose(found, space, settings.sampling, active, settings.dft.k_spacing, rng)
        self.say(f"round {number + 1} of active learning: {len(chosen)} cells chosen")
        return chosen

    def gains(self, number: int) -> bool:
        """Say how wrong the models before and after a round are at low minima, and whether another round is worth it.

        The cells are those of the first model's validation: it was not trained on them, and they are no test.
        """
        labels = self.labels(number)
        low = self.above_hull(labels) < LOW
        relaxed = [
            label
            for label, is_low in zip(labels, low, strict=True)
            if is_low and label.sample.kind is Kind.RELAXATION and split_of(label.sample.origin) is Split.VALIDATION
        ]
        if len(relaxed) < _FEW:
            return True
        models = (Mace(self._models(n)[0], trusted=True) for n in (number - 1, number))
        before, after = (rms_errors(model, relaxed).rmse_energy_meV_per_atom for model in models)
        self.say(
            f"round {number}: {before:.1f} before, {after:.1f} meV/atom after it at {len(relaxed)} relaxed cells up to "
            f"{LOW * MEV_PER_EV:g} meV/atom above the hull"
        )
        if after < before or not self.settings.active.stop_early:
            return True
        self.say("such errors no longer fall, and active learning ends; with active.stop_early: false it goes on")
        return False

    @property
    def last(self) -> int:
        """The last round whose models are there."""
        numbers = range(self.settings.rounds + 1)
        return max(n for n in numbers if all(model.exists() for model in self._models(n)))

    def publish(self, output: Path, command: str) -> None:
        """Copy the last models to its folder, with the training set and the card, which names the command."""
        last = self.last
        labels = self.labels(last)
        above = self.above_hull(labels)
        made = Made(command, self.seconds)
        publish(self.settings, self._models(last), self.runner, self.basis(), labels, above, made, output)

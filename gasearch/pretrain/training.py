"""Training MACE potentials with mace-torch's own training program, each in a folder and a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from gasearch.errors import CalculationError
from gasearch.parallel.process import run_command
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.model_size import PRESETS, ModelSize
from gasearch.pretrain.sampling import Split, split_of
from gasearch.pretrain.training_set import ENERGY, FORCES, STRESS, write_training_set
from gasearch.pretrain.validation import energies_per_element
from gasearch.schema import setting

_NAME = "mace"
#: Epochs from one look at the validation cells to the next; a stage that has none leaves no model.
_INTERVAL = 5
#: Seconds from one line of progress to the next.
_PATIENCE = 60.0


@dataclass(frozen=True)
class TrainingSettings:
    """A small MACE (doi:10.48550/arXiv.2206.07697), and how it is trained.

    Parameters
    ----------
    preset : str
        Size of the model.
    channels : int or None
        Scalar channels of a message, instead of the preset's.
    max_L : int or None
        Highest order of the equivariant messages, 0 for invariant ones, instead of the preset's.
    max_ell : int or None
        Highest order of the spherical harmonics of the edges, instead of the preset's.
    cutoff : float or None
        Of the edges, instead of the preset's; two layers see twice as far.
    correlation : int or None
        Body order of a message less one, instead of the preset's.
    epochs : int
        All epochs of a model that begins with random weights, those of the second stage included.
    stage_two : int
        The first epoch of the second stage, in which energies weigh more.
    further_epochs : int
        Epochs after each round of active learning, in which every model is trained further from where it was, at half
        the learning rate at first; half of them weigh energies more.
    batch_size : int
        Cells a step.
    learning_rate : float
        At the first epoch.
    last_learning_rate : float
        Where it has fallen to, exponentially, when the second stage begins; that one keeps it.
    weights : tuple of float
        Weights in the loss of the squared errors of energy per atom (eV), forces (eV/Å) and stress (eV/Å³).
    stage_two_weights : tuple of float
        The same in the second stage.
    weight_scale : float
        Enthalpy per atom above hull at which a cell's weight has fallen to a half.
    ceiling : float
        Enthalpy per atom above hull from which on cells are left out.
    validation_ceiling : float
        The same of the cells that choose the epoch: a few of high enthalpy would decide it alone.
    dtype : str
        Precision of the training.
    seed : int
        Of the first weights and the order of the cells.
    """

    preset: Literal["small", "medium", "large", "equivariant"] = "medium"
    channels: int | None = setting(None, at_least=1)
    max_L: int | None = setting(None, at_least=0, at_most=3)
    max_ell: int | None = setting(None, at_least=0, at_most=3)
    cutoff: float | None = setting(None, above=0, unit="A")
    correlation: int | None = setting(None, at_least=1, at_most=4)
    epochs: int = setting(200, at_least=2)
    stage_two: int = setting(140, at_least=1)
    further_epochs: int = setting(80, at_least=6)
    batch_size: int = setting(10, at_least=1)
    learning_rate: float = setting(0.01, above=0)
    last_learning_rate: float = setting(0.001, above=0)
    weights: tuple[float, float, float] = setting((300.0, 10.0, 300.0), at_least=0)
    stage_two_weights: tuple[float, float, float] = setting((1000.0, 10.0, 500.0), at_least=0)
    weight_scale: float = setting(1.0, above=0, unit="eV")
    ceiling: float = setting(3.0, above=0, unit="eV")
    validation_ceiling: float = setting(1.0, above=0, unit="eV")
    dtype: Literal["float32", "float64"] = "float32"
    seed: int = setting(0, at_least=0)

    def __post_init__(self) -> None:
        if self.stage_two >= self.epochs:
            raise ValueError(f"stage_two: {self.stage_two} is not below the {self.epochs} epochs; begin it earlier")
        if (self.epochs - 1) // _INTERVAL * _INTERVAL < self.stage_two:
            raise ValueError(
                f"stage_two: of epochs {self.stage_two} to {self.epochs - 1} none is a multiple of {_INTERVAL}, at "
                "which the validation cells are looked at; begin it earlier"
            )

    @property
    def size(self) -> ModelSize:
        """The preset, with the user's numbers in place of its own."""
        given = {name: getattr(self, name) for name in ModelSize.__dataclass_fields__}
        return replace(PRESETS[self.preset], **{name: value for name, value in given.items() if value is not None})


def tuned(training: TrainingSettings, epochs: int, learning_rate: float) -> TrainingSettings:
    """Return the settings of a training that goes on; half of its epochs weigh energies more."""
    last = learning_rate / 10
    return replace(training, epochs=epochs, stage_two=epochs // 2, learning_rate=learning_rate, last_learning_rate=last)


def label_weights(above_hull: np.ndarray, scale: float) -> np.ndarray:
    """Return weights (n,) that fall off with the enthalpy above hull (n,): 1 on it, a half at the scale."""
    return 1 / (1 + (np.maximum(above_hull, 0.0) / scale) ** 2)


def atomic_energies(labels: Sequence[Label], weights: np.ndarray) -> dict[int, float]:
    """Return the energy of each element (atomic number → eV) that fits the labels best, by weighted least squares.

    Unweighted, a few strongly compressed cells would shift them by electronvolts.
    """
    elements = tuple(sorted({z for label in labels for z in label.sample.crystal.composition.elements}))
    counts = np.array([label.sample.crystal.composition.vector(elements) for label in labels])
    energies = np.array([label.result.energy for label in labels])
    return dict(zip(elements, energies_per_element(counts, energies, weights).tolist(), strict=True))


@dataclass(frozen=True)
class Training:
    """The training of one model.

    Parameters
    ----------
    settings : TrainingSettings
    folder : Path
        Where its files are; an interrupted training goes on from the best epoch so far there.
    member : int
        Place in a committee: it decides the seed and the validation split.
    start : Path or None
        A model to be trained further; it decides size, cutoff and the energies of the atoms. None for random weights.
    """

    settings: TrainingSettings
    folder: Path
    member: int = 0
    start: Path | None = None

    @property
    def model(self) -> Path:
        """The file of the finished model."""
        return self.folder / "finished.model"

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        looks = [line for log in self.folder.glob("results/*_train.txt") for line in log.read_text().splitlines()]
        epochs = [json.loads(line).get("epoch") for line in looks if '"mode": "eval"' in line]
        return max((epoch for epoch in epochs if epoch is not None), default=0)


def train_all(
    trainings: Sequence[Training],
    labels: Sequence[Label],
    above_hull: np.ndarray,
    executor: Executor,
    say: Callable[[str], None] = lambda line: None,
) -> list[Path]:
    """Train several models at the same time and return their files; those that are there are not trained again.

    ``say`` gets a line of progress every minute in which there was some.
    """
    missing = [training for training in trainings if not training.model.exists()]
    futures = [executor.submit(train, training, labels, above_hull) for training in missing]
    said, pending = None, set(futures)
    while pending:
        done, pending = wait(pending, timeout=_PATIENCE)
        for future in done:
            future.result()
        epochs = ", ".join(str(training.epoch) for training in missing)
        if pending and epochs != said:
            say(f"training: {epochs} of {missing[0].settings.epochs} epochs")
            said = epochs
    return [training.model for training in trainings]


def train(training: Training, labels: Sequence[Label], above_hull: np.ndarray) -> Path:
    """Train a model on the labels of the training split and return its file.

    The validation split chooses the epoch; the test split is not touched. Training is a program of its own, as pw.x
    is: several can run at the same time.

    Parameters
    ----------
    training : Training
    labels : sequence of Label
    above_hull : (n,) array
        Each label's enthalpy above hull, eV/atom.

    Raises
    ------
    CalculationError
        If there are no cells to train on or to validate with, or it gave no model; with the end of what it printed.
    """
    folder, settings = training.folder.absolute(), training.settings
    folder.mkdir(parents=True, exist_ok=True)
    weights = label_weights(above_hull, settings.weight_scale)
    splits = np.array([split_of(label.sample.origin, training.member) for label in labels])
    ceilings = {Split.TRAIN: settings.ceiling, Split.VALIDATION: settings.validation_ceiling}
    chosen = {s: np.flatnonzero((splits == s) & (above_hull < ceiling)) for s, ceiling in ceilings.items()}
    if empty := [split for split, indices in chosen.items() if not len(indices)]:
        raise CalculationError(
            f"of {len(labels)} labels none that is low enough above the hull is left for {' and '.join(empty)}: label "
            "more cells (random_cells), or raise training.ceiling_eV and training.validation_ceiling_eV"
        )
    for split, indices in chosen.items():
        write_training_set(folder / f"{split}.extxyz", [labels[i] for i in indices], weights[indices])
    fitted = chosen[Split.TRAIN]
    origin = (
        {"E0s": atomic_energies([labels[i] for i in fitted], weights[fitted])}
        if training.start is None
        else {"foundation_model": training.start.absolute()}
    )
    options = {**_options(replace(settings, seed=settings.seed + training.member), folder), **origin}
    command = [sys.executable, "-m", "gasearch.pretrain.mace_training", *(f"--{k}={v}" for k, v in options.items())]
    printed = run_command(command, folder)
    trained = folder / f"{_NAME}_stagetwo.model"
    if not trained.exists():
        raise CalculationError(f"the training in {folder} gave no model: {printed[-1000:].strip()}")
    trained.rename(training.model)
    return training.model


def _options(settings: TrainingSettings, directory: Path) -> dict[str, object]:
    """Return options of mace_run_train."""
    return {
        "name": _NAME,
        "work_dir": directory,
        "train_file": directory / f"{Split.TRAIN}.extxyz",
        "valid_file": directory / f"{Split.VALIDATION}.extxyz",
        "energy_key": ENERGY,
        "forces_key": FORCES,
        "stress_key": STRESS,
        **_model_options(settings),
        **_loss_options(settings),
        "batch_size": settings.batch_size,
        "valid_batch_size": 4 * settings.batch_size,
        "lr": settings.learning_rate,
        "scheduler": "ExponentialLR",
        "lr_scheduler_gamma": (settings.last_learning_rate / settings.learning_rate) ** (1 / settings.stage_two),
        "stage_two_lr": settings.last_learning_rate,
        "max_num_epochs": settings.epochs,
        "start_stage_two": settings.stage_two,
        "ema_decay": 0.99,
        "eval_interval": _INTERVAL,
        "seed": settings.seed,
        "plot": False,
    }


def _model_options(settings: TrainingSettings) -> dict[str, object]:
    size = settings.size
    return {
        "model": "MACE",
        "num_channels": size.channels,
        "max_L": size.max_L,
        "max_ell": size.max_ell,
        "r_max": size.cutoff,
        "correlation": size.correlation,
        "default_dtype": settings.dtype,
    }


def _loss_options(settings: TrainingSettings) -> dict[str, object]:
    names = ("energy", "forces", "stress")
    first = {f"{n}_weight": w for n, w in zip(names, settings.weights, strict=True)}
    second = {f"stage_two_{n}_weight": w for n, w in zip(names, settings.stage_two_weights, strict=True)}
    return {"loss": "stress", "compute_stress": True, **first, **second}

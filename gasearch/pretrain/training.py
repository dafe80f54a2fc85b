"""Training a MACE potential with mace-torch's own training program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from gasearch.potential.mace import Mace
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.sampling import Split, split_of
from gasearch.pretrain.training_set import ENERGY, FORCES, STRESS, write_training_set
from gasearch.pretrain.validation import energies_per_element
from gasearch.schema import setting

_NAME = "mace"
#: Epochs from one look at the validation cells to the next; a stage that has none leaves no model.
_INTERVAL = 5
_FLAGS = ["--pair_repulsion", "--stage_two", "--ema", "--restart_latest", "--save_cpu"]


@dataclass(frozen=True)
class TrainingSettings:
    """A small MACE (doi:10.48550/arXiv.2206.07697), and how it is trained.

    Parameters
    ----------
    channels : int
        Scalar channels of a message.
    max_L : int
        Highest order of the equivariant messages; 0 for invariant ones.
    max_ell : int
        Highest order of the spherical harmonics of the edges.
    cutoff : float
        Of the edges; two layers see twice as far.
    correlation : int
        Body order of a message less one.
    epochs : int
        All epochs, those of the second stage included.
    stage_two : int
        The first epoch of the second stage, in which energies weigh more.
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

    channels: int = setting(32, at_least=1)
    max_L: int = setting(0, at_least=0, at_most=3)
    max_ell: int = setting(2, at_least=0, at_most=3)
    cutoff: float = setting(3.5, above=0, unit="A")
    correlation: int = setting(3, at_least=1, at_most=4)
    epochs: int = setting(200, at_least=2)
    stage_two: int = setting(140, at_least=1)
    batch_size: int = setting(4, at_least=1)
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


def train(
    labels: Sequence[Label],
    above_hull: np.ndarray,
    settings: TrainingSettings,
    directory: Path,
    member: int = 0,
    start: Path | None = None,
) -> Path:
    """Train on the labels of the training split and return the model file.

    The validation split chooses the epoch; the test split is not touched. An interrupted training goes on from its
    last checkpoint in the directory.

    Parameters
    ----------
    labels : sequence of Label
    above_hull : (n,) array
        Each label's enthalpy above hull, eV/atom.
    settings : TrainingSettings
    directory : Path
    member : int
        Place in a committee: it decides the seed and the validation split.
    start : Path or None
        A model to be trained further; it decides size, cutoff and the energies of the atoms. None for random weights.
    """
    from mace.cli.run_train import run
    from mace.tools import build_default_arg_parser

    weights = label_weights(above_hull, settings.weight_scale)
    splits = np.array([split_of(label.sample.origin, member) for label in labels])
    ceilings = {Split.TRAIN: settings.ceiling, Split.VALIDATION: settings.validation_ceiling}
    chosen = {s: np.flatnonzero((splits == s) & (above_hull < ceiling)) for s, ceiling in ceilings.items()}
    for split, indices in chosen.items():
        write_training_set(directory / f"{split}.extxyz", [labels[i] for i in indices], weights[indices])
    fitted = chosen[Split.TRAIN]
    origin = (
        {"E0s": atomic_energies([labels[i] for i in fitted], weights[fitted])}
        if start is None
        else {"E0s": Mace(start).atomic_energies, "foundation_model": start}
    )
    options = {**_options(replace(settings, seed=settings.seed + member), directory), **origin}
    arguments = build_default_arg_parser().parse_args([f"--{k}={v}" for k, v in options.items()] + _FLAGS)
    # AMSGrad, on by default, would shorten all steps for good because of the large gradients of the first ones.
    arguments.amsgrad = False
    run(arguments)
    return directory / f"{_NAME}_stagetwo.model"


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
        "device": "cpu",
    }


def _model_options(settings: TrainingSettings) -> dict[str, object]:
    return {
        "model": "MACE",
        "num_channels": settings.channels,
        "max_L": settings.max_L,
        "max_ell": settings.max_ell,
        "r_max": settings.cutoff,
        "correlation": settings.correlation,
        "default_dtype": settings.dtype,
    }


def _loss_options(settings: TrainingSettings) -> dict[str, object]:
    names = ("energy", "forces", "stress")
    first = {f"{n}_weight": w for n, w in zip(names, settings.weights, strict=True)}
    second = {f"stage_two_{n}_weight": w for n, w in zip(names, settings.stage_two_weights, strict=True)}
    return {"loss": "stress", "compute_stress": True, **first, **second}

"""The labelled cells of a potential's folder, for the benchmarks that train on parts of them."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gasearch.potential.potential import Potential
from gasearch.pretrain.basis import BasisError
from gasearch.pretrain.card import NEAR_HULL
from gasearch.pretrain.fine_tuning import settings_of
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.predecessor import Predecessor
from gasearch.pretrain.sampling import Split, split_of
from gasearch.pretrain.settings import PretrainSettings
from gasearch.pretrain.training import TrainingSettings, tuned
from gasearch.pretrain.validation import above_hull, held_out, rms_errors

POTENTIAL = Path(__file__).parent.parent / "potentials" / "h-s-200gpa"


@dataclass(frozen=True, eq=False)
class TrainingCells:
    """Labelled cells, their enthalpies above hull (n,) in eV/atom, and what their card stands for."""

    labels: tuple[Label, ...]
    above: np.ndarray
    settings: PretrainSettings
    basis: BasisError

    def from_scratch(self, epochs: int, batch_size: int) -> TrainingSettings:
        """Return how models are to be trained from random weights."""
        training = replace(self.settings.training, batch_size=batch_size)
        return tuned(training, epochs, training.learning_rate)


def add_options(parser: argparse.ArgumentParser, folder: Path) -> None:
    """Add what all that train ask."""
    parser.add_argument("--potential", type=Path, default=POTENTIAL)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--batch-size", type=int, default=10)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=folder)


def training_cells(folder: Path) -> TrainingCells:
    """Read a potential's training set and its card."""
    before = Predecessor.read(folder)
    labels, settings = before.labels, settings_of(before.card, [label.sample.crystal for label in before.labels])
    above = above_hull(labels, settings.compositions, *settings.pressures)
    return TrainingCells(labels, above, settings, before.basis)


def subset(
    cells: TrainingCells, count: int, chosen: Callable[[Label], bool] = lambda label: True
) -> tuple[list[Label], np.ndarray]:
    """Return the first cells, in the order of a hash of their origins, that may be trained on; and their heights."""
    names = [hashlib.sha256(f"order {label.sample.origin}".encode()).hexdigest() for label in cells.labels]
    order = [i for i in np.argsort(names, kind="stable") if chosen(cells.labels[i])]
    kept = [i for i in order if split_of(cells.labels[i].sample.origin) is not Split.TEST][:count]
    return [cells.labels[i] for i in kept], cells.above[kept]


def near_hull(cells: TrainingCells, height: float = NEAR_HULL) -> list[Label]:
    """Return the cells that are held out, up to a height above the hull, eV/atom."""
    return [cells.labels[i] for i in np.flatnonzero(held_out(cells.labels) & (cells.above < height))]


def print_errors(name: str, potential: Potential, test: list[Label], more: str = "") -> None:
    """Print a line of a table."""
    errors = rms_errors(potential, test)
    print(
        f"{name:<24}{errors.rmse_energy_meV_per_atom:8.1f} meV/atom{errors.rmse_force_meV_per_A:8.0f} meV/Å"
        f"{errors.rmse_stress_GPa:8.2f} GPa{more}",
        flush=True,
    )

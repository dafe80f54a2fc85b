"""Errors of a potential against the number of its labels, with and without active learning.

    python benchmarks/learning_curve.py --sizes 75 150 300 --epochs 60 --workers 2

Models of the size in the potential's card are trained on parts of its training set: on first cells alone (scans,
prototypes, random and rattled ones), and on as many of which half are cells that active learning chose. They are
judged by relaxed cells near the hull that were held out, as what counts is the order of the minima. Trainings that are
in ``--folder`` are not done again.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from training_cells import TrainingCells, add_options, near_hull, print_errors, subset, training_cells

from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.potential.load import load_potential
from gasearch.potential.settings import MaceSettings
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.sampling import Kind
from gasearch.pretrain.training import Training, train

#: Enthalpy above hull, eV/atom, of the relaxed cells that judge.
WINDOW = 0.3


def chosen_by_active_learning(label: Label) -> bool:
    """Tell cells that a model relaxed from those made before there was one."""
    return label.sample.kind is Kind.RELAXATION


def parts(cells: TrainingCells, size: int) -> dict[str, tuple[list[Label], np.ndarray]]:
    """Return the cells of both trainings of a size; both have as many labels."""
    first = subset(cells, size, lambda label: not chosen_by_active_learning(label))
    half, other = first[0][: size // 2], subset(cells, size - size // 2, chosen_by_active_learning)
    mixed = [*half, *other[0]], np.concatenate([first[1][: size // 2], other[1]])
    return {"first cells alone": first, "half of them chosen": mixed}


def main() -> None:
    """Train what is missing and print the curve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, folder=Path("runs", "learning-curve"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[75, 150, 300])
    options = parser.parse_args()
    cells = training_cells(options.potential)
    training = cells.from_scratch(options.epochs, options.batch_size)
    work = {
        (size, name): (Training(training, options.folder / f"{size}-{name.replace(' ', '-')}"), *part)
        for size in options.sizes
        for name, part in parts(cells, size).items()
    }
    run_on_all_ranks(lambda executor: train_missing(list(work.values()), executor), threads=options.workers)
    test = [label for label in near_hull(cells, WINDOW) if chosen_by_active_learning(label)]
    print(f"{options.epochs} epochs; errors on {len(test)} relaxed cells up to {WINDOW} eV/atom above the hull")
    for (_, name), (trained, labels, _) in work.items():
        potential = load_potential(MaceSettings("mace", trained.model))
        print_errors(f"{len(labels):4d} {name}", potential, test)


def train_missing(work: list[tuple[Training, list[Label], np.ndarray]], executor: QueueExecutor) -> None:
    """Train at the same time what has no model yet."""
    futures = [executor.submit(train, *each) for each in work if not each[0].model.exists()]
    for future in futures:
        future.result()


if __name__ == "__main__":
    main()

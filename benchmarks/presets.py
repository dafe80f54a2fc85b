"""Cost and accuracy of the sizes of MACE that `gasearch pretrain` offers, trained on the same cells.

    python benchmarks/presets.py --cells 300 --epochs 60 --workers 2

Each preset is trained on the first cells of a potential's training set (in the order of a hash of their origins), with
the settings of its card but for the size, and judged by the cells held out, up to 1 eV/atom above the hull. The time is
that of energies, forces and stresses of these cells in one batch, as a relaxation computes them; all presets are timed
one after the other in one process. Trainings that are in ``--folder`` are not done again.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from training_cells import add_options, near_hull, print_errors, subset, training_cells

from gasearch.parallel.executor import run_on_all_ranks
from gasearch.potential.load import load_potential
from gasearch.potential.potential import Batch, Potential
from gasearch.potential.settings import MaceSettings
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.model_size import PRESETS
from gasearch.pretrain.training import Training, train_all


def milliseconds_per_atom(potential: Potential, labels: list[Label], repeats: int = 5) -> float:
    """Return the shortest of several times; the first call, which compiles, does not count."""
    batch = Batch.from_crystals([label.sample.crystal for label in labels])
    potential.compute(batch)
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        potential.compute(batch)
        times.append(time.perf_counter() - began)
    return 1000 * min(times) / len(batch.numbers)


def main() -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, folder=Path("runs", "presets"))
    parser.add_argument("--cells", type=int, default=300)
    options = parser.parse_args()
    cells = training_cells(options.potential)
    training = cells.from_scratch(options.epochs, options.batch_size)
    labels, above = subset(cells, options.cells)
    unsized = {name: None for name in PRESETS["medium"].__dataclass_fields__}
    trainings = {
        name: Training(replace(training, preset=name, **unsized), options.folder / f"{name}-{options.cells}")
        for name in PRESETS
    }
    run_on_all_ranks(
        lambda executor: train_all(
            list(trainings.values()), labels, above, executor, lambda line: print(line, flush=True)
        ),
        threads=options.workers,
    )
    test = near_hull(cells)
    print(f"{options.cells} cells, {options.epochs} epochs; errors on {len(test)} cells held out")
    for name, one in trainings.items():
        potential = load_potential(MaceSettings("mace", one.model))
        took = milliseconds_per_atom(potential, test)
        print_errors(name, potential, test, f"{took:8.2f} ms per atom  {one.settings.size.cutoff:g} Å")


if __name__ == "__main__":
    main()

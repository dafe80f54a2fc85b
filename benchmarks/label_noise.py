"""What the labels of a potential err by themselves: some held-out cells again, with denser k-points.

    python benchmarks/label_noise.py --k-spacing 0.2 --cells 20 --workers 2

No potential can be nearer to its labels than they are to each other. The cells are every third of those near the hull
that are quick to compute; energies, forces and stress are compared with those in the training set.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from training_cells import POTENTIAL, TrainingCells, near_hull, training_cells

from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.record import ScfFailure
from gasearch.espresso.runner import PwRunner
from gasearch.espresso.timing import relative_scf_time
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.pretrain.labelling import Label
from gasearch.units import GPA_PER_EV_PER_A3, MEV_PER_EV

#: Of the quickest cells one in so many is taken.
EVERY = 3


def differences(label: Label, again: Label) -> np.ndarray:
    """Return by how much two labels of a cell differ (3,), rms over components: meV/atom, meV/Å and GPa."""
    one, other = label.result, again.result
    energy = (one.energy - other.energy) / len(label.sample.crystal) * MEV_PER_EV
    forces, stress = (one.forces - other.forces) * MEV_PER_EV, (one.stress - other.stress) * GPA_PER_EV_PER_A3
    return np.array([abs(energy), *(np.sqrt(np.mean(x**2)) for x in (forces, stress))])


def report(cells: TrainingCells, chosen: Sequence[Label], k_spacing: float, executor: QueueExecutor) -> None:
    """Compute the cells again and print what differs."""
    runner = PwRunner(replace(cells.settings.dft, k_spacing=k_spacing), default_pseudo_dir(), timeout=3600.0)
    results = executor.map(runner.scf, [label.sample.crystal for label in chosen])
    found = []
    for label, result in zip(chosen, results, strict=True):
        if isinstance(result, ScfFailure):
            continue
        found.append(differences(label, *cells.basis.completed([replace(label, result=result)])))
        print(line(f"{label.sample.crystal.composition.formula} {label.sample.kind}", found[-1]), flush=True)
    print(line(f"rms of {len(found)}", np.sqrt(np.mean(np.square(found), axis=0))))


def line(name: str, errors: np.ndarray) -> str:
    """Return a line of the table."""
    return f"{name:<16} {errors[0]:6.1f} meV/atom {errors[1]:6.0f} meV/Å {errors[2]:6.2f} GPa"


def main() -> None:
    """Choose the cells and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--potential", type=Path, default=POTENTIAL)
    parser.add_argument("--k-spacing", type=float, default=0.2, help="1/Å")
    parser.add_argument("--cells", type=int, default=20)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    cells = training_cells(options.potential)
    quick = sorted(near_hull(cells), key=lambda label: relative_scf_time(label.sample.crystal, options.k_spacing))
    chosen = quick[: EVERY * options.cells : EVERY]
    run_on_all_ranks(partial(report, cells, chosen, options.k_spacing), threads=options.workers)


if __name__ == "__main__":
    main()

"""What the Pulay stress in the labels is worth: a potential that learns with it, and one that learns without.

    python benchmarks/pulay.py --cells 300 --epochs 60 --workers 2

Two models of the size in the potential's card are trained on the same cells, from the same random weights. One learns
the stress that pw.x prints, the other one the slope of the energy at constant cutoff. Energies and forces are judged on
the same cells near the hull that were held out, as is each one's stress by what it was to learn. The basis error of the
elements, from pw.x at other cutoffs, and the trainings are kept in ``--folder``.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from learning_curve import train_missing
from training_cells import TrainingCells, add_options, near_hull, print_errors, subset, training_cells

from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.runner import PwRunner
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.potential.load import load_potential
from gasearch.potential.settings import MaceSettings
from gasearch.pretrain.basis import BasisError, typical
from gasearch.pretrain.build import kept_by_element
from gasearch.pretrain.training import Training


def basis_error(cells: TrainingCells, folder: Path, executor: QueueExecutor) -> BasisError:
    """Return the basis error of the cells' labels, measured once."""
    folder.mkdir(parents=True, exist_ok=True)
    runner = PwRunner(cells.settings.dft, default_pseudo_dir())
    crystals = typical(cells.labels, cells.above, cells.settings.dft.k_spacing)

    def measured() -> Mapping[int, float]:
        return BasisError.measured(crystals, runner, executor).per_atom

    return BasisError(kept_by_element(folder / "basis.json", measured))


def main() -> None:
    """Train what is missing and print both errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, folder=Path("runs", "pulay"))
    parser.add_argument("--cells", type=int, default=300)
    options = parser.parse_args()
    cells = training_cells(options.potential)
    if cells.basis.per_atom:
        parser.error(f"{options.potential}: its labels are completed already; allowed is one made without")
    settings = cells.from_scratch(options.epochs, options.batch_size)
    labels, above = subset(cells, options.cells)
    trainings = {name: Training(settings, options.folder / name) for name in ("as-printed", "completed")}

    def driver(executor: QueueExecutor) -> None:
        completed = basis_error(cells, options.folder, executor).completed
        given = {"as-printed": labels, "completed": completed(labels)}
        train_missing([(trainings[name], given[name], above) for name in trainings], executor)
        test = near_hull(cells)
        for name, judged in (("as-printed", test), ("completed", completed(test))):
            potential = load_potential(MaceSettings("mace", trainings[name].model))
            print_errors(f"stress {name}", potential, judged)

    print(f"{len(labels)} cells, {options.epochs} epochs")
    run_on_all_ranks(driver, threads=options.workers)


if __name__ == "__main__":
    main()

"""A potential that has seen no cell of one phase, or of one composition, for the search that has to find it.

    python benchmarks/unseen.py --formula H3S --space-group Im-3m --epochs 100 --output runs/unseen
    python benchmarks/discovery.py --potential runs/unseen --seeds 3

Cells of that reduced formula, in that space group if one is given, and all others of their origins (rattled copies,
cells on the way there) are left out of the training set of a potential; a model is trained on what is left, from random
weights and with the settings of the card, and written with a card of its own.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from discovery import is_phase
from training_cells import add_options, training_cells

from gasearch.crystal.composition import Composition
from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.runner import PwRunner
from gasearch.parallel.executor import run_on_all_ranks
from gasearch.pretrain.publication import publish
from gasearch.pretrain.training import Training, train_all
from gasearch.pretrain.validation import above_hull


def main() -> None:
    """Train the model, unless it is there, and write its folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser, folder=Path("runs", "unseen-training"))
    parser.add_argument("--formula", default="H3S")
    parser.add_argument("--space-group", help="such as Im-3m; default: all")
    parser.add_argument("--output", type=Path, default=Path("runs", "unseen"))
    options = parser.parse_args()
    formula = Composition.from_formula(options.formula).reduced.formula
    cells = training_cells(options.potential)
    seen = {x.sample.origin for x in cells.labels if is_phase(x.sample.crystal, formula, options.space_group)}
    labels = [label for label in cells.labels if label.sample.origin not in seen]
    training = cells.from_scratch(options.epochs, options.batch_size)
    settings = replace(cells.settings, training=training, committee=1)
    above = above_hull(labels, settings.compositions, *settings.pressures)
    print(f"{len(labels)} of {len(cells.labels)} cells are left", flush=True)
    models = run_on_all_ranks(
        lambda executor: train_all(
            [Training(training, options.folder)], labels, above, executor, lambda line: print(line, flush=True)
        )
    )
    runner = PwRunner(settings.dft, default_pseudo_dir())
    publish(settings, models, runner, cells.basis, labels, above, 0.0, options.output)
    print(f"{options.output} holds the potential")


if __name__ == "__main__":
    main()

"""The program that trains one MACE: mace-torch's own, with what its command line cannot say.

    python -m gasearch.pretrain.mace_training --name=mace --train_file=train.extxyz ...

takes the options of mace_run_train, and uses a GPU where there is one. A model that is trained further keeps its own
energies of the atoms.
"""

from __future__ import annotations

import sys
from pathlib import Path

from gasearch.potential.mace import Mace

_FLAGS = ("--pair_repulsion", "--stage_two", "--ema", "--restart_latest", "--save_cpu")


def main(options: list[str]) -> None:
    """Train a model as the options say."""
    import mace  # noqa: F401  before anything of e3nn: it lifts torch's weights-only default
    import torch
    from mace.cli.run_train import run
    from mace.tools import build_default_arg_parser

    device = "cuda" if torch.cuda.is_available() else "cpu"
    arguments = build_default_arg_parser().parse_args([*options, *_FLAGS, f"--device={device}"])
    # AMSGrad, on by default, would shorten all steps for good because of the large gradients of the first ones.
    arguments.amsgrad = False
    if arguments.foundation_model:
        arguments.E0s = str(Mace(Path(arguments.foundation_model), trusted=True).atomic_energies)
    run(arguments)


if __name__ == "__main__":
    main(sys.argv[1:])

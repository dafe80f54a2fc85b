"""The folder of a finished potential: its models, its training set and its card."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from gasearch.espresso.runner import PwRunner
from gasearch.files import replacing, writing_to
from gasearch.potential.committee import Committee
from gasearch.potential.mace import Mace
from gasearch.pretrain.basis import BasisError
from gasearch.pretrain.card import TRAINING_SET, Made, make_card, member_file, write_card
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.settings import PretrainSettings
from gasearch.pretrain.training import label_weights
from gasearch.pretrain.training_set import write_training_set


def publish(
    settings: PretrainSettings,
    models: Sequence[Path],
    runner: PwRunner,
    basis: BasisError,
    labels: Sequence[Label],
    above: np.ndarray,
    made: Made,
    output: Path,
) -> None:
    """Write a potential's folder; the card comes last, and says that the others are there.

    Parameters
    ----------
    settings : PretrainSettings
    models : sequence of Path
        The potential, and the others of its committee.
    runner : PwRunner
        What made the labels.
    basis : BasisError
        What completed them.
    labels : sequence of Label
    above : (n,) array
        Their enthalpies above hull, eV/atom.
    made : Made
    output : Path
    """
    committee = Committee([Mace(model, trusted=True) for model in models])
    with writing_to(output):
        output.mkdir(parents=True, exist_ok=True)
        weights = label_weights(above, settings.training.weight_scale)
        with replacing(output / TRAINING_SET) as part:
            write_training_set(part, labels, weights)
        for member, model in enumerate(models):
            with replacing(output / member_file(member)) as part:
                shutil.copyfile(model, part)
        write_card(make_card(settings, committee, runner, basis, labels, above, output, made), output)

"""A potential that is trained further, with labels that a search has asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, fields, replace
from pathlib import Path

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.errors import PotentialError
from gasearch.espresso.pw import PwSettings
from gasearch.espresso.runner import PwRunner
from gasearch.potential.card import CARD, PotentialCard
from gasearch.pretrain.card import Made
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.predecessor import Predecessor, label_settings
from gasearch.pretrain.publication import publish
from gasearch.pretrain.settings import PretrainSettings
from gasearch.pretrain.training import Training, TrainingSettings, train_all, tuned
from gasearch.pretrain.validation import above_hull
from gasearch.units import pressure_from_GPa


@dataclass(frozen=True)
class Tuning:
    """How a potential learns labels that came later.

    Parameters
    ----------
    epochs : int
    learning_rate : float
        At the first epoch; at the last it is a tenth.
    command : str
        What makes it again.
    pressures : tuple of float
        eV/Å³, which the potential is to cover besides those that it covers.
    """

    epochs: int
    learning_rate: float
    command: str
    pressures: tuple[float, ...] = ()


def tunable(path: Path, make_runner: Callable[[PwSettings], PwRunner]) -> tuple[Predecessor, PwRunner]:
    """Return a potential that can be trained further, and what labels cells as its own were labelled.

    Raises
    ------
    GasearchError
        If its folder is not complete, pw.x or a pseudopotential is missing, or is another one than that of its labels.
    """
    before = Predecessor.read(path)
    runner = make_runner(before.dft)
    runner.check(tuple(SYMBOLS.index(symbol) for symbol in before.card.elements))
    if others := before.other_pseudopotentials(runner):
        raise PotentialError(f"{path} learned from labels made with other pseudopotentials of {others}; install those")
    return before, runner


def settings_of(card: PotentialCard, crystals: Sequence[Crystal]) -> PretrainSettings:
    """Return the settings that a potential's card stands for; its cells are as large as the largest of the crystals."""
    known = {entry.name for entry in fields(TrainingSettings)}
    training = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in card.facts.get("training", {}).items()
        if key in known
    }
    return PretrainSettings(
        elements=card.elements,
        pressure=tuple(map(pressure_from_GPa, card.pressure_GPa)),
        max_atoms=max(map(len, crystals)),
        committee=1 + (len(card.committee.files) if card.committee else 0),
        dft=label_settings(card),
        training=TrainingSettings(**training),
    )


def fine_tune(
    start: Path,
    new: Sequence[Label],
    tuning: Tuning,
    runner: PwRunner,
    output: Path,
    executor: Executor,
    say: Callable[[str], None],
) -> None:
    """Train every model of a potential further, on its old labels and new ones, and write the new one's folder.

    Nothing is done again that is in the folder already; what is written last is its card.

    Parameters
    ----------
    start : Path
        Folder of the potential.
    new : sequence of Label
    tuning : Tuning
    runner : PwRunner
        What made the labels.
    output : Path
        Folder of the new potential; while it trains, ``training-0`` and so on are there, too.
    executor : Executor
        Trains several at the same time.
    say : callable
        Gets the lines of progress.
    """
    if (output / CARD).exists():
        return
    before = Predecessor.read(start)
    labels = [*before.labels, *before.basis.completed(new)]
    settings = settings_of(before.card, [label.sample.crystal for label in labels])
    covered = (*settings.pressure, *tuning.pressures)
    settings = replace(settings, pressure=(min(covered), max(covered)))
    training = tuned(settings.training, tuning.epochs, tuning.learning_rate)
    above = above_hull(labels, settings.compositions, *settings.pressures)
    trainings = [
        Training(training, output / f"training-{member}", member, model) for member, model in enumerate(before.models)
    ]
    say(f"training {len(trainings)} models on {len(labels)} labels, {tuning.epochs} epochs more")
    began = time.monotonic()
    trained = train_all(trainings, labels, above, executor, say)
    made = Made(tuning.command, time.monotonic() - began)
    publish(replace(settings, training=training), trained, runner, before.basis, labels, above, made, output)

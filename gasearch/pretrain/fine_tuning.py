"""A potential that is trained further, with labels that a search has asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import fields, replace
from pathlib import Path

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.errors import PotentialError
from gasearch.espresso.pw import PwSettings
from gasearch.espresso.runner import PwRunner
from gasearch.potential.card import CARD, PotentialCard, find_model
from gasearch.pretrain.basis import BasisError
from gasearch.pretrain.card import BASIS, TRAINING_SET
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.publication import publish
from gasearch.pretrain.settings import PretrainSettings
from gasearch.pretrain.training import Training, TrainingSettings, train_all, tuned
from gasearch.pretrain.training_set import read_training_set
from gasearch.pretrain.validation import above_hull
from gasearch.units import pressure_from_GPa


def label_settings(card: PotentialCard) -> PwSettings:
    """Return how pw.x labelled the cells that a potential was trained on; PotentialError if its card does not say."""
    facts = {**card.facts.get("labels", {})}
    facts["k_spacing"] = facts.get("k_spacing_per_A")
    known = {entry.name: facts[entry.name] for entry in fields(PwSettings) if facts.get(entry.name) is not None}
    if missing := {"ecutwfc", "ecutrho", "k_spacing", "degauss"} - set(known):
        raise PotentialError(f"the card does not say how its cells were labelled: no {', '.join(sorted(missing))}")
    return PwSettings(**known)


def basis_of(card: PotentialCard) -> BasisError:
    """Return what completed the stress of the labels that a potential was trained on; nothing where they were not."""
    errors = card.facts.get("labels", {}).get(BASIS, {})
    return BasisError({SYMBOLS.index(symbol): error for symbol, error in errors.items()})


def with_training_set(path: Path) -> tuple[PotentialCard, list[Label]]:
    """Return the card and the training set in a potential's folder.

    Raises
    ------
    PotentialError
        If one of them is missing.
    """
    model, card = find_model(path)
    if card is None or not (model.parent / TRAINING_SET).is_file():
        wanted = f"a {CARD} and the {TRAINING_SET} that it was trained on"
        raise PotentialError(f"{path} cannot be trained further: beside its model there must be {wanted}")
    return card, read_training_set(model.parent / TRAINING_SET)


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
    epochs: int,
    learning_rate: float,
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
    epochs : int
    learning_rate : float
        At the first epoch; at the last it is a tenth.
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
    card, old = with_training_set(start)
    model, _ = find_model(start)
    basis = basis_of(card)
    labels = [*old, *basis.completed(new)]
    settings = settings_of(card, [label.sample.crystal for label in labels])
    training = tuned(settings.training, epochs, learning_rate)
    above = above_hull(labels, settings.compositions, settings.pressures[1])
    names = (card.model, *(card.committee.files if card.committee else ()))
    trainings = [
        Training(training, output / f"training-{member}", member, model.parent / name)
        for member, name in enumerate(names)
    ]
    say(f"training {len(trainings)} models on {len(labels)} labels, {epochs} epochs more")
    trained = train_all(trainings, labels, above, executor, say)
    publish(replace(settings, training=training), trained, runner, basis, labels, above, 0.0, output)

"""A potential that another one goes on from: its models, the labels they were trained on, and how these were made."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path

from gasearch.crystal.composition import SYMBOLS
from gasearch.errors import PotentialError
from gasearch.espresso.pw import PwSettings
from gasearch.potential.card import CARD, PotentialCard, find_model
from gasearch.pretrain.basis import BasisError
from gasearch.pretrain.card import BASIS, TRAINING_SET
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.settings import PretrainSettings
from gasearch.pretrain.training_set import read_training_set


@dataclass(frozen=True)
class Predecessor:
    """A potential with its training set.

    Parameters
    ----------
    models : tuple of Path
        Its model files, that of the potential first.
    card : PotentialCard
    labels : tuple of Label
        Its training set.
    """

    models: tuple[Path, ...]
    card: PotentialCard
    labels: tuple[Label, ...]

    @staticmethod
    def read(path: Path) -> Predecessor:
        """Read a potential's folder; PotentialError if its card or its training set is missing."""
        model, card = find_model(path)
        if card is None or not (model.parent / TRAINING_SET).is_file():
            wanted = f"a {CARD} and the {TRAINING_SET} that it was trained on"
            raise PotentialError(f"{path} cannot be trained further: beside its model there must be {wanted}")
        names = (card.model, *(card.committee.files if card.committee else ()))
        models = tuple(model.parent / name for name in names)
        return Predecessor(models, card, tuple(read_training_set(model.parent / TRAINING_SET)))

    @property
    def dft(self) -> PwSettings:
        """How pw.x made the labels; PotentialError if the card does not say."""
        return label_settings(self.card)

    @property
    def basis(self) -> BasisError:
        """What completed the stress of the labels; it names no element where nothing did."""
        return basis_of(self.card)


def started_from(settings: PretrainSettings, output: Path) -> Predecessor | None:
    """Return the potential to go on from, if there is one.

    Raises
    ------
    PotentialError
        If it has no training set, is one of other elements or labels, has too few models, or would be overwritten.
    """
    if settings.start is None:
        return None
    before, start = Predecessor.read(settings.start), settings.start
    if output.resolve() == start.resolve():
        raise PotentialError(f"start: {start} would be overwritten by what goes on from it; give another --output")
    if set(before.card.elements) != set(settings.elements):
        raise PotentialError(f"start: {start} is a potential of {', '.join(before.card.elements)}")
    if before.dft != settings.dft:
        was, is_ = asdict(before.dft), asdict(settings.dft)
        others = ", ".join(f"{key}: {was[key]}" for key in was if was[key] != is_[key])
        raise PotentialError(f"start: {start} has labels of other settings; give under dft {others}")
    if settings.start_models and (models := len(before.models)) < settings.committee:
        raise PotentialError(f"start: {start} has {models} models; give committee: {models}, or start_models: false")
    return before


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

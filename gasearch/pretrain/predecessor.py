"""A potential that another one goes on from: its models, the labels they were trained on, and how these were made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.errors import PotentialError
from gasearch.espresso.pw import PwSettings
from gasearch.espresso.runner import PwRunner
from gasearch.potential.card import CARD, PotentialCard, check_model, find_models, sha256_of
from gasearch.pretrain.basis import BasisError
from gasearch.pretrain.card import BASIS, TRAINING_SET
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.settings import PretrainSettings
from gasearch.pretrain.training import TrainingSettings
from gasearch.pretrain.training_set import read_training_set
from gasearch.schema import key_of

#: Å; to which cells are the same after they were written with eight decimals.
_SAME = 1e-5


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
        """Read a potential's folder.

        Raises
        ------
        PotentialError
            If its card, its training set or a model is missing, or is not what its card says.
        """
        models, card = find_models(path)
        training_set = models[0].parent / TRAINING_SET
        if card is None or not training_set.is_file():
            wanted = f"a {CARD} and the {TRAINING_SET} that it was trained on"
            raise PotentialError(f"{path} cannot be trained further: beside its model there must be {wanted}")
        for file in models:
            check_model(card, file)
        known = card.facts.get("training_set", {}).get("sha256")
        if known and sha256_of(training_set) != known:
            raise PotentialError(f"{training_set} is not the training set of its card; restore it")
        return Predecessor(models, card, tuple(read_training_set(training_set)))

    @property
    def folder(self) -> Path:
        """Where its models are."""
        return self.models[0].parent

    @property
    def sums(self) -> dict[str, str]:
        """The sha256 of its models and of its training set, by the names of the files."""
        return {file.name: sha256_of(file) for file in (*self.models, self.folder / TRAINING_SET)}

    @property
    def dft(self) -> PwSettings:
        """How pw.x made the labels; PotentialError if the card does not say."""
        return label_settings(self.card)

    def other_pseudopotentials(self, runner: PwRunner) -> str:
        """Name the elements whose pseudopotentials are others than those of the labels, as far as the card says."""
        had = self.card.facts.get("labels", {}).get("pseudopotential_sha256", {})
        have = runner.pseudopotentials([SYMBOLS.index(symbol) for symbol in had])
        return ", ".join(symbol for symbol in had if had[symbol] != have[symbol])

    def holds(self, crystal: Crystal) -> bool:
        """Whether a cell is among those that it was trained on, atom by atom to 1e-5 Å."""
        return any(
            np.array_equal(known.numbers, crystal.numbers)
            and np.allclose(known.cell, crystal.cell, rtol=0, atol=_SAME)
            and np.allclose(known.positions, crystal.positions, rtol=0, atol=_SAME)
            for known in (label.sample.crystal for label in self.labels)
        )

    @property
    def basis(self) -> BasisError:
        """What completed the stress of the labels; it names no element where nothing did."""
        return basis_of(self.card)


def started_from(settings: PretrainSettings, runner: PwRunner, output: Path) -> Predecessor | None:
    """Return the potential to go on from, if there is one.

    Raises
    ------
    PotentialError
        If it has no training set, is one of other elements, labels or models, or would be overwritten.
    """
    if settings.start is None:
        return None
    before = Predecessor.read(settings.start)
    if problem := next(_misfits(settings, before, runner, output), None):
        raise PotentialError(f"start: {settings.start} {problem}")
    return before


def _misfits(settings: PretrainSettings, before: Predecessor, runner: PwRunner, output: Path) -> Iterator[str]:
    """Yield why a potential cannot be gone on from."""
    if output.resolve() == before.folder.resolve():
        yield "would be overwritten by what goes on from it; give another --output"
    if set(before.card.elements) != set(settings.elements):
        yield f"is a potential of {', '.join(before.card.elements)}"
    if others := _differing(PwSettings, asdict(before.dft), asdict(settings.dft)):
        yield f"has labels of other settings; give under dft {others}"
    if others := before.other_pseudopotentials(runner):
        yield f"has labels made with other pseudopotentials of {others}; their energies have another zero"
    if not settings.start_models:
        return
    if (models := len(before.models)) < settings.committee:
        yield f"has {models} models; give committee: {models}, or start_models: false"
    if others := _differing(TrainingSettings, before.card.facts.get("training", {}), asdict(settings.training.size)):
        yield f"has models of another size; give under training {others}, or start_models: false"


def _differing(kind: type, had: Mapping[str, object], have: Mapping[str, object]) -> str:
    """Name the settings of a kind, as an input does, that were others than they are, and what they were."""
    keys = {entry.name: key_of(entry) for entry in fields(kind)}
    return ", ".join(f"{keys[name]}: {had[name]}" for name in have if name in had and had[name] != have[name])


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

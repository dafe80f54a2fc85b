"""Going on from a potential: its labels and models count, and nothing that would not fit them is begun."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.errors import PotentialError
from gasearch.espresso.pw import PwSettings, ScfResult
from gasearch.pretrain.basis import BasisError
from gasearch.pretrain.build import Builder
from gasearch.pretrain.predecessor import Predecessor, started_from
from gasearch.pretrain.sampling import SamplingSettings
from gasearch.pretrain.settings import PretrainSettings
from gasearch.units import pressure_from_GPa

POTENTIAL = Path(__file__).parents[2] / "potentials" / "h-s-200gpa"


@pytest.fixture(scope="module")
def before() -> Predecessor:
    return Predecessor.read(POTENTIAL)


@pytest.fixture
def settings(before) -> PretrainSettings:
    return PretrainSettings(
        elements=("S", "H"),
        pressure=(pressure_from_GPa(100), pressure_from_GPa(300)),
        random_cells=0,
        start=POTENTIAL,
        sampling=SamplingSettings(scan=(), prototypes=False),
        dft=before.dft,
    )


def test_a_potential_that_fits_is_gone_on_from(settings, before, tmp_path):
    found = started_from(settings, tmp_path)
    assert found.models == before.models and len(found.models) == 3 and len(found.labels) == len(before.labels)
    assert started_from(replace(settings, start=None, random_cells=1), tmp_path) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"elements": ("H", "Se")}, "is a potential of H, S"),
        ({"dft": PwSettings(ecutwfc=51.0)}, "give under dft ecutwfc: 50.0"),
        ({"committee": 4}, "has 3 models; give committee: 3, or start_models: false"),
        ({"start": Path("nowhere")}, "nowhere"),
    ],
)
def test_what_does_not_fit_is_named(change, message, settings, tmp_path):
    with pytest.raises(PotentialError, match=message):
        started_from(replace(settings, **change), tmp_path)


def test_more_models_than_the_start_has_begin_anew(settings, tmp_path):
    assert started_from(replace(settings, committee=4, start_models=False), tmp_path)


def test_the_start_is_not_overwritten(settings):
    with pytest.raises(PotentialError, match="would be overwritten"):
        started_from(settings, POTENTIAL / ".." / POTENTIAL.name)


def test_without_a_start_something_must_be_labelled(settings):
    with pytest.raises(ValueError, match="leave nothing to label"):
        replace(settings, start=None)


@dataclass(frozen=True)
class Falling:
    """Stands for pw.x: the energy falls with the logarithm of the cutoff, by as much for each atom."""

    settings: PwSettings = field(default_factory=PwSettings)
    slope: float = -0.1

    def scf(self, crystal: Crystal) -> ScfResult:
        energy = self.slope * len(crystal) * float(np.log(self.settings.ecutwfc))
        return ScfResult(energy, np.zeros((len(crystal), 3)), np.zeros((3, 3)), 1, 1)


@pytest.fixture
def builder(settings, before, tmp_path) -> Builder:
    return Builder(settings, tmp_path, Falling(), None, print, before)


def with_basis(before: Predecessor) -> Predecessor:
    labels = {**before.card.facts["labels"], "basis_error_eV": {"H": -0.1, "S": -0.1}}
    return replace(before, card=replace(before.card, facts={**before.card.facts, "labels": labels}))


def test_labels_that_nothing_completed_are_completed(builder, before):
    (builder.work / "basis.json").write_text('{"1": -0.1, "16": -0.1}')
    completed = BasisError({1: -0.1, 16: -0.1}).completed(before.labels)
    for label, expected in zip(builder.labels(), completed, strict=True):
        assert np.array_equal(label.result.stress, expected.result.stress)


def test_labels_that_were_completed_stay(builder, before):
    known = replace(builder, before=with_basis(before))
    assert known.basis().per_atom == {1: -0.1, 16: -0.1} and not (builder.work / "basis.json").exists()
    for label, given in zip(known.labels(), before.labels, strict=True):
        assert np.array_equal(label.result.stress, given.result.stress)


def test_the_models_of_the_start_come_first_and_are_trained_further(builder, before):
    assert tuple(builder._models(0)) == before.models
    assert [builder._training(1, member).start for member in range(3)] == list(before.models)


def test_first_cells_are_learned_before_anything_is_relaxed(builder, before):
    more = replace(builder, settings=replace(builder.settings, random_cells=1))
    training = more._training(0, 1)
    assert training.start == before.models[1] and training.settings.epochs == builder.settings.training.further_epochs
    assert more._models(0)[1] == training.model != before.models[1]


def test_new_models_begin_with_random_weights(builder):
    anew = replace(builder, settings=replace(builder.settings, start_models=False))
    assert anew._training(0, 1).start is None
    assert anew._training(0, 1).settings == builder.settings.training

"""Going on from a potential: its labels and models count, and nothing that would not fit them is begun."""

import shutil
from concurrent.futures import ThreadPoolExecutor
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
from gasearch.pretrain.training import TrainingSettings
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


@dataclass(frozen=True)
class Pseudopotentials:
    """Stands for what knows the files of pseudopotentials."""

    sums: dict[str, str]

    def pseudopotentials(self, numbers) -> dict[str, str]:
        return self.sums


@pytest.fixture
def runner(before) -> Pseudopotentials:
    return Pseudopotentials(dict(before.card.facts["labels"]["pseudopotential_sha256"]))


def test_a_potential_that_fits_is_gone_on_from(settings, before, runner, tmp_path):
    found = started_from(settings, runner, tmp_path)
    assert found.models == before.models and len(found.models) == 3 and len(found.labels) == len(before.labels)
    assert started_from(replace(settings, start=None, random_cells=1), runner, tmp_path) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"elements": ("H", "Se")}, "is a potential of H, S"),
        ({"dft": PwSettings(ecutwfc=51.0)}, "give under dft ecutwfc: 50.0"),
        ({"committee": 4}, "has 3 models; give committee: 3, or start_models: false"),
        ({"start": Path("nowhere")}, "nowhere"),
        ({"training": TrainingSettings(cutoff=4.0)}, "give under training cutoff_A: 3.5, or start_models: false"),
    ],
)
def test_what_does_not_fit_is_named(change, message, settings, runner, tmp_path):
    with pytest.raises(PotentialError, match=message):
        started_from(replace(settings, **change), runner, tmp_path)


def test_other_pseudopotentials_are_named(settings, runner, tmp_path):
    with pytest.raises(PotentialError, match="other pseudopotentials of S; their"):
        started_from(settings, replace(runner, sums={**runner.sums, "S": "0"}), tmp_path)


def test_new_models_may_be_more_and_of_another_size(settings, runner, tmp_path):
    larger = TrainingSettings(cutoff=4.0)
    assert started_from(replace(settings, committee=4, training=larger, start_models=False), runner, tmp_path)


@pytest.mark.parametrize("given", [POTENTIAL, POTENTIAL / "card.toml", POTENTIAL / "mace.model"])
def test_the_start_is_not_overwritten(given, settings, runner):
    with pytest.raises(PotentialError, match="would be overwritten"):
        started_from(replace(settings, start=given), runner, POTENTIAL / ".." / POTENTIAL.name)


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("mace-1.model", Path.unlink, "mace-1.model of its committee is missing"),
        ("mace-2.model", lambda path: path.write_bytes(b"x"), "is not the model of its card"),
        ("training.extxyz", lambda path: path.write_text("x"), "is not the training set of its card"),
    ],
)
def test_a_damaged_start_is_refused(name, damage, message, tmp_path):
    copy = shutil.copytree(POTENTIAL, tmp_path / "copy")
    damage(copy / name)
    with pytest.raises(PotentialError, match=message):
        Predecessor.read(copy)


@pytest.mark.parametrize("change", [{"start": None}, {"rounds": 0}])
def test_something_must_be_labelled_or_trained(change, settings):
    with pytest.raises(ValueError, match="leave nothing to label"):
        replace(settings, **change)
    assert replace(settings, rounds=0, start_models=False).start


@dataclass
class Counting:
    """Stands for pw.x, and counts what it is asked."""

    asked: list[Crystal] = field(default_factory=list)
    settings: PwSettings = field(default_factory=PwSettings)

    def scf(self, crystal: Crystal) -> ScfResult:
        self.asked.append(crystal)
        return ScfResult(-1.0, np.zeros((len(crystal), 3)), np.zeros((3, 3)), 1, 1)


@pytest.fixture
def builder(settings, before, tmp_path) -> Builder:
    return Builder(settings, tmp_path, Counting(), ThreadPoolExecutor(1), print, before)


def with_basis(before: Predecessor, basis: dict[str, float]) -> Predecessor:
    labels = {**before.card.facts["labels"], "basis_error_eV": basis}
    return replace(before, card=replace(before.card, facts={**before.card.facts, "labels": labels}))


def test_labels_that_nothing_completed_are_completed(builder, before):
    incomplete = replace(builder, before=with_basis(before, {}))
    (builder.work / "basis.json").write_text('{"1": -0.1, "16": -0.1}')
    completed = BasisError({1: -0.1, 16: -0.1}).completed(before.labels)
    for label, expected in zip(incomplete.labels(0), completed, strict=True):
        assert np.array_equal(label.result.stress, expected.result.stress)


def test_labels_that_were_completed_stay(builder, before):
    known = replace(builder, before=with_basis(before, {"H": -0.1, "S": -0.1}))
    assert known.basis().per_atom == {1: -0.1, 16: -0.1} and not (builder.work / "basis.json").exists()
    for label, given in zip(known.labels(0), before.labels, strict=True):
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


def test_what_the_start_has_is_not_labelled_again(builder, before):
    known, new = before.labels[3].sample, before.labels[4].sample
    moved = replace(new, crystal=Crystal(1.001 * new.crystal.cell, new.crystal.frac, new.crystal.numbers))
    builder.label([known, moved])
    assert builder.runner.asked == [moved.crystal]


def test_the_cells_of_a_round_are_chosen_once(builder, before, monkeypatch):
    chosen = [before.labels[3].sample, before.labels[4].sample]
    monkeypatch.setattr(Builder, "explore", lambda *_: chosen)
    monkeypatch.setattr(Builder, "committee", lambda *_: None)
    first = builder.chosen(None, 0)
    monkeypatch.setattr(Builder, "explore", lambda *_: [])
    for sample, again in zip(first, builder.chosen(None, 0), strict=True):
        assert (sample.origin, sample.kind) == (again.origin, again.kind)
        assert np.array_equal(sample.crystal.cell, again.crystal.cell)
        assert np.array_equal(sample.crystal.frac, again.crystal.frac)

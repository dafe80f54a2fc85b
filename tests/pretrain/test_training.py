from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from gasearch.errors import CalculationError
from gasearch.parallel.executor import serial_executor
from gasearch.potential.mace import Mace
from gasearch.pretrain.model_size import PRESETS
from gasearch.pretrain.training import Training, TrainingSettings, label_weights, train, train_all, tuned
from gasearch.pretrain.training_set import read_training_set, write_training_set
from gasearch.pretrain.validation import rms_errors


def test_weights_fall_to_a_half_at_the_scale():
    assert label_weights(np.array([-0.1, 0.0, 2.0]), 2.0) == pytest.approx([1.0, 1.0, 0.5])


def test_training_set_survives_writing_and_reading(make_label, tmp_path):
    labels = [make_label([1, 16], 2.5, -3.25, "random-1"), make_label([1], 1.5, -1.0, "scan-H-sc")]
    write_training_set(tmp_path / "set.extxyz", labels, [1.0, 0.5])
    for before, after in zip(labels, read_training_set(tmp_path / "set.extxyz"), strict=True):
        assert after.sample.origin == before.sample.origin and after.sample.kind is before.sample.kind
        assert np.allclose(after.sample.crystal.cell, before.sample.crystal.cell)
        assert after.result.energy == before.result.energy
        assert np.allclose(after.result.stress, before.result.stress, atol=1e-8)
        assert after.result.k_points == before.result.k_points


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_training_gives_a_model_that_loads(make_label, tmp_path):
    labels = [make_label([1, 16], 2.2 + 0.02 * k, -290.0 + 0.1 * k, f"random-{k:05d}") for k in range(40)]
    settings = TrainingSettings(channels=4, cutoff=3.0, correlation=2, epochs=6, stage_two=4)
    model = train(Training(settings, tmp_path), labels, np.zeros(len(labels)))
    errors = rms_errors(Mace(model, dtype="float64"), labels)
    assert errors.rmse_energy_meV_per_atom < 10_000


def test_a_preset_is_what_the_user_does_not_say():
    assert TrainingSettings().size == PRESETS["medium"]
    changed = TrainingSettings(preset="large", channels=5, max_L=0)
    assert changed.size == replace(PRESETS["large"], channels=5)


def test_presets_are_ordered_by_their_size():
    sizes = list(PRESETS.values())
    assert all(a.channels * (a.max_L + 1) ** 2 <= b.channels * (b.max_L + 1) ** 2 for a, b in pairwise(sizes))


def test_a_training_that_gives_no_model_says_why(make_label, tmp_path):
    labels = [make_label([1, 16], 2.2, -290.0, f"random-{k:05d}") for k in range(20)]
    settings = TrainingSettings(channels=4, cutoff=3.0, correlation=2, epochs=6, stage_two=4)
    damaged = tmp_path / "damaged.model"
    damaged.write_bytes(b"no model")
    with pytest.raises(CalculationError, match=r"(?s)gave no model: .*cannot be loaded"):
        train(Training(settings, tmp_path / "a", start=damaged), labels, np.zeros(len(labels)))


def test_labels_too_few_to_validate_with_are_named(make_label, tmp_path):
    labels = [make_label([1, 16], 2.2, -290.0, "random-00000")]
    with pytest.raises(CalculationError, match=r"of 1 labels none .* is left for .*random_cells"):
        train(Training(TrainingSettings(), tmp_path), labels, np.zeros(1))


def test_a_model_that_is_there_is_not_trained(tmp_path):
    trainings = [Training(TrainingSettings(), tmp_path / str(member), member) for member in range(2)]
    for training in trainings:
        training.folder.mkdir()
        training.model.touch()
    assert train_all(trainings, [], np.zeros(0), executor=None) == [training.model for training in trainings]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_committee_trains_at_the_same_time_and_goes_on(make_label, tmp_path):
    labels = [make_label([1, 16], 2.2 + 0.02 * k, -290.0 + 0.1 * k, f"random-{k:05d}") for k in range(40)]
    settings = TrainingSettings(channels=4, cutoff=3.0, correlation=2, epochs=6, stage_two=4)
    above, executor = np.zeros(len(labels)), serial_executor(threads=2)
    first = [Training(settings, tmp_path / f"first-{member}", member) for member in range(2)]
    models = train_all(first, labels, above, executor)
    assert models[0].read_bytes() != models[1].read_bytes()
    further = Training(tuned(settings, 6, 0.005), tmp_path / "further", start=models[0])
    (trained,) = train_all([further], labels, above, executor)
    before, after = (Mace(model, dtype="float64") for model in (models[0], trained))
    assert after.atomic_energies == pytest.approx(before.atomic_energies)
    errors = [rms_errors(model, labels).rmse_energy_meV_per_atom for model in (before, after)]
    assert errors[1] < 1.2 * errors[0]
    executor.shutdown()

import numpy as np
import pytest

from gasearch.pretrain.training import TrainingSettings, label_weights, train
from gasearch.pretrain.training_set import read_training_set, write_training_set


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
    from gasearch.potential.mace import Mace
    from gasearch.pretrain.validation import rms_errors

    labels = [make_label([1, 16], 2.2 + 0.02 * k, -290.0 + 0.1 * k, f"random-{k:05d}") for k in range(40)]
    settings = TrainingSettings(channels=4, cutoff=3.0, correlation=2, epochs=6, stage_two=4)
    model = train(labels, np.zeros(len(labels)), settings, tmp_path)
    errors = rms_errors(Mace(model, dtype="float64"), labels)
    assert errors.rmse_energy_meV_per_atom < 10_000

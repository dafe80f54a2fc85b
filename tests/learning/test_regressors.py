"""Kernel ridge regression, mixtures in the latent space, the least possible error, learning curves."""

from pathlib import Path

import numpy as np
import pytest

from gasearch.errors import RunDirectoryError
from gasearch.learning.curves import LEARNERS, curve_point, reduced_tc_of, smooth
from gasearch.learning.floor import floors, spread_of_neighbours
from gasearch.learning.kernel_ridge import KernelRidge
from gasearch.learning.latent import Mixture
from gasearch.learning.synthetic import labelled
from gasearch.parallel.executor import serial_executor
from gasearch.workflow.learning.labels import PIECE, kept_labels


@pytest.fixture(scope="module")
def tables():
    with serial_executor() as executor:
        return labelled(0, 200, executor), labelled(1, 100, executor)


def test_kernel_ridge_learns_a_smooth_function():
    rng = np.random.default_rng(0)
    rows, others = rng.uniform(-2, 2, (150, 2)), rng.uniform(-1.5, 1.5, (50, 2))
    model = KernelRidge.fit(rows, np.sin(rows[:, 0]) * rows[:, 1])
    assert np.abs(model.predict(others) - np.sin(others[:, 0]) * others[:, 1]).max() < 1e-2


def test_a_mixture_finds_two_heaps_and_draws_from_them():
    rng = np.random.default_rng(0)
    rows = np.concatenate([rng.normal(-5, 1, (200, 2)), rng.normal(5, 0.5, (100, 2))])
    mixture = Mixture.of(rows, seed=0)
    assert len(mixture.weights) == 2
    drawn = mixture.sample(3000, rng)
    assert (drawn[:, 0] < 0).mean() == pytest.approx(2 / 3, abs=0.05)
    assert len(Mixture.of(rows, seed=0, most=1).weights) == 1


def test_the_least_error_is_the_noise_that_was_put_in():
    rng = np.random.default_rng(0)
    rows = rng.uniform(size=(4000, 2))
    noisy = np.sin(rows[:, 0]) + 0.1 * rng.normal(size=4000)
    assert spread_of_neighbours(rows, noisy) == pytest.approx(0.1, rel=0.1)


def test_what_regressors_learn_is_inverted():
    tc = np.array([1e-4, 0.01, 0.3, 1.0])
    assert reduced_tc_of(smooth(tc)) == pytest.approx(tc)
    assert smooth(np.zeros(1)) == pytest.approx(0.0, abs=0.05)


def test_floors_and_learners_speak_of_every_group(tables):
    learn, test = tables
    assert set(floors(learn)) and all(
        set(by) == {"metal", "hydride", "bimodal", "all"} for by in floors(learn).values()
    )
    fitted = curve_point("sisso_2026's form", learn, test, 0)["all"].rms
    assert fitted < 0.08
    assert curve_point("kernel ridge of λ(iν)", learn, test, 0)["all"].median < 0.05
    assert {"network of λ(iν)", "skeleton, 5 constants"} < set(LEARNERS)


def test_labels_are_kept_and_extended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gasearch.workflow.learning.labels.PIECE", 20)
    assert PIECE > 20
    with serial_executor() as executor:
        first = kept_labels(tmp_path, "learn", 3, 30, executor)
        times = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
        more = kept_labels(tmp_path, "learn", 3, 45, executor)
        assert np.array_equal(more.tc, labelled(3, 45, executor).tc)
    assert np.array_equal(first.tc, more.tc[:30])
    assert len(list(tmp_path.iterdir())) == 3
    whole = tmp_path / "labels-2-learn-3-0.npz"
    assert whole.stat().st_mtime_ns == times[whole]
    whole.write_bytes(b"none")
    with serial_executor() as executor, pytest.raises(RunDirectoryError, match="no file of labels"):
        kept_labels(tmp_path, "learn", 3, 20, executor)

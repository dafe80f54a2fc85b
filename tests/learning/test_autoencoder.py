import numpy as np
import pytest

from gasearch.learning.autoencoder import BINS, PrincipalComponents, Training, shape_of, spectrum_of, train
from gasearch.learning.fidelity import novelty, shapes_of, smooth_problems
from gasearch.learning.latent import Generator
from gasearch.parallel.executor import serial_executor


@pytest.fixture(scope="module")
def shapes() -> np.ndarray:
    return shapes_of(smooth_problems(0, 160))


def test_a_shape_keeps_the_moments():
    for one in smooth_problems(1, 20):
        before = one.spectrum.moments()
        after = spectrum_of(shape_of(one.spectrum), before.lam, one.spectrum.omega_ph).moments()
        assert after.lam == pytest.approx(before.lam)
        assert after.omega_log == pytest.approx(before.omega_log, rel=0.02)
        assert after.omega_2 == pytest.approx(before.omega_2, rel=0.02)


def test_decoded_shapes_are_positive_and_training_is_reproducible(shapes: np.ndarray):
    settings = Training(bottleneck=4, hidden=32, epochs=15)
    model, again = (train(shapes[20:], shapes[:20], settings) for _ in range(2))
    decoded = model.decode(model.encode(shapes))
    assert decoded.shape == (160, BINS)
    assert (decoded > 0).all()
    assert decoded.sum(1) == pytest.approx(np.ones(160))
    assert model.losses[-1, 1] < model.losses[0, 1]
    assert np.array_equal(model.losses, again.losses)


def test_generated_spectra_are_compared_with_those_that_were_trained_on(shapes: np.ndarray):
    problems = smooth_problems(0, 60)
    model = train(shapes[20:], shapes[:20], Training(bottleneck=2, hidden=16, epochs=5))
    lam, end = np.array([(one.spectrum.moments().lam, one.spectrum.omega_ph) for one in problems]).T
    generator = Generator.of(model, shapes[:60], lam, end, seed=0)
    drawn, lams, ends = generator.sample(50, np.random.default_rng(0))
    assert (drawn > 0).all() and (lams > 0).all() and (ends > 0).all()
    with serial_executor() as executor:
        found = novelty(generator, problems, shapes[60:90], 0, executor)
    assert set(found.distance) == set(found.noise) == {"ln lambda", "omega_log/omega_2", "Tc/omega_log", "joint"}
    assert all(value >= 0 for value in (*found.distance.values(), *found.noise.values()))


def test_all_principal_components_are_the_shape_itself(shapes: np.ndarray):
    assert PrincipalComponents.of(shapes, BINS).reconstruct(shapes) == pytest.approx(shapes, abs=1e-9)

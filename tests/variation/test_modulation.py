"""Waves of displacements."""

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import reduced
from gasearch.variation.modulation import Modulation, mode

WAVE = np.array([1, 0, -1])


def test_a_mode_is_a_plane_wave_of_one_polarization(make_crystal):
    crystal = make_crystal("H16")
    wave_vector = np.linalg.inv(crystal.cell) @ WAVE
    kinds = set()
    for seed in range(30):
        shape = mode(crystal, WAVE, np.random.default_rng(seed))
        assert np.linalg.matrix_rank(shape, tol=1e-9) == 1
        cosines = shape @ wave_vector / np.linalg.norm(shape, axis=1) / np.linalg.norm(wave_vector)
        assert np.allclose(np.abs(cosines), np.round(np.abs(cosines).mean()), atol=1e-9)
        kinds.add(round(float(np.abs(cosines).mean())))
    assert kinds == {0, 1}


def test_a_mode_depends_on_the_position_along_the_wave_only():
    frac = np.array([[0.1, 0.2, 0.3], [0.1, 0.9, 0.3], [0.4, 0.2, 0.6], [0.6, 0.2, 0.3]])
    shape = mode(Crystal(np.diag([3.0, 4.0, 5.0]), frac, np.ones(4)), WAVE, np.random.default_rng(0))
    assert np.allclose(shape[:3], shape[0])
    assert np.allclose(shape[3], -shape[0])


def test_the_largest_displacement_is_the_amplitude(make_crystal, make_space):
    crystal = reduced(make_crystal("H12S4"))
    operator = Modulation(amplitude=(0.1, 0.1))
    child = operator([crystal], make_space("H", "S"), np.random.default_rng(0))
    displacements = child.frac - crystal.frac
    displacements = (displacements - np.rint(displacements)) @ crystal.cell
    assert np.linalg.norm(displacements, axis=1).max() == pytest.approx(0.1 * 11.0 ** (1 / 3))


def test_an_atom_alone_is_always_repeated(make_crystal, make_space):
    operator, rng = Modulation(enlarged=0.0), np.random.default_rng(0)
    assert len(operator([make_crystal("H")], make_space("H"), rng)) == 2
    assert operator([make_crystal("H")], make_space("H", atoms=(1, 1)), rng) is None

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import nearest_distances, reduced
from gasearch.crystal.repulsion import pushed_apart


def shortest(crystal: Crystal) -> float:
    return nearest_distances(crystal.cell, crystal.frac).min()


def test_two_close_atoms_separate_symmetrically():
    start = Crystal(6 * np.eye(3), [[0.45, 0.5, 0.5], [0.55, 0.5, 0.5]], [1, 1])
    pushed = pushed_apart(start, np.full((2, 2), 1.5), steps=10)
    assert shortest(pushed) >= 1.5
    np.testing.assert_allclose(pushed.frac.mean(axis=0), 0.5)
    assert pushed.volume == pytest.approx(start.volume)


def test_a_flat_cell_becomes_thicker():
    start = Crystal(np.diag([4.0, 4.0, 1.0]), [[0, 0, 0]], [1])
    pushed = pushed_apart(start, np.array([[2.0]]), steps=20)
    assert shortest(pushed) >= 2.0
    assert pushed.volume == pytest.approx(16.0)


def test_distant_atoms_stay():
    start = Crystal(5 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [1, 16])
    pushed = pushed_apart(start, np.full((2, 2), 2.0), steps=10)
    np.testing.assert_allclose(pushed.cell, start.cell)
    np.testing.assert_allclose(pushed.frac, start.frac)


def test_random_atoms_find_room():
    """Spheres that fill 45 % of space; placed one after the other, they would jam at 38 % (Widom 1966)."""
    rng = np.random.default_rng(0)
    limits = np.full((8, 8), (0.45 * 6 / np.pi) ** (1 / 3))
    done = 0
    for _ in range(20):
        cell = np.eye(3) + rng.uniform(-0.2, 0.2, (3, 3))
        start = reduced(Crystal(cell, rng.random((8, 3)), np.ones(8)).scaled_to(8.0))
        done += shortest(pushed_apart(start, limits, steps=40)) > 0.95 * limits[0, 0]
    assert done >= 8

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import closest_distances, nearest_distances, reduced, supercell, too_close


def skewed(seed: int) -> Crystal:
    """Two elements in a cell that is sheared up to some lattice vectors."""
    rng = np.random.default_rng(seed)
    cell = np.eye(3) * rng.uniform(1, 4, 3) + rng.choice([0.0, 0.2, 0.6]) * rng.standard_normal((3, 3))
    for i, j in rng.permuted(list(itertools.permutations(range(3), 2)))[:2]:
        shear = np.eye(3)
        shear[i, j] = rng.integers(-2, 3) if i != j else 1
        cell = shear @ cell
    return Crystal(cell, rng.random((3, 3)), [1, 1, 16])


def brute_force(crystal: Crystal) -> np.ndarray:
    shifts = np.array(list(itertools.product(range(-12, 13), repeat=3))) @ crystal.cell
    difference = (crystal.frac[:, None] - crystal.frac) @ crystal.cell
    lengths = np.linalg.norm(difference[:, :, None] + shifts, axis=-1)
    return np.where(lengths > 1e-9, lengths, np.inf).min(axis=-1)


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=60, derandomize=True)
def test_nearest_images_agree_with_brute_force(seed):
    crystal = skewed(seed)
    np.testing.assert_allclose(nearest_distances(crystal.cell, crystal.frac), brute_force(crystal), atol=1e-9)


def test_closest_distances_by_pair():
    nacl = Crystal(2.0 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [17, 11])
    assert closest_distances(nacl) == pytest.approx({(11, 11): 2.0, (11, 17): np.sqrt(3), (17, 17): 2.0})


@pytest.mark.parametrize(
    ("pair", "limit", "expected"), [((1, 1), 2.01, True), ((1, 16), 1.74, True), ((1, 1), 1.99, False)]
)
def test_too_close_looks_at_each_pair_and_at_images(pair, limit, expected):
    crystal = Crystal(2.0 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [16, 1])
    limits = {(1, 1): 0.1, (1, 16): 0.1, (16, 16): 0.1} | {pair: limit}
    assert too_close(crystal, limits) is expected


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=30, derandomize=True)
def test_reduction_keeps_the_structure(seed):
    crystal = skewed(seed)
    small = reduced(crystal)
    assert np.linalg.det(small.cell) == pytest.approx(crystal.volume)
    assert np.linalg.norm(small.cell, axis=1).max() <= np.linalg.norm(crystal.cell, axis=1).max() + 1e-9
    # The same points: each atom of the one is an image of that atom of the other.
    images = (crystal.positions - small.positions) @ np.linalg.inv(crystal.cell)
    np.testing.assert_allclose(images, np.rint(images), atol=1e-8)
    np.testing.assert_array_equal(small.cell, reduced(crystal).cell)


def test_reduction_turns_a_left_handed_cell_over():
    crystal = Crystal(np.diag([3.0, 4.0, -5.0]), [[0.1, 0.2, 0.3], [0.5, 0.6, 0.8]], [1, 16])
    small = reduced(crystal)
    assert np.linalg.det(small.cell) == pytest.approx(60.0)
    np.testing.assert_allclose(nearest_distances(small.cell, small.frac), brute_force(crystal))


@pytest.mark.parametrize(
    "matrix", [np.diag([2, 1, 3]), [[1, 1, 0], [0, 2, 0], [0, 3, -2]], [[0, 1, 1], [1, 0, 1], [1, 1, 0]]]
)
def test_supercells_repeat_the_structure(matrix):
    matrix = np.array(matrix)
    crystal = Crystal([[3, 0, 0], [0.4, 3.3, 0], [1, 0.2, 4]], [[0, 0, 0], [0.4, 0.5, 0.6]], [1, 16])
    large = supercell(crystal, matrix)
    copies = round(abs(np.linalg.det(matrix)))
    assert len(large) == copies * len(crystal)
    assert large.volume == pytest.approx(copies * crystal.volume)
    assert large.numbers.tolist() == [1] * copies + [16] * copies
    assert closest_distances(large) == pytest.approx(closest_distances(crystal))

from dataclasses import replace

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st

from gasearch.crystal.crystal import Crystal
from gasearch.potential.neighbours import PairCache, find_pairs
from gasearch.potential.potential import Batch

CUTOFF = 4.0


def cutoffs(numbers: np.ndarray) -> np.ndarray:
    return np.full((len(numbers), len(numbers)), CUTOFF)


def cell_and_positions(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A cell, often a skewed one, and atoms in it and outside."""
    rng = np.random.default_rng(seed)
    cell = 3 * np.eye(3) + rng.normal(size=(3, 3))
    if abs(np.linalg.det(cell)) < 5:
        cell += 5 * np.eye(3)
    return cell, 4 * rng.normal(size=(rng.integers(1, 6), 3))


def distances(batch: Batch, cache: PairCache) -> np.ndarray:
    lengths = np.linalg.norm(cache.pairs(batch).vectors(batch), axis=0)
    return np.sort(lengths[lengths < CUTOFF])


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=25, derandomize=True)
def test_every_pair_is_found_once(seed):
    cell, positions = cell_and_positions(seed)
    batch = Batch(cell[None], positions, np.ones(len(positions), int), np.array([0, len(positions)]))
    found = distances(batch, PairCache(cutoffs, skin=0.3))
    expected = np.sort(neighbor_list("d", Atoms("H" * len(positions), positions, cell=cell, pbc=True), CUTOFF))
    np.testing.assert_allclose(np.repeat(found, 2), expected, atol=1e-9)


@given(st.integers(0, 10_000), st.floats(0.001, 0.2))
@settings(deadline=None, max_examples=25, derandomize=True)
def test_a_list_that_calls_itself_complete_misses_no_pair(seed, size):
    cell, positions = cell_and_positions(seed)
    batch = Batch(cell[None], positions, np.ones(len(positions), int), np.array([0, len(positions)]), (object(),))
    rng, cache = np.random.default_rng(seed), PairCache(cutoffs, skin=1.0)
    for _ in range(4):
        expected = distances(replace(batch, labels=()), PairCache(cutoffs, skin=0.0))
        np.testing.assert_allclose(distances(batch, cache), expected, atol=1e-9)
        strain = np.eye(3) + size * rng.normal(size=(3, 3))
        wander = size * rng.normal(size=positions.shape)
        batch = replace(batch, cells=batch.cells @ strain, positions=batch.positions @ strain + wander)


def test_a_list_is_kept_until_something_moves_beyond_the_skin():
    cell, positions = cell_and_positions(1)
    pairs = find_pairs(cell, positions, cutoffs(np.ones(len(positions))), skin=1.0)
    assert pairs.complete(cell, positions, 1.0)
    assert pairs.complete(1.1 * cell, 1.1 * positions, 1.0)
    assert not pairs.complete(1.2 * cell, 1.2 * positions, 1.0)
    far = positions.copy()
    far[0, 0] += 0.6
    assert not pairs.complete(cell, far, 1.0)


def test_each_couple_has_its_own_cutoff():
    crystal = Crystal(10 * np.eye(3), [[0, 0, 0], [0.2, 0, 0], [0.4, 0, 0]], [1, 1, 2])
    table = np.array([[3.0, 3.0, 1.0], [3.0, 3.0, 1.0], [1.0, 1.0, 1.0]])
    pairs = find_pairs(crystal.cell, crystal.positions, table, skin=0.0)
    assert list(zip(pairs.first, pairs.second, strict=True)) == [(0, 1)]


def test_what_left_the_batch_is_forgotten():
    crystal = Crystal(3 * np.eye(3), [[0, 0, 0]], [1])
    cache = PairCache(cutoffs, skin=1.0)
    cache.pairs(replace(Batch.from_crystals([crystal, crystal]), labels=("a", "b")))
    cache.pairs(replace(Batch.from_crystals([crystal]), labels=("b",)))
    assert list(cache._known) == ["b"]

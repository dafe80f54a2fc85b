from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import distance, fingerprint, same_structure
from gasearch.crystal.geometry import supercell

ELEMENTS = (1, 16)


def random_cell(seed: int, n_atoms: int = 6, volume: float = 30.0) -> Crystal:
    rng = np.random.default_rng(seed)
    cell = np.eye(3) + rng.uniform(-0.3, 0.3, (3, 3))
    return Crystal(cell, rng.random((n_atoms, 3)), rng.choice(ELEMENTS, n_atoms)).scaled_to(volume)


def displaced(crystal: Crystal, size: float) -> Crystal:
    shift = size * np.random.default_rng(1).standard_normal((len(crystal), 3))
    return Crystal(crystal.cell, crystal.frac + shift @ np.linalg.inv(crystal.cell), crystal.numbers)


def apart(a: Crystal, b: Crystal, elements: tuple[int, ...] = ELEMENTS) -> float:
    return distance(fingerprint(a, elements), fingerprint(b, elements))


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=25, derandomize=True)
def test_rotation_origin_order_and_choice_of_cell_do_not_matter(disguised, seed):
    crystal = random_cell(seed)
    assert apart(crystal, disguised(crystal, np.random.default_rng(seed))) < 1e-12


@pytest.mark.parametrize("matrix", [np.diag([1, 2, 1]), [[1, 1, 0], [0, 1, 1], [1, 0, 1]]])
def test_supercells_do_not_matter(matrix):
    crystal = random_cell(3)
    assert apart(crystal, supercell(crystal, np.array(matrix))) < 1e-12


def test_small_displacements_matter_little_and_smoothly():
    crystal = random_cell(5)
    distances = np.array([apart(crystal, displaced(crystal, 10.0**-k)) for k in (2, 3, 4, 5)])
    # Quadratic, up to the linear interpolation on the grid.
    assert (distances < [1e-2, 1e-4, 1e-5, 1e-6]).all()
    assert (np.diff(distances) < 0).all()


def test_atoms_come_into_sight_smoothly():
    crystal = random_cell(7)
    scales = 1 + 1e-6 * np.arange(100)
    marks = [fingerprint(crystal.scaled_to(crystal.volume * s), ELEMENTS) for s in scales]
    steps = [distance(f, g) for f, g in pairwise(marks)]
    assert max(steps) < 1e-9


def test_close_packings_differ(fcc, hcp):
    assert apart(fcc, hcp, (29,)) > 0.02


def test_lengths_are_absolute(fcc):
    assert apart(fcc, fcc.scaled_to(fcc.volume * 1.002), (29,)) < 1e-3
    assert apart(fcc, fcc.scaled_to(fcc.volume * 1.1), (29,)) > 0.1


def test_elements_are_told_apart():
    cscl = Crystal(3 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [1, 16])
    bcc = Crystal(3 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [1, 1])
    swapped = Crystal(cscl.cell, cscl.frac, [16, 1])
    assert apart(cscl, bcc) > 0.1
    assert apart(cscl, swapped) < 1e-12


def test_unrelated_structures_are_far_apart():
    distances = [apart(random_cell(2 * k, 8, 40.0), random_cell(2 * k + 1, 8, 40.0)) for k in range(10)]
    assert min(distances) > 0.1


@pytest.mark.parametrize("volume", [1.5, 100.0])
def test_any_density_can_be_resolved(fcc, hcp, volume):
    assert apart(fcc.scaled_to(volume), hcp.scaled_to(2 * volume), (29,)) > 0.01


def test_the_length_depends_on_the_elements_only():
    crystal = random_cell(0)
    few, many = fingerprint(crystal, ELEMENTS), fingerprint(random_cell(1, 12), ELEMENTS)
    assert few.shape == many.shape
    assert not few.flags.writeable
    assert np.linalg.norm(few) == pytest.approx(1.0)
    assert fingerprint(crystal, (1, 8, 16)).size == 2 * few.size


def test_same_structure_sees_through_disguises(disguised, hcp):
    rng = np.random.default_rng(0)
    for crystal in (random_cell(11), supercell(hcp, np.diag([2, 1, 1]))):
        assert same_structure(crystal, displaced(disguised(crystal, rng), 0.01))


def test_same_structure_tells_structures_apart(fcc, hcp):
    assert same_structure(fcc, supercell(fcc, np.diag([1, 1, 2])))
    assert not same_structure(fcc, hcp)
    assert not same_structure(fcc, fcc.scaled_to(1.4 * fcc.volume))
    assert not same_structure(fcc, Crystal(fcc.cell, fcc.frac, [28]))

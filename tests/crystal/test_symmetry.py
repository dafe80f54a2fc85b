import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import closest_distances, supercell
from gasearch.crystal.symmetry import SpaceGroup, primitive, space_group, symmetrized


def rattled(crystal: Crystal, size: float) -> Crystal:
    shift = np.random.default_rng(0).uniform(-size, size, (len(crystal), 3)) / np.sqrt(3)
    return Crystal(crystal.cell, crystal.frac + shift @ np.linalg.inv(crystal.cell), crystal.numbers)


@pytest.mark.parametrize(
    ("name", "expected"), [("fcc", SpaceGroup(225, "Fm-3m")), ("hcp", SpaceGroup(194, "P6_3/mmc"))]
)
def test_space_groups(name, expected, request):
    assert space_group(request.getfixturevalue(name)) == expected


def test_the_tolerance_decides(hcp):
    distorted = rattled(supercell(hcp, np.diag([2, 1, 1])), 0.02)
    assert space_group(distorted, symprec=1e-3).number < 15
    assert space_group(distorted, symprec=0.1).number == 194


def test_atoms_on_top_of_each_other_have_no_symmetry_that_spglib_finds():
    crystal = Crystal(3 * np.eye(3), [[0, 0, 0], [0, 0, 1e-6]], [1, 1])
    assert space_group(crystal) == SpaceGroup(1, "P1")
    assert primitive(crystal) is crystal
    assert symmetrized(crystal, 0.01) is crystal


def test_primitive_crystals_stay_themselves(hcp):
    assert primitive(hcp) is hcp


@pytest.mark.parametrize(
    "matrix", [np.diag([1, 1, 5]), [[1, 2, 0], [0, 1, 0], [1, 0, 3]], [[-1, 1, 1], [1, -1, 1], [1, 1, -1]]]
)
def test_supercells_shrink_to_their_primitive_cell(hcp, matrix):
    small = primitive(supercell(hcp, np.array(matrix)))
    assert len(small) == len(hcp)
    assert small.volume == pytest.approx(hcp.volume)
    assert closest_distances(small) == pytest.approx(closest_distances(hcp))
    lengths = np.linalg.norm(small.cell, axis=1)
    np.testing.assert_allclose(np.sort(lengths), np.sort(np.linalg.norm(hcp.cell, axis=1)))


def test_primitive_cells_do_not_depend_on_small_noise(hcp):
    noisy = rattled(supercell(hcp, np.diag([2, 2, 1])), 0.01)
    assert primitive(noisy, symprec=1e-3) is noisy
    assert len(primitive(noisy, symprec=0.1)) == 2


def test_symmetrized_crystals_are_exact(hcp):
    ideal = symmetrized(rattled(hcp, 0.01), symprec=0.1)
    assert space_group(ideal, symprec=1e-6).number == 194
    assert ideal.volume == pytest.approx(hcp.volume)

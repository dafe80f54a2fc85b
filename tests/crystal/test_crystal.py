import numpy as np
import pytest

from gasearch.crystal.composition import Composition
from gasearch.crystal.crystal import Crystal


def test_coordinates_are_wrapped_into_the_cell():
    crystal = Crystal(2 * np.eye(3), [[-0.25, 1.0, 3.5], [-1e-20, 0.5, 0.999]], [1, 16])
    assert ((crystal.frac >= 0) & (crystal.frac < 1)).all()
    np.testing.assert_allclose(crystal.frac, [[0.75, 0, 0.5], [0, 0.5, 0.999]])
    np.testing.assert_allclose(crystal.positions, 2 * crystal.frac)


def test_arrays_are_private_and_read_only():
    cell = np.eye(3)
    crystal = Crystal(cell, [[0, 0, 0]], [1])
    cell[0, 0] = 5.0
    assert crystal.volume == pytest.approx(1.0)
    for array in (crystal.cell, crystal.frac, crystal.numbers):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_scaling_changes_the_volume_only():
    crystal = Crystal([[3, 0, 0], [1, 2, 0], [0, 1, 4]], [[0.1, 0.2, 0.3]], [6])
    scaled = crystal.scaled_to(7.0)
    assert scaled.volume == pytest.approx(7.0)
    np.testing.assert_array_equal(scaled.frac, crystal.frac)
    np.testing.assert_allclose(scaled.cell / crystal.cell[0, 0], crystal.cell * scaled.cell[0, 0] / 9)


def test_composition_counts_the_atoms():
    crystal = Crystal(np.eye(3), np.zeros((4, 3)), [16, 1, 1, 1])
    assert crystal.composition == Composition.from_formula("H3S")
    assert len(crystal) == 4


@pytest.mark.parametrize(
    ("cell", "frac", "numbers", "problem"),
    [
        (np.eye(3), np.zeros((2, 3)), [1], "shapes"),
        (np.eye(2), np.zeros((1, 3)), [1], "shapes"),
        (np.zeros((3, 3)), np.zeros((1, 3)), [1], "volume"),
        (np.eye(3), np.zeros((0, 3)), [], "at least one atom"),
        (np.eye(3), [[0, 0, np.nan]], [1], "finite"),
        (np.full((3, 3), np.inf), [[0, 0, 0]], [1], "finite"),
    ],
)
def test_what_is_no_crystal_is_refused(cell, frac, numbers, problem):
    with pytest.raises(ValueError, match=problem):
        Crystal(cell, frac, numbers)

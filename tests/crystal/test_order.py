import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import supercell
from gasearch.crystal.order import Order, long_range_order

CUBIC = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])


def shaken(crystal: Crystal, size: float) -> Crystal:
    """Move each atom by random components of a standard deviation of ``size`` (Å)."""
    moves = size * np.random.default_rng(0).standard_normal((len(crystal), 3))
    return Crystal(crystal.cell, crystal.frac + moves @ np.linalg.inv(crystal.cell), crystal.numbers)


def test_a_crystal_is_known_in_a_large_cell(fcc: Crystal):
    found = long_range_order(supercell(fcc, 3 * CUBIC))
    assert (found.order, found.space_group, found.operations) == (Order.CRYSTALLINE, "Fm-3m", 192 * 27)
    assert found.in_phase == pytest.approx(1.0)


def test_a_crystal_without_symmetry_still_scatters_in_phase(fcc: Crystal):
    found = long_range_order(shaken(supercell(fcc, 3 * CUBIC), 0.2))
    assert (found.order, found.operations) == (Order.PARTLY, 1)
    assert found.of_a_liquid < found.in_phase < 1


@pytest.mark.parametrize("seed", range(3))
def test_a_gas_is_amorphous(seed: int):
    gas = Crystal(9 * np.eye(3), np.random.default_rng(seed).random((64, 3)), np.repeat([1, 16], 32))
    found = long_range_order(gas)
    assert (found.order, found.space_group) == (Order.AMORPHOUS, "P1")


def test_a_cell_of_few_atoms_says_nothing_by_its_phases():
    few = Crystal(3 * np.eye(3), np.random.default_rng(0).random((4, 3)), [1] * 4)
    assert long_range_order(few).of_a_liquid == 1.0


def test_orientation_origin_and_choice_of_cell_do_not_matter(disguised):
    rng = np.random.default_rng(0)
    gas = Crystal(6 * np.eye(3), rng.random((20, 3)), [29] * 20)
    assert long_range_order(disguised(gas, rng)).in_phase == pytest.approx(long_range_order(gas).in_phase, abs=1e-9)

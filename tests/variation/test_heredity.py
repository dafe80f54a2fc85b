"""Cut and splice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import supercell
from gasearch.variation.heredity import Heredity, splice


def metric(crystal: Crystal) -> np.ndarray:
    return crystal.cell @ crystal.cell.T


def same_arrangement(one: Crystal, other: Crystal) -> bool:
    """Whether two crystals agree but for a rotation in space."""
    difference = one.frac - other.frac
    return (
        np.array_equal(one.numbers, other.numbers)
        and np.allclose(metric(one), metric(other))
        and np.allclose(difference, np.rint(difference), atol=1e-8)
    )


def rotated(crystal: Crystal) -> Crystal:
    rotation = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
    return Crystal(crystal.cell @ rotation, crystal.frac, crystal.numbers)


def moved(crystal: Crystal) -> Crystal:
    shifts = np.random.default_rng(5).integers(-2, 3, size=(len(crystal), 3))
    return Crystal(crystal.cell, crystal.frac + shifts, crystal.numbers)


def in_another_cell(crystal: Crystal) -> Crystal:
    return supercell(crystal, np.array([[1, 1, 0], [0, 1, 0], [2, -1, 1]]))


@given(thickness=st.floats(0.0, 1.0), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=20, derandomize=True)
def test_two_identical_parents_give_themselves(make_crystal, make_space, thickness, seed):
    crystal = make_crystal("H5S3", seed)
    child = splice(crystal, crystal, thickness, make_space("H", "S"), np.random.default_rng(0))
    order, parents_order = (np.lexsort(c.frac.T) for c in (child, crystal))
    assert np.allclose(metric(child), metric(crystal))
    assert np.allclose(child.frac[order], crystal.frac[parents_order])
    assert np.array_equal(child.numbers[order], crystal.numbers[parents_order])


def test_slabs_of_all_and_nothing_give_one_parent(make_crystal, make_space):
    first, second = make_crystal("H3S", 1), make_crystal("HS2", 2)
    space, rng = make_space("H", "S"), np.random.default_rng(0)
    assert same_arrangement(splice(first, second, 1.0, space, rng), first)
    assert same_arrangement(splice(first, second, 0.0, space, rng), second)


def test_each_slab_comes_from_its_parent(make_crystal, make_space):
    first, second = make_crystal("H8", 1), make_crystal("S8", 2)
    child = splice(first, second, 0.4, make_space("H", "S"), np.random.default_rng(0))
    assert np.array_equal(child.frac[:, 0] < 0.4, child.numbers == 1)
    assert len(child) == (first.frac[:, 0] < 0.4).sum() + (second.frac[:, 0] >= 0.4).sum()


@pytest.mark.parametrize("same", [rotated, moved, in_another_cell])
@pytest.mark.parametrize("seed", range(5))
def test_the_description_of_a_parent_does_not_matter(make_crystal, make_space, same, seed):
    first, second = make_crystal("H3S", 1), make_crystal("H2S5", 2)
    space, operator = make_space("H", "S"), Heredity(enlarged=0.0)
    child = operator((first, second), space, np.random.default_rng(seed))
    again = operator((same(first), same(second)), space, np.random.default_rng(seed))
    assert same_arrangement(child, again)


def test_the_smaller_parent_is_repeated(make_crystal, make_space):
    parents = make_crystal("S"), make_crystal("H12")
    operator, space = Heredity(thickness=(1.0, 1.0), enlarged=0.0), make_space("H", "S")
    assert operator(parents, space, np.random.default_rng(0)).composition.formula == "S12"


def test_both_parents_may_be_repeated(make_crystal, make_space):
    parents = make_crystal("S"), make_crystal("H2")
    space, rng = make_space("H", "S"), np.random.default_rng(0)
    sizes = {len(Heredity(enlarged=1.0)(parents, space, rng)) for _ in range(100)}
    assert max(sizes) > 8


@pytest.mark.parametrize("seed", range(10))
def test_compositions_are_repaired_to_formula_units(make_crystal, make_space, seed):
    parents = make_crystal("H6S2", 1), make_crystal("H6S2", 2)
    child = Heredity()(parents, make_space("H3S", atoms=(4, 16)), np.random.default_rng(seed))
    assert child.composition.reduced.formula == "H3S"


def test_parents_without_the_atoms_for_any_composition_have_no_child(make_crystal, make_space):
    parents = make_crystal("H2", 1), make_crystal("H2", 2)
    assert Heredity(enlarged=0.0)(parents, make_space("H3S"), np.random.default_rng(0)) is None


def test_the_volume_lies_between_the_parents(make_crystal, make_space):
    first, second = make_crystal("H6S2", 1).scaled_to(64.0), make_crystal("H6S2", 2).scaled_to(96.0)
    space = make_space("H", "S")
    for thickness in (0.2, 0.5, 0.9):
        child = splice(first, second, thickness, space, np.random.default_rng(0))
        assert child.volume / len(child) == pytest.approx(8.0 * thickness + 12.0 * (1 - thickness))

"""Atoms that are added."""

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.variation.insertion import Insertion


def test_the_old_atoms_stay_and_the_cell_grows(make_crystal, make_space):
    crystal, space, rng = make_crystal("H6S2"), make_space("H", "S"), np.random.default_rng(0)
    for _ in range(20):
        child = Insertion(enlarged=0.0)([crystal], space, rng)
        assert len(child) > 8
        assert np.allclose(child.frac[:8], crystal.frac)
        assert child.volume == pytest.approx(11.0 * len(child))


def test_the_void_of_a_simple_cubic_crystal_is_found(make_space):
    crystal = Crystal(2.5 * np.eye(3), np.zeros((1, 3)), np.array([16]))
    operator, space = Insertion(trials=200, enlarged=0.0), make_space("H", "S", atoms=(1, 2))
    child = operator([crystal], space, np.random.default_rng(0))
    assert np.allclose(child.frac[1], 0.5, atol=0.15)


def test_formula_units_are_added_where_endpoints_are_compounds(make_crystal, make_space):
    child = Insertion(enlarged=0.0)([make_crystal("H3S")], make_space("H3S"), np.random.default_rng(1))
    assert child.composition.reduced.formula == "H3S"
    assert len(child) in (8, 12, 16)


def test_a_full_cell_takes_no_more(make_crystal, make_space):
    assert Insertion()([make_crystal("H16")], make_space("H", "S"), np.random.default_rng(0)) is None

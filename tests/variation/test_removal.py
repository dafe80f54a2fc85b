"""Atoms that are taken away."""

import numpy as np
import pytest

from gasearch.variation.removal import Removal


def test_the_other_atoms_stay_and_the_cell_shrinks(make_crystal, make_space):
    crystal, space, rng = make_crystal("H6S2"), make_space("H", "S"), np.random.default_rng(0)
    for _ in range(20):
        child = Removal(enlarged=0.0)([crystal], space, rng)
        assert len(child) < 8
        distances = np.abs(child.frac[:, None] - crystal.frac).max(axis=2).min(axis=1)
        assert np.allclose(distances, 0, atol=1e-9)
        assert child.volume == pytest.approx(11.0 * len(child))


def test_formula_units_are_removed_where_endpoints_are_compounds(make_crystal, make_space):
    child = Removal(enlarged=0.0)([make_crystal("H9S3")], make_space("H3S"), np.random.default_rng(1))
    assert child.composition.formula in ("H3S", "H6S2")


def test_the_smallest_cell_is_repeated_before_an_atom_goes(make_crystal, make_space):
    space, rng = make_space("H", "S", atoms=(1, 4)), np.random.default_rng(0)
    assert all(len(Removal()([make_crystal("H")], space, rng)) < 4 for _ in range(20))
    assert Removal()([make_crystal("H")], make_space("H", atoms=(1, 1)), rng) is None

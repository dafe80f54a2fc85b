"""Superlattices, settings and volumes."""

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import nearest_distances
from gasearch.variation.cell import (
    admitted,
    enlarged,
    expansion,
    hermite_normal_forms,
    random_setting,
    random_supercell,
)


# Sublattices of index n in three dimensions, sum of d * sigma(d) over divisors d: OEIS A001001.
@pytest.mark.parametrize(("index", "count"), list(enumerate([1, 7, 13, 35, 31, 91, 57, 155, 130, 217], start=1)))
def test_all_superlattices_are_listed_once(index, count):
    forms = hermite_normal_forms(index)
    assert len(forms) == count
    assert np.allclose(np.linalg.det(forms), index)
    # Two bases span one lattice if and only if one is an integer, unimodular combination of the other.
    ratios = forms[:, None] @ np.linalg.inv(forms)[None]
    same = (np.abs(ratios - np.rint(ratios)) < 1e-9).all(axis=(2, 3))
    assert same.sum() == count


def test_a_supercell_has_the_same_neighbours(make_crystal):
    crystal = make_crystal("H3S")
    larger = random_supercell(crystal, 4, np.random.default_rng(1))
    assert len(larger) == 16
    assert larger.volume == pytest.approx(4 * crystal.volume)
    nearest = nearest_distances(crystal.cell, crystal.frac).min(axis=1)
    assert np.allclose(nearest_distances(larger.cell, larger.frac).min(axis=1), np.repeat(nearest, 4))


def test_a_setting_keeps_all_distances(make_crystal):
    crystal = make_crystal("H3S")
    other = random_setting(crystal, np.random.default_rng(3))
    assert np.allclose(*(np.sort(np.linalg.norm(c.cell, axis=1)) for c in (other, crystal)))
    assert np.allclose(nearest_distances(other.cell, other.frac), nearest_distances(crystal.cell, crystal.frac))


@pytest.mark.parametrize("probability", [0.0, 1.0])
def test_sizes_stay_within_bounds(make_crystal, probability):
    rng = np.random.default_rng(0)
    sizes = {len(enlarged(make_crystal("H2S"), 5, 16, probability, rng)) for _ in range(50)}
    assert sizes == ({6} if probability == 0 else {9, 12, 15})


def test_no_multiple_fits(make_crystal):
    assert enlarged(make_crystal("H3S"), 5, 7, 1.0, np.random.default_rng(0)) is None


def test_the_expansion_is_relative_to_the_composition(make_crystal, make_space):
    space, crystal = make_space("H", "S"), make_crystal("H3S")
    assert expansion(crystal, space) == pytest.approx(1.1)
    fewer = Crystal(crystal.cell, crystal.frac[:3], crystal.numbers[:3])
    assert admitted(fewer, space, 1.1).volume == pytest.approx(33.0)
    assert admitted(fewer, make_space("H3S"), 1.1) is None

"""Which compositions operators aim at."""

import numpy as np
import pytest

from gasearch.crystal.composition import Composition
from gasearch.crystal.crystal import Crystal
from gasearch.variation.target import admitted_counts, changes, draw, reach


def test_changes_lead_to_admitted_compositions(make_space):
    space = make_space("ZrCu", "CuAl", atoms=(2, 8)).compositions
    elements, start = space.elements, Composition.from_formula("AlCuZr")
    for change in changes(start, space):
        counts = start.vector(elements) + change
        assert Composition.from_mapping(dict(zip(elements, counts, strict=True))) in space
    assert not admitted_counts(space).flags.writeable


def test_weights_fall_exponentially():
    options = np.array([[1, 0], [2, 0], [1, 2]])
    rng = np.random.default_rng(0)
    drawn = [int(np.abs(draw(options, 1.0, rng)).sum()) for _ in range(4000)]
    assert drawn.count(2) / drawn.count(1) == pytest.approx(np.exp(-1), rel=0.1)
    assert {int(np.abs(draw(options, 0.0, rng)).sum()) for _ in range(50)} == {1}
    assert draw(options[:0], 1.0, rng) is None


def test_the_roomiest_site_is_filled_and_the_most_crowded_emptied(make_space):
    space = make_space("H", "S")
    frac = np.array([[0, 0, 0], [0.45, 0.5, 0.5], [0.1, 0, 0], [0, 0.3, 0.3]])
    sites = Crystal(5 * np.eye(3), frac, np.array([16, 1, 1, 1]))
    occupied = np.array([True, False, False, False])
    assert reach(np.array([1, 0]), sites, occupied, space).tolist() == [True, True, False, False]
    assert reach(np.array([2, 0]), sites, occupied, space).tolist() == [True, True, False, True]
    everything = np.ones(4, dtype=bool)
    assert reach(np.array([-1, 0]), sites, everything, space).tolist() == [True, True, False, True]
    assert occupied.tolist() == [True, False, False, False]

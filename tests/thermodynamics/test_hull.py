"""The hull against pymatgen's phase diagram, and against what convexity demands."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core import Composition as PymatgenComposition

from gasearch.crystal.composition import Composition, CompositionSpace
from gasearch.thermodynamics.chemical_potential import facet_at, grand_potential
from gasearch.thermodynamics.hull import Hull

FORMULAS = ("H", "S", "Na", "Cl")


def random_entries(dimension: int, count: int, seed: int):
    """Return a space, compositions and enthalpies per atom; the endpoints come first."""
    rng = np.random.default_rng(seed)
    endpoints = tuple(Composition.from_formula(f) for f in FORMULAS[:dimension])
    space = CompositionSpace(endpoints, 1, 6)
    picked = rng.integers(len(space.compositions), size=count)
    compositions = [*endpoints, *(space.compositions[i] for i in picked)]
    return space, compositions, rng.normal(scale=0.5, size=len(compositions)) - 3.0


@pytest.mark.parametrize("dimension", [2, 3, 4])
@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_pymatgen(dimension, seed):
    space, compositions, enthalpies = random_entries(dimension, 25, seed)
    shares = np.array([space.fractions(c) for c in compositions])
    hull = Hull.of(np.arange(len(compositions)), shares, enthalpies)
    entries = [
        PDEntry(PymatgenComposition(c.formula), h * c.n_atoms) for c, h in zip(compositions, enthalpies, strict=True)
    ]
    diagram = PhaseDiagram(entries)
    expected = [diagram.get_e_above_hull(e) for e in entries]
    np.testing.assert_allclose(hull.above(shares, enthalpies), expected, atol=1e-8)
    assert {entries.index(e) for e in diagram.stable_entries} == set(hull.ids.tolist())


@settings(deadline=None, max_examples=30, derandomize=True)
@given(st.integers(1, 4), st.integers(0, 30), st.integers(0, 1000))
def test_no_point_lies_below_and_order_does_not_matter(dimension, count, seed):
    space, compositions, enthalpies = random_entries(dimension, count, seed)
    shares = np.array([space.fractions(c) for c in compositions])
    whole = Hull.of(np.arange(len(shares)), shares, enthalpies)
    assert whole.above(shares, enthalpies).min() > -1e-9
    grown = Hull.of(np.arange(dimension), shares[:dimension], enthalpies[:dimension])
    for place in np.random.default_rng(seed).permutation(np.arange(dimension, len(shares))):
        grown = grown.with_point(int(place), shares[place], enthalpies[place])
    np.testing.assert_allclose(grown.enthalpy(shares), whole.enthalpy(shares), atol=1e-9)


def test_a_point_above_changes_nothing():
    hull = Hull.of(np.arange(2), np.eye(2), np.array([-1.0, -2.0]))
    assert hull.with_point(7, np.array([0.5, 0.5]), -1.4) is hull
    assert hull.with_point(7, np.array([0.5, 0.5]), -1.6).ids.tolist() == [0, 1, 7]


def test_one_endpoint_is_the_lowest_enthalpy():
    hull = Hull.of(np.arange(3), np.ones((3, 1)), np.array([-1.0, -3.0, -2.0]))
    assert hull.ids.tolist() == [1]
    assert hull.above(np.ones(1), -2.5) == pytest.approx(0.5)


def test_decomposition_has_the_composition_and_the_enthalpy_of_the_hull():
    space, compositions, enthalpies = random_entries(3, 40, seed=1)
    shares = np.array([space.fractions(c) for c in compositions])
    hull = Hull.of(np.arange(len(shares)), shares, enthalpies)
    for x in shares:
        vertices, amounts = hull.decomposition(x)
        np.testing.assert_allclose(amounts @ hull.shares[vertices], x, atol=1e-9)
        assert amounts @ hull.enthalpies[vertices] == pytest.approx(float(hull.enthalpy(x)))


def test_missing_endpoint_is_named():
    with pytest.raises(ValueError, match=r"endpoint\(s\) \[1\]"):
        Hull.of(np.arange(2), np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([-1.0, -2.0]))


def test_chemical_potentials_are_the_tangent():
    """μ at a composition is the slope of the hull there, and Ω vanishes for the phases that coexist."""
    shares = np.array([[1.0, 0.0], [0.0, 1.0], [0.25, 0.75], [0.5, 0.5]])
    enthalpies = np.array([-1.0, -2.0, -2.5, -2.2])
    hull = Hull.of(np.arange(4), shares, enthalpies)
    x, step = np.array([0.3, 0.7]), 1e-4
    mu = facet_at(hull, x)
    slope = (hull.enthalpy(x + np.array([step, -step])) - hull.enthalpy(x - np.array([step, -step]))) / (2 * step)
    assert mu[0] - mu[1] == pytest.approx(slope, abs=1e-6)
    omega = grand_potential(mu, shares, enthalpies)
    assert omega.min() == pytest.approx(0.0, abs=1e-9)
    assert np.isclose(omega, 0.0, atol=1e-9).sum() == 2

"""What every operator keeps to."""

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gasearch.crystal.composition import Composition, CompositionSpace, SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import too_close
from gasearch.variation.cell import random_supercell
from gasearch.variation.variation import OPERATORS

# Endpoints, atoms, windows, and formulas of typical parents.
SPACES = {
    "element": (("H",), (1, 16), (), ("H", "H4", "H11")),
    "binary": (("H", "S"), (1, 16), (), ("S", "HS", "H3S", "H4S4", "H9S3", "H8")),
    "no_primitive_cells": (("H", "S"), (4, 12), (), ("S", "HS", "H3S", "H4S4", "H9S3")),
    "ternary": (("H", "S", "Li"), (1, 12), (), ("H3S", "LiHS", "Li2H4S2", "S", "Li3H6")),
    "windows": (("H", "S"), (1, 16), ((0.5, 1.0), (0.0, 0.5)), ("S", "H3S", "H4S4", "H8")),
    "fixed": (("H3S",), (4, 16), (), ("H3S", "H6S2", "H9S3")),
    "compounds": (("ZrCu", "CuAl"), (2, 16), (), ("ZrCu", "ZrCu2Al", "Zr2Cu4Al2", "CuAl")),
}
# (operator, space) that leave no choice: nothing to exchange, nothing else to become.
IMPOSSIBLE = {("permutation", "element"), ("transmutation", "element"), ("transmutation", "fixed")}
# Smallest share of draws that must give a child; the rest are parents of one element, full cells and the like.
CHILDREN = {"permutation": 0.4, "insertion": 0.7, "transmutation": 0.75}
# Smallest share of the children whose distances are acceptable, from distorted lattices.
SOUND = {"heredity": 0.6, "strain": 0.4, "modulation": 0.65}
DRAWS = 60


def build_space(name: str) -> SearchSpace:
    endpoints, atoms, windows, _ = SPACES[name]
    compositions = CompositionSpace(tuple(map(Composition.from_formula, endpoints)), *atoms, windows)
    volumes = {z: 8.0 + 2.0 * i for i, z in enumerate(compositions.elements)}
    pairs = itertools.combinations_with_replacement(compositions.elements, 2)
    return SearchSpace(compositions, volumes, dict.fromkeys(pairs, 1.0))


def build_parent(formula: str, space: SearchSpace, rng: np.random.Generator) -> Crystal:
    """Distort a random superlattice of a simple cubic lattice, at 0.9 to 1.1 of the volume of the space."""
    composition = Composition.from_formula(formula)
    lattice = Crystal(np.eye(3), np.zeros((1, 3)), np.ones(1))
    crystal = random_supercell(lattice, composition.n_atoms, rng)
    cell = crystal.cell @ (np.eye(3) + rng.normal(scale=0.05, size=(3, 3)))
    shifts = rng.normal(scale=0.05, size=(len(crystal), 3)) @ np.linalg.inv(cell)
    distorted = Crystal(cell, crystal.frac + shifts, rng.permutation(composition.numbers()))
    return distorted.scaled_to(rng.uniform(0.9, 1.1) * space.volume(composition))


@pytest.fixture(scope="module", params=SPACES)
def space_name(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def setting(space_name):
    """A space with parents in it."""
    space, rng = build_space(space_name), np.random.default_rng(7)
    return space, [build_parent(formula, space, rng) for formula in SPACES[space_name][-1] for _ in range(2)]


@pytest.fixture(scope="module", params=OPERATORS)
def operator(request):
    return OPERATORS[request.param]


@pytest.fixture(scope="module")
def families(operator, setting):
    """(parents, child) of independent draws."""
    space, parents = setting
    generators = [np.random.default_rng([11, seed]) for seed in range(DRAWS)]
    chosen = [[parents[i] for i in rng.integers(len(parents), size=operator.n_parents)] for rng in generators]
    return [(pair, operator(pair, space, rng)) for pair, rng in zip(chosen, generators, strict=True)]


def expansion(crystal: Crystal, space: SearchSpace) -> float:
    return crystal.volume / space.volume(crystal.composition)


def test_children_are_in_the_space_at_their_parents_density(families, setting):
    space, _ = setting
    for parents, child in families:
        if child is not None:
            expansions = [expansion(parent, space) for parent in parents]
            assert child.composition in space.compositions
            assert min(expansions) - 1e-9 <= expansion(child, space) <= max(expansions) + 1e-9


def test_most_draws_give_a_child(families, operator, space_name):
    children = [child for _, child in families if child is not None]
    if (operator.name, space_name) in IMPOSSIBLE:
        assert not children
    else:
        assert len(children) >= CHILDREN.get(operator.name, 0.99) * DRAWS


def test_most_children_keep_their_distances(families, operator, setting):
    space, _ = setting
    children = [child for _, child in families if child is not None]
    sound = [child for child in children if not too_close(child, space.minimum_distances)]
    assert len(sound) >= SOUND.get(operator.name, 0.85) * len(children)


@pytest.mark.parametrize("name", ["strain", "permutation", "modulation"])
@given(formula=st.sampled_from(["H3S", "H4S4", "HS2", "H7S"]), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=15, derandomize=True)
def test_what_keeps_the_composition(name, formula, seed):
    space, rng = build_space("binary"), np.random.default_rng(seed)
    parent = build_parent(formula, space, rng)
    child = OPERATORS[name]([parent], space, rng)
    assert child.composition.reduced == parent.composition.reduced


def test_only_the_given_generator_decides(operator):
    space, rng = build_space("binary"), np.random.default_rng(1)
    parents = [build_parent(formula, space, rng) for formula in ("H3S", "H4S4")][: operator.n_parents]
    children = []
    for scramble in (0, 1):
        np.random.seed(scramble)
        random.seed(scramble)
        before = random.getstate(), np.random.get_state()[1].tolist()
        children.append(operator(parents, space, np.random.default_rng(5)))
        assert (random.getstate(), np.random.get_state()[1].tolist()) == before
    one, other = children
    for field in ("cell", "frac", "numbers"):
        assert np.array_equal(getattr(one, field), getattr(other, field))


def test_parents_are_left_alone(operator):
    space, rng = build_space("binary"), np.random.default_rng(1)
    parents = [build_parent(formula, space, rng) for formula in ("H3S", "H4S4")][: operator.n_parents]
    before = [(p.cell.copy(), p.frac.copy(), p.numbers.copy()) for p in parents]
    operator(parents, space, rng)
    for parent, (cell, frac, numbers) in zip(parents, before, strict=True):
        assert np.array_equal(parent.cell, cell)
        assert np.array_equal(parent.frac, frac)
        assert np.array_equal(parent.numbers, numbers)


def test_parents_that_are_too_large_have_no_child_outside_the_space(operator):
    space, rng = build_space("binary"), np.random.default_rng(1)
    child = operator([build_parent("H17", space, rng)] * operator.n_parents, space, rng)
    assert child is None or child.composition in space.compositions


def test_names_are_keys():
    assert all(operator.name == name for name, operator in OPERATORS.items())

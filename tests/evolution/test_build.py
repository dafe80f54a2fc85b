"""From a recipe to a structure."""

import numpy as np
import pytest

from gasearch.crystal.composition import Composition, CompositionSpace, SearchSpace
from gasearch.crystal.fingerprint import fingerprint
from gasearch.crystal.geometry import too_close
from gasearch.crystal.random_crystal import random_crystal
from gasearch.evolution.build import VOLUME_RANGE, build
from gasearch.evolution.candidate import Candidate, Individual
from gasearch.evolution.operators import RANDOM, SEED
from gasearch.variation.variation import OPERATORS

SPACE = SearchSpace(
    CompositionSpace((Composition.from_formula("H"), Composition.from_formula("S")), 1, 12),
    {1: 2.2, 16: 9.0},
    {(1, 1): 0.7, (1, 16): 0.9, (16, 16): 1.3},
)


def parent(id: int, formula: str) -> Individual:
    composition = Composition.from_formula(formula)
    made = random_crystal(composition, SPACE.volume(composition), SPACE.minimum_distances, np.random.default_rng(id))
    return Individual(id, made, -1.0, fingerprint(made, (1, 16)), RANDOM, ())


def recipe(operator: str, formula: str = "H3S") -> Candidate:
    parents = (parent(1, "H6S2"), parent(2, "H5S2"))[: OPERATORS[operator].n_parents]
    return Candidate(7, operator, Composition.from_formula(formula), parents)


def built(candidate: Candidate, seed: int):
    return build(candidate, SPACE, np.random.default_rng(seed))


@pytest.mark.parametrize("operator", OPERATORS)
def test_children_have_room_and_the_same_key_gives_the_same(operator):
    for seed in range(5):
        one, two = (built(recipe(operator), seed) for _ in range(2))
        assert one is not None
        assert not too_close(one, SPACE.minimum_distances)
        assert np.array_equal(one.cell, two.cell) and np.array_equal(one.frac, two.frac)


@pytest.mark.parametrize(
    ("operator", "formula"), [("heredity", "H2S"), ("transmutation", "HS"), ("insertion", "H2S"), ("removal", "H2S")]
)
def test_children_are_at_the_composition_aimed_at_more_often_than_by_chance(operator, formula):
    aim = Composition.from_formula(formula)
    candidate = recipe(operator, formula)
    draws = [
        OPERATORS[operator]([p.crystal for p in candidate.parents], SPACE, np.random.default_rng(seed))
        for seed in range(60)
    ]
    by_chance = np.mean([d is not None and d.composition.reduced == aim for d in draws])
    aimed = np.mean([built(candidate, seed).composition.reduced == aim for seed in range(20)])
    assert aimed > max(2 * by_chance, 0.3)


def test_random_crystals_have_the_composition_and_about_the_volume():
    composition = Composition.from_formula("H6S2")
    for seed in range(5):
        crystal = built(Candidate(0, RANDOM, composition, volume=40.0), seed)
        assert crystal.composition == composition
        assert VOLUME_RANGE[0] * 40 <= crystal.volume <= VOLUME_RANGE[1] * 40


def test_what_is_given_is_taken_as_it_is():
    given = parent(3, "H3S").crystal
    assert built(Candidate(0, SEED, given.composition, given=given), 0) is given


def test_nothing_is_built_where_nothing_fits():
    crowded = SearchSpace(SPACE.compositions, SPACE.atomic_volumes, dict.fromkeys(SPACE.minimum_distances, 9.0))
    assert build(Candidate(0, RANDOM, Composition.from_formula("H6S2")), crowded, np.random.default_rng(0)) is None

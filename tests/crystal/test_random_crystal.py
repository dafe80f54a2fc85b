import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gasearch.crystal import random_crystal as module
from gasearch.crystal.composition import Composition
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import too_close
from gasearch.crystal.random_crystal import random_cover, random_crystal, random_lattice
from gasearch.crystal.repulsion import pushed_apart
from gasearch.crystal.symmetry import space_group
from gasearch.crystal.wyckoff import wyckoff_table

VOLUMES = {1: 2.2, 16: 9.5, 26: 7.0}
DISTANCES = {(1, 1): 0.7, (1, 16): 1.15, (16, 16): 1.7, (1, 26): 1.2, (16, 26): 1.6, (26, 26): 1.6}


def build(composition: Composition, rng: np.random.Generator) -> Crystal | None:
    volume = sum(n * VOLUMES[z] for z, n in composition.counts)
    return random_crystal(composition, volume, DISTANCES, rng)


def random_composition(rng: np.random.Generator) -> Composition:
    n_kinds = rng.integers(1, 4)
    n_atoms = rng.integers(n_kinds, 17)
    edges = [0, *sorted(rng.choice(np.arange(1, n_atoms), n_kinds - 1, replace=False)), n_atoms]
    counts = [b - a for a, b in pairwise(edges)]
    return Composition.from_mapping(dict(zip(rng.permutation([1, 16, 26])[:n_kinds], counts, strict=True)))


def test_crystals_are_what_was_asked_for():
    rng = np.random.default_rng(0)
    built = 0
    for _ in range(200):
        composition = random_composition(rng)
        crystal = build(composition, rng)
        if crystal is None:
            continue
        built += 1
        assert crystal.composition == composition
        assert crystal.volume == pytest.approx(sum(n * VOLUMES[z] for z, n in composition.counts))
        assert not too_close(crystal, DISTANCES)
    assert built >= 198


@given(st.integers(1, 230))
@settings(deadline=None, max_examples=100, derandomize=True)
def test_crystals_have_at_least_the_group_asked_for(number):
    """The point group that spglib finds has at least the order of the one drawn, pushed apart or not."""
    rng = np.random.default_rng(number)
    table = wyckoff_table(number)
    small = [p.multiplicity for p in table.positions if p.multiplicity <= 24]
    composition = Composition.from_mapping({1: rng.choice(small), 16: rng.choice(small)})
    orbits = random_cover(table.positions, composition, rng)
    start = module._random_placement(table, orbits, 8.0 * composition.n_atoms, np.full((17, 17), 1.5), rng)
    for crystal in (start, pushed_apart(start, np.full((len(start), len(start)), 1.5), steps=10)):
        found = wyckoff_table(space_group(crystal, 1e-4).number)
        assert found.positions[0].multiplicity >= table.positions[0].multiplicity


def test_generation_depends_on_the_generator_only():
    def sample(order: list[str]) -> dict[str, Crystal | None]:
        return {f: build(Composition.from_formula(f), np.random.default_rng(len(f))) for f in order}

    formulas = ["H6S2", "H9S", "FeS2", "HS", "H4S4Fe4"]
    wyckoff_table.cache_clear()
    first = sample(formulas)
    np.random.seed(17)
    random.seed(17)
    second = sample(formulas[::-1])
    for formula in formulas:
        np.testing.assert_array_equal(first[formula].frac, second[formula].frac)
        np.testing.assert_array_equal(first[formula].cell, second[formula].cell)


def test_all_crystal_systems_occur():
    rng = np.random.default_rng(1)
    found = [space_group(build(Composition.from_formula("H3S"), rng), 1e-3).number for _ in range(150)]
    counts, _ = np.histogram(found, [1, 3, 16, 75, 143, 195, 231])
    assert (counts > 0).all()
    assert len(set(found)) > 20


def test_impossible_demands_return_none():
    crowded = {(1, 1): 3.0}
    assert random_crystal(Composition.from_formula("H4"), 8.0, crowded, np.random.default_rng(0), attempts=3) is None


def test_no_limits_are_no_problem():
    crystal = random_crystal(Composition.from_formula("H4"), 8.0, {(1, 1): 0.0}, np.random.default_rng(0))
    assert crystal.composition.n_atoms == 4


def test_covers_are_exact_and_fixed_positions_are_taken_once():
    rng = np.random.default_rng(2)
    composition = Composition.from_formula("H9S3")
    for _ in range(50):
        positions = wyckoff_table(int(rng.integers(1, 231))).positions
        orbits = random_cover(positions, composition, rng)
        if orbits is None:
            continue
        numbers = [o.number for o in orbits for _ in range(o.position.multiplicity)]
        assert Composition.from_numbers(numbers) == composition
        fixed = [o.position.letter for o in orbits if not o.position.freedom]
        assert len(fixed) == len(set(fixed))


def test_covers_are_drawn_by_their_weight():
    """Two equal atoms in P-1: C(8, 2) = 28 pairs of fixed sites, and the general position with three parameters."""
    rng = np.random.default_rng(3)
    positions = wyckoff_table(2).positions
    drawn = [random_cover(positions, Composition.from_formula("S2"), rng) for _ in range(2000)]
    seen = Counter("".join(sorted(o.position.letter for o in orbits)) for orbits in drawn)
    weights = {letters: 27.0 if letters == "i" else 1.0 for letters in seen}
    assert len(seen) == 29
    expected = {letters: 2000 * weight / 55 for letters, weight in weights.items()}
    chi_squared = sum((seen[x] - expected[x]) ** 2 / expected[x] for x in seen)
    assert chi_squared < 60  # 28 degrees of freedom: p = 4e-4


def test_impossible_groups_have_no_cover():
    # Ia-3d has no position of fewer than 8 points in the primitive cell.
    assert random_cover(wyckoff_table(230).positions, Composition.from_formula("H3S"), np.random.default_rng(0)) is None


@pytest.mark.parametrize(
    ("number", "invariant"),
    [
        (14, lambda g: abs(g[0, 1]) + abs(g[1, 2])),
        (62, lambda g: abs(g - np.diag(np.diag(g))).max()),
        (123, lambda g: abs(g[0, 0] - g[1, 1])),
        (194, lambda g: abs(g[0, 0] - g[1, 1]) + abs(g[0, 1] + g[0, 0] / 2)),
        (221, lambda g: abs(g - g[0, 0] * np.eye(3)).max()),
    ],
)
def test_lattices_belong_to_their_crystal_system(number, invariant):
    cell = random_lattice(number, np.random.default_rng(4))
    assert invariant(cell @ cell.T) < 1e-12

"""Spaces and parents that operators are tried on."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from gasearch.crystal.composition import Composition, CompositionSpace, SearchSpace
from gasearch.crystal.crystal import Crystal


@pytest.fixture(scope="session")
def make_space():
    """Return a function that builds a space in which every atom has 10 Å³ and 1.2 Å to any other."""

    def make(*endpoints: str, atoms: tuple[int, int] = (1, 16), windows=()) -> SearchSpace:
        compositions = CompositionSpace(tuple(map(Composition.from_formula, endpoints)), *atoms, windows)
        pairs = itertools.combinations_with_replacement(compositions.elements, 2)
        return SearchSpace(compositions, dict.fromkeys(compositions.elements, 10.0), dict.fromkeys(pairs, 1.2))

    return make


@pytest.fixture(scope="session")
def make_crystal():
    """Return a function that builds a triclinic crystal of a formula with 11 Å³ an atom, no two cells alike."""

    def make(formula: str, seed: int = 0) -> Crystal:
        rng = np.random.default_rng(seed)
        numbers = Composition.from_formula(formula).numbers()
        cell = np.diag([0.9, 1.0, 1.15]) + np.tril(rng.uniform(0.02, 0.12, (3, 3)), -1)
        frac = rng.random((len(numbers), 3))
        return Crystal(cell, frac, numbers).scaled_to(11.0 * len(numbers))

    return make

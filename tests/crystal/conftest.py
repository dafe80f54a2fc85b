from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gasearch.crystal.composition import Composition, CompositionSpace, SearchSpace
from gasearch.crystal.crystal import Crystal


@pytest.fixture
def hydrogen_sulfur() -> SearchSpace:
    """A space with lengths as they are near 200 GPa."""
    endpoints = tuple(Composition.from_formula(symbol) for symbol in "HS")
    distances = {(1, 1): 0.7, (1, 16): 1.1, (16, 16): 1.6}
    return SearchSpace(CompositionSpace(endpoints, 1, 16), {1: 2.2, 16: 9.5}, distances)


@pytest.fixture
def fcc() -> Crystal:
    return Crystal(1.8 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]), [[0, 0, 0]], [29])


@pytest.fixture
def hcp() -> Crystal:
    """The same spheres as in fcc."""
    a = 1.8 * np.sqrt(2)
    cell = a * np.array([[1, 0, 0], [-0.5, np.sqrt(0.75), 0], [0, 0, np.sqrt(8 / 3)]])
    return Crystal(cell, [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]], [29, 29])


@pytest.fixture(scope="session")
def disguised() -> Callable[[Crystal, np.random.Generator], Crystal]:
    """Rotate, shift, permute, and choose another cell of the same volume."""

    def disguise(crystal: Crystal, rng: np.random.Generator) -> Crystal:
        shear = np.eye(3)
        for i, j in ((0, 1), (1, 2), (2, 0)):
            other = np.eye(3)
            other[i, j] = rng.integers(-2, 3)
            shear = other @ shear
        rotation = Rotation.from_quat(rng.standard_normal(4)).as_matrix()
        frac = (crystal.frac + rng.random(3)) @ np.linalg.inv(shear)
        order = rng.permutation(len(crystal))
        return Crystal(shear @ crystal.cell @ rotation, frac[order], crystal.numbers[order])

    return disguise

import numpy as np
import pytest

from gasearch.crystal.composition import Composition, CompositionSpace, SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.espresso.pw import ScfResult
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.sampling import Kind, Sample, search_space


@pytest.fixture
def compositions() -> CompositionSpace:
    return CompositionSpace((Composition.from_formula("H"), Composition.from_formula("S")), 1, 6)


@pytest.fixture
def space(compositions) -> SearchSpace:
    return search_space(compositions, {1: 1.6, 16: 8.2})


@pytest.fixture
def make_label():
    """A label of a cubic cell with the given energy; forces and stress are zero."""

    def make(numbers: list[int], edge: float, energy: float, origin: str = "random-0") -> Label:
        n = len(numbers)
        crystal = Crystal(np.eye(3) * edge, np.arange(n)[:, None] / n * np.ones(3), numbers)
        result = ScfResult(energy, np.zeros((n, 3)), np.zeros((3, 3)), 4, 7)
        return Label(Sample(crystal, origin, Kind.RANDOM), result)

    return make

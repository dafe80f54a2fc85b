"""Searches of other spaces than a binary, against brute force with the same relaxer."""

from functools import partial

import numpy as np
import pytest

from gasearch.crystal.composition import Composition, CompositionSpace, SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.random_crystal import random_crystal
from gasearch.evolution.search import Search, SearchSettings
from gasearch.evolution.termination import Termination
from gasearch.outcomes import Relaxed
from gasearch.parallel.executor import serial_executor
from gasearch.potential.calibration import calibrate
from gasearch.potential.lennard_jones import LennardJones
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings
from gasearch.thermodynamics.hull import Hull
from gasearch.units import pressure_from_GPa
from gasearch.workflow.search.evaluation import Evaluation
from gasearch.workflow.search.steady_state import run_search

PRESSURE = pressure_from_GPa(5.0)
RELAXATION = RelaxationSettings(max_force=0.002, max_stress=2e-4)
#: ε (eV) and σ (Å) by atomic number; unlike atoms attract each other more than Lorentz and Berthelot would have it.
EPSILON, SIGMA = {13: 0.4, 29: 0.5, 40: 0.6}, {13: 2.5, 29: 2.25, 40: 2.8}
SPACES = {
    "ternary": (("Al", "Cu", "Zr"), 3),
    "compounds": (("AlZr", "AlCu", "Al"), 4),
    "binary of a compound": (("AlCu", "Zr"), 4),
}


def lennard_jones(elements) -> LennardJones:
    pairs = {
        (a, b): (1.4 ** (a != b) * np.sqrt(EPSILON[a] * EPSILON[b]), (SIGMA[a] + SIGMA[b]) / 2)
        for a in elements
        for b in elements
        if a <= b
    }
    return LennardJones(pairs, cutoff_sigma=2.5)


def prepared(formulas, max_atoms) -> tuple[SearchSpace, BatchRelaxer]:
    endpoints = tuple(Composition.from_formula(f).reduced for f in formulas)
    compositions = CompositionSpace(endpoints, 1, max_atoms)
    potential = lennard_jones(compositions.elements)
    lengths = calibrate(potential, compositions.elements, PRESSURE)
    space = SearchSpace(compositions, lengths.atomic_volumes, lengths.minimum_distances)
    return space, BatchRelaxer(potential, RELAXATION)


def searched(space: SearchSpace, relaxer: BatchRelaxer, candidates: int) -> Search:
    settings = SearchSettings(block=4, lag=4, first_generation=60, termination=Termination(candidates))
    search = Search(space.compositions, settings, seed=1)
    executor = serial_executor()
    run_search(search, Evaluation(space, partial(_same, relaxer), PRESSURE, 1, settings.twins), executor)
    executor.shutdown()
    return search


def _same(relaxer):
    return relaxer


def brute_force(space: SearchSpace, relaxer: BatchRelaxer, each: int) -> tuple[np.ndarray, np.ndarray]:
    """Relax random crystals of every composition; return shares and enthalpies per atom."""
    rng = np.random.default_rng(7)
    starts = [
        random_crystal(composition, space.volume(composition), space.minimum_distances, rng)
        for composition in space.compositions.compositions
        for _ in range(each)
    ]
    relaxed = [r for r in relaxer.relax([s for s in starts if s is not None], PRESSURE) if isinstance(r, Relaxed)]
    shares = np.array([space.compositions.fractions(r.crystal.composition) for r in relaxed])
    return shares, np.array([r.enthalpy_per_atom for r in relaxed])


@pytest.mark.parametrize("name", SPACES)
def test_hull_is_no_higher_than_brute_force(name):
    space, relaxer = prepared(*SPACES[name])
    search = searched(space, relaxer, candidates=300)
    shares, enthalpies = brute_force(space, relaxer, each=400 // len(space.compositions.compositions))
    brute = Hull.of(np.arange(len(enthalpies)), shares, enthalpies)
    where = search.compositions.shares
    assert (search.archive.hull.enthalpy(where) - brute.enthalpy(where)).max() < 0.001
    compounds = [search.archive.individual(i).crystal.composition for i in search.archive.hull.ids.tolist()]
    assert all(search.space.fractions(c) is not None for c in compounds)
    assert len(compounds) > len(space.compositions.endpoints)


def test_one_endpoint_finds_close_packing():
    """Of the close-packed structures, the one that this cutoff favours."""
    space, relaxer = prepared(("Al",), 4)
    fcc = Crystal(2.8 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / np.sqrt(2), [[0, 0, 0]], [13])
    a = 2.8 * np.array([[1, 0, 0], [-0.5, np.sqrt(0.75), 0], [0, 0, np.sqrt(8 / 3)]])
    hcp = Crystal(a, [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]], [13, 13])
    expected = min(r.enthalpy_per_atom for r in relaxer.relax([fcc, hcp], PRESSURE))
    search = searched(space, relaxer, candidates=100)
    assert search.archive.hull.enthalpies[0] == pytest.approx(expected, abs=2e-4)

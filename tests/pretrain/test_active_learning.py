from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from gasearch.crystal.composition import Composition, CompositionSpace
from gasearch.crystal.crystal import Crystal
from gasearch.errors import CalculationError
from gasearch.outcomes import Reason, Relaxed
from gasearch.potential.committee import Committee
from gasearch.potential.lennard_jones import LennardJones
from gasearch.potential.potential import Batch, BatchResult
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings
from gasearch.pretrain.active_learning import ActiveSettings, Round, choose, explore, relax_in_blocks
from gasearch.pretrain.sampling import LATTICES, Kind, Sample, SamplingSettings, random_samples, search_space

SETTINGS = ActiveSettings(labels=20, broken_share=0.2, rattled_share=0.25)
PRESSURE = 0.1


def sample(numbers: list[int], edge: float, k: int) -> Sample:
    n = len(numbers)
    crystal = Crystal(np.eye(3) * edge, np.arange(n)[:, None] / n * np.ones(3), numbers)
    return Sample(crystal, f"random-{k:05d}", Kind.RELAXATION)


@pytest.fixture
def found() -> Round:
    """Many structures of H, few of HS; those with odd numbers are high above the hull."""
    relaxed = [sample([1], 2.0 + k / 100, k) for k in range(60)] + [
        sample([1, 16], 3.0 + k / 100, k) for k in range(20)
    ]
    above = np.where(np.arange(80) % 2, 2.0, 0.0)
    return Round(
        PRESSURE, tuple(relaxed), above, np.full(80, np.nan), tuple(sample([16], 2.0, 100 + k) for k in range(10))
    )


def drawn(found, space):
    return choose(found, space, SamplingSettings(), SETTINGS, 0.4, np.random.default_rng(0))


def test_labels_are_spent_as_asked(found, space):
    chosen = drawn(found, space)
    broken = [s for s in chosen if s.origin >= "random-00100"]
    rattled = [s for s in chosen if s.kind is Kind.RATTLED]
    assert len(broken) == 4 and 0 < len(rattled) <= 5 and len(chosen) <= 20


def test_low_enthalpies_and_rare_compositions_are_preferred(found, space):
    height = {id(s): a for s, a in zip(found.relaxed, found.above, strict=True)}
    chosen = [s for s in drawn(found, space) if id(s) in height]
    assert len({id(s) for s in chosen}) == len(chosen) == 11
    assert sum(height[id(s)] == 0.0 for s in chosen) >= 10
    assert sum(len(s.crystal) == 2 for s in chosen) >= 3


def test_what_the_committee_disagrees_about_is_preferred(found, space):
    uncertain = np.arange(80) % 4 == 0
    found = replace(found, spread=np.where(uncertain, 1.0, 0.01))
    known = {id(s): u for s, u in zip(found.relaxed, uncertain, strict=True)}
    chosen = [known[id(s)] for s in drawn(found, space) if id(s) in known]
    assert np.mean(chosen) > 0.7


def test_labels_that_are_quick_are_preferred(space):
    # Alike in enthalpy and composition, at volumes that differ by eight: an SCF of the large ones takes eight times as
    # long with one k-point.
    relaxed = tuple(sample([1], 20.0 if k % 2 else 10.0, k) for k in range(80))
    found = Round(PRESSURE, relaxed, np.full(80, 0.1), np.full(80, np.nan), ())
    settings = replace(SETTINGS, rattled_share=0.0)
    chosen = choose(found, space, SamplingSettings(), settings, 1.0, np.random.default_rng(0))
    assert len(chosen) == 20
    assert np.mean([s.crystal.volume < 2000 for s in chosen]) > 0.75


def test_choice_depends_on_the_generator_alone(found, space):
    assert [s.origin for s in drawn(found, space)] == [s.origin for s in drawn(found, space)]


def explored_with(potential, space, count: int) -> Round:
    def relax(crystals, settings):
        return BatchRelaxer(potential, settings).relax(crystals, PRESSURE)

    return explore(Committee([potential]), relax, space, SamplingSettings(), PRESSURE, 0, range(count), 0.4)


def test_blocks_come_back_in_order_and_do_not_depend_on_the_workers(tiny_mace, space):
    crystals = [s.crystal for s in random_samples(space, SamplingSettings(rattled_share=0.0), 0, 0, 20)]
    settings = RelaxationSettings(max_steps=3)
    found = []
    for workers in (1, 2):
        with ThreadPoolExecutor(workers) as executor:
            found.append(relax_in_blocks(executor, tiny_mace, space, PRESSURE, crystals, settings))
    assert len(crystals) > 16 and len(found[0]) == len(found[1]) == len(crystals)
    for start, one, other in zip(crystals, *found, strict=True):
        assert np.array_equal(one.crystal.cell, other.crystal.cell)
        assert one.crystal.composition == start.composition


def test_a_relaxation_ends_in_a_hole_of_the_potential(tiny_mace, space):
    near = min(space.minimum_distances.values())
    anything = RelaxationSettings(max_force=np.inf, max_stress=np.inf)
    crystals = [Crystal(np.eye(3) * edge * near, np.zeros((1, 3)), [1]) for edge in (0.85, 0.95)]
    with ThreadPoolExecutor(1) as executor:
        inside, outside = relax_in_blocks(executor, tiny_mace, space, 0.0, crystals, anything)
    assert isinstance(outside, Relaxed) and inside.reason is Reason.COLLAPSED


@pytest.fixture(scope="module")
def explored() -> Round:
    compositions = CompositionSpace((Composition.from_formula("H"), Composition.from_formula("S")), 1, 3)
    potential = LennardJones({(1, 1): (1.0, 1.0), (1, 16): (1.2, 1.4), (16, 16): (1.0, 1.8)}, cutoff_sigma=2.5)
    space = search_space(compositions, {1: 0.7, 16: 4.0})
    return explored_with(potential, space, 30)


def test_explored_structures_keep_their_origins(explored):
    origins = [s.origin for s in (*explored.relaxed, *explored.broken)]
    lattices = {f"scan-{symbol}-{name}" for symbol in ("H", "S") for name in LATTICES}
    assert set(origins) <= {f"random-{k:05d}" for k in range(30)} | lattices and len(origins) > 10
    assert all(s.kind is Kind.RELAXATION for s in explored.relaxed)


def test_explored_hull_touches_its_lowest_structures(explored):
    assert len(explored.above) == len(explored.relaxed)
    assert explored.above.min() == pytest.approx(0.0, abs=1e-9)
    assert (explored.above > -1e-9).all()


def test_equal_structures_are_kept_once(explored):
    found = [
        (s.crystal.composition.reduced.formula, round(h, 6), round(s.crystal.volume / len(s.crystal), 4))
        for s, h in zip(explored.relaxed, explored.above, strict=True)
    ]
    assert len(set(found)) == len(found)


class Broken(LennardJones):
    """Knows no crystal of sulphur alone."""

    def compute(self, batch: Batch) -> BatchResult:
        result = super().compute(batch)
        alone = [bool((batch.numbers[atoms] == 16).all()) for atoms in batch.slices]
        return replace(result, energy=np.where(alone, np.nan, result.energy))


def test_an_element_without_a_relaxed_crystal_is_named(space):
    potential = Broken({(1, 1): (1.0, 1.0), (1, 16): (1.2, 1.4), (16, 16): (1.0, 1.8)}, cutoff_sigma=2.5)
    with pytest.raises(CalculationError, match="no crystal of S could be relaxed"):
        explored_with(potential, space, 3)


def test_every_element_is_explored_however_few_crystals_are_drawn(space):
    potential = LennardJones({(1, 1): (1.0, 1.0), (1, 16): (1.2, 1.4), (16, 16): (1.0, 1.8)}, cutoff_sigma=2.5)
    found = explored_with(potential, space, 0)
    assert {s.crystal.composition.reduced.formula for s in found.relaxed} == {"H", "S"}


def test_structures_underway_lie_between_start_and_minimum(explored):
    origins = {s.origin for s in explored.underway}
    assert len(origins) > 5 and origins <= {f"random-{k:05d}" for k in range(30)} | {
        f"scan-{symbol}-{name}" for symbol in ("H", "S") for name in LATTICES
    }
    done = {s.origin: s.crystal for s in explored.relaxed}
    moved = [s for s in explored.underway if s.origin in done]
    assert all(s.crystal.volume != pytest.approx(done[s.origin].volume, rel=1e-6) for s in moved)


def test_some_labels_are_for_structures_underway(found, space):
    way = tuple(sample([1, 16], 4.0 + k / 10, 200 + k) for k in range(9))
    found = replace(found, underway=way)
    settings = replace(SETTINGS, underway_share=0.15)
    chosen = choose(found, space, SamplingSettings(), settings, 0.4, np.random.default_rng(0))
    assert sum(s.origin >= "random-00200" for s in chosen) == 3 and len(chosen) <= 20

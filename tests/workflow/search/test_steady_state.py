"""The loop gives the same search for any number of workers and any order of arrival."""

import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest

from gasearch.crystal.composition import Composition, CompositionSpace, SearchSpace
from gasearch.evolution.archive import TwinTolerance
from gasearch.evolution.search import Search, SearchSettings
from gasearch.evolution.termination import Termination
from gasearch.outcomes import Failure, Reason, Relaxed
from gasearch.workflow.search.evaluation import Evaluation
from gasearch.workflow.search.steady_state import run_search

SPACE = SearchSpace(
    CompositionSpace((Composition.from_formula("H"), Composition.from_formula("S")), 1, 6),
    {1: 2.2, 16: 9.0},
    {(1, 1): 0.7, (1, 16): 0.9, (16, 16): 1.3},
)


class ToyRelaxer:
    """Does not move atoms; the enthalpy is a smooth function of composition and shape, and some fail."""

    def relax(self, crystals, pressure, ceilings=None):
        return [self._one(c) for c in crystals]

    def _one(self, crystal):
        x = np.mean(crystal.numbers == 1)
        shape = np.linalg.norm(crystal.cell) / crystal.volume ** (1 / 3)
        if np.sin(1e3 * shape) > 0.9:
            return Failure(Reason.STEP_LIMIT, steps=9, crystal=crystal)
        enthalpy = len(crystal) * (0.3 * shape - x * (1 - x))
        return Relaxed(crystal, enthalpy, enthalpy, 5, 0.0, 0.0)


class InOrder(Executor):
    """Runs at once."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


def searched(executor, seed=3, candidates=120, block=4, lag=12, delay=0.0, recorded=(), stop_after=None):
    """Run a toy search; return it with every outcome by id."""
    settings = SearchSettings(
        block=block, lag=lag, first_generation=30, termination=Termination(candidates), twins=TwinTolerance()
    )
    search = Search(SPACE.compositions, settings, seed)
    evaluate = Evaluation(SPACE, ToyRelaxer, 0.0, seed, settings.twins)
    random, lock, outcomes = np.random.default_rng(), threading.Lock(), {o.id: o for o in recorded}

    def delayed(block):
        with lock:
            wait = random.uniform(0, delay)
        time.sleep(wait)
        return evaluate(block)

    def record(found):
        outcomes.update((o.id, o) for o in found)
        if stop_after is not None and len(outcomes) >= stop_after:
            raise KeyboardInterrupt

    with suppress(KeyboardInterrupt):
        run_search(search, delayed, executor, recorded, record)
    return search, outcomes


def assert_same(a, b):
    assert sorted(a) == sorted(b)
    for id in a:
        one, two = a[id], b[id]
        assert (one.operator, one.parents, one.twin, one.result.steps) == (
            two.operator,
            two.parents,
            two.twin,
            two.result.steps,
        )
        if one.start is not None:
            for name in ("cell", "frac", "numbers"):
                assert np.array_equal(getattr(one.start, name), getattr(two.start, name))


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_same_archive_for_any_number_of_workers(workers):
    _, expected = searched(InOrder())
    with ThreadPoolExecutor(workers) as executor:
        search, outcomes = searched(executor, delay=0.02)
    assert_same(outcomes, expected)
    assert search.told == 120


@pytest.mark.parametrize("stop_after", [1, 37, 90])
def test_resuming_gives_what_an_uninterrupted_search_gives(stop_after):
    whole, expected = searched(InOrder())
    _, part = searched(InOrder(), stop_after=stop_after)
    assert len(part) < 120
    resumed, outcomes = searched(InOrder(), recorded=part.values())
    assert_same(outcomes, expected)
    assert resumed.story == whole.story
    assert resumed.weights.gains == whole.weights.gains


def test_a_finished_search_goes_on_when_its_limit_is_raised():
    """Also from within a block: 61 candidates end one of 4 after its first."""
    whole, expected = searched(InOrder(), block=4)
    _, part = searched(InOrder(), block=4, candidates=61)
    assert len(part) == 61
    resumed, outcomes = searched(InOrder(), block=4, recorded=part.values())
    assert_same(outcomes, expected)
    assert resumed.story == whole.story


def test_lag_is_what_candidates_see():
    """A parent's id is always below the start of the child's block minus the lag."""
    block, lag = 4, 12
    _, outcomes = searched(InOrder(), block=block, lag=lag)
    children = [o for o in outcomes.values() if o.parents]
    assert children
    assert all(max(o.parents) < o.id - o.id % block - lag for o in children)


def test_the_lag_changes_the_search_and_the_seed_does():
    _, a = searched(InOrder(), lag=0)
    _, b = searched(InOrder(), lag=40)
    _, c = searched(InOrder(), lag=0, seed=4)
    assert [o.parents for o in a.values()] != [o.parents for o in b.values()]
    assert [o.parents for o in a.values()] != [o.parents for o in c.values()]


def test_global_random_state_does_not_matter():
    np.random.seed(1)
    _, a = searched(InOrder(), candidates=60)
    np.random.seed(2)
    _, b = searched(InOrder(), candidates=60)
    assert_same(a, b)


def test_bugs_are_not_swallowed():
    def broken(block):
        raise RuntimeError("a bug")

    search = Search(SPACE.compositions, SearchSettings(), 1)
    with ThreadPoolExecutor(2) as executor, pytest.raises(RuntimeError, match="a bug"):
        run_search(search, broken, executor)

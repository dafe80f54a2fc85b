from collections.abc import Callable

import numpy as np
import pytest

from gasearch.potential.lbfgs import Minimiser

Function = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def minimise(function: Function, starts: np.ndarray, steps: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Minimise from each start (S, D); return the points, their values and the history of values."""
    x, state, history = starts.copy(), Minimiser.new(*starts.shape), []
    for _ in range(steps):
        length = np.linalg.norm(state.direction, axis=1)
        shrink = np.minimum(1, state.radius / np.maximum(length, 1e-300))
        step = state.direction * shrink[:, None]
        value, gradient = function(x + step)
        state, moved = state.told(step, length * shrink, value, gradient, np.zeros(len(x)))
        x = np.where(moved[:, None], x + step, x)
        history.append(state.value)
    return x, state.value, history


def quadratic(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    stiffness = np.geomspace(0.1, 100, x.shape[1])
    return 0.5 * (stiffness * x * x).sum(axis=1), stiffness * x


def rosenbrock(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    a, b = x.T
    value = (1 - a) ** 2 + 100 * (b - a * a) ** 2
    return value, np.stack([-2 * (1 - a) - 400 * a * (b - a * a), 200 * (b - a * a)], axis=1)


def double_well(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return ((x * x - 1) ** 2).sum(axis=1), 4 * x * (x * x - 1)


@pytest.mark.parametrize(
    ("function", "dimensions", "steps"), [(quadratic, 12, 100), (rosenbrock, 2, 90), (double_well, 3, 40)]
)
def test_reaches_the_minimum_from_every_start(function: Function, dimensions: int, steps: int):
    starts = np.random.default_rng(0).uniform(-2, 2, (10, dimensions))
    _, values, _ = minimise(function, starts, steps)
    np.testing.assert_allclose(values, 0, atol=1e-8)


def test_the_value_never_rises():
    starts = np.random.default_rng(1).uniform(-2, 2, (5, 2))
    _, _, history = minimise(rosenbrock, starts, 50)
    assert (np.diff(history, axis=0) <= 0).all()


def test_problems_do_not_see_each_other():
    starts = np.random.default_rng(2).uniform(-2, 2, (4, 2))
    together, _, _ = minimise(rosenbrock, starts, 30)
    for start, x in zip(starts, together, strict=True):
        alone, _, _ = minimise(rosenbrock, start[None], 30)
        np.testing.assert_allclose(alone[0], x, rtol=1e-6)

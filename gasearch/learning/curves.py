"""Learning curves: errors on held-out spectra against the number of spectra that were learned from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from gasearch.learning.forest import Growth, grow
from gasearch.learning.kernel_ridge import KernelRidge
from gasearch.learning.synthetic import Table
from gasearch.learning.tc_formula import (
    SISSO_2026_TERMS,
    Errors,
    Found,
    Skeleton,
    at_omega_2,
    by_group,
    fit_skeleton,
    polished,
)
from gasearch.quiet import ignoring
from gasearch.units import K_PER_THZ

#: Numbers of spectra.
SIZES: Final = (100, 300, 1000, 3000, 10_000, 30_000, 100_000)
#: Rows beyond which kernel ridge regression takes too long.
_KERNEL_ROWS: Final = 1000
#: k_BTc/ħω_log, ten times that of most spectra.
_SCALE: Final = 4.0
#: Rows that a network sees, all epochs together.
_SEEN: Final = 2_000_000

#: Rows → what predicts Tc, K, (n,) of other rows.
Learner = Callable[[Table, int], Callable[[Table], np.ndarray]]


def smooth(reduced_tc: np.ndarray) -> np.ndarray:
    """Return what regressors learn, 1/ln(4ħω_log/k_BTc): as smooth as λ for weak coupling, 0 where Tc vanishes."""
    return 1 / np.log(_SCALE / np.clip(reduced_tc, 1e-12, 0.99 * _SCALE))


def reduced_tc_of(said: np.ndarray) -> np.ndarray:
    """Return k_BTc/ħω_log of what a regressor says."""
    return _SCALE * np.exp(-1 / np.maximum(said, 0.036))


def moments_of(rows: Table) -> np.ndarray:
    """Return the quantities of closed formulas (n, 3): λ, μ* and ω_log/ω̄₂."""
    return np.column_stack([np.log(rows.lam), rows.mu_star, rows.ratio])


def spectrum_features(rows: Table) -> np.ndarray:
    """Return all that the Eliashberg equations see (n, k): λ, μ*, the end of the phonons, and λ(iν)."""
    return np.column_stack([np.log(rows.lam), rows.mu_star, np.log(rows.omega_ph / rows.omega_log), rows.kernel])


def _skeleton(rows: Table, seed: int) -> Callable[[Table], np.ndarray]:
    found = Found(fit_skeleton(at_omega_2(rows)))
    return lambda others: found.tc(at_omega_2(others))


def _formula(rows: Table, seed: int) -> Callable[[Table], np.ndarray]:
    start = Found(Skeleton(), SISSO_2026_TERMS, (0.0,) * len(SISSO_2026_TERMS))
    found = polished(start, at_omega_2(rows))
    return lambda others: found.tc(at_omega_2(others))


def _forest(rows: Table, seed: int) -> Callable[[Table], np.ndarray]:
    forest = grow(moments_of(rows), smooth(rows.reduced_tc), Growth(trees=30, least_leaf=2, features=1.0), seed)
    return lambda others: _tc(forest.each(moments_of(others)).mean(0), others)


def _kernel(rows: Table, seed: int) -> Callable[[Table], np.ndarray]:
    model = KernelRidge.fit(spectrum_features(rows), smooth(rows.reduced_tc))
    return lambda others: _tc(model.predict(spectrum_features(others)), others)


def _network(features: Callable[[Table], np.ndarray]) -> Learner:
    def learn(rows: Table, seed: int) -> Callable[[Table], np.ndarray]:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.neural_network import MLPRegressor

        inside, target = features(rows), smooth(rows.reduced_tc)
        centre, scale, (mean, spread) = inside.mean(0), inside.std(0), (target.mean(), target.std())
        epochs = int(np.clip(_SEEN / len(rows), 20, 1000))
        model = MLPRegressor(
            hidden_layer_sizes=(64, 64), max_iter=epochs, learning_rate_init=2e-3, tol=0, n_iter_no_change=10**6
        )
        model.set_params(random_state=seed, alpha=1e-5, activation="tanh")
        with ignoring(ConvergenceWarning):  # the number of epochs is given
            model.fit((inside - centre) / scale, (target - mean) / spread)
        return lambda others: _tc(mean + spread * model.predict((features(others) - centre) / scale), others)

    return learn


def _tc(said: np.ndarray, rows: Table) -> np.ndarray:
    return reduced_tc_of(said) * K_PER_THZ * rows.omega_log


#: By name, and the number of rows from which each takes too long.
LEARNERS: Final[Mapping[str, tuple[Learner, int]]] = {
    "skeleton, 5 constants": (_skeleton, 10**9),
    "sisso_2026's form": (_formula, 10**9),
    "forest of λ, μ*, ω_log/ω̄₂": (_forest, 10**9),
    "network of λ, μ*, ω_log/ω̄₂": (_network(moments_of), 10**9),
    "network of λ(iν)": (_network(spectrum_features), 10**9),
    "kernel ridge of λ(iν)": (_kernel, _KERNEL_ROWS),
}


def curve_point(name: str, learn: Table, test: Table, seed: int) -> dict[str, Errors]:
    """Return the errors, by group of the test rows, of one of `LEARNERS` that learned from some rows."""
    learner, _ = LEARNERS[name]
    return by_group(learner(learn, seed)(test), test)

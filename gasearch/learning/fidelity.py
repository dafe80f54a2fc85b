"""How faithful decoded spectra are, and whether generated ones are new and like those that were learned from."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from gasearch.learning.autoencoder import Autoencoder, shape_of, spectrum_of
from gasearch.learning.synthetic import MATERIALS, Problem, problem, tc_of
from gasearch.superconductivity.alpha2f import Alpha2F
from gasearch.units import K_PER_THZ

#: μ* at which Tc of decoded spectra is compared.
_MU_STAR = 0.1


@dataclass(frozen=True)
class Fidelity:
    """Median relative errors of decoded spectra; λ and ω_max are exact by construction.

    Parameters
    ----------
    omega_log, omega_2, tc : float
    count : int
        Spectra; of Tc, those with Tc above 0.5 % of ω_max.
    """

    omega_log: float
    omega_2: float
    tc: float
    count: int


@dataclass(frozen=True)
class Novelty:
    """Generated shapes against those that were trained on.

    Parameters
    ----------
    distance, noise : mapping
        Quantity → Wasserstein distance between its distributions, and that between two halves of the training set.
    nearest_copy : float
        Median distance of a generated shape to the nearest of the training set, over that of a held-out shape; near 0
        they would be copies.
    """

    distance: dict[str, float]
    noise: dict[str, float]
    nearest_copy: float


def smooth_problems(seed: int, count: int) -> list[Problem]:
    """Return the first problems with a smooth spectrum."""
    found: list[Problem] = []
    number = 0
    while len(found) < count:
        one = problem(seed, number, MATERIALS)
        found += [one] if isinstance(one.spectrum, Alpha2F) else []
        number += 1
    return found


def shapes_of(problems: list[Problem]) -> np.ndarray:
    """Return the shapes (n, bins) of problems."""
    return np.array([shape_of(one.spectrum) for one in problems])


def fidelity(problems: list[Problem], reconstruct: Callable[[np.ndarray], np.ndarray], executor: Executor) -> Fidelity:
    """Return the errors of reconstructed spectra of problems."""
    given = [Problem(one.group, one.spectrum, _MU_STAR) for one in problems]
    decoded = [
        Problem(one.group, spectrum_of(shape, one.spectrum.moments().lam, one.spectrum.omega_ph), _MU_STAR)
        for one, shape in zip(given, reconstruct(shapes_of(given)), strict=True)
    ]
    before, after = (np.array([_moments(one) for one in some]) for some in (given, decoded))
    futures = [[executor.submit(tc_of, one) for one in some] for some in (given, decoded)]
    tc, tc_decoded = (np.array([future.result() for future in some]) for some in futures)
    ends = np.array([one.spectrum.omega_ph for one in given])
    counts = tc > 0.005 * K_PER_THZ * ends
    log, second = np.median(np.abs(after / before - 1), axis=0)
    error = np.median(np.abs(tc_decoded[counts] / tc[counts] - 1))
    return Fidelity(float(log), float(second), float(error), len(given))


def novelty(model: Autoencoder, trained: np.ndarray, held_out: np.ndarray, seed: int) -> Novelty:
    """Compare generated shapes with those (n, bins) that were trained on and with held-out ones (m, bins)."""
    from scipy.stats import wasserstein_distance

    rng = np.random.default_rng(seed)
    generated = model.sample(len(held_out), rng)
    quantities = {"omega_log/omega_2": _ratios, "omega_log/omega_max": _log_means}
    order = rng.permutation(len(trained))
    halves = trained[order[: len(order) // 2]], trained[order[len(order) // 2 :]]
    return Novelty(
        {name: float(wasserstein_distance(of(generated), of(trained))) for name, of in quantities.items()},
        {name: float(wasserstein_distance(*map(of, halves))) for name, of in quantities.items()},
        float(np.median(_nearest(generated, trained)) / np.median(_nearest(held_out, trained))),
    )


def _moments(one: Problem) -> tuple[float, float]:
    moments = one.spectrum.moments()
    return moments.omega_log, moments.omega_2


def _log_means(shapes: np.ndarray) -> np.ndarray:
    """Return ω_log/ω_max (n,)."""
    x = (np.arange(shapes.shape[1]) + 0.5) / shapes.shape[1]
    return np.exp(shapes @ np.log(x))


def _ratios(shapes: np.ndarray) -> np.ndarray:
    """Return ω_log/ω̄₂ (n,)."""
    x = (np.arange(shapes.shape[1]) + 0.5) / shapes.shape[1]
    return _log_means(shapes) / np.sqrt(shapes @ x**2)


def _nearest(shapes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the distance (n,) of cumulative shapes to the nearest of others."""
    one, many = shapes.cumsum(1), others.cumsum(1)
    return np.array([np.abs(many - row).mean(1).min() for row in one])

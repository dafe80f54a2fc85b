"""How faithful decoded spectra are, and whether generated ones are new and like those that were learned from."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from gasearch.learning.autoencoder import shape_of, spectrum_of
from gasearch.learning.latent import Generator
from gasearch.learning.synthetic import MATERIALS, Group, Problem, problem, tc_of
from gasearch.superconductivity.alpha2f import Alpha2F
from gasearch.units import K_PER_THZ

#: μ* at which Tc of decoded spectra is compared.
_MU_STAR = 0.1
#: Spectra of each sample whose distributions are compared.
_COMPARED = 300
#: Random directions over which the distance of joint distributions is averaged.
_DIRECTIONS = 64


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
    """Generated spectra against those that were trained on.

    Parameters
    ----------
    distance, noise : mapping
        Quantity → Wasserstein distance between its distributions among generated spectra and among those trained on;
        and that between two samples of these, of the same size. ``joint`` is that of all three, each over its standard
        deviation, averaged over directions.
    nearest_copy : float
        Median distance of a generated shape to the nearest of the training set, over that of a held-out shape; near 0
        they would be copies.
    components : int
        Normal distributions in the latent space.
    """

    distance: dict[str, float]
    noise: dict[str, float]
    nearest_copy: float
    components: int


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
    given = [_asked(one) for one in problems]
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


def novelty(
    generator: Generator, trained: list[Problem], held_out: np.ndarray, seed: int, executor: Executor
) -> Novelty:
    """Compare generated spectra with those that were trained on, and their shapes with held-out ones (m, bins)."""
    rng = np.random.default_rng(seed)
    count = min(_COMPARED, len(trained) // 2)
    shapes, lam, end = generator.sample(count, rng)
    generated = [Problem(Group.METAL, spectrum_of(*one), _MU_STAR) for one in zip(shapes, lam, end, strict=True)]
    order = rng.permutation(len(trained))
    samples = [[_asked(trained[i]) for i in order[first : first + count]] for first in (0, count)]
    first, second, new = (_quantities(some, executor) for some in (*samples, generated))
    known = shapes_of(trained)
    return Novelty(
        _distances(new, first, rng),
        _distances(second, first, rng),
        float(np.median(_nearest(shapes, known)) / np.median(_nearest(held_out, known))),
        len(generator.mixture.weights),
    )


def _asked(one: Problem) -> Problem:
    return Problem(one.group, one.spectrum, _MU_STAR)


def _quantities(problems: list[Problem], executor: Executor) -> np.ndarray:
    """Return ln λ, ω_log/ω̄₂ and k_BTc/ħω_log (n, 3)."""
    futures = [executor.submit(tc_of, one) for one in problems]
    moments = [one.spectrum.moments() for one in problems]
    tc = np.array([future.result() for future in futures])
    log = np.array([one.omega_log for one in moments])
    lam, second = (np.array([getattr(one, name) for one in moments]) for name in ("lam", "omega_2"))
    return np.column_stack([np.log(lam), log / second, tc / (K_PER_THZ * log)])


def _distances(one: np.ndarray, other: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    from scipy.stats import wasserstein_distance

    names = ("ln lambda", "omega_log/omega_2", "Tc/omega_log")
    result = {name: float(wasserstein_distance(a, b)) for name, a, b in zip(names, one.T, other.T, strict=True)}
    directions = rng.normal(size=(_DIRECTIONS, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    along = [(values / other.std(0)) @ directions.T for values in (one, other)]
    sliced = [wasserstein_distance(a, b) for a, b in zip(along[0].T, along[1].T, strict=True)]
    return result | {"joint": float(np.mean(sliced))}


def _moments(one: Problem) -> tuple[float, float]:
    moments = one.spectrum.moments()
    return moments.omega_log, moments.omega_2


def _nearest(shapes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the distance (n,) of cumulative shapes to the nearest of others."""
    one, many = shapes.cumsum(1), others.cumsum(1)
    return np.array([np.abs(many - row).mean(1).min() for row in one])

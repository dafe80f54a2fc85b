"""Electron–phonon spectra made at will, over the couplings and shapes of real materials, labelled by Eliashberg's Tc.

A problem is a function of a seed and its number alone, so that spectra need not be kept: what is kept is the table of
moments and labels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Final

import numpy as np

from gasearch.superconductivity.alpha2f import Alpha2F
from gasearch.superconductivity.eliashberg import Coulomb, Eliashberg, critical_temperature
from gasearch.superconductivity.modes import Modes, Spectrum
from gasearch.superconductivity.moments import Moments
from gasearch.units import K_PER_THZ

#: Ranges over which a formula is to hold, and over which problems are drawn.
LAMBDA: Final = (0.1, 10.0)
MU_STAR: Final = (0.05, 0.2)
RATIO: Final = (0.2, 1.0)
#: Samples of a smooth spectrum.
_POINTS: Final = 160
#: Lines that stand for a smooth spectrum when it is labelled; Tc is off by 0.03 % at most, and takes half the time.
_LINES: Final = 8
#: Problems that are labelled as one task.
_BLOCK: Final = 50
#: Least share of λ that a mode or a peak has: the end of the phonons, to which μ* belongs, is where something couples.
_LEAST_SHARE: Final = 0.05

#: ν/ω_log at which a `Table` has the coupling on the imaginary axis.
TRANSFERS: Final = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)

#: Group, λ, μ*, ω_log, ω̄₂, ω_ph, λ(iν)/λ, Tc: a row of a `Table`.
Row = tuple[str, float, float, float, float, float, np.ndarray, float]


class Group(StrEnum):
    """What a spectrum resembles; cross-validation holds out one of them."""

    METAL = "metal"
    HYDRIDE = "hydride"
    BIMODAL = "bimodal"
    #: Two modes further apart than in any material that we know of; for tests alone.
    EXTREME = "extreme"


#: What resembles materials.
MATERIALS: Final = (Group.METAL, Group.HYDRIDE, Group.BIMODAL)


@dataclass(frozen=True, eq=False)
class Problem:
    """A spectrum and the μ* (at the end of its phonons) to solve for."""

    group: Group
    spectrum: Spectrum
    mu_star: float


@dataclass(frozen=True, eq=False)
class Table:
    """Moments and labels of many problems; one row each.

    Parameters
    ----------
    group : (n,) array of str
        One of `Group`, or a name.
    lam, mu_star : (n,) arrays
        μ* at the end of the phonons (the convention ``rescaled``).
    omega_log, omega_2, omega_ph : (n,) arrays
        THz.
    kernel : (n, k) array
        λ(iν)/λ at `TRANSFERS`: all that the Eliashberg equations see of a spectrum.
    tc : (n,) array
        K; of the Eliashberg equations.
    """

    group: np.ndarray
    lam: np.ndarray
    mu_star: np.ndarray
    omega_log: np.ndarray
    omega_2: np.ndarray
    omega_ph: np.ndarray
    kernel: np.ndarray
    tc: np.ndarray

    def __len__(self) -> int:
        return len(self.lam)

    def __getitem__(self, rows: np.ndarray | slice) -> Table:
        """Return some rows."""
        return Table(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def ratio(self) -> np.ndarray:
        """ω_log/ω̄₂ (n,), at most 1."""
        return self.omega_log / self.omega_2

    @property
    def reduced_tc(self) -> np.ndarray:
        """k_BTc/ħω_log (n,)."""
        return self.tc / (K_PER_THZ * self.omega_log)

    def moments(self) -> list[Moments]:
        """Return the moments of each row."""
        return [Moments(*row) for row in zip(self.lam, self.omega_log, self.omega_2, self.omega_ph, strict=True)]


def problem(seed: int, number: int, groups: Sequence[Group] = MATERIALS) -> Problem:
    """Return a problem of one of the groups, which take turns, with the ratio ω_log/ω̄₂ within `RATIO`."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))
    group = groups[number % len(groups)]
    mu_star = rng.uniform(*MU_STAR)
    while True:
        spectrum = _DRAW[group](rng)
        moments = spectrum.moments()
        if moments.omega_log / moments.omega_2 >= RATIO[0]:
            return Problem(group, spectrum, mu_star)


def tc_of(one: Problem) -> float:
    """Return Tc, K, by the Eliashberg equations, within 0.05 %."""
    lines = one.spectrum.lines()
    modes = lines if len(lines.omega) <= _LINES else lines.condensed(_LINES)
    return critical_temperature(Eliashberg(modes, one.spectrum.omega_ph, Coulomb(one.mu_star)))


def row(one: Problem, tc: float) -> Row:
    """Return the row of a problem in a `Table`."""
    moments, end = one.spectrum.moments(), one.spectrum.omega_ph
    kernel = one.spectrum.modes().kernel((moments.omega_log * np.array(TRANSFERS)) ** 2) / moments.lam
    return str(one.group), moments.lam, one.mu_star, moments.omega_log, moments.omega_2, end, kernel, tc


def table(rows: Sequence[Row]) -> Table:
    """Return the table of rows."""
    group, *numbers = zip(*rows, strict=True)
    return Table(np.array(group), *(np.array(column) for column in numbers))


def joined(tables: Sequence[Table]) -> Table:
    """Return the rows of tables, one after the other."""
    return Table(*(np.concatenate([getattr(one, field.name) for one in tables]) for field in fields(Table)))


def labelled(seed: int, numbers: int | range, executor: Executor, groups: Sequence[Group] = MATERIALS) -> Table:
    """Return problems (as many, or of these numbers), labelled in blocks by an executor; the same whoever does it."""
    numbers = range(numbers) if isinstance(numbers, int) else numbers
    blocks = [numbers[first : first + _BLOCK] for first in range(0, len(numbers), _BLOCK)]
    futures = [executor.submit(_label, seed, block, groups) for block in blocks]
    return table([one for future in futures for one in future.result()])


def _label(seed: int, numbers: range, groups: Sequence[Group]) -> list[Row]:
    return [row(one, tc_of(one)) for one in (problem(seed, number, groups) for number in numbers)]


def _metal(rng: np.random.Generator) -> Spectrum:
    """Draw acoustic weight and up to two peaks up to 3–15 THz, or one to four Einstein modes."""
    end, lam = _log_uniform(rng, 3.0, 15.0), _log_uniform(rng, 0.2, 3.0)
    if rng.random() < 1 / 3:
        return _lines(end * rng.uniform(0.3, 1.0, rng.integers(1, 5)), lam, rng)
    peaks = rng.integers(1, 4)
    return _smooth(end, np.append(rng.uniform(0.2, 0.5), rng.uniform(0.35, 0.95, peaks - 1)), lam, rng)


def _hydride(rng: np.random.Generator) -> Spectrum:
    """Draw acoustic weight of the heavy atoms and one to four optical peaks of hydrogen up to 20–80 THz."""
    end, lam = _log_uniform(rng, 20.0, 80.0), _log_uniform(rng, 0.3, 6.0)
    acoustic, optical = rng.uniform(0.1, 0.3), rng.uniform(0.25, 0.95, rng.integers(1, 5))
    if rng.random() < 1 / 3:
        return _lines(end * np.append(acoustic, optical), lam, rng)
    return _smooth(end, np.append(acoustic, optical), lam, rng)


def _bimodal(rng: np.random.Generator) -> Spectrum:
    """Draw two modes up to a factor of 10 apart, sharp or broad, with any share of λ."""
    return _two_modes(rng, _log_uniform(rng, 1.0, 10.0))


def _extreme(rng: np.random.Generator) -> Spectrum:
    """Draw the same with modes a factor of 10 to 25 apart."""
    return _two_modes(rng, _log_uniform(rng, 10.0, 25.0))


def _two_modes(rng: np.random.Generator, factor: float) -> Spectrum:
    lam, centres = _log_uniform(rng, *LAMBDA), _log_uniform(rng, 1.0, 10.0) * np.array([1.0, factor])
    if rng.random() < 1 / 2:
        return _lines(centres, lam, rng)
    end = 1.3 * centres[1]
    return _smooth(end, centres / end, lam, rng)


_DRAW: Final[Mapping[Group, Callable[[np.random.Generator], Spectrum]]] = {
    Group.METAL: _metal,
    Group.HYDRIDE: _hydride,
    Group.BIMODAL: _bimodal,
    Group.EXTREME: _extreme,
}


def _log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _lines(omega: np.ndarray, lam: float, rng: np.random.Generator) -> Modes:
    """Return Einstein modes with random shares of λ."""
    return Modes(omega, lam * _shares(len(omega), rng))


def _shares(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return shares of λ (count,) that add up to 1, none of them negligible."""
    return _LEAST_SHARE + (1 - count * _LEAST_SHARE) * rng.dirichlet(np.ones(count))


def _smooth(end: float, centres: np.ndarray, lam: float, rng: np.random.Generator) -> Alpha2F:
    """Return peaks with random widths and shares of λ, at centres given as shares of the end, THz."""
    omega = np.linspace(0.0, end, _POINTS)
    values = np.zeros_like(omega)
    for centre, share in zip(centres, _shares(len(centres), rng), strict=True):
        width = max(min(centre, rng.uniform(0.05, 0.5)), 3 / _POINTS)
        values += share * _peak(omega, end * centre, end * width)
    coupling = Alpha2F(omega, values).moments().lam
    return Alpha2F(omega, values * lam / coupling)


def _peak(omega: np.ndarray, centre: float, width: float) -> np.ndarray:
    """Return a peak that is zero beyond its half width, and rises as ω² from ω = 0; its λ is about 1."""
    low, high = max(centre - width, 0.0), centre + width
    inside = np.clip(omega - low, 0, None) ** 2 * np.clip(high - omega, 0, None) ** 2
    return inside * centre / max(np.trapezoid(inside, omega), 1e-300) / 2

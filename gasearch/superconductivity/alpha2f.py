"""The Eliashberg function α²F(ω) as the straight lines between its samples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from gasearch.errors import SpectrumError
from gasearch.superconductivity.modes import CONDENSED, Modes
from gasearch.superconductivity.moments import Moments, moments_of_samples, segment_couplings

#: Largest share of λ that may be negative, and of the area that may lie at imaginary frequencies.
TOLERANCE: Final = 0.02
#: α²F above which there are phonons.
_PHONONS: Final = 0.01
#: No frequency in THz and no α²F is that large.
_HUGE: Final = 1e9
#: Points of the quadrature within a segment.
_POINTS: Final = 6


@dataclass(frozen=True, eq=False)
class Alpha2F:
    """A piecewise linear α²F; zero outside its samples.

    Parameters
    ----------
    omega : (n,) array
        THz, increasing, none negative.
    values : (n,) array
        α²F, dimensionless, none negative; zero at ω = 0, as λ diverges otherwise.
    source : str
        Where it comes from.
    smearing : float or None
        Electronic smearing, in the unit and convention of the source; None where there is none or it is not known.
    parts : (modes, n) array or None
        Contributions of the phonon branches, as the source has them.
    negative_share : float
        |λ| of what was negative and set to zero, relative to λ.
    imaginary_share : float
        Area below ω = 0 (imaginary modes) that was left out, relative to the whole.
    """

    omega: np.ndarray
    values: np.ndarray
    source: str = ""
    smearing: float | None = None
    parts: np.ndarray | None = None
    negative_share: float = 0.0
    imaginary_share: float = 0.0

    def __post_init__(self) -> None:
        for name in ("omega", "values", "parts"):
            if getattr(self, name) is not None:
                array = np.array(getattr(self, name), float)
                array.flags.writeable = False
                object.__setattr__(self, name, array)
        problem = _problem(self.omega, self.values)
        if problem is None and self.parts is not None and self.parts.shape[1:] != self.omega.shape:
            problem = f"found modes of shape {self.parts.shape} for {len(self.omega)} frequencies"
        if problem:
            raise SpectrumError(f"{self.source or 'α²F'}: {problem}")

    @staticmethod
    def from_samples(
        omega: np.ndarray,
        values: np.ndarray,
        source: str = "",
        smearing: float | None = None,
        parts: np.ndarray | None = None,
        tolerance: float = TOLERANCE,
    ) -> Alpha2F:
        """Build α²F of samples as a code wrote them, with a little unphysical weight that is measured and left out.

        Parameters
        ----------
        omega : (n,) array
            THz, increasing; negative ones stand for imaginary modes.
        values : (n,) array
        source, smearing, parts
            As of `Alpha2F`.
        tolerance : float
            Largest share that may be left out.

        Raises
        ------
        SpectrumError
            If the samples are no function, if α²F does not vanish at ω = 0, or if more than the tolerance is negative
            or at imaginary frequencies.
        """
        omega, values = np.asarray(omega, float), np.asarray(values, float)
        name = source or "α²F"
        problem = _problem_of_samples(omega, values)
        if problem:
            raise SpectrumError(f"{name}: {problem}")
        imaginary = _imaginary_share(omega, values)
        if imaginary > tolerance:
            raise SpectrumError(
                f"{name}: {imaginary:.1%} of α²F lies at imaginary frequencies; at most {tolerance:.1%} is allowed: "
                "the crystal is unstable, or its phonons are not converged"
            )
        real = omega >= 0
        omega, values = omega[real], np.where(omega[real] > 0, values[real], 0.0)
        negative = _negative_share(omega, values)
        if negative > tolerance:
            raise SpectrumError(
                f"{name}: negative α²F makes {negative:.1%} of λ; at most {tolerance:.1%} is allowed: "
                "q or k are not converged, or the broadening has negative lobes (Methfessel–Paxton)"
            )
        parts = None if parts is None else np.asarray(parts)[:, real]
        return Alpha2F(omega, np.maximum(values, 0.0), source, smearing, parts, negative, imaginary)

    @property
    def omega_ph(self) -> float:
        """The highest frequency, THz, where α²F exceeds 0.01, or a tenth of its maximum if that is less."""
        return float(self.omega[self.values > min(_PHONONS, 0.1 * self.values.max())].max())

    def moments(self) -> Moments:
        """Return λ, ω_log and ω̄₂, by exact integration."""
        return replace(moments_of_samples(self.omega, self.values), omega_ph=self.omega_ph)

    def cumulative(self) -> np.ndarray:
        """Return λ of the phonons up to each sample (n,), by exact integration."""
        return np.append(0.0, np.cumsum(segment_couplings(self.omega, self.values)))

    def lines(self) -> Modes:
        """Return a fine line spectrum: Gauss–Legendre points of each segment, in ln ω where it does not begin at 0."""
        points, weights = np.polynomial.legendre.leggauss(_POINTS)
        low, high = self.omega[:-1, None], self.omega[1:, None]
        from_zero = low == 0
        safe = np.where(from_zero, high, low)
        ratio = np.log(high / safe)
        nodes = np.where(from_zero, high * (1 + points) / 2, safe * np.exp(ratio * (1 + points) / 2))
        # dλ = 2α²F dω/ω
        measure = np.where(from_zero, high / nodes, ratio) * weights / 2
        values = np.interp(nodes, self.omega, self.values)
        return Modes(nodes.ravel(), (2 * values * measure).ravel())

    def modes(self) -> Modes:
        """Return a few lines that couple on the imaginary axis as the spectrum does."""
        return self.lines().condensed(CONDENSED)

    def weakened(self, factor: float) -> Alpha2F:
        """Return the spectrum divided by a factor."""
        parts = None if self.parts is None else self.parts / factor
        return replace(self, values=self.values / factor, parts=parts)


def _problem_of_samples(omega: np.ndarray, values: np.ndarray) -> str | None:
    if omega.ndim != 1 or omega.shape != values.shape or len(omega) < 2:
        return f"found {omega.shape} frequencies and {values.shape} values; needed are two or more of each"
    # A comparison with what is not a number is false.
    if not (np.abs(omega).max() < _HUGE and np.abs(values).max() < _HUGE):
        return "a frequency or a value is not a finite number, or beyond all reason"
    if not (np.diff(omega) > 0).all():
        row = int(np.argmin(np.diff(omega))) + 1
        return f"frequencies must increase, but sample {row + 1} does not"
    if not values[omega > 0].any():
        return "α²F is zero everywhere"
    if np.abs(values[omega == 0]).sum() > 1e-3 * np.abs(values).max():
        return "α²F does not vanish at ω = 0, so that λ diverges: the crystal is not stable, or a smearing is too wide"
    return None


def _problem(omega: np.ndarray, values: np.ndarray) -> str | None:
    problem = _problem_of_samples(omega, values)
    if problem is None and (omega[0] < 0 or (values < 0).any() or values[omega == 0].any()):
        return "frequencies and values must not be negative, nor α²F at ω = 0 other than zero"
    return problem


def _imaginary_share(omega: np.ndarray, values: np.ndarray) -> float:
    weight = np.abs(values) * np.gradient(omega)
    return float(weight[omega < 0].sum() / weight.sum())


def _negative_share(omega: np.ndarray, values: np.ndarray) -> float:
    """Return |λ| of what is negative over λ of what is positive; 1 where that is nothing."""
    positive = segment_couplings(omega, np.maximum(values, 0.0)).sum()
    negative = segment_couplings(omega, np.maximum(-values, 0.0)).sum()
    return float(negative / positive) if positive > 0 else 1.0

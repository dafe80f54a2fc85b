"""What formulas for Tc need of α²F: the coupling λ and two mean frequencies."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Moments:
    """Coupling and mean frequencies of an electron–phonon spectrum.

    Parameters
    ----------
    lam : float
        λ = 2∫ α²F/ω dω.
    omega_log : float
        Logarithmic mean frequency exp[(2/λ)∫ ln ω α²F/ω dω], THz.
    omega_2 : float or None
        Root of the second moment, ω̄₂ = [(2/λ)∫ α²F ω dω]^½, THz; None where it is not known.
    omega_ph : float or None
        End of the phonons, THz, to which μ* belongs; None where it is not known.

    References
    ----------
    Allen and Dynes, Phys. Rev. B 12, 905 (1975), doi:10.1103/PhysRevB.12.905.
    """

    lam: float
    omega_log: float
    omega_2: float | None = None
    omega_ph: float | None = None

    def weakened(self, factor: float) -> Moments:
        """Return the moments of the spectrum divided by a factor."""
        return replace(self, lam=self.lam / factor)


def segment_couplings(omega: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return 2∫ (p + qω)/ω dω over each segment (n - 1,).

    The first frequency may be zero if the value there is.
    """
    p, q = _segments(omega, values)
    return 2 * (p * _log_ratio(omega) + q * np.diff(omega))


def moments_of_samples(omega: np.ndarray, values: np.ndarray) -> Moments:
    """Return the moments of the piecewise linear function through samples, integrated exactly.

    Parameters
    ----------
    omega : (n,) array
        THz, increasing; the first may be zero if the value there is.
    values : (n,) array
        α²F.
    """
    p, q = _segments(omega, values)
    lam = float(segment_couplings(omega, values).sum())
    logs = np.log(omega, where=omega > 0, out=np.zeros_like(omega))
    # ∫ (p + qω) ln ω/ω dω = p (ln²b − ln²a)/2 + q [ω ln ω − ω]
    log_moment = p * _log_ratio(omega) * (logs[1:] + logs[:-1]) / 2 + q * np.diff(omega * logs - omega)
    second = p * np.diff(omega**2) / 2 + q * np.diff(omega**3) / 3
    return Moments(lam, float(np.exp(2 * log_moment.sum() / lam)), float(np.sqrt(2 * second.sum() / lam)))


def moments_of_lines(omega: np.ndarray, couplings: np.ndarray) -> Moments:
    """Return the moments of lines at frequencies (n,), THz, that contribute couplings (n,) to λ."""
    lam = float(couplings.sum())
    shares = couplings / lam
    return Moments(lam, float(np.exp(shares @ np.log(omega))), float(np.sqrt(shares @ omega**2)))


def _log_ratio(omega: np.ndarray) -> np.ndarray:
    """Return ln(b/a) of each segment; zero for one that begins at ω = 0, as its intercept is zero."""
    from_zero = omega[:-1] == 0
    return np.where(from_zero, 0.0, np.log1p(np.diff(omega) / np.where(from_zero, 1.0, omega[:-1])))


def _segments(omega: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return intercepts and slopes (n - 1,) of the straight lines through samples (n,), (n,)."""
    slopes = np.diff(values) / np.diff(omega)
    return values[:-1] - slopes * omega[:-1], slopes

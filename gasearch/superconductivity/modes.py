"""Line spectra: Einstein modes, and any α²F condensed into a few of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from gasearch.superconductivity.moments import Moments, moments_of_lines

#: Lines into which a continuous spectrum is condensed; tests show what that leaves of it.
CONDENSED = 16


class Spectrum(Protocol):
    """An electron–phonon spectrum, whatever its form."""

    @property
    def omega_ph(self) -> float:
        """The end of the phonons, THz: where μ* of the convention ``rescaled`` belongs."""
        ...

    def moments(self) -> Moments:
        """Return λ and the mean frequencies."""
        ...

    def modes(self) -> Modes:
        """Return lines that couple on the imaginary axis as the spectrum does."""
        ...

    def lines(self) -> Modes:
        """Return lines at which the spectrum may be taken on the real axis as well."""
        ...

    def weakened(self, factor: float) -> Spectrum:
        """Return the spectrum divided by a factor."""
        ...


@dataclass(frozen=True, eq=False)
class Modes:
    """Einstein modes: α²F = Σᵢ ½ λᵢ ωᵢ δ(ω − ωᵢ).

    Parameters
    ----------
    omega : (n,) array
        THz, positive.
    couplings : (n,) array
        λᵢ, what each adds to λ; not negative, and not all zero.
    """

    omega: np.ndarray
    couplings: np.ndarray

    def __post_init__(self) -> None:
        for name in ("omega", "couplings"):
            values = np.array(getattr(self, name), float)
            values.flags.writeable = False
            object.__setattr__(self, name, values)
        if self.omega.shape != self.couplings.shape or self.omega.ndim != 1:
            raise ValueError("omega and couplings need one dimension and the same length")
        if not ((self.omega > 0).all() and (self.couplings >= 0).all() and self.couplings.sum() > 0):
            raise ValueError("frequencies must be positive, couplings not negative, and their sum positive")

    @property
    def omega_ph(self) -> float:
        """The highest frequency, THz."""
        return float(self.omega[self.couplings > 0].max())

    def moments(self) -> Moments:
        """Return λ and the mean frequencies."""
        return replace(moments_of_lines(self.omega, self.couplings), omega_ph=self.omega_ph)

    def lines(self) -> Modes:
        """Return the modes themselves."""
        return self

    def modes(self) -> Modes:
        """Return the modes, condensed where they are many."""
        return self if len(self.omega) <= CONDENSED else self.condensed(CONDENSED)

    def weakened(self, factor: float) -> Modes:
        """Return the spectrum divided by a factor."""
        return replace(self, couplings=self.couplings / factor)

    def kernel(self, squared: np.ndarray) -> np.ndarray:
        """Return λ(iν) = Σᵢ λᵢ ωᵢ²/(ωᵢ² + ν²), of any shape, at ν² (THz²)."""
        total = np.zeros_like(squared)
        for omega, coupling in zip(self.omega.tolist(), self.couplings.tolist(), strict=True):
            total += coupling / (1.0 + squared / omega**2)
        return total

    def kernel_slope(self, squared: np.ndarray) -> np.ndarray:
        """Return dλ(iν)/d ln ν, of any shape, at ν² (THz²)."""
        total = np.zeros_like(squared)
        for omega, coupling in zip(self.omega.tolist(), self.couplings.tolist(), strict=True):
            x = squared / omega**2
            total -= 2 * coupling * x / (1.0 + x) ** 2
        return total

    def condensed(self, count: int) -> Modes:
        """Return at most ``count`` lines that integrate smooth functions of ln ω as these do.

        They are the Gauss quadrature of the measure dλ(ln ω). λ(iν) is the integral of 1/(1 + (ν/ω)²), which as a
        function of ln ω has the same shape at every ν, and no pole nearer to the real axis than π/2: the error falls
        exponentially with ``count``, and as fast at any temperature. λ and ω_log are kept to rounding.

        References
        ----------
        Golub and Welsch, Math. Comp. 23, 221 (1969), doi:10.1090/S0025-5718-69-99647-1.
        """
        used = self.couplings > 0
        diagonal, next_to_it = _lanczos(np.log(self.omega[used]), self.couplings[used], count)
        logs, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(next_to_it, 1) + np.diag(next_to_it, -1))
        return Modes(np.exp(logs), self.couplings.sum() * vectors[0] ** 2)


def _lanczos(x: np.ndarray, weights: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the recurrence (k,), (k - 1,) of the polynomials orthogonal on points x with weights; k ≤ count."""
    basis = [np.sqrt(weights / weights.sum())]
    diagonal, next_to_it = [basis[0] @ (x * basis[0])], []
    scale = np.abs(x - diagonal[0]).max()
    while len(diagonal) < count:
        residual = x * basis[-1]
        for _ in range(2):  # twice, as rounding leaves something after once
            residual = residual - np.array(basis).T @ (np.array(basis) @ residual)
        norm = np.linalg.norm(residual)
        if norm <= 1e-10 * scale:
            break
        basis.append(residual / norm)
        next_to_it.append(norm)
        diagonal.append(basis[-1] @ (x * basis[-1]))
    return np.array(diagonal), np.array(next_to_it)

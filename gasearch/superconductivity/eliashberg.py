"""The isotropic Eliashberg equations on the imaginary axis, and the Tc of the linear ones.

With Δₙ = ωₙ tan θₙ, even in n, and in units of πT, the equations for n ≥ 0 read

    (2n+1) sin θₙ = Σₘ [A⁺ₙₘ sin θₘ cos θₙ − A⁻ₙₘ cos θₘ sin θₙ],   A± = λ(n−m) ± λ(n+m+1), less 2μ* in A⁺.

They make a free energy stationary (see `gasearch.superconductivity.gap`), so that the linear ones are symmetric. A⁻ is
what the electron mass takes (Z), summed over the same points as A⁺: the terms m = n cancel, as Anderson's theorem
wants, and what is left is smooth where λ(n−m) is not.

References
----------
Allen and Mitrović, Solid State Physics 37, 1 (1982), sec. 11, doi:10.1016/S0081-1947(08)60665-7;
Carbotte, Rev. Mod. Phys. 62, 1027 (1990), doi:10.1103/RevModPhys.62.1027.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np

from gasearch.errors import InputError
from gasearch.superconductivity.formulas import allen_dynes, referred
from gasearch.superconductivity.matsubara import Thinning
from gasearch.superconductivity.modes import Modes, Spectrum
from gasearch.units import K_PER_THZ

#: Temperature, relative to ω̄₂, below which no Tc is looked for.
FLOOR: Final = 1e-6
#: ω_c over ω_ph, to which μ* of the convention ``as_given`` belongs.
AS_GIVEN_CUTOFF: Final = 10.0
#: Largest μ* ln(ω_c/ω_ph): at 1 there is no repulsion, however strong, that gives μ*.
_STRONGEST: Final = 0.85
#: Relative accuracy of the root; the sums are less accurate.
_ROOT: Final = 1e-5


class Convention(StrEnum):
    """At which frequency μ* is what is given; the value is the name in inputs and results."""

    RESCALED = "rescaled"
    AS_GIVEN = "as_given"


@dataclass(frozen=True)
class Coulomb:
    """The Coulomb pseudopotential, and what the spin fluctuations add to it.

    Parameters
    ----------
    mu_star : float
        μ*, from 0.
    convention : Convention
        ``rescaled``: μ* belongs to the end of the phonons ω_ph, as in the formulas of McMillan and of Allen and Dynes,
        and 1/μ*(ω_c) = 1/μ* + ln(ω_ph/ω_c) at a cutoff ω_c. ``as_given``: it belongs to the cutoff ω_c = 10 ω_ph.
    lambda_sf : float
        Coupling to paramagnons, from 0. They break pairs and add to the mass; where their energies are high above the
        phonons', λ → λ/(1 + λ_sf) and μ* → (μ* + λ_sf)/(1 + λ_sf) [1].

    References
    ----------
    [1] Daams, Mitrović and Carbotte, Phys. Rev. Lett. 46, 65 (1981), doi:10.1103/PhysRevLett.46.65.
    """

    mu_star: float
    convention: Convention = Convention.RESCALED
    lambda_sf: float = 0.0

    def __post_init__(self) -> None:
        for name in ("mu_star", "lambda_sf"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise InputError(f"{name}: found {value:g}; allowed is a number of at least 0")

    @property
    def effective(self) -> float:
        """μ* together with the paramagnons."""
        return (self.mu_star + self.lambda_sf) / (1 + self.lambda_sf)

    @property
    def at_end_of_phonons(self) -> float:
        """The same at ω_ph, where closed formulas take it, whatever the convention."""
        given_at = 1.0 if self.convention is Convention.RESCALED else AS_GIVEN_CUTOFF
        return float(referred(self.effective, given_at, 1.0))


@dataclass(frozen=True)
class Sums:
    """Which Matsubara frequencies are summed over.

    Parameters
    ----------
    cutoff : float
        ω_c of the Coulomb repulsion over ω_ph, at most; at least `AS_GIVEN_CUTOFF`.
    reach : float
        Where the phonons' sums end, over ω_c.
    fewest : int
        Positive frequencies that there are at least below ω_c, and, times ``reach``, in the phonons' sums.
    fewest_repulsive : int
        The same below ω_c where so many would lie too far above ω_ph for μ*, which diverges there: at high temperature.
    thinning : Thinning
    """

    cutoff: float = 20.0
    reach: float = 10.0
    fewest: int = 40
    fewest_repulsive: int = 8
    thinning: Thinning = field(default_factory=Thinning)


@dataclass(frozen=True, eq=False)
class Kernels:
    """A⁺ and A⁻ at one temperature, on thinned Matsubara frequencies.

    Parameters
    ----------
    temperature : float
        THz.
    n : (k,) array
        ωₙ = (2n + 1)πT; not all whole numbers.
    weights : (k,) array
        How many frequencies each stands for.
    plus, minus : (k, k) arrays
        A⁺, A⁻.
    repulsive : (k,) array of bool
        Frequencies below the cutoff of the repulsion.
    mu_star : float
        μ* at that cutoff.
    """

    temperature: float
    n: np.ndarray
    weights: np.ndarray
    plus: np.ndarray
    minus: np.ndarray
    repulsive: np.ndarray
    mu_star: float

    @property
    def omega(self) -> np.ndarray:
        """Matsubara frequencies (k,), THz."""
        return np.pi * self.temperature * (2 * self.n + 1)

    def linear(self) -> np.ndarray:
        """Return the symmetric matrix (k, k) of the linear equations, whose largest eigenvalue is 1 at Tc."""
        return symmetric(self.n, self.weights, self.plus, self.minus)


def symmetric(n: np.ndarray, weights: np.ndarray, plus: np.ndarray, minus: np.ndarray) -> np.ndarray:
    """Return (2n+1)^-½ [w^½ A⁺ w^½ − diag(A⁻ w)] (2n+1)^-½; linear in A⁺ and A⁻."""
    scale = np.sqrt(weights / (2 * n + 1))
    matrix = scale[:, None] * plus * scale
    matrix[np.diag_indices_from(matrix)] -= (minus @ weights) / (2 * n + 1)
    return matrix


@dataclass(frozen=True, eq=False)
class Eliashberg:
    """The Eliashberg equations of one spectrum.

    Parameters
    ----------
    modes : Modes
        Lines that couple as the spectrum does, weakened by paramagnons already, see `of`.
    omega_ph : float
        End of the phonons, THz.
    coulomb : Coulomb
    sums : Sums
    """

    modes: Modes
    omega_ph: float
    coulomb: Coulomb
    sums: Sums = Sums()

    @staticmethod
    def of(spectrum: Spectrum, coulomb: Coulomb, sums: Sums = Sums()) -> Eliashberg:
        """Return the equations of a spectrum, which the paramagnons weaken."""
        return Eliashberg(spectrum.modes().weakened(1 + coulomb.lambda_sf), spectrum.omega_ph, coulomb, sums)

    @property
    def cutoff(self) -> float:
        """ω_c over ω_ph: nearer than that of the sums if the repulsion is strong, as it diverges with ln ω_c."""
        mu = self.coulomb.effective
        if mu * np.log(self.sums.cutoff) <= 0.5:
            return self.sums.cutoff
        return max(AS_GIVEN_CUTOFF, float(np.exp(0.5 / mu)))

    @property
    def reference(self) -> float:
        """The frequency, THz, to which μ* as given belongs."""
        return self.omega_ph * (1.0 if self.coulomb.convention is Convention.RESCALED else AS_GIVEN_CUTOFF)

    def mu_star_at(self, cutoff: float) -> float:
        """Return μ* at a cutoff, THz.

        Raises
        ------
        InputError
            If μ* is so large that no repulsion at the cutoff, however strong, gives it.

        References
        ----------
        Morel and Anderson, Phys. Rev. 125, 1263 (1962), doi:10.1103/PhysRev.125.1263; the convention is that of
        Allen and Dynes (1975).
        """
        mu, rise = self.coulomb.effective, float(np.log(cutoff / self.reference))
        if mu * rise >= 1:
            raise InputError(
                f"mu_star: found {mu:.3g}, paramagnons included; for the cutoff of this spectrum it must be below "
                f"{1 / rise:.3f}: give a smaller one, or the convention {Convention.AS_GIVEN}"
            )
        return mu / (1 - mu * rise)

    def mu_star_slope(self, at_cutoff: float) -> float:
        """Return dμ*(cutoff)/dμ*, both with paramagnons, where μ* at the cutoff is this."""
        mu = self.coulomb.effective
        return (at_cutoff / mu) ** 2 if mu else 1.0

    def kernels(self, temperature: float) -> Kernels:
        """Return the kernels at a temperature, K."""
        unit = 2 * np.pi * temperature / K_PER_THZ
        count = max(self.sums.fewest, int(np.ceil(self.cutoff * self.omega_ph / unit)))
        n, weights, (below, _) = self.sums.thinning.points((self._repulsive(count, unit), int(self.sums.reach * count)))
        repulsive = n < below
        mu_star = self.mu_star_at(unit * below)
        near, far = (self.modes.kernel(nu**2) for nu in transfers(n, unit))
        plus = near + far - 2 * mu_star * np.outer(repulsive, repulsive)
        return Kernels(temperature / K_PER_THZ, n, weights, plus, near - far, repulsive, mu_star)

    def _repulsive(self, count: int, unit: float) -> int:
        """Return how many of the first frequencies feel the repulsion: all, if μ* is finite as far as they go."""
        if (mu := self.coulomb.effective) * np.log(max(count * unit / self.reference, 1.0)) <= _STRONGEST:
            return count
        return max(self.sums.fewest_repulsive, int(self.reference * np.exp(_STRONGEST / mu) / unit))

    def eigenvalue(self, temperature: float) -> float:
        """Return the largest eigenvalue of the linear equations at a temperature, K; above 1 below Tc."""
        return float(np.linalg.eigvalsh(self.kernels(temperature).linear())[-1])


def transfers(n: np.ndarray, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """Return ωₙ − ωₘ and ωₙ + ωₘ (k, k), in the unit of 2πT."""
    return unit * np.subtract.outer(n, n), unit * (np.add.outer(n, n) + 1)


def critical_temperature(equations: Eliashberg) -> float:
    """Return Tc, K; 0 where it is below a millionth of ω̄₂ or does not exist.

    The largest eigenvalue is followed from the Tc of Allen and Dynes's formula until it brackets 1, and the root is
    then found in ln T.
    """
    from scipy.optimize import brentq

    moments = equations.modes.moments()
    floor = FLOOR * K_PER_THZ * moments.omega_2

    def excess(log_temperature: float) -> float:
        return equations.eigenvalue(float(np.exp(log_temperature))) - 1.0

    start = np.log(max(allen_dynes(moments, equations.coulomb.effective), floor))
    bracket = _bracket(excess, start, np.log(floor))
    return 0.0 if bracket is None else float(np.exp(brentq(excess, *bracket, xtol=_ROOT)))


def _bracket(excess: Callable[[float], float], start: float, lowest: float) -> tuple[float, float] | None:
    """Return arguments between which a function that falls goes through zero, or None if it is negative at the lowest.

    Steps from the start double. Upwards there is an end, as no Tc exceeds 0.183 ω̄₂√λ.
    """
    here, step = start, 0.05
    if excess(here) >= 0:
        while excess(here + step) >= 0:
            here, step = here + step, 2 * step
        return here, here + step
    while here > lowest:
        below = max(here - step, lowest)
        if excess(below) >= 0:
            return below, here
        here, step = below, 2 * step
    return None

"""From the imaginary to the real frequency axis: the gap edge and the tunnelling density of states."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from gasearch.superconductivity.eliashberg import Eliashberg
from gasearch.superconductivity.gap import ImaginaryGap, imaginary_gap
from gasearch.superconductivity.modes import Modes, Spectrum
from gasearch.units import K_PER_THZ

#: Points of Padé's approximant; more add rounding alone.
_PADE_POINTS: Final = 60
#: Points of the real axis up to the end of the phonons, and per gap, and the most there may be.
_POINTS, _POINTS_PER_GAP, _MOST_POINTS = 400, 20.0, 8000
#: End of the real axis over the end of the phonons.
_END: Final = 5
#: Change of Δ from one iteration to the next, relative to its maximum, that counts as none.
_CONVERGED: Final = 1e-6
_ITERATIONS: Final = 500


@dataclass(frozen=True, eq=False)
class RealGap:
    """Δ(ω) and Z(ω) on the real axis at one temperature.

    Parameters
    ----------
    temperature : float
        K.
    omega : (n,) array
        THz, from 0, equally spaced.
    gap, renormalisation : (n,) complex arrays
        Δ, THz, and Z.
    change : float
        What the last iteration changed of Δ, relative to its maximum.
    """

    temperature: float
    omega: np.ndarray
    gap: np.ndarray
    renormalisation: np.ndarray
    change: float

    @property
    def converged(self) -> bool:
        """Whether the iterations ended before their limit."""
        return self.change < _CONVERGED

    @property
    def edge(self) -> float:
        """Δ₀, THz, where Re Δ(Δ₀) = Δ₀; zero where there is none."""
        return gap_edge(self.omega, self.gap)

    def density_of_states(self) -> np.ndarray:
        """Return N(ω)/N(0) = Re ω/√(ω² − Δ²) (n,), averaged over the spacing of the frequencies."""
        w = self.omega * self.renormalisation
        return _propagators(self.omega, w, self.gap * self.renormalisation)[0].real


def gap_edge(omega: np.ndarray, gap: np.ndarray) -> float:
    """Return the lowest frequency at which Re Δ(ω) falls below ω, of samples (n,); zero if there is none."""
    excess = gap.real - omega
    falls = np.flatnonzero((excess[:-1] >= 0) & (excess[1:] < 0))
    if len(falls) == 0:
        return 0.0
    i = int(falls[0])
    return float(omega[i] + (omega[i + 1] - omega[i]) * excess[i] / (excess[i] - excess[i + 1]))


def pade(points: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return the continued fraction through values (n,) at complex points (n,), at other points.

    References
    ----------
    Vidberg and Serene, J. Low Temp. Phys. 29, 179 (1977), appendix A, doi:10.1007/BF00655090.
    """
    coefficients, g = [], np.asarray(values, complex)
    points = np.asarray(points, complex)
    for i in range(len(points)):
        coefficients.append(g[0])
        if i + 1 == len(points) or (g[1:] == 0).any():
            break
        g = (g[0] - g[1:]) / ((points[i + 1 :] - points[i]) * g[1:])
    tail = np.zeros_like(np.asarray(at, complex))
    for i in range(len(coefficients) - 1, 0, -1):
        tail = coefficients[i] * (at - points[i - 1]) / (1 + tail)
    return coefficients[0] / (1 + tail)


def pade_gap(equations: Eliashberg, temperature: float, omega: np.ndarray) -> np.ndarray:
    """Return Δ(ω) (n,), THz, by Padé's approximant, at a temperature, K.

    Fast, good near the gap's edge, and without error bars: it checks `real_gap`.
    """
    thinning = replace(equations.sums.thinning, dense=_PADE_POINTS)
    solution = imaginary_gap(replace(equations, sums=replace(equations.sums, thinning=thinning)), temperature)
    count = min(_PADE_POINTS, len(solution.omega))
    return pade(1j * solution.omega[:count], solution.gap[:count], omega)


def real_gap(spectrum: Spectrum, equations: Eliashberg, temperature: float) -> RealGap:
    """Continue the gap to the real axis, at a temperature, K, below Tc.

    The equations of Marsiglio, Schossmann and Carbotte are iterated from a constant; they are exact. Sums over
    Matsubara frequencies and integrals over phonons are convolutions, as 2z/(z² − ζ²) = 1/(z − ζ) + 1/(z + ζ). The
    singularities at the gap's edge are integrated over each spacing.

    Parameters
    ----------
    spectrum : Spectrum
        What the equations were made of: on the real axis its shape matters.
    equations : Eliashberg
    temperature : float
        K.

    References
    ----------
    Marsiglio, Schossmann and Carbotte, Phys. Rev. B 37, 4965 (1988), doi:10.1103/PhysRevB.37.4965.

    Raises
    ------
    ValueError
        If there is no gap at this temperature.
    """
    solution = imaginary_gap(equations, temperature)
    if solution.gap[0] == 0:
        raise ValueError(f"there is no gap at {temperature:g} K")
    points = _POINTS_PER_GAP * equations.omega_ph / solution.gap[0]
    spacing = equations.omega_ph / np.clip(round(points), _POINTS, _MOST_POINTS)
    omega = spacing * (np.arange(round(_END * equations.omega_ph / spacing)) + 0.5)
    phonons = _deposited(spectrum.lines().weakened(1 + equations.coulomb.lambda_sf), spacing)
    fixed = _matsubara_part(solution, phonons, omega)
    thermal = _ThermalPart.of(phonons, omega, temperature / K_PER_THZ)
    gap = np.full(len(omega), solution.gap[0], complex)
    w, phi = omega * solution.renormalisation[0], gap * solution.renormalisation[0]
    for _ in range(_ITERATIONS):
        w, phi = fixed + thermal(w, phi)
        before, gap = gap, omega * phi / w
        change = float(np.abs(gap - before).max() / np.abs(gap).max())
        if change < _CONVERGED:
            break
    return RealGap(temperature, omega, gap, (1 + equations.coulomb.lambda_sf) * w / omega, change)


def _deposited(lines: Modes, spacing: float) -> np.ndarray:
    """Return the area of α²F (k,), THz, at the frequencies spacing·(1, 2, …), each line shared by its neighbours."""
    areas = lines.couplings * lines.omega / 2
    place = np.maximum(lines.omega / spacing - 1, 0.0)
    lower = place.astype(int)
    share = place - lower
    total = np.zeros(lower.max() + 2)
    np.add.at(total, lower, (1 - share) * areas)
    np.add.at(total, lower + 1, share * areas)
    return total


def _mirrored(right: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Return a kernel (2k + 1,) over the frequencies −k…k of what is at 1…k to the right and to the left."""
    return np.concatenate([left[::-1], [0.0], right])


def _convolved(field: np.ndarray, kernel: np.ndarray, count: int) -> np.ndarray:
    """Return Σₖ kernel(k) field(ω − k) at ω > 0 (count,), of a field that spans −(count + k)…count + k."""
    from scipy.signal import fftconvolve

    return fftconvolve(field, kernel, mode="valid")[count:]


def _matsubara_part(solution: ImaginaryGap, phonons: np.ndarray, omega: np.ndarray) -> np.ndarray:
    """Return what sums over Matsubara frequencies give of ωZ and ΔZ (2, n), the first with ω itself."""
    temperature, spacing = solution.temperature / K_PER_THZ, omega[1] - omega[0]
    x = spacing * (np.arange(len(omega) + len(phonons)) + 0.5)
    angles = np.arctan(solution.gap / solution.omega)
    mass, pairing = np.zeros_like(x), np.zeros_like(x)
    for nu, weight, angle in zip(solution.omega, solution.weights, angles, strict=True):
        pole = 2 * np.pi * temperature * weight / (x**2 + nu**2)
        mass += np.cos(angle) * nu * pole
        pairing += np.sin(angle) * x * pole
    kernel = _mirrored(phonons, -phonons)
    of_mass = _convolved(np.append(mass[::-1], mass), kernel, len(omega))
    of_pairing = -_convolved(np.append(-pairing[::-1], pairing), kernel, len(omega))
    return np.array([omega + of_mass, of_pairing - 2 * np.pi * temperature * solution.repulsion])


@dataclass(frozen=True, eq=False)
class _ThermalPart:
    """What phonons that are emitted and absorbed on the real axis add to ωZ and ΔZ.

    Parameters
    ----------
    omega : (n,) array
    fermi : (2(n + k),) array
        Occupation at the frequencies −(n + k)…n + k.
    emission : (2k + 1,) array
        α²F(z)[N(z) + 1] to the right, α²F(z)N(z) to the left.
    difference : (2k + 1,) array
        α²F(z) to the right, −α²F(z) to the left.
    """

    omega: np.ndarray
    fermi: np.ndarray
    emission: np.ndarray
    difference: np.ndarray

    @staticmethod
    def of(phonons: np.ndarray, omega: np.ndarray, temperature: float) -> _ThermalPart:
        """Build it of areas of α²F (k,), frequencies (n,), THz, and a temperature, THz."""
        spacing = omega[1] - omega[0]
        bose = phonons / np.expm1(np.minimum(spacing * np.arange(1, len(phonons) + 1) / temperature, 700.0))
        x = spacing * (np.arange(-len(omega) - len(phonons), len(omega) + len(phonons)) + 0.5)
        fermi = 0.5 * (1 - np.tanh(x / (2 * temperature)))
        return _ThermalPart(omega, fermi, _mirrored(phonons + bose, bose), _mirrored(phonons, -phonons))

    def __call__(self, w: np.ndarray, phi: np.ndarray) -> np.ndarray:
        """Return the addition to ωZ and ΔZ (2, n) at ωZ and ΔZ (n,)."""
        further = self.omega[0] * (2 * np.arange(len(self.omega), len(self.fermi) // 2) + 1)
        normal, anomalous = _propagators(self.omega, w, phi)
        normal = np.append(normal, np.ones_like(further))
        anomalous = np.append(anomalous, phi[-1] / w[-1] * self.omega[-1] / further)
        fields = np.append(normal[::-1].conj(), normal), np.append(-anomalous[::-1].conj(), anomalous)
        n = len(self.omega)
        return (
            1j
            * np.pi
            * np.array(
                [_convolved(f, self.emission, n) - _convolved(self.fermi * f, self.difference, n) for f in fields]
            )
        )


def _propagators(omega: np.ndarray, w: np.ndarray, phi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return ωZ/s and ΔZ/s (n,), s = √((ωZ)² − (ΔZ)²) with Im s > 0, averaged over the spacing around each frequency.

    Z and ΔZ are taken as constant there, so that the singularity is integrated exactly.
    """
    half = omega[0]
    z = (w + 1e-6j * half) / omega
    low, high = (z * (omega + shift) for shift in (-half, half))
    s_low, s_high = (_upper_root(edge**2 - phi**2) for edge in (low, high))
    normal = (s_high - s_low) / (2 * half * z)
    return normal, phi * (np.log(high + s_high) - np.log(low + s_low)) / (2 * half * z)


def _upper_root(values: np.ndarray) -> np.ndarray:
    """Return the square roots whose imaginary part is not negative."""
    roots = np.sqrt(values)
    return np.where(roots.imag < 0, -roots, roots)

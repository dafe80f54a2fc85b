"""The gap below Tc: the non-linear Eliashberg equations on the imaginary axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from gasearch.superconductivity.eliashberg import Eliashberg, Kernels
from gasearch.units import K_PER_THZ

#: Largest residual of the equations, relative to their terms.
_CONVERGED: Final = 1e-10
_STEPS: Final = 200


@dataclass(frozen=True, eq=False)
class ImaginaryGap:
    """A solution of the Eliashberg equations at one temperature.

    Parameters
    ----------
    temperature : float
        K.
    omega : (n,) array
        Matsubara frequencies, THz; thinned ones stand between the others.
    weights : (n,) array
        How many frequencies each stands for.
    gap : (n,) array
        Δ(iω), THz; zero in the normal state.
    renormalisation : (n,) array
        Z(iω).
    free_energy : float
        (Ω_s − Ω_n)/N(0), THz², N(0) being the density of states of one spin; not positive.
    repulsion : float
        μ* Σ sin θ over the frequencies below the cutoff: what Coulomb repulsion takes from Δ Z, over 2πT.
    """

    temperature: float
    omega: np.ndarray
    weights: np.ndarray
    gap: np.ndarray
    renormalisation: np.ndarray
    free_energy: float
    repulsion: float


def imaginary_gap(equations: Eliashberg, temperature: float) -> ImaginaryGap:
    """Solve for the gap at a temperature, K; above Tc it is zero.

    In the angles θ the equations make the free energy

        (Ω_s − Ω_n)/N(0) = (2πT)² {Σₙ (2n+1)(1 − cos θₙ) − ½ Σₙₘ [A⁺ sin θₙ sin θₘ + A⁻ (cos θₙ cos θₘ − 1)]}

    stationary, n and m ≥ 0; Newton's method finds its minimum, from above.

    References
    ----------
    Wada, Phys. Rev. 135, A1481 (1964), doi:10.1103/PhysRev.135.A1481; Bardeen and Stephen, Phys. Rev. 136, A1485
    (1964), doi:10.1103/PhysRev.136.A1485.

    Raises
    ------
    ArithmeticError
        If Newton's method fails, which would be a bug.
    """
    kernels = equations.kernels(temperature)
    eigenvalues, vectors = np.linalg.eigh(kernels.linear())
    angles = np.zeros(len(kernels.n))
    if eigenvalues[-1] > 1:
        shape = vectors[:, -1] / np.sqrt(kernels.weights * (2 * kernels.n + 1))
        angles = _newton(kernels, _best_amplitude(kernels, shape * np.sign(shape[0])))
    mass = 1 + kernels.minus @ (kernels.weights * np.cos(angles)) / (2 * kernels.n + 1)
    return ImaginaryGap(
        temperature=temperature,
        omega=kernels.omega,
        weights=kernels.weights,
        gap=kernels.omega * np.tan(angles),
        renormalisation=(1 + equations.coulomb.lambda_sf) * mass,
        free_energy=(2 * np.pi * kernels.temperature) ** 2 * _energy(kernels, angles),
        repulsion=float(kernels.mu_star * (kernels.weights * kernels.repulsive) @ np.sin(angles)),
    )


def _energy(kernels: Kernels, angles: np.ndarray) -> float:
    """Return the free energy in units of (2πT)²N(0)."""
    w, sine, cosine = kernels.weights, kernels.weights * np.sin(angles), kernels.weights * np.cos(angles)
    mass = cosine @ kernels.minus @ cosine - w @ kernels.minus @ w
    return float((2 * kernels.n + 1) @ (w - cosine) - (sine @ kernels.plus @ sine + mass) / 2)


def _best_amplitude(kernels: Kernels, shape: np.ndarray) -> np.ndarray:
    """Return the angles of the gap with this shape and the lowest energy on a coarse scale of amplitudes."""
    trials = [np.arctan(amplitude * shape / shape[0]) for amplitude in np.geomspace(1e-4, 1e4, 81)]
    return min(trials, key=lambda angles: _energy(kernels, angles))


def _newton(kernels: Kernels, angles: np.ndarray) -> np.ndarray:
    """Return the angles that solve the equations; steps are halved until the residual falls."""
    residual, jacobian = _residual(kernels, angles)
    for _ in range(_STEPS):
        if np.abs(residual).max() < _CONVERGED:
            return angles
        step, size = np.linalg.solve(jacobian, residual), 1.0
        trial = _residual(kernels, angles - step)
        while np.linalg.norm(trial[0]) >= np.linalg.norm(residual) and size > 1e-3:
            size /= 2
            trial = _residual(kernels, angles - size * step)
        angles, (residual, jacobian) = angles - size * step, trial
    raise ArithmeticError(f"the gap equations did not converge at {kernels.temperature * K_PER_THZ:g} K")


def _residual(kernels: Kernels, angles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what is left of the equations (k,), over 2n + 1, and its derivative (k, k)."""
    odd, w, sine, cosine = 2 * kernels.n + 1, kernels.weights, np.sin(angles), np.cos(angles)
    pairing, mass = kernels.plus @ (w * sine), kernels.minus @ (w * cosine)
    residual = odd * sine - cosine * pairing + sine * mass
    jacobian = -np.outer(cosine, w * cosine) * kernels.plus - np.outer(sine, w * sine) * kernels.minus
    jacobian[np.diag_indices_from(jacobian)] += odd * cosine + sine * pairing + cosine * mass
    return residual / odd, jacobian / odd[:, None]

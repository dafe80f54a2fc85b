"""How Tc answers to the spectrum and to μ*: derivatives of the Eliashberg equations at Tc, and the isotope effect."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gasearch.superconductivity.eliashberg import Eliashberg, symmetric, transfers
from gasearch.superconductivity.modes import Modes


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """Derivatives of Tc.

    Parameters
    ----------
    tc : float
        K.
    omega : (n,) array
        THz.
    by_alpha2f : (n,) array
        δTc/δα²F(ω), K/THz: of Tc in K by the area of α²F in THz.
    by_mu_star : float
        ∂Tc/∂μ*, K.
    isotope : float
        α = −∂ln Tc/∂ln M, all masses changing alike.
    """

    tc: float
    omega: np.ndarray
    by_alpha2f: np.ndarray
    by_mu_star: float
    isotope: float


def sensitivity(equations: Eliashberg, tc: float, omega: np.ndarray) -> Sensitivity:
    """Return the derivatives of Tc, which must be positive, at frequencies (n,), THz.

    They follow from those of the eigenvalue (Hellmann and Feynman). The isotope coefficient keeps the Coulomb repulsion
    at electronic energies: 1/μ* + ln ω_ph is constant, so that α = ½ (1 + μ*² ∂ln Tc/∂μ*), which is below ½.

    References
    ----------
    Bergmann and Rainer, Z. Physik 263, 59 (1973), doi:10.1007/BF02351862; Rainer and Culetto, Phys. Rev. B 19, 2540
    (1979), doi:10.1103/PhysRevB.19.2540.
    """
    kernels = equations.kernels(tc)
    vector = np.linalg.eigh(kernels.linear())[1][:, -1]
    omega = np.asarray(omega, float)
    squared = [nu**2 for nu in transfers(kernels.n, 2 * np.pi * kernels.temperature)]

    def response(near: np.ndarray, far: np.ndarray) -> float:
        """Return the eigenvalue's change with those of λ(n − m) and λ(n + m + 1)."""
        return float(vector @ symmetric(kernels.n, kernels.weights, near + far, near - far) @ vector)

    repulsion = -1.0 * np.outer(kernels.repulsive, kernels.repulsive)
    by_mu_at_cutoff = response(repulsion, repulsion)
    # The cutoff is fixed in units of T, so that 1/μ* there falls with ln T.
    by_log_temperature = response(*map(equations.modes.kernel_slope, squared)) + by_mu_at_cutoff * kernels.mu_star**2
    by_coupling = np.array([response(*map(Modes([one], [1.0]).kernel, squared)) for one in omega])
    factor = -tc / by_log_temperature / (1 + equations.coulomb.lambda_sf)
    by_mu_star = factor * by_mu_at_cutoff * equations.mu_star_slope(kernels.mu_star)
    isotope = (1 + equations.coulomb.mu_star**2 * by_mu_star / tc) / 2
    return Sensitivity(tc, omega, factor * by_coupling * 2 / omega, by_mu_star, isotope)

"""Closed formulas for Tc; all temperatures in K, frequencies in THz.

Each gives 0 where its own condition for superconductivity fails; none is asked beyond where it was made for without
`gasearch.superconductivity.estimate` saying so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from gasearch.superconductivity.moments import Moments
from gasearch.units import K_PER_THZ

#: Tc/ω_log over exp[−(1 + λ)/λ] for weak coupling, (2e^γ/π)/√e (Marsiglio, arXiv:1807.04907), and Tc/(√λ ω̄₂) for
#: strong coupling (Allen and Dynes, 1975); both without repulsion.
WEAK_LIMIT: Final = 2 * float(np.exp(np.euler_gamma - 0.5)) / np.pi
STRONG_LIMIT: Final = 0.18273
#: Where `sisso_2026` was fitted.
SISSO_2026_RANGE: Final[Mapping[str, tuple[float, float]]] = {
    "λ": (0.1, 10.0),
    "μ*": (0.05, 0.2),
    "ω_log/ω̄₂": (0.2, 1.0),
}


def _attraction(lam: float, mu_star: float) -> float:
    """Return λ − μ*(1 + 0.62 λ), positive where McMillan's form has a Tc."""
    return lam - mu_star * (1 + 0.62 * lam)


def _exponential(lam: float, mu_star: float) -> float:
    """Return exp[−1.04(1 + λ)/(λ − μ*(1 + 0.62 λ))], zero where nothing attracts."""
    attraction = _attraction(lam, mu_star)
    return float(np.exp(-1.04 * (1 + lam) / attraction)) if attraction > 0 else 0.0


def mcmillan(lam: float, debye_temperature: float, mu_star: float) -> float:
    """Return McMillan's Tc, K, from a Debye temperature, K.

    References
    ----------
    McMillan, Phys. Rev. 167, 331 (1968), eq. (18), doi:10.1103/PhysRev.167.331.
    """
    return debye_temperature / 1.45 * _exponential(lam, mu_star)


def allen_dynes_basic(moments: Moments, mu_star: float) -> float:
    """Return McMillan's form with the prefactor ω_log/1.20, K.

    References
    ----------
    Allen and Dynes, Phys. Rev. B 12, 905 (1975), eq. (34) with f₁ = f₂ = 1,
    doi:10.1103/PhysRevB.12.905; Dynes, Solid State Commun. 10, 615 (1972), doi:10.1016/0038-1098(72)90603-5.
    """
    return K_PER_THZ * moments.omega_log / 1.20 * _exponential(moments.lam, mu_star)


def allen_dynes(moments: Moments, mu_star: float) -> float:
    """Return Allen and Dynes's Tc, K, with the factors f₁ (strong coupling) and f₂ (shape); ω̄₂ must be known.

    References
    ----------
    Allen and Dynes, Phys. Rev. B 12, 905 (1975), eqs. (34)–(38), doi:10.1103/PhysRevB.12.905.
    """
    lam, ratio = moments.lam, moments.omega_2 / moments.omega_log
    strong = 2.46 * (1 + 3.8 * mu_star)
    shape = 1.82 * (1 + 6.3 * mu_star) * ratio
    f1 = (1 + (lam / strong) ** 1.5) ** (1 / 3)
    f2 = 1 + (ratio - 1) * lam**2 / (lam**2 + shape**2)
    return f1 * f2 * allen_dynes_basic(moments, mu_star)


def sisso_2019(moments: Moments, mu_star: float) -> float:
    """Return Tc = 0.0952 λ⁴ω_log/(λ³ + √μ*), K, found by symbolic regression on the data of Allen and Dynes.

    References
    ----------
    Xie, Stewart, Hamlin, Hirschfeld and Hennig, Phys. Rev. B 100, 174513 (2019),
    doi:10.1103/PhysRevB.100.174513.
    """
    lam = moments.lam
    return 0.0952 * lam**4 / (lam**3 + np.sqrt(mu_star)) * K_PER_THZ * moments.omega_log


def xie_2022(moments: Moments, mu_star: float) -> float:
    """Return Allen and Dynes's basic form with f_ω and f_μ, K, learned from solutions of the Eliashberg equations.

    ω̄₂ must be known; f_μ has a pole, see `xie_2022_f_mu`.

    References
    ----------
    Xie, Quan, Hire, Deng, DeStefano, Salinas, Shah, Fanfarillo, Lim, Kim, Stewart, Hamlin, Hirschfeld and Hennig,
    npj Comput. Mater. 8, 14 (2022), doi:10.1038/s41524-021-00666-7.
    """
    ratio = moments.omega_log / moments.omega_2
    f_omega = 1.92 * (moments.lam + ratio - np.cbrt(mu_star)) / (np.sqrt(moments.lam) * np.exp(ratio)) - 0.08
    return float(f_omega * xie_2022_f_mu(moments, mu_star) * allen_dynes_basic(moments, mu_star))


def sisso_2026(moments: Moments, mu_star: float) -> float:
    """Return Tc, K, by a formula that `gasearch.learning.tc_formula` found in solutions of the Eliashberg equations.

    With x = λ/(1 + λ), y = 1/(1 + λ), ρ = ω_log/ω̄₂ and A = (2e^γ/π)/√e it is

        A ω_log exp[−(1 + λ)/(λ − μ(1 + 0.828λ))] [1 + (kλ)^1.112]^(1/2.224) ρ^[(1 − w)/3 − w] e^φ,
        w = λ^1.194/(λ^1.194 + 4.99ρ^−0.233),
        φ = 4.21x³y(1 − ρ) − 1.324x³μ + 347x²y³μ² ln ρ + 26.4xy³μ²,

    where k = (0.18273e/A)² makes it 0.18273 √λ ω̄₂ for strong coupling without repulsion; for weak coupling without
    repulsion it is A ω_log ρ^⅓ exp[−(1 + λ)/λ], which is exact for one mode and to second order in the spread of ln ω
    (for two modes a factor of 10 apart with equal shares of λ it is 7 % too high). μ is the repulsion at ω̄₂,
    1/μ = 1/μ* + ln(ω_ph/ω̄₂), where μ* belongs to the end of the phonons (the convention ``rescaled``); μ* is taken to
    belong to ω̄₂ where that end is not known. ω̄₂ must be known. It has no pole, see `SISSO_2026_RANGE` for where it was
    fitted.
    """
    lam, ratio = moments.lam, moments.omega_log / moments.omega_2
    mu = _at_omega_2(moments, mu_star)
    attraction = lam - mu * (1 + 0.828 * lam)
    if attraction <= 0:
        return 0.0
    x, y = lam / (1 + lam), 1 / (1 + lam)
    strong = (1 + ((STRONG_LIMIT * np.e / WEAK_LIMIT) ** 2 * lam) ** 1.112) ** (1 / 2.224)
    share = lam**1.194 / (lam**1.194 + 4.99 * ratio**-0.233)
    phi = x**3 * (4.21 * y * (1 - ratio) - 1.324 * mu) + x * y**3 * mu**2 * (347 * x * np.log(ratio) + 26.4)
    shape = ratio ** ((1 - share) / 3 - share)
    return float(K_PER_THZ * moments.omega_log * WEAK_LIMIT * np.exp(phi - (1 + lam) / attraction) * strong * shape)


def _at_omega_2(moments: Moments, mu_star: float) -> float:
    """Return μ* at ω̄₂, of one at the end of the phonons."""
    return mu_star if moments.omega_ph is None else float(referred(mu_star, moments.omega_ph, moments.omega_2))


def referred(mu_star: float | np.ndarray, given_at: float | np.ndarray, to: float | np.ndarray) -> float | np.ndarray:
    """Return μ* at a frequency, of one given at another of the same unit that is not lower.

    1/μ*(ω) = 1/μ*(ω′) + ln(ω′/ω); a frequency above the given one changes nothing.

    References
    ----------
    Morel and Anderson, Phys. Rev. 125, 1263 (1962), doi:10.1103/PhysRev.125.1263.
    """
    return mu_star / (1 + mu_star * np.maximum(0.0, np.log(given_at / to)))


def xie_2022_f_mu(moments: Moments, mu_star: float) -> float:
    """Return f_μ of `xie_2022`, which should be near 1; it has a pole at λ = 1/(μ* + ω_log/ω̄₂), near 1.

    At the pole itself it is not a number.
    """
    if mu_star == 0:
        return 1.0
    denominator = 1 / moments.lam - mu_star - moments.omega_log / moments.omega_2
    return float(6.86 * np.exp(-moments.lam / mu_star) / denominator + 1) if denominator else float("nan")

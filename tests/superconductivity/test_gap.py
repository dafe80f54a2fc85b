"""The gap on both axes: limits, thermodynamics, and the relations of Kramers and Kronig."""

import numpy as np
import pytest

from gasearch.superconductivity.alpha2f import Alpha2F
from gasearch.superconductivity.eliashberg import Coulomb, Eliashberg, critical_temperature
from gasearch.superconductivity.gap import ImaginaryGap, imaginary_gap
from gasearch.superconductivity.modes import Modes
from gasearch.superconductivity.real_axis import RealGap, gap_edge, pade, pade_gap, real_gap
from gasearch.units import K_PER_THZ

WEAK = Modes([1.0], [0.25])
#: 2Δ₀/k_BTc, Ω_s − Ω_n over N(0)Δ₀², Δ(Tc/2)/Δ₀ of Bardeen, Cooper and Schrieffer, Phys. Rev. 108, 1175 (1957).
BCS_RATIO, BCS_ENERGY, BCS_HALFWAY = 3.528, -0.5, 0.9569


@pytest.fixture
def niobium_like(two_peaks: Alpha2F) -> Eliashberg:
    return Eliashberg.of(two_peaks, Coulomb(0.12))


def test_weak_coupling_is_bcs():
    equations = Eliashberg.of(WEAK, Coulomb(0.0))
    tc = critical_temperature(equations)
    cold, halfway = (imaginary_gap(equations, t * tc) for t in (0.05, 0.5))
    assert 2 * K_PER_THZ * cold.gap[0] / tc == pytest.approx(BCS_RATIO, rel=2e-3)
    assert halfway.gap[0] / cold.gap[0] == pytest.approx(BCS_HALFWAY, rel=1e-3)
    assert cold.renormalisation[0] == pytest.approx(1.25, rel=1e-3)
    # At T > 0 the normal state has gained entropy: −π²T²/3 N(0)(1 + λ) is taken off.
    entropy = np.pi**2 / 3 * (0.05 * tc / K_PER_THZ) ** 2 * 1.25
    assert (cold.free_energy - entropy) / cold.gap[0] ** 2 / 1.25 == pytest.approx(BCS_ENERGY, rel=0.01)


def test_the_solution_solves_the_equations_term_by_term():
    """Against the equations as usually printed, Δ Z = πT Σ [λ(n−m) − μ*] Δₘ/√(ωₘ² + Δₘ²), over both signs of m."""
    equations = Eliashberg.of(Modes([1.0, 2.0], [1.0, 0.5]), Coulomb(0.1))
    temperature = 0.5 * critical_temperature(equations)
    solution = imaginary_gap(equations, temperature)
    kernels = equations.kernels(temperature)
    t = temperature / K_PER_THZ
    omega, gap, weights = (
        np.concatenate([x[::-1] * s, x]) for x, s in ((solution.omega, -1), (solution.gap, 1), (solution.weights, 1))
    )
    root = np.hypot(omega, gap)
    lam = equations.modes.kernel(np.subtract.outer(solution.omega, omega) ** 2)
    z = 1 + np.pi * t / solution.omega * (lam @ (weights * omega / root))
    below = np.concatenate([kernels.repulsive[::-1], kernels.repulsive])
    repulsion = np.where(kernels.repulsive, kernels.mu_star * np.sum((weights * gap / root)[below]), 0.0)
    np.testing.assert_allclose(solution.renormalisation, z, rtol=1e-10)
    pairing = np.pi * t * (lam @ (weights * gap / root) - repulsion)
    np.testing.assert_allclose(solution.gap * z, pairing, atol=1e-8 * solution.gap[0])
    assert 2 * solution.repulsion == pytest.approx(repulsion[0])


def test_the_free_energy_is_that_of_bardeen_and_stephen(niobium_like: Eliashberg):
    """At the solution the functional equals −πT Σ (√(ω²+Δ²) − |ω|)(Z_s − Z_n |ω|/√(ω²+Δ²))."""
    temperature = 0.5 * critical_temperature(niobium_like)
    solution, kernels = imaginary_gap(niobium_like, temperature), niobium_like.kernels(temperature)
    normal = 1 + kernels.minus @ kernels.weights / (2 * kernels.n + 1)
    root = np.hypot(solution.omega, solution.gap)
    terms = (root - solution.omega) * (solution.renormalisation - normal * solution.omega / root)
    expected = -2 * np.pi * kernels.temperature * (kernels.weights @ terms)
    assert solution.free_energy == pytest.approx(expected, rel=1e-6)


def test_above_tc_there_is_no_gap(niobium_like: Eliashberg):
    tc = critical_temperature(niobium_like)
    assert (imaginary_gap(niobium_like, 1.001 * tc).gap == 0).all()
    assert imaginary_gap(niobium_like, 1.001 * tc).free_energy == 0
    assert imaginary_gap(niobium_like, 0.999 * tc).gap[0] > 0


def test_gap_and_energy_grow_as_it_gets_colder(niobium_like: Eliashberg):
    tc = critical_temperature(niobium_like)
    solutions = [imaginary_gap(niobium_like, t * tc) for t in (0.1, 0.3, 0.5, 0.7, 0.9, 0.99)]
    assert (np.diff([s.gap[0] for s in solutions]) < 0).all()
    assert (np.diff([s.free_energy for s in solutions]) > 0).all()


def kramers_kronig(real: RealGap, imaginary: ImaginaryGap, count: int) -> np.ndarray:
    """Δ(iω) − Δ(iω₀) from Im Δ on the real axis."""
    omega, spacing = imaginary.omega[:count, None], real.omega[1] - real.omega[0]
    transform = 2 / np.pi * spacing * (real.omega * real.gap.imag / (real.omega**2 + omega**2)).sum(axis=1)
    return transform - transform[0]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_the_real_axis_gives_back_the_imaginary_one(share: float, two_peaks: Alpha2F, niobium_like: Eliashberg):
    temperature = share * critical_temperature(niobium_like)
    real, imaginary = real_gap(two_peaks, niobium_like, temperature), imaginary_gap(niobium_like, temperature)
    assert real.converged
    expected = imaginary.gap[:10] - imaginary.gap[0]
    np.testing.assert_allclose(kramers_kronig(real, imaginary, 10), expected, rtol=3e-3, atol=1e-4 * imaginary.gap[0])


def test_both_continuations_have_the_same_edge(two_peaks: Alpha2F, niobium_like: Eliashberg):
    tc = critical_temperature(niobium_like)
    real = real_gap(two_peaks, niobium_like, 0.1 * tc)
    assert real.edge == pytest.approx(gap_edge(real.omega, pade_gap(niobium_like, 0.1 * tc, real.omega)), rel=1e-3)
    assert 3.6 < 2 * K_PER_THZ * real.edge / tc < 4.1


def test_the_tunnelling_density_of_states(two_peaks: Alpha2F, niobium_like: Eliashberg):
    """Nothing inside the gap, a singularity at its edge, no state lost, and 1 far above."""
    real = real_gap(two_peaks, niobium_like, 0.1 * critical_temperature(niobium_like))
    dos, omega = real.density_of_states(), real.omega
    assert dos.min() > -1e-6
    assert dos[omega < 0.95 * real.edge].max() < 1e-3
    assert abs(omega[np.argmax(dos)] - real.edge) < 2 * (omega[1] - omega[0])
    assert dos[-1] == pytest.approx(1.0, abs=1e-3)
    assert np.sum(dos - 1) * (omega[1] - omega[0]) == pytest.approx(0.0, abs=0.02 * real.edge)


def test_an_einstein_mode_in_weak_coupling_has_the_edge_of_bcs():
    equations = Eliashberg.of(WEAK, Coulomb(0.0))
    tc = critical_temperature(equations)
    assert 2 * K_PER_THZ * real_gap(WEAK, equations, 0.1 * tc).edge / tc == pytest.approx(BCS_RATIO, rel=2e-3)


def test_strong_coupling_raises_the_ratio():
    """Towards 12.7 for λ → ∞ (Marsiglio, Akis and Carbotte, Phys. Rev. Lett. 66, 1350 (1991) find 10 at moderate λ)."""
    ratios = []
    for lam in (0.5, 2.0, 8.0):
        equations = Eliashberg.of(Modes([1.0], [lam]), Coulomb(0.0))
        tc = critical_temperature(equations)
        ratios.append(2 * K_PER_THZ * imaginary_gap(equations, 0.1 * tc).gap[0] / tc)
    assert 3.5 < ratios[0] < ratios[1] < ratios[2] < 13.0


def test_pade_reproduces_a_rational_function():
    points = 1j * np.arange(1.0, 9.0)
    at = np.array([0.3 + 0.1j, 2.0 + 0.0j])

    def function(z):
        return (2 + z**2) / (3 - z + 2 * z**2 + z**3)

    np.testing.assert_allclose(pade(points, function(points), at), function(at), rtol=1e-8)
    np.testing.assert_allclose(pade(points, function(points), points), function(points), rtol=1e-8)


def test_no_edge_is_zero():
    omega = np.linspace(0.1, 1.0, 10)
    assert gap_edge(omega, np.zeros(10, complex)) == 0.0
    assert gap_edge(omega, np.full(10, 0.45 + 0.1j)) == pytest.approx(0.45)

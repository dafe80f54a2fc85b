"""The linear equations against limits, against other ways to the same Tc, and against their own convergence."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from gasearch.errors import InputError
from gasearch.superconductivity.alpha2f import Alpha2F
from gasearch.superconductivity.eliashberg import Convention, Coulomb, Eliashberg, Sums, critical_temperature
from gasearch.superconductivity.gap import imaginary_gap
from gasearch.superconductivity.matsubara import FULL, Thinning
from gasearch.superconductivity.modes import Modes
from gasearch.units import K_PER_THZ

#: lim Tc/(ω_E√λ) for λ → ∞ (Allen and Dynes, Phys. Rev. B 12, 905 (1975)).
ASYMPTOTE = 0.18273
SUMS = Sums()


def einstein(lam: float, omega: float = 1.0) -> Modes:
    return Modes([omega], [lam])


def tc_of(spectrum, mu_star: float = 0.0, sums: Sums = SUMS, **coulomb) -> float:
    return critical_temperature(Eliashberg.of(spectrum, Coulomb(mu_star, **coulomb), sums))


def test_strong_coupling_limit_of_an_einstein_mode():
    assert tc_of(einstein(1000.0)) / (K_PER_THZ * np.sqrt(1000.0)) == pytest.approx(ASYMPTOTE, rel=1e-3)


def test_the_limit_is_approached_from_below_for_all_couplings():
    lambdas = np.geomspace(0.2, 1e5, 25)
    ratios = [tc_of(einstein(lam)) / (K_PER_THZ * np.sqrt(lam)) for lam in lambdas]
    assert (np.diff(ratios) > 0).all()
    assert max(ratios) < ASYMPTOTE


def test_weak_coupling_is_exponential():
    """Tc ∝ ω exp(−(1 + λ)/λ) to leading order, of BCS with the mass enhancement."""
    first, second = (np.log(tc_of(einstein(lam))) + (1 + lam) / lam for lam in (0.1, 0.12))
    assert first == pytest.approx(second, abs=0.02)


def by_the_matrix_of_allen_and_dynes(spectrum: Modes, mu_star_cutoff: float, count: int) -> float:
    """Tc where the largest eigenvalue of their K_mn, of frequencies side by side up to a count, is zero."""
    n = np.arange(count)

    def largest(log_temperature: float) -> float:
        unit = 2 * np.pi * np.exp(log_temperature) / K_PER_THZ
        lam = spectrum.kernel((unit * np.arange(2 * count)) ** 2)
        matrix = lam[np.abs(np.subtract.outer(n, n))] + lam[np.add.outer(n, n) + 1] - 2 * mu_star_cutoff
        taken = 2 * n + 1 + lam[0] + 2 * np.append(0.0, np.cumsum(lam[1:count]))
        return np.linalg.eigvalsh(matrix - np.diag(taken))[-1]

    guess = np.log(tc_of(spectrum))
    return float(np.exp(brentq(largest, guess - 3, guess + 0.5)))


def test_another_form_of_the_equations_has_the_same_tc():
    """Without thinning and with the exact sum in Z, as Allen and Dynes (1975) have them."""
    spectrum = Modes([1.0, 2.0], [0.8, 0.5])
    assert tc_of(spectrum) == pytest.approx(by_the_matrix_of_allen_and_dynes(spectrum, 0.0, 400), rel=3e-4)


def test_the_gap_and_the_condensation_energy_vanish_at_the_same_temperature(two_peaks: Alpha2F):
    equations = Eliashberg.of(two_peaks, Coulomb(0.12))
    tc = critical_temperature(equations)
    temperatures = tc * np.array([0.98, 0.985, 0.99, 0.995])
    solutions = [imaginary_gap(equations, t) for t in temperatures]
    for vanishing in ([s.gap[0] ** 2 for s in solutions], [np.sqrt(-s.free_energy) for s in solutions]):
        fit = np.polynomial.Polynomial.fit(temperatures, vanishing, 2)
        root = min(fit.roots().real, key=lambda t: abs(t - tc))
        assert root == pytest.approx(tc, rel=1e-3)


def test_sums_are_converged(two_peaks: Alpha2F):
    tc = tc_of(two_peaks, 0.12)
    full = Sums(thinning=FULL, cutoff=10.0, reach=3.0)
    assert tc_of(two_peaks, 0.12, full) == pytest.approx(tc_of(two_peaks, 0.12, Sums(cutoff=10.0, reach=3.0)), rel=3e-4)
    finer = Sums(thinning=Thinning(growth=0.1, dense=40))
    assert tc_of(two_peaks, 0.12, finer) == pytest.approx(tc, rel=3e-4)
    assert tc_of(two_peaks, 0.12, Sums(reach=40.0)) == pytest.approx(tc, rel=3e-4)
    assert tc_of(two_peaks, 0.12, Sums(cutoff=40.0)) == pytest.approx(tc, rel=1e-3)
    assert tc_of(two_peaks, 0.12, Sums(fewest=200)) == pytest.approx(tc, rel=1e-3)


def test_condensing_a_spectrum_leaves_its_tc(two_peaks: Alpha2F):
    fine = Eliashberg(two_peaks.lines().condensed(40), two_peaks.omega_ph, Coulomb(0.12))
    assert tc_of(two_peaks, 0.12) == pytest.approx(critical_temperature(fine), rel=1e-6)


def test_the_convention_of_mu_star_matters_and_is_a_shift_of_it(two_peaks: Alpha2F):
    rescaled = tc_of(two_peaks, 0.12)
    given = tc_of(two_peaks, 0.12, convention=Convention.AS_GIVEN)
    assert 1.05 < given / rescaled < 1.25
    same = 0.12 / (1 - 0.12 * np.log(10.0))
    assert tc_of(two_peaks, same, convention=Convention.AS_GIVEN) == pytest.approx(rescaled, rel=1e-5)


def test_paramagnons_break_pairs(two_peaks: Alpha2F):
    """They act as a weaker spectrum with a stronger repulsion (Daams, Mitrović and Carbotte)."""
    lambda_sf = 0.2
    coulomb = Coulomb((0.12 + lambda_sf) / (1 + lambda_sf))
    weaker = critical_temperature(Eliashberg(two_peaks.modes().weakened(1 + lambda_sf), two_peaks.omega_ph, coulomb))
    assert tc_of(two_peaks, 0.12, lambda_sf=lambda_sf) == pytest.approx(weaker, rel=1e-9)
    assert weaker < 0.5 * tc_of(two_peaks, 0.12)


def test_no_tc_is_zero():
    assert tc_of(einstein(0.1), 0.15) == 0.0
    assert tc_of(einstein(0.3), 0.3) == 0.0
    assert tc_of(einstein(0.05)) == 0.0


@pytest.mark.parametrize(("lam", "mu_star"), [(5.0, 0.30), (10.0, 0.22), (20.0, 0.20)])
def test_strong_coupling_bears_a_strong_repulsion(lam: float, mu_star: float):
    """Tc falls smoothly with μ*, and does not depend on how many frequencies feel the repulsion."""
    mode = Modes([10.0], [lam])
    tc = [critical_temperature(Eliashberg.of(mode, Coulomb(mu))) for mu in (mu_star - 0.02, mu_star - 0.01, mu_star)]
    assert tc[0] > tc[1] > tc[2] > 0.7 * tc[0]
    more = Eliashberg.of(mode, Coulomb(mu_star), Sums(fewest_repulsive=12))
    assert critical_temperature(more) == pytest.approx(tc[2], rel=5e-3)


def test_a_repulsion_beyond_all_bounds_is_refused():
    with pytest.raises(InputError, match="give a smaller one"):
        tc_of(einstein(1.0), 2.0)
    with pytest.raises(InputError, match="found -0"):
        Coulomb(-0.1)


spectra = st.builds(
    lambda omega, couplings: Modes(omega, couplings),
    st.lists(st.floats(1.0, 20.0), min_size=2, max_size=2),
    st.lists(st.floats(0.2, 2.0), min_size=2, max_size=2),
)


@settings(deadline=None, max_examples=15, derandomize=True)
@given(spectra, st.floats(0.0, 0.15), st.floats(0.1, 10.0))
def test_tc_scales_with_frequencies_and_grows_with_coupling(spectrum, mu_star, factor):
    tc = tc_of(spectrum, mu_star)
    assert tc_of(Modes(factor * spectrum.omega, spectrum.couplings), mu_star) == pytest.approx(factor * tc, rel=1e-4)
    assert tc_of(spectrum.weakened(0.9), mu_star) > tc
    assert tc_of(spectrum, mu_star + 0.02) < tc
    moments = spectrum.moments()
    assert tc <= ASYMPTOTE * K_PER_THZ * moments.omega_2 * np.sqrt(moments.lam)


@settings(deadline=None, max_examples=10, derandomize=True)
@given(spectra, st.floats(0.05, 0.15))
def test_the_eigenvalue_falls_with_temperature(spectrum, mu_star):
    equations = Eliashberg.of(spectrum, Coulomb(mu_star))
    temperatures = K_PER_THZ * spectrum.omega_ph * np.geomspace(1e-4, 0.3, 20)
    assert (np.diff([equations.eigenvalue(t) for t in temperatures]) < 0).all()

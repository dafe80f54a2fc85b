"""Derivatives of Tc against finite differences, and the isotope effect."""

import numpy as np
import pytest

from gasearch.superconductivity.alpha2f import Alpha2F
from gasearch.superconductivity.eliashberg import Convention, Coulomb, Eliashberg, critical_temperature
from gasearch.superconductivity.modes import Modes
from gasearch.superconductivity.sensitivity import sensitivity

SPECTRUM = Modes([1.0, 2.5], [0.7, 0.4])


def equations(spectrum: Modes, mu_star: float, lambda_sf: float = 0.0, omega_ph: float = 2.5) -> Eliashberg:
    coulomb = Coulomb(mu_star, lambda_sf=lambda_sf)
    return Eliashberg(spectrum.weakened(1 + lambda_sf), omega_ph, coulomb)


@pytest.mark.parametrize("lambda_sf", [0.0, 0.1])
def test_derivatives_are_finite_differences(lambda_sf: float):
    mu_star, step = 0.1, 1e-3
    tc = critical_temperature(equations(SPECTRUM, mu_star, lambda_sf))
    found = sensitivity(equations(SPECTRUM, mu_star, lambda_sf), tc, np.array([0.5, 1.5, 3.0]))
    up, down = (critical_temperature(equations(SPECTRUM, mu_star + s * step, lambda_sf)) for s in (1, -1))
    assert found.by_mu_star == pytest.approx((up - down) / (2 * step), rel=3e-3)
    for omega, slope in zip(found.omega, found.by_alpha2f, strict=True):
        # an area of α²F adds twice it over ω to λ
        more = Modes(np.append(SPECTRUM.omega, omega), np.append(SPECTRUM.couplings, 2 * step / omega))
        changed = critical_temperature(equations(more, mu_star, lambda_sf))
        assert slope == pytest.approx((changed - tc) / step, rel=1e-2)


def test_added_coupling_always_helps_and_most_near_seven_temperatures(two_peaks: Alpha2F):
    """Bergmann and Rainer: δTc/δα²F > 0, with a maximum near ω = 2πTc."""
    whole = Eliashberg.of(two_peaks, Coulomb(0.12))
    tc = critical_temperature(whole)
    omega = np.geomspace(0.05, 20.0, 200)
    found = sensitivity(whole, tc, omega)
    assert (found.by_alpha2f > 0).all()
    assert 5 < omega[np.argmax(found.by_alpha2f)] * 47.992 / tc < 9


def test_without_repulsion_the_isotope_coefficient_is_a_half():
    tc = critical_temperature(equations(SPECTRUM, 0.0))
    assert sensitivity(equations(SPECTRUM, 0.0), tc, np.empty(0)).isotope == 0.5


def test_the_isotope_coefficient_is_that_of_heavier_atoms():
    """All frequencies fall as M^-½, and 1/μ* grows with ln M/2, as the repulsion stays at electronic energies."""
    mu_star, step = 0.12, 1e-2
    tc = critical_temperature(equations(SPECTRUM, mu_star))

    def heavier(log_mass: float) -> float:
        scale = np.exp(-log_mass / 2)
        spectrum = Modes(scale * SPECTRUM.omega, SPECTRUM.couplings)
        mu = 1 / (1 / mu_star + log_mass / 2)
        return critical_temperature(equations(spectrum, mu, omega_ph=2.5 * scale))

    measured = -(np.log(heavier(step)) - np.log(heavier(-step))) / (2 * step)
    found = sensitivity(equations(SPECTRUM, mu_star), tc, np.empty(0)).isotope
    assert found == pytest.approx(measured, rel=3e-3)
    assert 0.3 < found < 0.5


def test_the_isotope_coefficient_does_not_depend_on_the_convention(two_peaks: Alpha2F):
    rescaled = Eliashberg.of(two_peaks, Coulomb(0.12))
    same = Eliashberg.of(two_peaks, Coulomb(0.12 / (1 - 0.12 * np.log(10.0)), Convention.AS_GIVEN))
    first, second = (sensitivity(e, critical_temperature(e), np.empty(0)).isotope for e in (rescaled, same))
    assert first == pytest.approx(second, rel=1e-4)

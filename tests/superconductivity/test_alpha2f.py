"""Moments against quadrature and closed forms; what is refused."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from gasearch.errors import SpectrumError
from gasearch.superconductivity.alpha2f import Alpha2F
from gasearch.superconductivity.modes import Modes

DEBYE = Alpha2F(np.array([0.0, 1.0, 4.0]), np.array([0.0, 0.2, 0.8]))


def integral(spectrum: Alpha2F, function) -> float:
    """∫ α²F(ω) function(ω) dω, segment by segment."""
    return sum(
        quad(lambda x: np.interp(x, spectrum.omega, spectrum.values) * function(x), a, b)[0]
        for a, b in zip(spectrum.omega[:-1], spectrum.omega[1:], strict=True)
    )


def test_moments_of_a_straight_line_are_the_closed_forms():
    """α²F = cω up to ω_D: λ = 2cω_D, ω_log = ω_D/e, ω̄₂ = ω_D/√3."""
    moments = DEBYE.moments()
    assert moments.lam == pytest.approx(1.6)
    assert moments.omega_log == pytest.approx(4 / np.e)
    assert moments.omega_2 == pytest.approx(4 / np.sqrt(3))


def test_moments_are_the_integrals(two_peaks: Alpha2F):
    moments = two_peaks.moments()
    lam = 2 * integral(two_peaks, lambda x: 1 / x)
    assert moments.lam == pytest.approx(lam, rel=1e-9)
    assert np.log(moments.omega_log) == pytest.approx(2 / lam * integral(two_peaks, lambda x: np.log(x) / x), rel=1e-9)
    assert moments.omega_2**2 == pytest.approx(2 / lam * integral(two_peaks, lambda x: x), rel=1e-9)


def test_cumulative_coupling_rises_to_the_whole(two_peaks: Alpha2F):
    cumulative = two_peaks.cumulative()
    assert cumulative[0] == 0
    assert (np.diff(cumulative) >= 0).all()
    assert cumulative[-1] == pytest.approx(two_peaks.moments().lam)
    half = 250
    assert cumulative[half] == pytest.approx(
        Alpha2F(two_peaks.omega[: half + 1], two_peaks.values[: half + 1]).moments().lam
    )


@settings(deadline=None, max_examples=30, derandomize=True)
@given(st.lists(st.tuples(st.floats(0.01, 2.0), st.floats(0.0, 3.0)), min_size=2, max_size=12), st.floats(0.1, 10.0))
def test_moments_scale_with_frequencies_and_condensing_keeps_them(samples, factor):
    omega = np.cumsum([step for step, _ in samples])
    values = np.array([value for _, value in samples]) + 0.01
    moments, scaled = (Alpha2F(c * omega, values).moments() for c in (1.0, factor))
    assert scaled.lam == pytest.approx(moments.lam)
    assert scaled.omega_log == pytest.approx(factor * moments.omega_log)
    assert scaled.omega_2 == pytest.approx(factor * moments.omega_2)
    assert moments.omega_log <= moments.omega_2 * (1 + 1e-12)
    condensed = Alpha2F(omega, values).modes().moments()
    assert condensed.lam == pytest.approx(moments.lam)
    assert condensed.omega_log == pytest.approx(moments.omega_log)


@pytest.mark.parametrize("nu", [0.0, 0.01, 0.3, 2.0, 50.0])
def test_a_few_lines_couple_as_the_spectrum_does_at_every_frequency(two_peaks: Alpha2F, nu: float):
    exact = 2 * integral(two_peaks, lambda x: x / (x**2 + nu**2) if x or nu else 0.0)
    modes = two_peaks.modes()
    assert len(modes.omega) <= 16
    assert modes.kernel(np.array(nu**2)) == pytest.approx(exact, rel=1e-7)


def test_condensing_converges_exponentially(two_peaks: Alpha2F):
    lines, squared = two_peaks.lines(), np.geomspace(1e-4, 1e4, 50)
    exact = lines.kernel(squared)
    errors = [np.abs(lines.condensed(n).kernel(squared) / exact - 1).max() for n in (2, 4, 8, 16)]
    assert errors[-1] < 1e-7
    assert all(later < 0.2 * earlier for earlier, later in itertools.pairwise(errors))


def test_few_modes_stay_what_they_are():
    modes = Modes([1.0, 2.0, 5.0], [0.5, 0.0, 0.2])
    assert modes.modes() is modes
    np.testing.assert_allclose(modes.condensed(16).omega, [1.0, 5.0])
    assert modes.omega_ph == 5.0


def test_the_slope_of_the_kernel_is_its_derivative():
    modes, nu, step = Modes([1.0, 3.0], [0.5, 0.2]), np.array([0.1, 1.0, 7.0]), 1e-5
    up, down = (modes.kernel((nu * np.exp(sign * step)) ** 2) for sign in (1, -1))
    np.testing.assert_allclose(modes.kernel_slope(nu**2), (up - down) / (2 * step), rtol=1e-8)


def test_a_little_unphysical_weight_is_measured_and_left_out():
    omega = np.linspace(-1.0, 4.0, 501)
    values = np.exp(-(((omega - 2.5) / 0.3) ** 2)) + 0.01 * np.exp(-(((omega + 0.5) / 0.1) ** 2))
    values = values - 0.005 * np.exp(-(((omega - 1.0) / 0.1) ** 2))
    spectrum = Alpha2F.from_samples(omega, values)
    clean = Alpha2F.from_samples(omega, np.where((omega > 1.3), values, 0.0))
    assert spectrum.omega[0] == 0
    assert spectrum.moments().lam == pytest.approx(clean.moments().lam, rel=1e-4)
    assert spectrum.negative_share == pytest.approx(0.005 / 1.0 * (0.1 / 0.3) * 2.5, rel=0.1)
    assert spectrum.imaginary_share == pytest.approx(0.01 / 3, rel=0.1)
    with pytest.raises(SpectrumError, match="imaginary frequencies"):
        Alpha2F.from_samples(omega, values, tolerance=0.001)
    with pytest.raises(SpectrumError, match="negative α²F makes"):
        Alpha2F.from_samples(omega[omega >= 0], values[omega >= 0], tolerance=0.001)


@pytest.mark.parametrize(
    ("omega", "values", "said"),
    [
        ([1.0], [1.0], "two or more"),
        ([1.0, 2.0], [1.0], "two or more"),
        ([1.0, np.nan], [1.0, 1.0], "finite"),
        ([1.0, 3.0, 2.0], [1.0, 1.0, 1.0], "sample 3 does not"),
        ([0.0, 1.0, 2.0], [0.5, 1.0, 0.0], "λ diverges"),
        ([1.0, 2.0, 3.0], [0.0, 0.0, 0.0], "zero everywhere"),
    ],
)
def test_what_is_no_spectrum_is_refused(omega, values, said):
    with pytest.raises(SpectrumError, match=said):
        Alpha2F.from_samples(np.array(omega), np.array(values))


def test_arrays_are_read_only(two_peaks: Alpha2F):
    with pytest.raises(ValueError, match="read-only"):
        two_peaks.values[0] = 1.0
    with pytest.raises(SpectrumError, match="must not be negative"):
        Alpha2F(np.array([1.0, 2.0]), np.array([1.0, -1.0]))

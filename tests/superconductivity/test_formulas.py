"""Published formulas on the materials that they were made for."""

import numpy as np
import pytest

from gasearch.superconductivity.eliashberg import Coulomb, Eliashberg, critical_temperature
from gasearch.superconductivity.formulas import (
    SISSO_2026_RANGE,
    allen_dynes,
    allen_dynes_basic,
    mcmillan,
    sisso_2019,
    sisso_2026,
    xie_2022,
    xie_2022_f_mu,
)
from gasearch.superconductivity.modes import Modes
from gasearch.superconductivity.moments import Moments
from gasearch.units import K_PER_THZ

#: Measured Tc, ω_log and ω̄₂ (K), λ, μ* of the 29 materials of Allen and Dynes, Phys. Rev. B 12, 905 (1975),
#: doi:10.1103/PhysRevB.12.905.
MATERIALS = np.array(
    [
        [7.2, 56, 65, 1.55, 0.105],  # Pb
        [3.4, 68, 89, 0.805, 0.097],  # In
        [3.75, 99, 121, 0.72, 0.092],  # Sn
        [4.19, 29, 49, 1.6, 0.098],  # Hg
        [2.36, 52, 64, 0.795, 0.111],  # Tl
        [4.48, 132, 148, 0.69, 0.093],  # Ta
        [8.56, 55, 101, 1.62, 0.095],  # alpha-Ga
        [5.9, 87, 129, 0.97, 0.092],  # beta-Ga
        [2.3, 48, 62, 0.78, 0.099],  # Tl0.9Bi0.1
        [4.6, 48, 62, 1.15, 0.094],  # Pb0.4Tl0.6
        [5.9, 50, 62, 1.38, 0.103],  # Pb0.6Tl0.4
        [6.8, 50, 61, 1.53, 0.101],  # Pb0.8Tl0.2
        [7.26, 48, 58, 1.81, 0.111],  # Pb0.6Tl0.2Bi0.2
        [7.65, 50, 60, 1.66, 0.081],  # Pb0.9Bi0.1
        [7.95, 46, 57, 1.88, 0.093],  # Pb0.8Bi0.2
        [8.45, 47, 57, 2.01, 0.092],  # Pb0.7Bi0.3
        [8.95, 45, 55, 2.13, 0.093],  # Pb0.65Bi0.35
        [3.28, 63, 86, 0.85, 0.103],  # In0.9Tl0.1
        [3.36, 55, 77, 0.93, 0.11],  # In0.73Tl0.27
        [3.26, 57, 79, 0.9, 0.11],  # In0.67Tl0.33
        [2.6, 53, 74, 0.85, 0.117],  # In0.57Tl0.43
        [2.52, 53, 73, 0.83, 0.11],  # In0.5Tl0.5
        [3.64, 42, 63, 1.09, 0.094],  # In0.27Tl0.73
        [3.19, 45, 63, 0.98, 0.101],  # In0.17Tl0.83
        [2.77, 49, 63, 0.89, 0.107],  # In0.07Tl0.93
        [5.6, 46, 67, 1.4, 0.096],  # In2Bi
        [5.2, 37, 58, 1.43, 0.102],  # Sb2Tl7
        [6.4, 47, 59, 1.63, 0.101],  # Bi2Tl
        [7, 29, 47, 2.59, 0.116],  # alpha-Pb0.45Bi0.55
    ]
)


def moments(omega_log_K: float, omega_2_K: float, lam: float) -> Moments:
    return Moments(lam, omega_log_K / K_PER_THZ, omega_2_K / K_PER_THZ)


@pytest.mark.parametrize(
    ("formula", "rms_K"),
    [(allen_dynes_basic, 0.923), (allen_dynes, 0.298), (sisso_2019, 0.252), (xie_2022, 0.467), (sisso_2026, 0.189)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_errors_on_the_materials_of_allen_and_dynes(formula, rms_K: float):
    errors = [formula(moments(*row[1:4]), row[4]) - row[0] for row in MATERIALS]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(rms_K, abs=5e-4)


def test_hydrogen_sulphide_by_the_basic_form():
    """λ = 2.19 and ω_log = 1335 K (Duan and others, Sci. Rep. 4, 6968 (2014)): 204 K at μ* 0.10, 191 K at 0.13."""
    h3s = moments(1335.0, 1500.0, 2.19)
    assert allen_dynes_basic(h3s, 0.10) == pytest.approx(204, abs=0.5)
    assert allen_dynes_basic(h3s, 0.13) == pytest.approx(191, abs=0.5)


def test_mcmillan_is_the_basic_form_with_another_prefactor():
    assert mcmillan(0.8, 1.45 * 100, 0.1) == pytest.approx(1.2 * allen_dynes_basic(moments(100.0, 120.0, 0.8), 0.1))


def test_the_factors_of_allen_and_dynes_vanish_where_they_should():
    """f₁ → 1 for weak coupling; f₂ = 1 for an Einstein spectrum; strong coupling goes as 0.183 √λ ω̄₂."""
    weak = moments(100.0, 100.0, 0.2)
    assert allen_dynes(weak, 0.0) == pytest.approx(allen_dynes_basic(weak, 0.0), rel=0.02)
    strong = moments(100.0, 100.0, 1e6)
    assert allen_dynes(strong, 0.0) / (100.0 * np.sqrt(1e6)) == pytest.approx(0.1827, rel=0.03)


def test_no_attraction_gives_zero():
    weak = moments(100.0, 120.0, 0.1)
    assert allen_dynes_basic(weak, 0.15) == allen_dynes(weak, 0.15) == mcmillan(0.1, 300.0, 0.15) == 0.0


def test_the_pole_of_2022_is_near_where_it_is_said_to_be():
    ratio, mu_star = 0.85, 0.12
    pole = 1 / (mu_star + ratio)
    below, at, above = (xie_2022_f_mu(moments(85.0, 100.0, pole * f), mu_star) for f in (0.999, 1.0, 1.001))
    assert below > 1.2
    assert above < 0.8
    assert not abs(at - 1) < 0.05
    assert xie_2022_f_mu(moments(85.0, 100.0, 2.0), mu_star) == pytest.approx(1.0, abs=1e-5)
    assert xie_2022_f_mu(moments(85.0, 100.0, pole), 0.0) == 1.0


def test_the_formula_of_2026_is_smooth_and_monotonic_within_its_range():
    """Tc grows with λ and falls with μ* at every ω_log/ω̄₂; between neighbours on a fine grid it never jumps."""
    lams, mus, ratios = (
        np.geomspace(*SISSO_2026_RANGE["λ"], 121),
        np.linspace(*SISSO_2026_RANGE["μ*"], 7),
        np.linspace(*SISSO_2026_RANGE["ω_log/ω̄₂"], 9),
    )
    tc = np.array([[[sisso_2026(moments(100 * r, 100.0, lam), mu) for lam in lams] for mu in mus] for r in ratios])
    assert np.isfinite(tc).all()
    assert (np.diff(tc, axis=2) >= 0).all()
    assert (np.diff(tc, axis=1) <= 0).all()
    assert (tc <= 0.183 * 100 * np.sqrt(lams)).all()  # the bound of Allen and Dynes
    seen = tc[..., 1:] > 0.5
    assert np.log(tc[..., 1:][seen] / np.maximum(tc[..., :-1][seen], 1e-9)).max() < 0.6


@pytest.mark.parametrize("ratio", [0.4, 1.0])
def test_the_formula_of_2026_is_right_in_both_limits(ratio: float):
    """A ω_log exp[−(1 + λ)/λ] for weak coupling, 0.18273 √λ ω̄₂ for strong coupling, both without repulsion."""
    weak = sisso_2026(moments(100 * ratio, 100.0, 0.02), 0.0)
    assert weak == pytest.approx(0.68757 * 100 * ratio * np.exp(-1.02 / 0.02), rel=0.05)
    strong = sisso_2026(moments(100 * ratio, 100.0, 1e5), 0.0)
    assert strong == pytest.approx(0.18273 * 100 * np.sqrt(1e5), rel=0.01)


def test_the_formula_of_2026_where_allen_and_dynes_drift_away():
    """An Einstein mode with λ from 0.6 to 8, against the Eliashberg equations."""
    for lam in (0.6, 1.0, 3.0, 8.0):
        mode = Modes([10.0], [lam])
        exact = critical_temperature(Eliashberg.of(mode, Coulomb(0.1)))
        assert sisso_2026(mode.moments(), 0.1) == pytest.approx(exact, rel=0.05)

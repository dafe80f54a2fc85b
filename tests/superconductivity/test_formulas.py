"""Published formulas on the materials that they were made for."""

from pathlib import Path

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
MATERIALS = np.loadtxt(
    Path(__file__).parents[1] / "data" / "allen_dynes_1975.csv", delimiter=",", usecols=range(5), encoding="utf-8"
)


def moments(omega_log_K: float, omega_2_K: float, lam: float) -> Moments:
    return Moments(lam, omega_log_K / K_PER_THZ, omega_2_K / K_PER_THZ)


@pytest.mark.parametrize(
    ("formula", "rms_K"),
    [(allen_dynes_basic, 0.923), (allen_dynes, 0.298), (sisso_2019, 0.252), (xie_2022, 0.467), (sisso_2026, 0.196)],
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
    """A ω_log ρ^⅓ exp[−(1 + λ)/λ] for weak coupling, 0.18273 √λ ω̄₂ for strong coupling, both without repulsion."""
    weak = sisso_2026(moments(100 * ratio, 100.0, 0.01), 0.0)
    assert weak == pytest.approx(0.68757 * 100 * ratio ** (4 / 3) * np.exp(-1.01 / 0.01), rel=0.05)
    strong = sisso_2026(moments(100 * ratio, 100.0, 1e5), 0.0)
    assert strong == pytest.approx(0.18273 * 100 * np.sqrt(1e5), rel=0.01)


@pytest.mark.parametrize(
    ("modes", "within"), [([10.0], 0.01), ([10.0, 20.0], 0.01), ([3.0, 9.0], 0.02), ([2.0, 20.0], 0.08)]
)
def test_weak_coupling_to_several_modes_has_the_limit_of_its_spread(modes: list[float], within: float):
    """The Eliashberg equations at λ of 0.15 and 0.2, relative to one mode at the same λ, tend to ρ^⅓."""
    count, spread = len(modes), Modes(modes, [1.0 / len(modes)] * len(modes)).moments()
    lams = np.array([0.15, 0.20])
    relative = []
    for lam in lams:
        several, one = Modes(modes, [lam / count] * count), Modes([spread.omega_log], [lam])
        tc = [critical_temperature(Eliashberg.of(one_or_all, Coulomb(0.0))) for one_or_all in (several, one)]
        relative.append(np.log(tc[0] / tc[1]))
    limit = np.exp(np.polyval(np.polyfit(lams, relative, 1), 0.0))
    assert limit == pytest.approx((spread.omega_log / spread.omega_2) ** (1 / 3), rel=within)


def test_the_formula_of_2026_where_allen_and_dynes_drift_away():
    """An Einstein mode with λ from 0.6 to 8, against the Eliashberg equations."""
    for lam in (0.6, 1.0, 3.0, 8.0):
        mode = Modes([10.0], [lam])
        exact = critical_temperature(Eliashberg.of(mode, Coulomb(0.1)))
        assert sisso_2026(mode.moments(), 0.1) == pytest.approx(exact, rel=0.05)

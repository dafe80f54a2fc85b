import json

import numpy as np
import pytest

from gasearch.errors import InputError
from gasearch.superconductivity.alpha2f import Alpha2F
from gasearch.superconductivity.eliashberg import Convention, Coulomb
from gasearch.superconductivity.estimate import estimate, temperatures, text
from gasearch.superconductivity.modes import Modes
from gasearch.superconductivity.moments import Moments

METHODS = ["mcmillan", "allen_dynes_basic", "allen_dynes", "sisso_2019", "xie_2022", "sisso_2026", "eliashberg"]


def test_every_method_with_what_is_to_be_said(two_peaks: Alpha2F):
    result = estimate(two_peaks, Coulomb(0.12), debye_temperature=280.0)
    assert list(result.tc) == METHODS
    assert all(5 < tc < 20 for tc in result.tc.values())
    assert result.preferred == "eliashberg"
    assert result.gap_ratio == pytest.approx(3.8, abs=0.2)
    assert 0.3 < result.isotope < 0.5
    assert result.source == "two peaks"
    assert list(result.tc_by_mu_star) == [0.10, 0.13, 0.16]
    assert result.tc_by_mu_star[0.10]["eliashberg"] > result.tc["eliashberg"] > result.tc_by_mu_star[0.13]["eliashberg"]


def test_the_document_is_json_and_names_its_units(two_peaks: Alpha2F):
    document = json.loads(json.dumps(estimate(two_peaks, Coulomb(0.1)).to_dict(), allow_nan=False))
    assert {"lambda", "omega_log_K", "omega_2_K", "tc_K", "mu_star", "mu_star_convention", "warnings"} <= set(document)
    assert list(document["tc_K"]) == METHODS
    assert document["tc_K"]["mcmillan"] is None
    assert document["mu_star_convention"] == "rescaled"
    assert list(document["tc_K_by_mu_star"]) == ["0.10", "0.13", "0.16"]


def test_moments_alone_give_the_formulas_that_they_can():
    result = estimate(Moments(0.9, 3.0), Coulomb(0.1), source="lambda.dat", smearing=0.02)
    assert [method for method, tc in result.tc.items() if tc is not None] == ["allen_dynes_basic", "sisso_2019"]
    assert result.preferred == "allen_dynes_basic"
    assert (result.gap, result.source, result.smearing) == (None, "lambda.dat", 0.02)
    assert any("no Eliashberg" in warning for warning in result.warnings)
    assert "eliashberg" in text(result)


def test_no_superconductivity_is_a_result():
    result = estimate(Modes([1.0], [0.1]), Coulomb(0.15))
    assert result.tc["eliashberg"] == result.tc["allen_dynes"] == 0.0
    assert result.gap is result.gap_ratio is result.isotope is None
    assert any("no such threshold" in warning for warning in result.warnings)


def test_the_pole_of_2022_is_said_to_be_near(two_peaks: Alpha2F):
    def near_pole(lam: float) -> bool:
        spectrum = two_peaks.weakened(two_peaks.moments().lam / lam)
        return any("pole" in warning for warning in estimate(spectrum, Coulomb(0.12)).warnings)

    moments = two_peaks.moments()
    assert near_pole(1 / (0.12 + moments.omega_log / moments.omega_2))
    assert not near_pole(1.6)


@pytest.mark.parametrize(
    ("coulomb", "factor", "said"),
    [(Coulomb(0.05), 1.0, "unusual"), (Coulomb(0.1), 0.1, "beyond what the formulas were made for")],
)
def test_warnings(coulomb: Coulomb, factor: float, said: str, two_peaks: Alpha2F):
    assert any(said in warning for warning in estimate(two_peaks.weakened(factor), coulomb).warnings)


def test_outside_the_range_of_the_formula_of_2026_is_said(two_peaks: Alpha2F):
    def said(spectrum, mu_star: float) -> bool:
        return any("range of sisso_2026" in warning for warning in estimate(spectrum, Coulomb(mu_star)).warnings)

    assert not said(two_peaks, 0.2)
    assert said(two_peaks, 0.21)
    assert said(Modes([1.0, 40.0], [0.7, 0.3]), 0.1)


def test_what_was_left_out_or_is_missing_is_said():
    omega = np.linspace(-0.5, 5.0, 56)
    spectrum = Alpha2F.from_samples(omega, np.where(omega > 0, omega / 5, 0.01) * np.where(omega > 0.5, 1, -0.1))
    warnings = " ".join(estimate(spectrum, Coulomb(0.1)).warnings)
    for said in ("negative α²F", "imaginary frequencies", "is the file whole"):
        assert said in warnings


def test_formulas_take_mu_star_where_the_equations_do(two_peaks: Alpha2F):
    """As given at ten times the end of the phonons, μ* is larger at that end: every method shifts alike."""
    given, there = Coulomb(0.15, Convention.AS_GIVEN), Coulomb(0.15 / (1 + 0.15 * np.log(10)))
    assert given.at_end_of_phonons == pytest.approx(there.effective)
    for method, tc in temperatures(two_peaks, given).items():
        if tc is not None:
            assert tc == pytest.approx(temperatures(two_peaks, there)[method], rel=5e-3)


def test_paramagnons_lower_every_tc(two_peaks: Alpha2F):
    without, with_them = (temperatures(two_peaks, Coulomb(0.12, lambda_sf=sf), 280.0) for sf in (0.0, 0.1))
    assert all(with_them[method] < without[method] for method in METHODS)


@pytest.mark.parametrize("debye_temperature", [0.0, -300.0, float("nan")])
def test_a_debye_temperature_is_positive(debye_temperature: float, two_peaks: Alpha2F):
    with pytest.raises(InputError, match="debye: found"):
        estimate(two_peaks, Coulomb(0.1), debye_temperature)


def test_the_table_shows_the_mu_star_that_was_asked_for(two_peaks: Alpha2F):
    table = text(estimate(two_peaks, Coulomb(0.12, Convention.AS_GIVEN)))
    assert "as_given" in table
    assert "μ* = 0.12" in table
    assert "eliashberg *" in table

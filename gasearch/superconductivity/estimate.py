"""Tc of one spectrum by every method, with what is to be said against each."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from gasearch.errors import InputError
from gasearch.superconductivity import formulas
from gasearch.superconductivity.alpha2f import Alpha2F
from gasearch.superconductivity.eliashberg import Coulomb, Eliashberg, critical_temperature
from gasearch.superconductivity.modes import Spectrum
from gasearch.superconductivity.moments import Moments
from gasearch.superconductivity.real_axis import gap_edge, pade_gap, real_gap
from gasearch.superconductivity.sensitivity import sensitivity
from gasearch.units import K_PER_THZ, MEV_PER_THZ

#: Largest |f_μ − 1| at which the formula of 2022 is believed: it has a pole near λ = 1.
_POLE: Final = 0.05
#: λ above which formulas were never fitted.
_STRONG: Final = 4.0
#: Range of μ* that is usual.
_USUAL_MU_STAR: Final = (0.08, 0.20)
#: α²F at the last sample over its maximum, above which the file may have been cut short.
_CUT: Final = 0.05
#: Share that was left out which is worth a word.
_WORTH_A_WORD: Final = 1e-4
#: Temperature over Tc at which Δ₀ is taken.
_COLD: Final = 0.1
#: Relative difference of the gaps from both continuations that is worth a word.
_GAPS_AGREE: Final = 0.01
#: Methods, the best first.
_PREFERENCE: Final = ("eliashberg", "allen_dynes", "allen_dynes_basic")
#: μ* for which every estimate gives Tc besides its own.
MU_STARS: Final = (0.10, 0.13, 0.16)


@dataclass(frozen=True)
class TcEstimate:
    """Tc by every method that what is known allows.

    Parameters
    ----------
    moments : Moments
        As they are in the spectrum, without paramagnons.
    omega_ph : float or None
        End of the phonons, THz, to which μ* belongs if it is rescaled; None where it is not known.
    coulomb : Coulomb
    tc : mapping
        Method → Tc, K; None where it needs what is not known. 0 is a result: no superconductivity.
    tc_by_mu_star : mapping
        μ* → the same, for usual ones.
    preferred : str
        The method to quote.
    gap : float or None
        Δ₀, THz, at a tenth of Tc, from the Eliashberg equations; None where they have no Tc.
    isotope : float or None
        −∂ln Tc/∂ln M from them.
    negative_share, imaginary_share : float
        What was left out of the spectrum, see `Alpha2F`.
    source : str
        Where the spectrum comes from.
    smearing : float or None
        Of the source.
    warnings : tuple of str
        Sentences.
    """

    moments: Moments
    omega_ph: float | None
    coulomb: Coulomb
    tc: Mapping[str, float | None]
    tc_by_mu_star: Mapping[float, Mapping[str, float | None]]
    preferred: str
    gap: float | None
    isotope: float | None
    negative_share: float
    imaginary_share: float
    source: str
    smearing: float | None
    warnings: tuple[str, ...]

    @property
    def gap_ratio(self) -> float | None:
        """2Δ₀/k_BTc; 3.53 in weak coupling."""
        return None if self.gap is None else 2 * self.gap * K_PER_THZ / self.tc["eliashberg"]

    def to_dict(self) -> dict[str, Any]:
        """Return what is written as JSON; each key names its unit."""
        omega_2 = self.moments.omega_2
        return {
            "source": self.source,
            "smearing": self.smearing,
            "lambda": self.moments.lam,
            "omega_log_K": K_PER_THZ * self.moments.omega_log,
            "omega_2_K": None if omega_2 is None else K_PER_THZ * omega_2,
            "omega_ph_K": None if self.omega_ph is None else K_PER_THZ * self.omega_ph,
            "mu_star": self.coulomb.mu_star,
            "mu_star_convention": self.coulomb.convention.value,
            "lambda_sf": self.coulomb.lambda_sf,
            "tc_K": dict(self.tc),
            "tc_K_by_mu_star": {f"{mu_star:.2f}": dict(tc) for mu_star, tc in self.tc_by_mu_star.items()},
            "preferred": self.preferred,
            "gap_meV": None if self.gap is None else MEV_PER_THZ * self.gap,
            "gap_ratio": self.gap_ratio,
            "isotope_coefficient": self.isotope,
            "negative_share": self.negative_share,
            "imaginary_share": self.imaginary_share,
            "warnings": list(self.warnings),
        }


def estimate(
    spectrum: Spectrum | Moments,
    coulomb: Coulomb,
    debye_temperature: float | None = None,
    source: str = "",
    smearing: float | None = None,
) -> TcEstimate:
    """Estimate Tc of a spectrum, or of its moments alone, by every method.

    Paramagnons enter every method alike: λ and μ* are replaced by effective ones, see `Coulomb`.

    Parameters
    ----------
    spectrum : Spectrum or Moments
    coulomb : Coulomb
    debye_temperature : float or None
        K; McMillan's formula needs it, and is left out without.
    source, smearing
        Where the spectrum comes from, if it does not say so itself.

    Raises
    ------
    InputError
        If μ* is too large for its convention, or the Debye temperature not positive.
    """
    if debye_temperature is not None and not 0 < debye_temperature < np.inf:
        raise InputError(f"debye: found {debye_temperature:g} K; allowed is a positive number")
    moments = spectrum if isinstance(spectrum, Moments) else spectrum.moments()
    tc = temperatures(spectrum, coulomb, debye_temperature)
    gap, isotope, about_gap = None, None, []
    if tc["eliashberg"]:
        equations = Eliashberg.of(spectrum, coulomb)
        gap, about_gap = _gap(spectrum, equations, tc["eliashberg"])
        isotope = sensitivity(equations, tc["eliashberg"], np.empty(0)).isotope
    known = isinstance(spectrum, Alpha2F)
    return TcEstimate(
        moments=moments,
        omega_ph=None if isinstance(spectrum, Moments) else spectrum.omega_ph,
        coulomb=coulomb,
        tc=tc,
        tc_by_mu_star=_at_usual_mu_stars(spectrum, coulomb, debye_temperature),
        preferred=next(method for method in _PREFERENCE if tc[method] is not None),
        gap=gap,
        isotope=isotope,
        negative_share=spectrum.negative_share if known else 0.0,
        imaginary_share=spectrum.imaginary_share if known else 0.0,
        source=spectrum.source if known else source,
        smearing=spectrum.smearing if known else smearing,
        warnings=(*_about_spectrum(spectrum), *_about_formulas(moments, coulomb), *about_gap),
    )


def _at_usual_mu_stars(
    spectrum: Spectrum | Moments, coulomb: Coulomb, debye_temperature: float | None
) -> dict[float, dict[str, float | None]]:
    result = {}
    for mu_star in MU_STARS:
        # One that is too large, with the paramagnons, was not asked for.
        with suppress(InputError):
            result[mu_star] = temperatures(spectrum, replace(coulomb, mu_star=mu_star), debye_temperature)
    return result


def temperatures(
    spectrum: Spectrum | Moments, coulomb: Coulomb, debye_temperature: float | None = None
) -> dict[str, float | None]:
    """Return Tc, K, by method; parameters and errors as of `estimate`."""
    whole = None if isinstance(spectrum, Moments) else spectrum
    moments = (spectrum if whole is None else whole.moments()).weakened(1 + coulomb.lambda_sf)
    mu, shape = coulomb.at_end_of_phonons, moments.omega_2 is not None
    return {
        "mcmillan": formulas.mcmillan(moments.lam, debye_temperature, mu) if debye_temperature else None,
        "allen_dynes_basic": formulas.allen_dynes_basic(moments, mu),
        "allen_dynes": formulas.allen_dynes(moments, mu) if shape else None,
        "sisso_2019": formulas.sisso_2019(moments, mu),
        "xie_2022": formulas.xie_2022(moments, mu) if shape else None,
        "sisso_2026": formulas.sisso_2026(moments, mu) if shape else None,
        "eliashberg": None if whole is None else critical_temperature(Eliashberg.of(whole, coulomb)),
    }


def _gap(spectrum: Spectrum, equations: Eliashberg, tc: float) -> tuple[float, list[str]]:
    """Return Δ₀, THz, well below Tc, K, and what is to be said of it."""
    solution = real_gap(spectrum, equations, _COLD * tc)
    by_pade = gap_edge(solution.omega, pade_gap(equations, _COLD * tc, solution.omega))
    warnings = []
    if not solution.converged:
        warnings.append(f"the gap on the real axis is not converged: it still changes by {solution.change:.1g}")
    if abs(by_pade - solution.edge) > _GAPS_AGREE * solution.edge:
        warnings.append(
            f"the gap is {MEV_PER_THZ * solution.edge:.4g} meV, but {MEV_PER_THZ * by_pade:.4g} by Padé's approximant"
        )
    return solution.edge, warnings


def _about_spectrum(spectrum: Spectrum | Moments) -> list[str]:
    if not isinstance(spectrum, Alpha2F):
        return ["without ω̄₂ there is no f₁·f₂, and without α²F no Eliashberg"] if isinstance(spectrum, Moments) else []
    warnings = []
    if spectrum.negative_share > _WORTH_A_WORD:
        warnings.append(f"negative α²F, {spectrum.negative_share:.2%} of λ, was set to zero")
    if spectrum.imaginary_share > _WORTH_A_WORD:
        warnings.append(f"α²F at imaginary frequencies, {spectrum.imaginary_share:.2%} of the area, was left out")
    if spectrum.values[-1] > _CUT * spectrum.values.max():
        warnings.append(f"α²F ends at {spectrum.omega[-1]:.4g} THz before it has fallen to zero: is the file whole?")
    return warnings


def _about_formulas(moments: Moments, coulomb: Coulomb) -> list[str]:
    moments, mu = moments.weakened(1 + coulomb.lambda_sf), coulomb.at_end_of_phonons
    warnings = []
    if not _USUAL_MU_STAR[0] <= coulomb.mu_star <= _USUAL_MU_STAR[1]:
        warnings.append("μ* = {:g} is unusual; most metals have {:g} to {:g}".format(coulomb.mu_star, *_USUAL_MU_STAR))
    if formulas.allen_dynes_basic(moments, mu) == 0:
        warnings.append("λ ≤ μ*(1 + 0.62 λ): no Tc by McMillan's form; sisso_2019 has no such threshold")
    if moments.lam > _STRONG:
        warnings.append(f"λ = {moments.lam:.3g} is beyond what the formulas were made for, except sisso_2026")
    return warnings + _about_range(moments, mu) + _about_pole(moments, coulomb)


def _about_range(moments: Moments, mu: float) -> list[str]:
    """Say what lies outside the range of the formula of 2026."""
    if moments.omega_2 is None:
        return []
    values = {"λ": moments.lam, "μ*": mu, "ω_log/ω̄₂": moments.omega_log / moments.omega_2}
    return [
        f"{name} = {value:.3g} is outside the range of sisso_2026, {low:g} to {high:g}"
        for (name, (low, high)), value in zip(formulas.SISSO_2026_RANGE.items(), values.values(), strict=True)
        if not low <= value <= high * (1 + 1e-9)
    ]


def _about_pole(moments: Moments, coulomb: Coulomb) -> list[str]:
    """Say for which μ*, of all for which Tc is given, the formula of 2022 is close to its pole."""
    if moments.omega_2 is None:
        return []
    mu_stars = sorted({coulomb.mu_star, *MU_STARS})
    f_mus = [
        formulas.xie_2022_f_mu(moments, replace(coulomb, mu_star=mu_star).at_end_of_phonons) for mu_star in mu_stars
    ]
    return [
        f"xie_2022 is close to its pole at μ* = {mu_star:g} (f_μ = {f_mu:.3g}, should be near 1): do not use it"
        for mu_star, f_mu in zip(mu_stars, f_mus, strict=True)
        if not abs(f_mu - 1) <= _POLE
    ]


def text(result: TcEstimate) -> str:
    """Return a table for the terminal: Tc by method, for the μ* that was asked for and for usual ones."""
    moments = result.moments
    by_mu_star = dict(sorted({**result.tc_by_mu_star, result.coulomb.mu_star: result.tc}.items()))
    lines = [
        f"λ            {moments.lam:.4f}",
        f"ω_log        {K_PER_THZ * moments.omega_log:.1f} K",
        f"ω̄₂           {_cell(moments.omega_2 and K_PER_THZ * moments.omega_2, '.1f').strip()} K",
        f"μ*           {result.coulomb.convention.value}, λ_sf = {result.coulomb.lambda_sf:g}",
    ]
    if result.gap is not None:
        lines.append(
            f"gap          {MEV_PER_THZ * result.gap:.3f} meV, 2Δ₀/kTc = {result.gap_ratio:.3f}, "
            f"isotope coefficient {result.isotope:.3f}, at μ* = {result.coulomb.mu_star:g}"
        )
    lines += ["", f"{'Tc (K)':<20}" + "".join(f"{f'μ* = {mu_star:g}':>12}" for mu_star in by_mu_star)]
    for method in result.tc:
        values = "".join(_cell(tc[method], ".2f") for tc in by_mu_star.values())
        lines.append(f"{method + (' *' if method == result.preferred else ''):<20}{values}")
    return "\n".join([*lines, "", "* preferred"])


def _cell(value: float | None, form: str) -> str:
    return f"{'–' if value is None else format(value, form):>12}"

"""Do spectra from a decoder teach the Eliashberg equations as well as Einstein models do?

The same regressor learns Tc from a base of smooth spectra of real crystals, from the base and Einstein models, and from
the base and as many draws of a decoder that was trained on the base; λ and μ* have the same distribution in all. It is
asked about spectra of materials that the base does not hold. Everything random is drawn again in each trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from gasearch.learning.autoencoder import Training, shape_of, spectrum_of, train
from gasearch.learning.crystals import Density, crystal_spectrum
from gasearch.learning.curves import reduced_tc_of, smooth, spectrum_features
from gasearch.learning.kernel_ridge import KernelRidge
from gasearch.learning.latent import Generator
from gasearch.learning.spectra import material_key
from gasearch.learning.synthetic import Group, Problem, Row, row, table, tc_of
from gasearch.superconductivity.modes import Modes, Spectrum

#: What is learned from.
SETS: Final = ("base", "base + Einstein", "base + decoder")
#: λ and μ* that are learned from.
LAMBDA: Final = (0.3, 3.0)
MU_STAR: Final = (0.08, 0.18)
#: μ* at which spectra are asked about.
ASKED: Final = (0.10, 0.13, 0.16)
#: k_BTc/ħω_log below which a spectrum is not asked about: relative errors have no bound there.
LEAST: Final = 1e-3
#: Share of the crystals that are left out of the base to ask about them.
_LEFT_OUT: Final = 0.3
#: Draws of the bootstrap.
_DRAWS: Final = 10_000
#: Materials without which nothing is decided.
_FEWEST: Final = 4
#: Einstein models have as many modes at most.
_MODES: Final = 4


@dataclass(frozen=True)
class Design:
    """Sizes of a trial.

    Parameters
    ----------
    couplings : int
        Spectra of each crystal.
    added : int
        Einstein models, and draws of the decoder.
    training : Training
        Of the decoder.
    """

    couplings: int = 6
    added: int = 300
    training: Training = field(default_factory=lambda: Training(bottleneck=4, hidden=48, epochs=250, batch=16))


@dataclass(frozen=True, eq=False)
class Case:
    """A spectrum that is asked about.

    Parameters
    ----------
    name, material : str
    spectrum : Spectrum
    """

    name: str
    material: str
    spectrum: Spectrum


@dataclass(frozen=True)
class Trial:
    """Mean |Δ ln Tc| over `ASKED`, by what was learned from, in the order of `SETS`.

    Parameters
    ----------
    real : mapping of str to tuple of float
        By the name of a case; without those of too small a Tc.
    crystals : mapping of str to tuple of float
        By the formula of a crystal that was left out of the base.
    """

    real: dict[str, tuple[float, ...]]
    crystals: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Interval:
    """A mean over materials, and its 95 % interval.

    Parameters
    ----------
    mean, low, high : float
    materials : int
        Independent witnesses.
    """

    mean: float
    low: float
    high: float
    materials: int

    @property
    def verdict(self) -> str:
        """Which is better, where this is the error with the decoder less that with Einstein models."""
        if self.low <= 0 <= self.high or self.materials < _FEWEST:
            return "undecided"
        return "Einstein models are better" if self.low > 0 else "the decoder is better"


def trial(seed: int, design: Design, densities: Sequence[Density], cases: Sequence[Case]) -> Trial:
    """Learn from each of `SETS` and ask; no material that is asked about is among the base."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1,)))
    asked = {material_key(case.material) for case in cases}
    known = [one for one in densities if material_key(one.formula) not in asked]
    order = rng.permutation(len(known))
    away = [known[i] for i in order[: round(_LEFT_OUT * len(known))]]
    base = [crystal_spectrum(known[i], _lam(rng), rng) for i in order[len(away) :] for _ in range(design.couplings)]
    draws = {
        "base": [],
        "base + Einstein": [_einstein(rng) for _ in range(design.added)],
        "base + decoder": _decoded(base, design, rng),
    }
    learned = _labelled(base, rng)
    models = [_fitted(learned + (_labelled(draws[name], rng) if draws[name] else [])) for name in SETS]
    left = [Case(one.formula, one.formula, crystal_spectrum(one, _lam(rng), rng)) for one in away]
    return Trial(*({case.name: errors for case in some if (errors := _errors(models, case))} for some in (cases, left)))


def difference(trials: Sequence[dict[str, tuple[float, ...]]], materials: dict[str, str], seed: int) -> Interval:
    """Return the error with the decoder less that with Einstein models, materials and trials being drawn again.

    Spectra of one material are averaged first: they are no independent witnesses.
    """
    by_trial = []
    for errors in trials:
        found: dict[str, list[float]] = {}
        for name, (_, einstein, decoder) in errors.items():
            found.setdefault(material_key(materials.get(name, name)), []).append(decoder - einstein)
        by_trial.append({material: float(np.mean(values)) for material, values in found.items()})
    names = sorted(set().union(*by_trial))
    values = np.array([[one.get(name, np.nan) for name in names] for one in by_trial])
    rng = np.random.default_rng(seed)
    means = []
    for _ in range(_DRAWS):
        rows, columns = (rng.integers(0, size, size) for size in values.shape)
        some = values[np.ix_(rows, columns)]
        if np.isfinite(some).any():
            means.append(np.nanmean(some))
    level = _level(len(names))
    low, high = np.quantile(means, [level, 1 - level])
    return Interval(float(np.nanmean(values)), float(low), float(high), len(names))


def _level(count: int) -> float:
    """Return the share of the bootstrap on either side of the interval, for a number of independent witnesses.

    The percentiles of few are too narrow; these are expanded to what Student's t has (Hesterberg, Am. Stat. 69, 371
    (2015), doi:10.1080/00031305.2015.1089789).
    """
    from scipy.stats import norm, t

    return float(norm.cdf(-np.sqrt(count / (count - 1)) * t.ppf(0.975, count - 1))) if count > 1 else 0.0


def _errors(models: Sequence[KernelRidge], case: Case) -> tuple[float, ...] | None:
    rows = table(_rows([Problem(Group.METAL, case.spectrum, mu) for mu in ASKED]))
    rows = rows[rows.reduced_tc > LEAST]
    if not len(rows):
        return None
    exact = np.log(rows.reduced_tc)
    said = [np.log(reduced_tc_of(model.predict(spectrum_features(rows)))) for model in models]
    return tuple(float(np.abs(one - exact).mean()) for one in said)


def _fitted(rows: list[Row]) -> KernelRidge:
    learned = table(rows)
    return KernelRidge.fit(spectrum_features(learned), smooth(learned.reduced_tc))


def _labelled(spectra: Sequence[Spectrum], rng: np.random.Generator) -> list[Row]:
    return _rows([Problem(Group.METAL, one, rng.uniform(*MU_STAR)) for one in spectra])


def _rows(problems: Sequence[Problem]) -> list[Row]:
    return [row(one, tc_of(one)) for one in problems]


def _lam(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(LAMBDA))))


def _einstein(rng: np.random.Generator) -> Modes:
    """Draw one to four modes, with any shares of λ; the scale is arbitrary, as Tc is taken over ω_log."""
    count = rng.integers(1, _MODES + 1)
    return Modes(10 * rng.uniform(0.1, 1.0, count), _lam(rng) * rng.dirichlet(np.ones(count)))


def _decoded(base: Sequence[Modes], design: Design, rng: np.random.Generator) -> list[Modes]:
    """Draw from a decoder that was trained on shapes of the base."""
    shapes = np.array([shape_of(one) for one in base])
    order = rng.permutation(len(shapes))
    held, rest = shapes[order[: len(order) // 6]], shapes[order[len(order) // 6 :]]
    training = replace(design.training, seed=int(rng.integers(2**31)))
    model = train(rest, held, training)
    ones = np.ones(len(rest))
    generator = Generator.of(model, rest, ones, ones, training.seed)
    return [spectrum_of(shape, _lam(rng), 10.0) for shape in generator.sample(design.added, rng)[0]]

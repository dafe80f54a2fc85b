"""The search for a closed formula for Tc, on spectra labelled by the Eliashberg equations.

Every candidate is right in both limits by construction. For weak coupling to one mode, at μ* = 0, Tc is
A ω exp[−(1 + λ)/λ] with A = (2e^γ/π)/√e [1]. For several, of frequencies ω_i and shares s_i of λ, the same integral
over the gap function has ω_log for ω, and the factor exp Σ s_i s_j [½ − ¼ δ coth(δ/2)], δ = 2 ln(ω_i/ω_j): to second
order in the spread of ln ω that is (ω_log/ω̄₂)^(1/3). Strong coupling gives 0.18273 √λ ω̄₂ [2]. A skeleton with few
constants joins them,

    T₀ = A ω_log exp[−(1 + λ)/(λ − μ*(1 + aλ))] [1 + (kλ)ᵖ]^(1/2p) (ω̄₂/ω_log)^[w − (1 − w)/3],
    w = λⁿ/(λⁿ + c (ω̄₂/ω_log)ˢ),

k = (0.18273 e/A)², and a sum of terms in its logarithm, found by symbolic regression, corrects it in between. They are
products of powers of λ/(1 + λ), 1/(1 + λ), 1 − ω_log/ω̄₂ or ln(ω̄₂/ω_log), and μ*: bounded, without poles. All vanish
for weak coupling; for strong coupling those remain that hold μ*.

References
----------
[1] Marsiglio, arXiv:1807.04907 (2018).
[2] Allen and Dynes, Phys. Rev. B 12, 905 (1975), doi:10.1103/PhysRevB.12.905.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from gasearch.learning.symbolic_regression import Model, Term, distinct, power, product, search
from gasearch.learning.synthetic import MATERIALS, Group, Table
from gasearch.superconductivity import formulas
from gasearch.superconductivity.moments import Moments
from gasearch.units import K_PER_THZ

#: k_BTc/ħω_log above which relative errors count; below it, absolute ones.
COUNTS: Final = 0.005
#: Least and largest constants of the skeleton.
_BOUNDS: Final = ((0.0, 0.5, 0.3, 0.01, -3.0), (2.0, 4.0, 6.0, 100.0, 5.0))
#: Terms of the formula that was found, of `corrections`, with μ* at ω̄₂.
SISSO_2026_TERMS: Final = ("x^3·y^1·(1-ρ)", "x^3·μ", "x^2·y^3·lnρ·μ^2", "x^1·y^3·μ^2")
#: Columns that each size of sum adds to the pool of the search.
_PER_SIZE: Final = 16
#: Weight of spectra that are stranger than materials' are.
_EXTREME_WEIGHT: Final = 0.1

#: Closed formulas by name: published ones, and the one that was found here.
FORMULAS: Final[Mapping[str, Callable[[Moments, float], float]]] = {
    "allen_dynes_basic": formulas.allen_dynes_basic,
    "allen_dynes": formulas.allen_dynes,
    "sisso_2019": formulas.sisso_2019,
    "xie_2022": formulas.xie_2022,
    "sisso_2026": formulas.sisso_2026,
}


@dataclass(frozen=True)
class Errors:
    """How far predictions are from the Eliashberg equations.

    Parameters
    ----------
    count : int
        Spectra with k_BTc above `COUNTS` ħω_log, over which relative errors are taken.
    rms, median, worst : float
        Relative error of Tc: root mean square; median and largest magnitude.
    below : float
        Largest k_B|ΔTc|/ħω_log of the other spectra.
    """

    count: int
    rms: float
    median: float
    worst: float
    below: float


@dataclass(frozen=True)
class Skeleton:
    """The constants of T₀, see the module; k follows from the limits."""

    a: float = 0.7
    p: float = 1.3
    n: float = 2.0
    c: float = 3.0
    s: float = 1.0

    def reduced_tc(self, table: Table) -> np.ndarray:
        """Return k_BT₀/ħω_log (n,); 0 where nothing attracts."""
        lam, ratio = table.lam, 1 / table.ratio
        attraction = lam - table.mu_star * (1 + self.a * lam)
        exponent = -(1 + lam) / np.where(attraction > 0, attraction, np.inf)
        strong = (1 + ((formulas.STRONG_LIMIT * np.e / formulas.WEAK_LIMIT) ** 2 * lam) ** self.p) ** (0.5 / self.p)
        share = lam**self.n / (lam**self.n + self.c * ratio**self.s)
        return np.where(
            attraction > 0, formulas.WEAK_LIMIT * np.exp(exponent) * strong * ratio ** (share - (1 - share) / 3), 0.0
        )


@dataclass(frozen=True)
class Found:
    """A skeleton and a sum of terms.

    Parameters
    ----------
    skeleton : Skeleton
    names : tuple of str
        The terms, of `corrections`.
    coefficients : tuple of float
    """

    skeleton: Skeleton
    names: tuple[str, ...] = ()
    coefficients: tuple[float, ...] = ()

    @property
    def with_end(self) -> bool:
        """Whether ω_ph is among the quantities."""
        return any("lnh" in name for name in self.names)

    @property
    def constants(self) -> int:
        """How many constants were fitted."""
        return 5 + len(self.names)

    def tc(self, table: Table) -> np.ndarray:
        """Return Tc, K."""
        by_name = {term.name: term.values for term in corrections(table, self.with_end)} if self.names else {}
        exponent = sum((c * by_name[name] for name, c in zip(self.names, self.coefficients, strict=True)), start=0.0)
        return self.skeleton.reduced_tc(table) * np.exp(exponent) * K_PER_THZ * table.omega_log


def errors(tc: np.ndarray, table: Table) -> Errors:
    """Return the errors of predictions (n,), K."""
    counts = table.reduced_tc > COUNTS
    relative = np.abs(tc[counts] / table.tc[counts] - 1)
    absolute = np.abs(tc - table.tc)[~counts] / (K_PER_THZ * table.omega_log[~counts])
    return Errors(
        count=int(counts.sum()),
        rms=float(np.sqrt(np.mean(relative**2))),
        median=float(np.median(relative)),
        worst=float(relative.max()),
        below=float(absolute.max(initial=0.0)),
    )


def by_group(tc: np.ndarray, table: Table) -> dict[str, Errors]:
    """Return the errors of each group, and of those that resemble materials together."""
    present = [group for group in Group if (table.group == group).any()]
    result = {str(group): errors(tc[table.group == group], table[table.group == group]) for group in present}
    materials = np.isin(table.group, MATERIALS)
    return result | ({"all": errors(tc[materials], table[materials])} if materials.any() else {})


def by_formula(name: str, table: Table) -> np.ndarray:
    """Return Tc, K, (n,) by one of `FORMULAS`."""
    return np.array([FORMULAS[name](one, mu) for one, mu in zip(table.moments(), table.mu_star, strict=True)])


def at_omega_2(table: Table) -> Table:
    """Return the table with μ* at ω̄₂ instead of the end of the phonons.

    Of the spectrum's end nothing else is left then that a formula would have to know.
    """
    return replace(table, mu_star=formulas.referred(table.mu_star, table.omega_ph, table.omega_2))


def corrections(table: Table, with_end: bool = False) -> list[Term]:
    """Return the terms that may stand in the logarithm; also such of ω_ph if asked to, to see what it would add."""
    x, y = Term("x", table.lam / (1 + table.lam)), Term("y", 1 / (1 + table.lam))
    shape = [Term("(1-ρ)", 1 - table.ratio), Term("lnρ", np.log(table.ratio))]
    if with_end:
        shape.append(Term("lnh", np.log(table.omega_2 / table.omega_ph)))
    mu = Term("μ", table.mu_star)
    couplings = [
        product(power(x, i, f"x^{i}"), power(y, j, f"y^{j}")) if j else power(x, i, f"x^{i}")
        for i in (1, 2, 3, 4)
        for j in (0, 1, 2, 3)
    ]
    shapes = [*shape, *(power(one, 2, f"{one.name}^2") for one in shape)]
    shapes += [product(one, shape[-1]) for one in shape[:-1]] if with_end else []
    repulsions = [mu, power(mu, 2, "μ^2")]
    terms = list(couplings)
    terms += [product(a, b) for a in couplings for b in (*shapes, *repulsions)]
    terms += [product(product(a, b), c) for a in couplings for b in shapes for c in repulsions]
    return [term for term in distinct(terms) if "y" in term.name or "μ" in term.name]


def fit_skeleton(table: Table) -> Skeleton:
    """Return the constants that make relative errors least; single large ones count little."""
    from scipy.optimize import least_squares

    rows = table[table.reduced_tc > COUNTS]
    weights = _weights(rows)
    start = Skeleton()

    def residuals(constants: np.ndarray) -> np.ndarray:
        return weights * (Skeleton(*constants).reduced_tc(rows) / rows.reduced_tc - 1)

    found = least_squares(residuals, [*vars(start).values()], bounds=_BOUNDS, loss="soft_l1", f_scale=0.05)
    return Skeleton(*found.x.tolist())


def find(table: Table, largest: int, with_end: bool = False) -> list[Found]:
    """Return the skeleton alone, and with the best sum of each size up to ``largest``."""
    skeleton = fit_skeleton(table)
    rows = table[table.reduced_tc > COUNTS]
    terms = corrections(rows, with_end)
    matrix = np.column_stack([term.values for term in terms])
    target = np.log(rows.reduced_tc / skeleton.reduced_tc(rows))
    models = search(matrix, target, _weights(rows) ** 2, largest, _PER_SIZE)
    return [Found(skeleton), *(_found(skeleton, terms, model) for model in models)]


def held_out(table: Table, largest: int) -> dict[str, list[Errors]]:
    """Return, for each group, its errors by size when everything was done without it."""
    result = {}
    for group in MATERIALS:
        rest, test = table[table.group != group], table[table.group == group]
        result[str(group)] = [errors(one.tc(test), test) for one in find(rest, largest)]
    return result


def polished(found: Found, table: Table) -> Found:
    """Return the same form with all constants fitted together."""
    from scipy.optimize import least_squares

    rows = table[table.reduced_tc > COUNTS]
    weights = _weights(rows)
    by_name = {term.name: term.values for term in corrections(rows, found.with_end)}
    matrix = np.column_stack([by_name[name] for name in found.names])

    def residuals(constants: np.ndarray) -> np.ndarray:
        skeleton = Skeleton(*constants[:5])
        return weights * (skeleton.reduced_tc(rows) * np.exp(matrix @ constants[5:]) / rows.reduced_tc - 1)

    start = [*vars(found.skeleton).values(), *found.coefficients]
    free = [np.inf] * len(found.names)
    bounds = ([*_BOUNDS[0], *(-one for one in free)], [*_BOUNDS[1], *free])
    best = least_squares(residuals, start, bounds=bounds, x_scale=np.maximum(np.abs(start), 0.1)).x.tolist()
    return Found(Skeleton(*best[:5]), found.names, tuple(best[5:]))


def _found(skeleton: Skeleton, terms: Sequence[Term], model: Model) -> Found:
    return Found(skeleton, tuple(terms[i].name for i in model.terms), tuple(model.coefficients.tolist()))


def _weights(table: Table) -> np.ndarray:
    """Return the square roots of the weights (n,) of rows."""
    return np.where(table.group == Group.EXTREME, np.sqrt(_EXTREME_WEIGHT), 1.0)

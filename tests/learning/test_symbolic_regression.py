from pathlib import Path

import numpy as np
import pytest

from gasearch.learning.symbolic_regression import (
    Term,
    best_sums,
    distinct,
    power,
    product,
    products,
    quotient,
    search,
    total,
)

MATERIALS = Path(__file__).parents[1] / "data" / "allen_dynes_1975.csv"


def test_units_are_respected():
    lam, omega = Term("λ", np.array([1.0, 2.0])), Term("ω", np.array([3.0, 4.0]), unit=1)
    assert product(lam, omega).unit == 1
    assert quotient(omega, omega).unit == 0
    with pytest.raises(ValueError, match="different units"):
        total(lam, omega)
    with pytest.raises(ValueError, match="has a unit"):
        power(omega, 2, "ω²")
    assert [term.name for term in distinct([lam, omega, product(lam, omega)], unit=1)] == ["ω", "λ·ω"]


def test_what_is_proportional_is_one_term():
    values = np.array([1.0, -2.0, 5.0])
    assert len(distinct([Term("a", values), Term("b", -3 * values, complexity=4)])) == 1


def test_a_planted_sum_is_found():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(80, 60))
    target = 2.0 * matrix[:, 7] - 0.5 * matrix[:, 31] + 0.1 * matrix[:, 50]
    models = search(matrix, target, np.ones(80), largest=3, per_size=20)
    assert set(models[-1].terms) == {7, 31, 50}
    assert dict(zip(models[-1].terms, models[-1].coefficients, strict=True))[31] == pytest.approx(-0.5)
    assert models[0].error > models[1].error > models[2].error
    assert models[-1].error < 1e-9


def test_the_formula_of_2019_is_found_again():
    """0.0952 λ⁴ω_log/(λ³ + √μ*) is the best single term of 2,800 on the materials of Allen and Dynes."""
    tc, omega_log, omega_2, lam, mu_star = np.loadtxt(MATERIALS, delimiter=",", usecols=range(5), encoding="utf-8").T
    one = Term("1", np.ones(29), complexity=0)
    lams = [power(Term("λ", lam), n, f"λ^{n}") for n in (0.5, 1, 1.5, 2, 3, 4, 5)]
    mus = [power(Term("μ", mu_star), n, f"μ^{n}") for n in (0.5, 1, 2, 3)]
    numerators = [one, *lams, *mus, *products(lams, mus)]
    denominators = [*(total(a, b) for a in lams[:-1] for b in mus), *(total(one, a) for a in (*lams[:-1], *mus))]
    frequencies = [
        product(a, Term(name, values, 1))
        for a in numerators
        for name, values in (("ω_log", omega_log), ("ω̄₂", omega_2))
    ]
    terms = distinct([*frequencies, *(quotient(a, b) for a in frequencies for b in denominators)], unit=1)
    assert len(terms) == 2800
    matrix = np.column_stack([term.values for term in terms])
    best = best_sums(matrix, tc, np.ones(29), range(len(terms)), size=1, keep=1)[0]
    assert terms[best.terms[0]].name == "λ^4·ω_log/(λ^3 + μ^0.5)"
    assert best.coefficients[0] == pytest.approx(0.0952, abs=1e-4)
    assert best.error == pytest.approx(0.252, abs=1e-3)

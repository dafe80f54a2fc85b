"""Formulas found in data: many candidate terms of the right unit, and the few whose sum fits best.

The manner is that of SISSO: terms are built from quantities by a few operations that respect units, screened by their
correlation with what is still to be explained, and combined by exhaustive search (an ℓ₀ regression).

References
----------
Ouyang, Curtarolo, Ahmetcik, Scheffler and Ghiringhelli, Phys. Rev. Materials 2, 083802 (2018),
doi:10.1103/PhysRevMaterials.2.083802.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

#: Combinations that are solved at a time.
_AT_ONCE: Final = 20_000
#: Relative ridge that keeps equations of terms that are nearly equal solvable.
_RIDGE: Final = 1e-12


@dataclass(frozen=True, eq=False)
class Term:
    """A candidate, evaluated on all data.

    Parameters
    ----------
    name : str
        The expression.
    values : (n,) array
    unit : int
        Power of the unit of frequency.
    complexity : int
        Quantities and operations in it.
    """

    name: str
    values: np.ndarray
    unit: int = 0
    complexity: int = 1


@dataclass(frozen=True, eq=False)
class Model:
    """A sum of terms.

    Parameters
    ----------
    terms : tuple of int
        Columns.
    coefficients : (k,) array
    error : float
        Weighted root mean square of the residual.
    """

    terms: tuple[int, ...]
    coefficients: np.ndarray
    error: float

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Return the sum (n,) for a matrix of all terms (n, m)."""
        return matrix[:, self.terms] @ self.coefficients


@dataclass(frozen=True)
class FrontPoint:
    """The best sum of some size.

    Parameters
    ----------
    size : int
        Terms.
    names : tuple of str
    coefficients : tuple of float
    complexity : int
        Of all terms together.
    error : float
        Where it was fitted.
    held_out : mapping of str to float
        Group → error of the sum that was chosen and fitted without that group, on it.
    """

    size: int
    names: tuple[str, ...]
    coefficients: tuple[float, ...]
    complexity: int
    error: float
    held_out: dict[str, float]


def power(term: Term, exponent: float, name: str) -> Term:
    """Return a power of a term without unit."""
    if term.unit:
        raise ValueError(f"{term.name} has a unit; only products and quotients of it are formed")
    return Term(name, term.values**exponent, 0, term.complexity + (exponent != 1))


def product(a: Term, b: Term) -> Term:
    """Return a·b."""
    return Term(f"{a.name}·{b.name}", a.values * b.values, a.unit + b.unit, a.complexity + b.complexity + 1)


def quotient(a: Term, b: Term) -> Term:
    """Return a/b; the caller sees to it that b has no zero."""
    return Term(f"{a.name}/({b.name})", a.values / b.values, a.unit - b.unit, a.complexity + b.complexity + 1)


def total(a: Term, b: Term) -> Term:
    """Return a + b.

    Raises
    ------
    ValueError
        If the units differ.
    """
    if a.unit != b.unit:
        raise ValueError(f"{a.name} and {b.name} have different units")
    return Term(f"{a.name} + {b.name}", a.values + b.values, a.unit, a.complexity + b.complexity + 1)


def products(*families: Iterable[Term]) -> list[Term]:
    """Return every product of one term of each family."""
    result = []
    for first, *others in itertools.product(*families):
        for other in others:
            first = product(first, other)
        result.append(first)
    return result


def distinct(terms: Collection[Term], unit: int = 0) -> list[Term]:
    """Return the terms of a unit that are finite, not constant, and not proportional to a simpler one."""
    kept, seen = [], set()
    for term in sorted(terms, key=lambda one: one.complexity):
        norm = np.linalg.norm(term.values) if np.isfinite(term.values).all() else 0.0
        if term.unit != unit or not norm > 0:
            continue
        direction = (term.values / norm).round(9)
        key = (direction * np.sign(direction[np.abs(direction).argmax()])).tobytes()
        if key not in seen:
            seen.add(key)
            kept.append(term)
    return kept


def screened(matrix: np.ndarray, residual: np.ndarray, weights: np.ndarray, count: int) -> list[int]:
    """Return the columns (n, m) that are most correlated, weighted, with a residual (n,)."""
    norms = np.sqrt(weights @ matrix**2)
    overlap = np.abs((weights * residual) @ matrix) / np.where(norms > 0, norms, np.inf)
    return np.argsort(-overlap, kind="stable")[:count].tolist()


def best_sums(
    matrix: np.ndarray, target: np.ndarray, weights: np.ndarray, columns: Sequence[int], size: int, keep: int
) -> list[Model]:
    """Return the sums of exactly ``size`` of some columns (n, m) with the least weighted error, by trying them all."""
    chosen = matrix[:, columns]
    gram, right = (chosen * weights[:, None]).T @ chosen, (chosen * weights[:, None]).T @ target
    gram = gram + _RIDGE * np.diag(np.diag(gram))
    square = float(weights @ target**2)
    best: list[tuple[float, tuple[int, ...]]] = []
    combinations = itertools.combinations(range(len(columns)), size)
    while block := list(itertools.islice(combinations, _AT_ONCE)):
        index = np.array(block)
        solved = np.linalg.solve(gram[index[:, :, None], index[:, None, :]], right[index][..., None])[..., 0]
        left = square - (solved * right[index]).sum(1)
        first = np.argsort(left, kind="stable")[:keep]
        best = sorted([*best, *((float(left[i]), block[i]) for i in first)])[:keep]
    return [fitted(matrix, target, weights, tuple(columns[i] for i in which)) for _, which in best]


def fitted(matrix: np.ndarray, target: np.ndarray, weights: np.ndarray, terms: tuple[int, ...]) -> Model:
    """Return the sum of these columns (n, m) that fits a target (n,) best."""
    scale = np.sqrt(weights)
    coefficients = np.linalg.lstsq(matrix[:, terms] * scale[:, None], target * scale, rcond=None)[0]
    residual = target - matrix[:, terms] @ coefficients
    return Model(terms, coefficients, float(np.sqrt(weights @ residual**2 / weights.sum())))


def search(
    matrix: np.ndarray, target: np.ndarray, weights: np.ndarray, largest: int, per_size: int, keep: int = 1
) -> list[Model]:
    """Return the best sum of each size from 1 to ``largest``.

    Each size adds to the pool the ``per_size`` columns that are most correlated with the residuals of the ``keep`` best
    sums of the size before; all sums within the pool are tried.
    """
    residuals, pool, result = [target], [], []
    for size in range(1, largest + 1):
        found = itertools.chain.from_iterable(screened(matrix, one, weights, per_size) for one in residuals)
        pool = list(dict.fromkeys([*pool, *found]))
        models = best_sums(matrix, target, weights, pool, size, keep)
        residuals = [target - model.predict(matrix) for model in models]
        result.append(models[0])
    return result


def front(
    terms: Sequence[Term],
    target: np.ndarray,
    weights: np.ndarray,
    groups: np.ndarray,
    largest: int,
    per_size: int,
    error_of: Callable[[np.ndarray, np.ndarray], float],
) -> list[FrontPoint]:
    """Return the best sum of each size, with the errors of a cross-validation over groups.

    Parameters
    ----------
    terms : sequence of Term
        All with the unit of the target.
    target, weights : (n,) arrays
    groups : (n,) array of str
        What is held out together; everything, the choice of the terms too, is done again without it.
    largest, per_size : int
        As of `search`.
    error_of : callable
        Prediction (k,) and the rows that were predicted (n,) of bool → error.
    """
    matrix = np.column_stack([term.values for term in terms])
    whole = search(matrix, target, weights, largest, per_size)
    names = sorted(set(groups.tolist()))
    without = {}
    for name in names if len(names) > 1 else ():
        rest = groups != name
        without[name] = search(matrix[rest], target[rest], weights[rest], largest, per_size)
    return [
        FrontPoint(
            size=size,
            names=tuple(terms[i].name for i in model.terms),
            coefficients=tuple(model.coefficients.tolist()),
            complexity=sum(terms[i].complexity for i in model.terms),
            error=error_of(model.predict(matrix), np.ones(len(target), bool)),
            held_out={
                name: error_of(models[size - 1].predict(matrix[groups == name]), groups == name)
                for name, models in without.items()
            },
        )
        for size, model in enumerate(whole, start=1)
    ]

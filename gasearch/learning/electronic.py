"""What electrons say of Tc before any phonon is known: which descriptors carry information, and a model of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from gasearch.learning import descriptors
from gasearch.learning.descriptors import COMPOSITION_FEATURES, Amounts, element_table
from gasearch.learning.forest import Growth
from gasearch.learning.tables import Superconductors
from gasearch.learning.validation import HeldOut, held_out
from gasearch.units import EV_PER_U_A2_THZ2, K_PER_THZ

#: Columns beyond the composition.
EXTRA: Final = ("N(E_F)", "Debye temperature", "N(E_F)/(M Θ²)")
#: Which of them each set of descriptors has.
_SETS: Final[Mapping[str, tuple[str, ...]]] = {
    "composition": (),
    "composition, N(E_F)": EXTRA[:1],
    "composition, N(E_F), Debye temperature": EXTRA[:2],
    "all": EXTRA,
}


def extra_columns(data: Superconductors) -> np.ndarray:
    """Return `EXTRA` (n, 3): states per eV and atom, K, and N(E_F)/(MΘ²), 1/eV² Å².

    The last is λ of McMillan and Hopfield over ⟨I²⟩ if ω̄₂ is in proportion to the Debye temperature.
    """
    masses = element_table()[:, descriptors.PROPERTIES.index("atomic_mass")]
    mass = np.array([_mean(Amounts.from_formula(one), masses) for one in data.formula])
    hopfield = data.dos / (mass * EV_PER_U_A2_THZ2 * (2 * np.pi * data.debye / K_PER_THZ) ** 2)
    return np.column_stack([data.dos, data.debye, hopfield])


def information(data: Superconductors, growth: Growth, seed: int) -> dict[str, Any]:
    """Return what forests of each set of descriptors are worth on chemical systems that they have not seen.

    For λ (its logarithm) and for Tc (its square root): R² and mean absolute error by set; and, with all descriptors,
    how much the error grows when one is permuted among the rows. λ by McMillan and Hopfield with one ⟨I²⟩ for all, the
    median of that of the table, stands beside it.
    """
    composition, extra = descriptors.matrix(data.formula), extra_columns(data)
    features = np.column_stack([composition, extra])
    report: dict[str, Any] = {}
    for name, values, target in (("lambda", data.lam, np.log(data.lam)), ("tc_K", data.tc, np.sqrt(data.tc))):
        back = np.exp if name == "lambda" else np.square
        report[name] = {}
        for chosen, columns in _SETS.items():
            some = [*range(composition.shape[1]), *(composition.shape[1] + EXTRA.index(one) for one in columns)]
            blocks = _blocks() if chosen == "all" else None
            said = held_out(features[:, some], target, data.systems, growth, seed, blocks=blocks)
            report[name][chosen] = _worth(values, back(said.expected))
            if blocks:
                report[name]["importance"] = _importance(said)
    one_for_all = extra[:, 2] * np.median(data.lam / extra[:, 2])
    report["lambda"]["McMillan-Hopfield, one matrix element"] = _worth(data.lam, one_for_all)
    return report


def _mean(amounts: Amounts, of_elements: np.ndarray) -> float:
    return float(sum(share * of_elements[number] for number, share in amounts.shares.items()))


def _blocks() -> dict[str, np.ndarray]:
    """Return the columns of the statistics of each property, and of what else there is."""
    names = [*COMPOSITION_FEATURES, *EXTRA]
    blocks: dict[str, list[int]] = {}
    for column, name in enumerate(names):
        of = next((one for one in descriptors.PROPERTIES if name.endswith(f" {one}")), name)
        blocks.setdefault(of, []).append(column)
    return {name: np.array(columns) for name, columns in blocks.items()}


def _importance(said: HeldOut) -> dict[str, float]:
    first = sorted(said.importance.items(), key=lambda pair: -pair[1])[:10]
    return {name: round(value, 4) for name, value in first}


def _worth(true: np.ndarray, found: np.ndarray) -> dict[str, float]:
    r2 = 1 - ((true - found) ** 2).sum() / ((true - true.mean()) ** 2).sum()
    return {"mae": round(float(np.abs(found - true).mean()), 4), "r2": round(float(r2), 4)}

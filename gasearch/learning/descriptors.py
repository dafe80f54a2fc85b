"""What a composition, its pressure and its electrons tell a model before any phonon is known."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.quiet import ignoring

_AMOUNT: Final = re.compile(r"([A-Z][a-z]?)(\d+(?:\.\d+)?|\.\d+)?")
#: Of the elements, as pymatgen has them.
_TABULATED: Final = (
    "row",
    "group",
    "mendeleev_no",
    "X",
    "atomic_mass",
    "atomic_radius",
    "melting_point",
    "molar_volume",
    "ionization_energy",
    "electron_affinity",
)
_SHELLS: Final = {"s": 2, "p": 6, "d": 10, "f": 14}
_STATISTICS: Final = ("mean", "deviation", "least", "largest", "range")
#: Properties of an element, one column each of `element_table`.
PROPERTIES: Final = (*_TABULATED, *(f"{shell}_electrons" for shell in _SHELLS), "valence", "unfilled")
#: Features of a composition, in order.
COMPOSITION_FEATURES: Final = (
    *(f"{statistic} {name}" for name in PROPERTIES for statistic in _STATISTICS),
    "elements",
    "mixing entropy",
    "hydrogen share",
    "most of one element",
)
#: Features of the electrons, see `electronic`.
ELECTRONIC_FEATURES: Final = ("states per eV and atom", "hydrogen share of states", "valence electrons per atom")


@dataclass(frozen=True)
class Amounts:
    """A composition with fractional amounts.

    Parameters
    ----------
    shares : mapping
        Atomic number → share of the atoms; they add up to 1.
    """

    shares: Mapping[int, float]

    @staticmethod
    def of_elements(formula: str) -> dict[str, float]:
        """Return the atoms of a formula unit by element; ValueError as of `from_formula`."""
        return {SYMBOLS[number]: count for number, count in _counts(formula).items()}

    @staticmethod
    def from_formula(formula: str) -> Amounts:
        """Read a formula such as ``Ba0.4K0.6Fe2As2``; ValueError if it is none, as with unknown amounts (``O7-z``)."""
        counts = _counts(formula)
        atoms = sum(counts.values())
        return Amounts({number: count / atoms for number, count in sorted(counts.items()) if count})

    @property
    def system(self) -> str:
        """The chemical system, such as ``H-La``: what must not be on both sides of a split."""
        return "-".join(sorted(SYMBOLS[number] for number in self.shares))


def _counts(formula: str) -> dict[int, float]:
    """Return how many atoms of each element a formula has."""
    tokens = _AMOUNT.findall(formula)
    if not formula or "".join(symbol + amount for symbol, amount in tokens) != formula:
        raise ValueError(f"{formula!r} is not a formula with known amounts")
    counts: dict[int, float] = {}
    for symbol, amount in tokens:
        if symbol not in SYMBOLS[1:]:
            raise ValueError(f"{symbol!r} in {formula!r} is not a chemical element")
        number = SYMBOLS.index(symbol)
        counts[number] = counts.get(number, 0.0) + (float(amount) if amount else 1.0)
    atoms = sum(counts.values())
    if not 0 < atoms < math.inf:
        raise ValueError(f"{formula!r} has no atoms")
    return counts


@cache
def element_table() -> np.ndarray:
    """Return `PROPERTIES` of each element (n, properties) by atomic number; what is not known is the median."""
    from pymatgen.core import Element

    with ignoring():  # noble gases have no electronegativity
        rows = [[math.nan] * len(PROPERTIES)] + [_properties(Element(symbol)) for symbol in SYMBOLS[1:]]
    table = np.array(rows)
    table = np.where(np.isnan(table), np.nanmedian(table, axis=0), table)
    table.flags.writeable = False
    return table


def _properties(element: Any) -> list[float]:
    tabulated = [getattr(element, name) for name in _TABULATED]
    outer = re.findall(r"(\d)([spdf])(\d+)", element.electronic_structure.rpartition("]")[2])
    filling = {shell: sum(int(n) for _, one, n in outer if one == shell) for shell in _SHELLS}
    unfilled = sum(_SHELLS[shell] - int(n) for _, shell, n in outer)
    values = [*tabulated, *filling.values(), sum(filling.values()), unfilled]
    return [math.nan if value is None else float(value) for value in values]


def of_composition(amounts: Amounts) -> np.ndarray:
    """Return `COMPOSITION_FEATURES` (k,): statistics of the elements' properties, weighted by their shares.

    References
    ----------
    After Ward, Agrawal, Choudhary and Wolverton, npj Comput. Mater. 2, 16028 (2016), doi:10.1038/npjcompumats.2016.28.
    """
    shares = np.array(list(amounts.shares.values()))
    values = element_table()[list(amounts.shares)]
    mean = shares @ values
    least, largest = values.min(0), values.max(0)
    statistics = np.column_stack([mean, shares @ np.abs(values - mean), least, largest, largest - least]).ravel()
    entropy = -float(shares @ np.log(shares))
    return np.array([*statistics, len(shares), entropy, amounts.shares.get(1, 0.0), shares.max()])


def matrix(formulas: Sequence[str]) -> np.ndarray:
    """Return `COMPOSITION_FEATURES` of formulas (n, k); ValueError as of `Amounts.from_formula`."""
    rows = {formula: of_composition(Amounts.from_formula(formula)) for formula in dict.fromkeys(formulas)}
    return np.array([rows[formula] for formula in formulas])


def electronic(candidate: Mapping[str, Any]) -> np.ndarray:
    """Return `ELECTRONIC_FEATURES` (3,) of what ``candidate.json`` says; not a number where it says nothing."""
    electrons = candidate.get("electrons")
    if not electrons:
        return np.full(len(ELECTRONIC_FEATURES), np.nan)
    states = electrons["dos_at_fermi_per_eV"]
    projected: Mapping[str, float] = electrons["projected_per_eV_and_cell"]
    of_hydrogen = sum(value for name, value in projected.items() if name.startswith("H-"))
    everything = sum(projected.values())
    atoms = len(candidate["structure"]["symbols"])
    return np.array(
        [
            states["atom"],
            of_hydrogen / everything if everything > 0 else np.nan,
            electrons["valence_electrons"] / atoms,
        ]
    )


def mcmillan_hopfield(
    counts: Mapping[str, float], eta: Mapping[str, float], force_constants: Mapping[str, float]
) -> float:
    """Return λ = Σ η/(M⟨ω²⟩) over the atoms of a formula unit, those of elements without η left out.

    Parameters
    ----------
    counts : mapping
        Element → atoms of a formula unit.
    eta : mapping
        Element → η = N(0)⟨I²⟩ of an atom, eV/Å², with the states of the formula unit, per spin.
    force_constants : mapping
        Element → M⟨ω²⟩ of an atom, eV/Å².

    References
    ----------
    McMillan, Phys. Rev. 167, 331 (1968), doi:10.1103/PhysRev.167.331; Hopfield, Phys. Rev. 186, 443 (1969),
    doi:10.1103/PhysRev.186.443.
    """
    return sum(counts[symbol] * value / force_constants[symbol] for symbol, value in eta.items() if symbol in counts)

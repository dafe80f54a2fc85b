"""What a search may aim at beside the hull: numbers that follow from a structure alone."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import nearest_distances
from gasearch.errors import InputError

Descriptor = Callable[[Crystal], float]


def hydrogen_share(crystal: Crystal) -> float:
    """Return the share of the atoms that are hydrogen."""
    return float(np.mean(crystal.numbers == 1))


def volume_per_atom(crystal: Crystal) -> float:
    """Return Å³ per atom."""
    return crystal.volume / len(crystal)


def atoms(crystal: Crystal) -> float:
    """Return the atoms of the primitive cell."""
    return float(len(crystal))


def shortest_distance(crystal: Crystal) -> float:
    """Return the shortest distance of two atoms, Å."""
    return float(nearest_distances(crystal.cell, crystal.frac).min())


def hydrogen_distance(crystal: Crystal) -> float:
    """Return the shortest distance of two hydrogen atoms, Å; NaN without hydrogen."""
    hydrogen = np.flatnonzero(crystal.numbers == 1)
    distances = nearest_distances(crystal.cell, crystal.frac)[np.ix_(hydrogen, hydrogen)]
    return float(distances.min()) if hydrogen.size else np.nan


#: By the names that an input may give.
DESCRIPTORS: Final[Mapping[str, Descriptor]] = {
    one.__name__: one for one in (hydrogen_share, volume_per_atom, atoms, shortest_distance, hydrogen_distance)
}
#: The name that an input may give to what models of Tc expect.
TC: Final = "tc"
#: What has a unit.
_UNITS: Final = {"volume_per_atom": "Å³", "shortest_distance": "Å", "hydrogen_distance": "Å", TC: "K"}


def with_unit(name: str) -> str:
    """Return the name of a descriptor with its unit, as it stands above a column or beside an axis."""
    return f"{name} ({_UNITS[name]})" if name in _UNITS else name


def descriptor(name: str, of_models: Mapping[str, Descriptor] = MappingProxyType({})) -> Descriptor:
    """Return a descriptor by its name, or by the import path of a function that takes a `Crystal`.

    ``of_models`` are those, by name, that know more than the crystal.

    Raises
    ------
    InputError
        If it cannot be imported or called.
    """
    if found := of_models.get(name) or DESCRIPTORS.get(name):
        return found
    module, _, function = name.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"search.selection.aims: {name} cannot be imported ({error}); give one of {', '.join(DESCRIPTORS)}, or the "
            "import path of a function that takes a Crystal and returns a number"
        ) from error
    if not callable(found):
        raise InputError(f"search.selection.aims: {name} is no function; give one that takes a Crystal")
    return found


def value(name: str, function: Descriptor, crystal: Crystal) -> float:
    """Return what a descriptor says; InputError where a user's function raises or gives no number."""
    try:
        return float(function(crystal))
    except Exception as error:  # a user's function raises what it likes
        formula, told = crystal.composition.formula, f"{type(error).__name__}: {error}"
        raise InputError(
            f"search.selection.aims: {name} failed for {formula} ({told}); let it return NaN for what it cannot judge"
        ) from error

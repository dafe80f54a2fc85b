"""Which potential, with which settings: what the input says about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations_with_replacement
from pathlib import Path
from typing import Any, Literal

from gasearch.crystal.composition import SYMBOLS, Pair
from gasearch.errors import PotentialError
from gasearch.potential.card import PotentialCard, card_beside, find_models
from gasearch.potential.device import Device
from gasearch.schema import setting


@dataclass(frozen=True)
class MaceSettings:
    """A MACE model from a file.

    Parameters
    ----------
    kind : str
    path : Path
        Model file, or a folder with a model and its card.toml; relative to the input file.
    dtype : str
        Precision of the evaluation.
    device : str
        Where it is evaluated; auto takes a GPU where there is one, and the ranks of a node take its GPUs in turn.
    """

    kind: Literal["mace"]
    path: Path
    dtype: Literal["float32", "float64"] = "float32"
    device: Device = "auto"

    @property
    def card(self) -> PotentialCard | None:
        """What is known of the model, if it has a card."""
        return card_beside(self.path)

    def problems(self, elements: tuple[int, ...]) -> list[str]:
        """Say what keeps it from these elements; a model without a card is asked when it is loaded."""
        if not self.path.exists():
            return [f"path: there is no file or folder {self.path}"]
        card = self.card
        known = card.elements if card else SYMBOLS
        missing = ", ".join(SYMBOLS[z] for z in elements if SYMBOLS[z] not in known)
        if missing:
            return [f"path: {self.path} was made for {', '.join(known)}, not for {missing}"]
        try:
            find_models(self.path)
        except PotentialError as error:
            return [f"path: {error}"]
        return []


@dataclass(frozen=True)
class LennardJonesPair:
    """Lennard-Jones parameters of a pair of elements.

    Parameters
    ----------
    epsilon : float
        Depth of the well, eV.
    sigma : float
        Distance at which the energy changes sign, Å.
    """

    epsilon: float = setting(above=0, unit="eV")
    sigma: float = setting(above=0, unit="A")


@dataclass(frozen=True)
class LennardJonesSettings:
    """Lennard-Jones, its energy and force shifted to zero at the cutoff.

    Parameters
    ----------
    kind : str
    pairs : mapping
        Parameters of each pair of elements, such as Ni-P.
    cutoff_sigma : float
        Cutoff of each pair, in units of its sigma.
    """

    kind: Literal["lennard-jones"]
    pairs: Mapping[Pair, LennardJonesPair]
    cutoff_sigma: float = setting(5.0, above=1.2, at_most=20)

    def problems(self, elements: tuple[int, ...]) -> list[str]:
        """Say which pairs of these elements have no parameters."""
        needed = (Pair(a, b) for a, b in combinations_with_replacement(elements, 2))
        return [f"pairs.{pair}: missing; give its epsilon_eV and sigma_A" for pair in needed if pair not in self.pairs]


@dataclass(frozen=True)
class UniversalModel:
    """A model for all elements, trained on crystals at low pressure, and in a package of its own.

    Parameters
    ----------
    package : str
        What is imported.
    install : str
        How to get it.
    calculator : str
        Import path.
    arguments : mapping
        Keyword arguments unless the user gives others.
    """

    package: str
    install: str
    calculator: str
    arguments: Mapping[str, Any]


UNIVERSAL: Mapping[str, UniversalModel] = {
    "chgnet": UniversalModel(
        "chgnet", "pip install chgnet", "chgnet.model.dynamics.CHGNetCalculator", {"use_device": "cpu"}
    ),
    "sevennet-0": UniversalModel(
        "sevenn",
        "pip install sevenn, in an environment of its own: it needs an e3nn that mace-torch cannot use",
        "sevenn.calculator.SevenNetCalculator",
        {"model": "7net-0", "device": "cpu"},
    ),
}


@dataclass(frozen=True)
class AseSettings:
    """Any ASE calculator.

    Parameters
    ----------
    kind : str
    calculator : str
        Import path of the class, such as ase.calculators.emt.EMT; or chgnet or sevennet-0, where that is installed.
    arguments : mapping
        Its keyword arguments.
    """

    kind: Literal["ase"]
    calculator: str
    arguments: Mapping[str, Any] = field(default_factory=dict)

    def problems(self, elements: tuple[int, ...]) -> list[str]:
        """Say what keeps it from these elements; what a calculator knows shows when it is loaded."""
        if "." in self.calculator or self.calculator in UNIVERSAL:
            return []
        paths = "an import path such as ase.calculators.emt.EMT"
        return [f"calculator: {self.calculator!r} is neither {paths} nor one of {', '.join(UNIVERSAL)}"]


PotentialSettings = MaceSettings | LennardJonesSettings | AseSettings


def in_double_precision(settings: PotentialSettings) -> PotentialSettings:
    """Return the potential evaluated with all digits, which differences of forces and of enthalpies need."""
    return replace(settings, dtype="float64") if isinstance(settings, MaceSettings) else settings


def trained_range_GPa(settings: PotentialSettings) -> tuple[float, float] | None:
    """Return the lowest and highest pressure (GPa) that its card says it was made for; None where none is known."""
    card = settings.card if isinstance(settings, MaceSettings) else None
    return card.pressure_GPa if card else None

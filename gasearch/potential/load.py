"""From what the input says to a potential that computes."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from gasearch.errors import MissingProgramError
from gasearch.potential.card import CommitteeCard, find_model, sha256_of
from gasearch.potential.committee import Committee
from gasearch.potential.potential import Potential
from gasearch.potential.settings import UNIVERSAL, AseSettings, LennardJonesSettings, MaceSettings, PotentialSettings
from gasearch.units import MEV_PER_EV


def load_potential(settings: PotentialSettings) -> Potential:
    """Return the potential; a model file is loaded once in each process.

    Raises
    ------
    PotentialError
        If it cannot be loaded, or is not what its card says.
    """
    match settings:
        case LennardJonesSettings():
            from gasearch.potential.lennard_jones import LennardJones

            table = {tuple(pair): (p.epsilon, p.sigma) for pair, p in settings.pairs.items()}
            return LennardJones(table, settings.cutoff_sigma)
        case MaceSettings():
            return _mace(settings.path, settings.dtype, settings.device)
        case AseSettings():
            from gasearch.potential.ase_calculator import AseCalculator

            if settings.calculator not in UNIVERSAL:
                return AseCalculator(settings.calculator, settings.arguments)
            model = UNIVERSAL[settings.calculator]
            if importlib.util.find_spec(model.package) is None:
                raise MissingProgramError(f"{settings.calculator} is not installed: {model.install}")
            return AseCalculator(model.calculator, {**model.arguments, **settings.arguments})


def load_committee(settings: PotentialSettings) -> Committee | None:
    """Return the potential with the committee that its card names; None where there is none.

    Raises
    ------
    PotentialError
        If a member is missing, or is not what the card says.
    """
    folder, card = _with_committee(settings)
    if card is None:
        return None
    members = (replace(settings, path=folder / name) for name in card.files)
    return Committee([load_potential(member) for member in (settings, *members)])


def spread_limit(settings: PotentialSettings) -> float:
    """Return the spread of its committee, eV/atom, from which on the potential's card calls a structure unknown."""
    _, card = _with_committee(settings)
    return np.inf if card is None else card.spread_limit_meV_per_atom / MEV_PER_EV


def _with_committee(settings: PotentialSettings) -> tuple[Path, CommitteeCard | None]:
    if not isinstance(settings, MaceSettings):
        return Path(), None
    model, card = find_model(settings.path)
    return model.parent, card.committee if card and model.name == card.model else None


def identity(settings: PotentialSettings) -> str:
    """Return a sha256 that changes whenever the energies may: of the model file, or else of the settings.

    That of a committee is one of its members' sums: a hull depends on all of them.

    Raises
    ------
    PotentialError
        If there is no model file.
    """
    if not isinstance(settings, MaceSettings):
        return hashlib.sha256(repr(settings).encode()).hexdigest()
    model, _ = find_model(settings.path)
    folder, card = _with_committee(settings)
    if card is None:
        return sha256_of(model)
    sums = [sha256_of(file) for file in (model, *(folder / name for name in card.files))]
    return hashlib.sha256("".join(sums).encode()).hexdigest()


@cache
def _mace(path: Path, dtype: str, device: str) -> Potential:
    from gasearch.potential.mace import Mace

    return Mace(path, dtype=dtype, device=device)

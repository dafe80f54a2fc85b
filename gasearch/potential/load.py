"""From what the input says to a potential that computes."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from gasearch.errors import MissingProgramError
from gasearch.potential.card import find_models, sha256_of
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
    if not isinstance(settings, MaceSettings):
        return None
    (_, *others), _ = find_models(settings.path)
    members = (settings, *(replace(settings, path=file) for file in others))
    return Committee([load_potential(member) for member in members]) if others else None


def spread_limit(settings: PotentialSettings) -> float:
    """Return the spread of its committee, eV/atom, from which on the potential's card calls a structure unknown."""
    if not isinstance(settings, MaceSettings):
        return np.inf
    (_, *others), card = find_models(settings.path)
    return card.committee.spread_limit_meV_per_atom / MEV_PER_EV if others and card and card.committee else np.inf


def identity(settings: PotentialSettings) -> str:
    """Return a sha256 that changes whenever the energies may: of the model file, or else of the settings.

    That of a committee is one of its members' sums: a hull depends on all of them.

    Raises
    ------
    PotentialError
        If a model file is missing.
    """
    if not isinstance(settings, MaceSettings):
        return hashlib.sha256(repr(settings).encode()).hexdigest()
    sums = [sha256_of(file) for file in find_models(settings.path)[0]]
    return sums[0] if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()


@cache
def _mace(path: Path, dtype: str, device: str) -> Potential:
    from gasearch.potential.mace import Mace

    return Mace(path, dtype=dtype, device=device)

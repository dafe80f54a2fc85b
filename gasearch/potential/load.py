"""From what the input says to a potential that computes."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from gasearch.potential.card import find_model, sha256_of
from gasearch.potential.potential import Potential
from gasearch.potential.settings import AseSettings, LennardJonesSettings, MaceSettings, PotentialSettings


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

            return AseCalculator(settings.calculator, settings.arguments)


def identity(settings: PotentialSettings) -> str:
    """Return a sha256 that changes whenever the energies may: of the model file, or else of the settings.

    Raises
    ------
    PotentialError
        If there is no model file.
    """
    if not isinstance(settings, MaceSettings):
        return hashlib.sha256(repr(settings).encode()).hexdigest()
    model, _ = find_model(settings.path)
    return sha256_of(model)


@cache
def _mace(path: Path, dtype: str, device: str) -> Potential:
    from gasearch.potential.mace import Mace

    return Mace(path, dtype=dtype, device=device)

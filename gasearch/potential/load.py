"""From what the input says to a potential that computes."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

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
    """Return a sha256 that changes whenever the energies may: of the model file, or else of the settings."""
    if not isinstance(settings, MaceSettings):
        return hashlib.sha256(repr(settings).encode()).hexdigest()
    files = [settings.path] if settings.path.is_file() else sorted(settings.path.glob("*.model"))
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


@cache
def _mace(path: Path, dtype: str, device: str) -> Potential:
    from gasearch.potential.mace import Mace

    return Mace(path, dtype=dtype, device=device)

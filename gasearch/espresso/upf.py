"""What a pseudopotential says of itself, in either version of UPF."""

from __future__ import annotations

import re

from gasearch.errors import MissingProgramError
from gasearch.units import A_PER_BOHR

_VALENCE = re.compile(r'z_valence\s*=\s*"\s*([\d.EeDd+]+)|^\s*([\d.]+)\s+Z valence', re.MULTILINE)
_CORE = re.compile(r'core_correction\s*=\s*"\s*\.?([TF])|^\s*([TF])\s+Nonlinear Core Correction', re.M | re.I)
_RADIUS = re.compile(r'cutoff_radius\s*=\s*"\s*([\d.EeDd+-]+)')


def read_valence(upf: str) -> float:
    """Read the number of valence electrons; `MissingProgramError` if it is not there."""
    found = _VALENCE.search(upf)
    if found is None:
        raise MissingProgramError("a pseudopotential does not say how many electrons it has: take one in UPF")
    return _number(found[1] or found[2])


def read_radius(upf: str) -> float | None:
    """Read the largest radius, Å, of the projectors; None where it does not say any."""
    found = [_number(text) for text in _RADIUS.findall(upf)]
    return A_PER_BOHR * max(found) if found else None


def read_core_correction(upf: str) -> bool | None:
    """Read whether it has the core's density (doi:10.1103/PhysRevB.26.1738); None where it does not say."""
    found = _CORE.search(upf)
    return None if found is None else (found[1] or found[2]).upper() == "T"


def _number(text: str) -> float:
    """Read a number as Fortran may write it, with a D before its exponent."""
    return float(text.upper().replace("D", "E"))

"""How large a MACE is: presets by name, and what the user sets instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class ModelSize:
    """Size of a MACE (doi:10.48550/arXiv.2206.07697).

    Parameters
    ----------
    channels : int
        Scalar channels of a message.
    max_L : int
        Highest order of the equivariant messages; 0 for invariant ones.
    max_ell : int
        Highest order of the spherical harmonics of the edges.
    cutoff : float
        Of the edges, Å; two layers see twice as far.
    correlation : int
        Body order of a message less one.
    """

    channels: int
    max_L: int
    max_ell: int
    cutoff: float
    correlation: int


#: From the cheapest to the most accurate; ``benchmarks/presets.py`` measures both.
PRESETS: Final[Mapping[str, ModelSize]] = MappingProxyType(
    {
        "small": ModelSize(channels=16, max_L=0, max_ell=2, cutoff=3.5, correlation=3),
        "medium": ModelSize(channels=32, max_L=0, max_ell=2, cutoff=3.5, correlation=3),
        "large": ModelSize(channels=64, max_L=0, max_ell=3, cutoff=4.0, correlation=3),
        "equivariant": ModelSize(channels=32, max_L=1, max_ell=3, cutoff=4.0, correlation=3),
    }
)

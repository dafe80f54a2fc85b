"""Phases of the elements at high pressure that are known, to compare with what a search found.

Groups and sites are those published; axial ratios and free parameters are starts for a relaxation, which keeps them as
symmetric as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.prototype import Prototype


@dataclass(frozen=True)
class KnownPhase:
    """A phase of an element.

    Parameters
    ----------
    element : str
        Chemical symbol.
    prototype : Prototype
        Its name is that of the phase, with the source.
    pressures_GPa : (float, float)
        Between which it may be the most stable, with a margin, by experiment or by DFT.
    """

    element: str
    prototype: Prototype
    pressures_GPa: tuple[float, float]

    def crystal(self, atomic_volume: float) -> Crystal:
        """Return the structure with a volume per atom in Å³."""
        crystal = self.prototype.crystal({"A": SYMBOLS.index(self.element)})
        return crystal.scaled_to(atomic_volume * len(crystal))


def known_phases(element: str, pressure_GPa: float) -> list[KnownPhase]:
    """Return the phases of an element that are listed for a pressure; none for a compound."""
    return [
        phase
        for phase in KNOWN_PHASES
        if phase.element == element and phase.pressures_GPa[0] <= pressure_GPa <= phase.pressures_GPa[1]
    ]


KNOWN_PHASES: Final[tuple[KnownPhase, ...]] = (
    KnownPhase("H", Prototype("Cmca-4, doi:10.1038/35001024", 64, "A f y=0.377 z=0.055", b=1.667, c=1.521), (100, 600)),
    KnownPhase(
        "H",
        Prototype(
            # The structure as computed at 300 GPa; its numbers are those of doi:10.1016/j.commatsci.2018.10.043.
            "C2/c-24, doi:10.1038/nphys625",
            15,
            "A e y=0.1012, A e y=0.3684, A f x=0.2260 y=0.0672 z=0.2464, A f x=0.3443 y=0.1958 z=0.2227",
            b=0.56914,
            c=0.83802,
            beta=142.47,
        ),
        (100, 300),
    ),
    KnownPhase("S", Prototype("beta-Po, doi:10.1103/PhysRevLett.71.2943", 166, "A a", c=0.80), (120, 500)),
    KnownPhase("Na", Prototype("hP4, doi:10.1038/nature07786", 194, "A a, A d", c=1.39), (150, 1000)),
    KnownPhase(
        "Na",
        Prototype(
            "oP8 (MnP type), doi:10.1073/pnas.0709304105", 62, "A c x=0.02 z=0.18, A c x=0.17 z=0.58", b=0.63, c=1.1
        ),
        (100, 300),
    ),
    KnownPhase(
        "Cl",
        Prototype("oC8 (Cmce), doi:10.1038/s41467-019-09108-x", 64, "A f y=0.155 z=0.118", b=0.655, c=1.376),
        (0, 250),
    ),
    KnownPhase("Cl", Prototype("oI2 (Immm), doi:10.1038/s41467-019-09108-x", 71, "A a", b=1.73, c=0.96), (100, 500)),
)

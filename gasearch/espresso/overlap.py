"""Whether atoms come nearer than their pseudopotentials were made for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import closest_distances_in

#: Share of the sum of two radii below which a pair is worth a word. At 200 GPa H3S and sulphur, whose lattice
#: parameters are as published, are at 0.84 and 0.92. NaCl with PseudoDojo's chlorine is at 0.66 to 0.75: there a
#: tetragonal structure comes out 0.1 eV/atom below caesium chloride's, and by PAW 0.3 eV/atom above it.
_OVERLAP: Final = 0.8
#: Without a core there is little that a pseudopotential could miss: in its molecule hydrogen is at 0.6.
_HYDROGEN: Final = 1


def overlap_warnings(radii: Mapping[int, float], crystals: Iterable[Crystal]) -> Iterator[str]:
    """Yield a line for each pair of elements that is nearer in a crystal than its pseudopotentials' radii (Å) allow."""
    for (one, other), distance in sorted(closest_distances_in(crystals).items()):
        spheres = radii.get(one, 0.0) + radii.get(other, 0.0)
        if distance < _OVERLAP * spheres and (one, other) != (_HYDROGEN, _HYDROGEN):
            yield (
                f"{SYMBOLS[one]}–{SYMBOLS[other]}: at {distance:.2f} Å pseudopotentials overlap whose radii add up to "
                f"{spheres:.2f} Å; check an enthalpy with harder ones before you believe any"
            )

"""Space groups, primitive and symmetrized cells (spglib)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import reduced
from gasearch.crystal.spglib import ask


@dataclass(frozen=True)
class SpaceGroup:
    """A space-group type.

    Parameters
    ----------
    number : int
        1 to 230.
    symbol : str
        Short Hermann–Mauguin symbol without blanks: ``Im-3m``.
    """

    number: int
    symbol: str


def space_group(crystal: Crystal, symprec: float = 0.05) -> SpaceGroup:
    """Return the space group at a distance tolerance (Å); P1 where none can be found."""
    found = _ask("get_symmetry_dataset", crystal, symprec=symprec)
    return SpaceGroup(found.number, found.international) if found else SpaceGroup(1, "P1")


def primitive(crystal: Crystal, symprec: float = 0.01) -> Crystal:
    """Return the structure in its primitive, Niggli-reduced cell; the crystal itself if it is primitive already.

    Neither rotated nor idealized; also the crystal itself where spglib finds no symmetry at all.
    """
    found = _ask("get_symmetry_dataset", crystal, symprec=symprec)
    copies = np.bincount(found.mapping_to_primitive)[0] if found else 1
    if copies == 1:
        return crystal
    smaller = _ask("standardize_cell", crystal, to_primitive=True, no_idealize=True, symprec=symprec)
    return reduced(Crystal(*smaller)) if smaller else crystal


def symmetrized(crystal: Crystal, symprec: float) -> Crystal:
    """Return the primitive, reduced cell with positions and lattice idealized to the group found at ``symprec`` (Å).

    The result may be rotated; where no symmetry can be found, the crystal is returned as it is.
    """
    found = _ask("standardize_cell", crystal, to_primitive=True, symprec=symprec)
    return reduced(Crystal(*found)) if found else crystal


def conventional(crystal: Crystal, symprec: float) -> Crystal:
    """Return the conventional cell, idealized to the group found at ``symprec`` (Å), in spglib's standard setting.

    The result may be rotated; where no symmetry can be found, the crystal is returned as it is.
    """
    found = _ask("standardize_cell", crystal, to_primitive=False, symprec=symprec)
    return Crystal(*found) if found else crystal


def _ask(function: str, crystal: Crystal, **settings: float) -> Any:
    return ask(function, (crystal.cell, crystal.frac, crystal.numbers), **settings)

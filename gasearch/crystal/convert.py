"""Crystals as other libraries know them: ``ase.Atoms`` and pymatgen's ``Structure``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gasearch.crystal.crystal import Crystal

if TYPE_CHECKING:
    import numpy as np
    from ase import Atoms
    from pymatgen.core import Structure


def to_ase(crystal: Crystal) -> Atoms:
    """Return the crystal as periodic ASE atoms, in the same order."""
    from ase import Atoms

    return Atoms(crystal.numbers, cell=crystal.cell, scaled_positions=crystal.frac, pbc=True)


def from_ase(atoms: Atoms) -> Crystal:
    """Return the cell, positions and elements of ASE atoms, as a crystal periodic in three directions."""
    return Crystal(atoms.cell.array, atoms.cell.scaled_positions(atoms.positions), atoms.numbers)


def voigt(tensor: np.ndarray) -> np.ndarray:
    """Return a symmetric tensor (3, 3) in the order of ASE: xx, yy, zz, yz, xz, xy."""
    return tensor[(0, 1, 2, 1, 0, 0), (0, 1, 2, 2, 2, 1)]


def masses(numbers: np.ndarray) -> np.ndarray:
    """Return the standard atomic masses, u, of atomic numbers of any shape."""
    from ase.data import atomic_masses

    return atomic_masses[numbers]


def masses_of_elements(crystal: Crystal) -> dict[int, float]:
    """Return the standard atomic mass, u, of each element of a crystal, by atomic number."""
    return dict(zip(crystal.numbers.tolist(), masses(crystal.numbers).tolist(), strict=True))


def to_pymatgen(crystal: Crystal) -> Structure:
    """Return the crystal as a pymatgen structure, its sites in the same order."""
    from pymatgen.core import Lattice, Structure

    return Structure(Lattice(crystal.cell), crystal.numbers.tolist(), crystal.frac)


def from_pymatgen(structure: Structure) -> Crystal:
    """Return a pymatgen structure as a crystal; ValueError where a site is not fully occupied by one element."""
    if not structure.is_ordered:
        raise ValueError(f"{structure.formula} has partially occupied sites; only ordered structures can be used")
    return Crystal(structure.lattice.matrix, structure.frac_coords, [site.specie.Z for site in structure])

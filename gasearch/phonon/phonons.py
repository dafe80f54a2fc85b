"""Phonons of any potential by finite displacements in a supercell, with phonopy (doi:10.7566/JPSJ.92.012001)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.potential.potential import Batch, Potential
from gasearch.quiet import ignoring
from gasearch.schema import setting
from gasearch.units import EV_PER_U_A2_THZ2

if TYPE_CHECKING:
    from phonopy import Phonopy
    from phonopy.structure.atoms import PhonopyAtoms

#: Displaced supercells that are evaluated together.
_BATCH = 8


@dataclass(frozen=True)
class PhononSettings:
    """For which refined metals the potential computes phonons, and how.

    Parameters
    ----------
    window : float
        Enthalpy per atom above the DFT hull up to which a metal is asked.
    min_length : float
        Shortest vector of the supercell: forces reach half as far.
    max_atoms : int
        Atoms of the supercell at most; it may become shorter for that.
    displacement : float
        By how much an atom is moved.
    """

    window: float = setting(0.05, above=0, unit="meV")
    min_length: float = setting(7.0, above=0, unit="A")
    max_atoms: int = setting(256, at_least=1)
    displacement: float = setting(0.01, above=0, unit="A")


@dataclass(frozen=True, eq=False)
class Phonons:
    """Modes at the wave vectors that fit into the supercell, where they are exact but for the potential.

    Parameters
    ----------
    crystal : Crystal
    supercell : (int, int, int)
        Multiples of the crystal's cell.
    wave_vectors : (m, 3) array
        In units of the reciprocal lattice vectors; the first is zero.
    frequencies : (m, 3n) array
        THz, ascending at each wave vector; imaginary ones negative.
    polarizations : (m, 3n, n, 3) array
        Displacement pattern of each mode, complex, normalized with masses: atom j at r moves along the real part of
        ``polarizations[q, mode, j] / √mⱼ · exp(2πi q·r)``.
    masses : (n,) array
        Atomic mass units.
    """

    crystal: Crystal
    supercell: tuple[int, int, int]
    wave_vectors: np.ndarray
    frequencies: np.ndarray
    polarizations: np.ndarray
    masses: np.ndarray


def compute_phonons(potential: Potential, crystal: Crystal, settings: PhononSettings) -> Phonons:
    """Displace atoms in a supercell, and return the modes at its commensurate wave vectors."""
    from phonopy.harmonic.dynmat_to_fc import get_commensurate_points

    size = supercell_size(crystal, settings)
    phonopy = _with_force_constants(potential, crystal, size, settings.displacement)
    points = get_commensurate_points(np.diag(size))
    points = points - np.rint(points)
    points = points[np.argsort(np.linalg.norm(points, axis=1), kind="stable")]
    phonopy.run_qpoints(points, with_eigenvectors=True)
    count = len(crystal)
    # phonopy's eigenvectors are columns.
    vectors = np.swapaxes(phonopy.qpoints.eigenvectors, 1, 2).reshape(len(points), 3 * count, count, 3)
    return Phonons(crystal, size, points, phonopy.qpoints.frequencies, vectors, phonopy.primitive.masses)


def force_constants(phonons: Phonons) -> np.ndarray:
    """Return M⟨ω²⟩ of each atom (n,), eV/Å²: a third of the trace of its own force constants.

    The average over the wave vectors of the supercell and all modes is exact; what is imaginary counts as negative.
    """
    squares = phonons.frequencies * np.abs(phonons.frequencies)
    weights = (np.abs(phonons.polarizations) ** 2).sum(axis=3)
    mean = np.einsum("qm,qmj->j", squares, weights) / (3 * len(squares))
    return phonons.masses * mean * (2 * np.pi) ** 2 * EV_PER_U_A2_THZ2


def mesh_frequencies(
    potential: Potential, crystal: Crystal, settings: PhononSettings, mesh: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return frequencies (m, 3n), THz, interpolated on a mesh of wave vectors, and the weights (m,) of these.

    Imaginary ones are negative. The mesh has as many points along each reciprocal lattice vector, not Γ among them.
    """
    phonopy = _with_force_constants(potential, crystal, supercell_size(crystal, settings), settings.displacement)
    phonopy.run_mesh([mesh] * 3, shift=[0.5] * 3)
    return phonopy.mesh.frequencies, phonopy.mesh.weights / phonopy.mesh.weights.sum()


def _with_force_constants(potential: Potential, crystal: Crystal, size: Sequence[int], displacement: float) -> Phonopy:
    """Return phonopy's view of a crystal whose atoms were displaced (Å) in a supercell."""
    from phonopy import Phonopy

    # Where the multiples of the cell differ, the supercell may be less symmetric; it only takes more displacements.
    with ignoring(message="Warning: Point group symmetries of supercell"):
        phonopy = Phonopy(_atoms(crystal), np.diag(size), primitive_matrix=np.eye(3))
    phonopy.generate_displacements(distance=displacement)
    phonopy.forces = _forces(potential, [_crystal(atoms) for atoms in phonopy.supercells_with_displacements])
    phonopy.produce_force_constants()
    phonopy.symmetrize_force_constants()
    return phonopy


def supercell_size(crystal: Crystal, settings: PhononSettings) -> tuple[int, int, int]:
    """Return the multiples of the cell that make it long enough, the shortest vector first, while there is room."""
    lengths, size = np.linalg.norm(crystal.cell, axis=1), np.ones(3, dtype=int)
    while (lengths * size).min() < settings.min_length:
        larger = size + (np.arange(3) == np.argmin(lengths * size))
        if len(crystal) * larger.prod() > settings.max_atoms:
            break
        size = larger
    first, second, third = size.tolist()
    return first, second, third


def frozen_in(phonons: Phonons, point: int, mode: int, amplitude: float) -> Crystal:
    """Return the smallest supercell with a mode frozen in, the atom that moves most by ``amplitude`` (Å)."""
    wave = phonons.wave_vectors[point]
    crystal, size = phonons.crystal, _period(wave, phonons.supercell)
    shifts = np.array(list(itertools.product(*map(range, size))))
    frac = (crystal.frac[None] + shifts[:, None]).reshape(-1, 3)
    pattern = phonons.polarizations[point, mode] / np.sqrt(phonons.masses)[:, None]
    # A real pattern: at a wave vector that is not its own opposite, the phase is free.
    pattern = pattern * np.exp(-1j * np.angle(pattern.ravel()[np.abs(pattern).argmax()]))
    moved = np.real(np.tile(pattern, (len(shifts), 1)) * np.exp(2j * np.pi * frac @ wave)[:, None])
    moved *= amplitude / np.linalg.norm(moved, axis=1).max()
    cell = crystal.cell * np.array(size)[:, None]
    positions = frac @ crystal.cell + moved
    return Crystal(cell, positions @ np.linalg.inv(cell), np.tile(crystal.numbers, len(shifts)))


def _period(wave: np.ndarray, size: Sequence[int]) -> tuple[int, ...]:
    """Return in how many cells along each vector a wave comes back to itself."""
    return tuple(
        next(n for n in range(1, m + 1) if abs(n * q - round(n * q)) < 1e-6) for q, m in zip(wave, size, strict=True)
    )


def _forces(potential: Potential, crystals: Sequence[Crystal]) -> np.ndarray:
    """Return forces (crystals, atoms, 3), eV/Å."""
    batches = [crystals[k : k + _BATCH] for k in range(0, len(crystals), _BATCH)]
    forces = [potential.compute(Batch.from_crystals(batch)).forces for batch in batches]
    return np.concatenate(forces).reshape(len(crystals), len(crystals[0]), 3)


def _atoms(crystal: Crystal) -> PhonopyAtoms:
    from phonopy.structure.atoms import PhonopyAtoms

    symbols = [SYMBOLS[z] for z in crystal.numbers]
    return PhonopyAtoms(symbols=symbols, cell=crystal.cell, scaled_positions=crystal.frac)


def _crystal(atoms: PhonopyAtoms) -> Crystal:
    return Crystal(atoms.cell, atoms.scaled_positions, atoms.numbers)

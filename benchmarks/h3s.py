"""H3S Im-3m by a potential and by DFT: lattice parameter, energy against volume, and phonons at Γ.

    python benchmarks/h3s.py
    python benchmarks/h3s.py --softening --ecutwfc 60 --k-spacing 0.25

With ``--softening``, the lowest mode at each volume: where it turns imaginary, Im-3m is unstable against R3m, in which
each H is nearer to one of its two S. The settings of pw.x are those of the potential's card unless others are given,
and what it computed is kept in ``--folder``. At Γ the mirror
planes of the cubic crystal part the dynamical matrix into three equal ones of the displacements of S and three H along
x, y or z; two of the H are equivalent. So three displaced crystals are enough, and their forces are odd in the step.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.pw import ScfResult
from gasearch.espresso.runner import PwRunner
from gasearch.potential.card import read_card
from gasearch.potential.load import load_potential
from gasearch.potential.potential import Batch, Potential
from gasearch.potential.settings import MaceSettings
from gasearch.pretrain.predecessor import label_settings
from gasearch.units import pressure_from_GPa, pressure_to_GPa

POTENTIAL = Path(__file__).parent.parent / "potentials" / "h-s-200gpa"
#: Lattice parameters, Å, from some 300 to some 100 GPa.
EDGES = (2.86, 2.92, 2.98, 3.04, 3.10, 3.16)
STEP = 0.03  # Å
MASSES = np.array([32.06, 1.008, 1.008, 1.008])
#: sqrt(eV / (Å² u)) / 2π in THz.
THZ = 15.633304

Answer = tuple[float, np.ndarray, float]


def h3s(edge: float) -> Crystal:
    """Return the primitive cell: S, and H halfway along x, y and z to the next S of the conventional cell."""
    cell = edge / 2 * (np.ones((3, 3)) - 2 * np.eye(3))
    positions = edge / 2 * np.vstack([np.zeros(3), np.eye(3)])
    return Crystal(cell, positions @ np.linalg.inv(cell), [16, 1, 1, 1])


def moved(crystal: Crystal, atom: int) -> Crystal:
    """Return the crystal with an atom moved along x."""
    positions = crystal.positions.copy()
    positions[atom, 0] += STEP
    return Crystal(crystal.cell, positions @ np.linalg.inv(crystal.cell), crystal.numbers)


def by_dft(runner: PwRunner) -> Callable[[Crystal], Answer]:
    """Return what gives energy (eV), forces (eV/Å) and pressure (eV/Å³) by pw.x."""

    def answer(crystal: Crystal) -> Answer:
        result = runner.scf(crystal)
        if not isinstance(result, ScfResult):
            raise SystemExit(f"{result.problem}: {result.detail}")
        return result.energy, result.forces, -float(np.trace(result.stress)) / 3

    return answer


def by_potential(potential: Potential) -> Callable[[Crystal], Answer]:
    """Return the same by a potential."""

    def answer(crystal: Crystal) -> Answer:
        result = potential.compute(Batch.from_crystals([crystal]))
        return float(result.energy[0]), result.forces, -float(np.trace(result.stress[0])) / 3

    return answer


def lattice_parameter(answer: Callable[[Crystal], Answer], pressure: float) -> float:
    """Return the edge, Å, at which the crystal has a pressure (eV/Å³), by a cubic through those at the edges."""
    pressures = np.array([answer(h3s(edge))[2] for edge in EDGES])
    roots = np.roots(np.polyfit(EDGES, pressures - pressure, 3))
    inside = [root.real for root in roots if abs(root.imag) < 1e-9 and EDGES[0] <= root.real <= EDGES[-1]]
    return float(inside[0])


def frequencies(answer: Callable[[Crystal], Answer], edge: float) -> np.ndarray:
    """Return the frequencies (3,) of the optical modes at Γ, each threefold, THz; negative for imaginary ones."""
    crystal = h3s(edge)
    # The site of the third H is that of the second, seen from the other side of the diagonal of y and z.
    columns = [-answer(moved(crystal, atom))[1][:, 0] / STEP for atom in (0, 1, 2)]
    columns.append(columns[2][[0, 1, 3, 2]])
    constants = (np.array(columns) + np.array(columns).T) / 2
    constants -= np.diag(constants.sum(axis=1))  # a shift of all atoms costs nothing
    squares = np.sort(np.linalg.eigvalsh(constants / np.sqrt(np.outer(MASSES, MASSES))))
    optical = np.delete(squares, np.argmin(np.abs(squares)))
    return np.sign(optical) * np.sqrt(np.abs(optical)) * THZ


def print_softening(dft: Callable[[Crystal], Answer], mlip: Callable[[Crystal], Answer]) -> None:
    """Print the lowest mode at each volume by both, and where it is imaginary by DFT."""
    pressures, squares = [], []
    for edge in EDGES:
        lowest = [float(frequencies(ask, edge)[0]) for ask in (dft, mlip)]
        pressures.append(pressure_to_GPa(dft(h3s(edge))[2]))
        squares.append(np.sign(lowest[0]) * lowest[0] ** 2)
        print(
            f"a = {edge:.2f} Å, {pressures[-1]:5.1f} GPa by DFT: DFT {lowest[0]:6.2f}, potential {lowest[1]:6.2f} THz",
            flush=True,
        )
    if min(squares) < 0 < max(squares):
        rising = np.argsort(squares)
        print(f"by DFT it vanishes at {np.interp(0.0, np.array(squares)[rising], np.array(pressures)[rising]):.0f} GPa")


def print_comparison(dft: Callable[[Crystal], Answer], mlip: Callable[[Crystal], Answer], pressure_GPa: float) -> None:
    """Print E(V), the lattice parameter at a pressure and the modes there by both."""
    energies = np.array([[ask(h3s(edge))[0] / 4 for edge in EDGES] for ask in (dft, mlip)])
    pressures = [pressure_to_GPa(dft(h3s(edge))[2]) for edge in EDGES]
    errors = 1000 * (energies[1] - energies[0])
    for edge, gpa, error in zip(EDGES, pressures, errors, strict=True):
        print(f"a = {edge:.2f} Å, {gpa:5.1f} GPa by DFT: the energy differs by {error:+6.1f} meV/atom")
    print(f"its rms deviation from a constant: {np.std(errors):.1f} meV/atom; largest {np.ptp(errors):.1f} between two")
    edges = [lattice_parameter(ask, pressure_from_GPa(pressure_GPa)) for ask in (dft, mlip)]
    print(
        f"a at {pressure_GPa:g} GPa: DFT {edges[0]:.4f} Å, potential {edges[1]:.4f} Å "
        f"({100 * (edges[1] / edges[0] - 1):+.2f} %)"
    )
    modes = [frequencies(ask, edges[0]) for ask in (dft, mlip)]
    for one, two in zip(*modes, strict=True):
        print(f"optical mode at Γ: DFT {one:6.2f} THz, potential {two:6.2f} THz ({100 * (two / one - 1):+.1f} %)")


def main() -> None:
    """Print both, and what differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--potential", type=Path, default=POTENTIAL)
    parser.add_argument("--pressure", type=float, default=200.0, help="GPa")
    parser.add_argument("--folder", type=Path, default=Path("runs", "h3s"))
    parser.add_argument("--softening", action="store_true", help="the lowest mode at each volume alone")
    parser.add_argument("--ecutwfc", type=float, help="Ry; four times it for the density")
    parser.add_argument("--k-spacing", type=float, help="1/Å, with 2π")
    options = parser.parse_args()
    settings = label_settings(read_card(options.potential))
    if options.ecutwfc:
        settings = settings.with_cutoff(options.ecutwfc)
    settings = replace(settings, k_spacing=options.k_spacing or settings.k_spacing)
    runner = PwRunner(settings, default_pseudo_dir(), timeout=3600.0, kept=options.folder)
    dft, mlip = by_dft(runner), by_potential(load_potential(MaceSettings("mace", options.potential)))
    if options.softening:
        print_softening(dft, mlip)
    else:
        print_comparison(dft, mlip, options.pressure)


if __name__ == "__main__":
    main()

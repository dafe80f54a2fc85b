"""Input and output of pw.x that relaxes cell and positions at a pressure (``vc-relax``), as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.pw import (
    ENERGY,
    PwSettings,
    cards,
    control_lines,
    electrons_lines,
    joined,
    smeared,
    system_lines,
)
from gasearch.units import A_PER_BOHR, EV_PER_RYDBERG, pressure_to_GPa

KBAR_PER_GPA = 10.0
_NUMBERS = r"\s+(-?\d+\.\d+)\s+(-?\d+\.\d+)\s+(-?\d+\.\d+)"
_GEOMETRY = re.compile(
    rf"^CELL_PARAMETERS \(angstrom\)\n((?:{_NUMBERS}\n){{3}})\s*\n"
    rf"ATOMIC_POSITIONS \(crystal\)\n((?:\w+{_NUMBERS}.*\n)+)",
    re.MULTILINE,
)
_CONVERGED = "bfgs converged in"
_END = "End of BFGS Geometry Optimization"


@dataclass(frozen=True)
class Descent:
    """How pw.x walks downhill, and when it stops.

    Parameters
    ----------
    max_force : float
        Largest force component of a relaxed structure, eV/Å.
    max_stress : float
        Largest component by which its stress may miss the pressure, eV/Å³.
    steps : int
        SCF cycles at most.
    first_step, longest_step : float
        Lengths of the BFGS steps, bohr.
    """

    max_force: float
    max_stress: float
    steps: int = 60
    first_step: float = 0.3
    longest_step: float = 0.8


@dataclass(frozen=True, eq=False)
class VcRelaxResult:
    """How far pw.x came.

    Parameters
    ----------
    crystal : Crystal
        Relaxed, in the plane waves of the cell that it began with; else the one of the lowest enthalpy that was met.
    ended : bool
        Whether the optimizer came to its end, be it out of steps; else pw.x stopped on the way.
    steps : int
        SCF cycles that converged.
    """

    crystal: Crystal
    ended: bool
    steps: int


def write_vc_relax(
    crystal: Crystal,
    settings: PwSettings,
    descent: Descent,
    pressure: float,
    pseudo_dir: str,
    spins: Sequence[float] | None = None,
) -> str:
    """Return the input of a relaxation at a pressure (eV/Å³); ``spins`` as of `gasearch.espresso.pw.write_scf`."""
    force = descent.max_force / (EV_PER_RYDBERG / A_PER_BOHR)
    miss = pressure_to_GPa(descent.max_stress) * KBAR_PER_GPA
    control = (
        f"calculation = 'vc-relax', nstep = {descent.steps}, "
        # pw.x asks for all three; the energy is there to be no obstacle.
        f"etot_conv_thr = {1e-4 * len(crystal):.1e}, forc_conv_thr = {force:.3e}"
    )
    return joined(
        control_lines(control, pseudo_dir, disk_io="none"),
        system_lines(crystal, settings, smeared(settings), spins),
        electrons_lines(settings),
        [
            "&IONS",
            f"  trust_radius_ini = {descent.first_step}, trust_radius_max = {descent.longest_step}",
            "/",
            "&CELL",
            f"  press = {pressure_to_GPa(pressure) * KBAR_PER_GPA:.6f}, press_conv_thr = {miss:.6f}",
            "/",
        ],
        cards(crystal, settings.k_spacing, spins),
    )


def read_vc_relax(text: str, start: Crystal, pressure: float) -> VcRelaxResult:
    """Read the output of `write_vc_relax`'s input for a start, wherever it breaks off."""
    descent = text.partition(_END)[0]
    visited = [start, *(_crystal(found, start) for found in _GEOMETRY.finditer(descent))]
    ends = [found.end() for found in _GEOMETRY.finditer(descent)]
    parts = [descent[a:b] for a, b in zip([0, *ends], [*ends, None], strict=True)]
    energies = [ENERGY.search(part) for part in parts]
    known = [(float(e[1]) * EV_PER_RYDBERG, c) for e, c in zip(energies, visited, strict=True) if e]
    if _CONVERGED in descent:
        return VcRelaxResult(known[-1][1], True, len(known))
    lowest = min(known, key=lambda pair: pair[0] + pressure * pair[1].volume, default=(np.nan, start))
    return VcRelaxResult(lowest[1], _END in text, len(known))


def _crystal(found: re.Match[str], start: Crystal) -> Crystal:
    cell, positions = found[1].splitlines(), found[5].splitlines()
    frac = [[float(x) for x in line.split()[1:4]] for line in positions]
    return Crystal([[float(x) for x in line.split()] for line in cell], frac, start.numbers)

"""Inputs of VASP for a refined phase; the POTCAR, which is licensed, is the user's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.pw import MAGNETIC, k_grid, may_be_magnetic
from gasearch.units import EV_PER_RYDBERG

KBAR_PER_GPA: Final = 10.0
#: Where the refinement was not by plane waves of known settings.
_K_SPACING: Final = 0.25
_INCAR: Final = """\
SYSTEM = {formula} at {pressure_GPa:g} GPa
# Relaxation of cell and positions at the pressure (PSTRESS in kbar); plane waves as PREC says, for pressure.
PREC = Accurate
ENCUT = {encut}   # at least 1.3 times the largest ENMAX in your POTCAR
EDIFF = 1E-7
EDIFFG = -0.005
ISMEAR = 1
SIGMA = {sigma:.3f}
IBRION = 2
ISIF = 3
NSW = 80
PSTRESS = {pressure_kbar:g}
LREAL = .FALSE.
LWAVE = .FALSE.
LCHARG = .FALSE.
"""
#: eV, for any POTCAR: those of hard elements under pressure want so much.
_ENCUT: Final = 800
#: Bohr magnetons that a magnetic atom starts with.
_MOMENT: Final = 5


def vasp_inputs(
    crystal: Crystal, pressure_GPa: float, settings: Mapping[str, Any], aligned: bool = False
) -> dict[str, str]:
    """Return INCAR and KPOINTS by name; ``settings`` are those of the refinement.

    ``aligned`` starts the spins of magnetic elements aligned, in the order of POSCAR: that of the atomic numbers.
    The cutoff is not that of our pseudopotentials: it belongs to the POTCAR.
    """
    grid = k_grid(crystal, settings.get("k_spacing", _K_SPACING))
    incar = _INCAR.format(
        formula=crystal.composition.reduced.formula,
        pressure_GPa=pressure_GPa,
        pressure_kbar=KBAR_PER_GPA * pressure_GPa,
        encut=_ENCUT,
        sigma=EV_PER_RYDBERG * settings.get("degauss", 0.015),
    )
    if aligned and may_be_magnetic(crystal):
        starts = " ".join(f"{_MOMENT if z in MAGNETIC else 0}" for z in sorted(crystal.numbers.tolist()))
        incar += f"ISPIN = 2\nMAGMOM = {starts}\n"
    return {"INCAR": incar, "KPOINTS": f"k-points\n0\nGamma\n{' '.join(map(str, grid))}\n0 0 0\n"}

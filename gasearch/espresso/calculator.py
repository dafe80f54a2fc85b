"""pw.x as an ASE calculator: whatever takes a potential, takes DFT."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from gasearch.crystal.convert import from_ase, voigt
from gasearch.crystal.crystal import Crystal
from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.pw import PwSettings, ScfResult
from gasearch.espresso.runner import PwRunner
from gasearch.espresso.settings import launch_words

if TYPE_CHECKING:
    from ase import Atoms


class PwCalculator:
    """Energy, forces and stress of pw.x.

    To ASE, what has these methods is a calculator: it need not inherit from anything. The stress is that at a constant
    number of plane waves, which misses the slope of the energy unless the cutoff is high.

    Parameters
    ----------
    ecutwfc : float
        Cutoff of the wavefunctions, Ry.
    ecutrho : float or None
        Cutoff of the density, Ry; None for four times ``ecutwfc``, which norm-conserving pseudopotentials need.
    k_spacing : float
        As of `PwSettings`, Å⁻¹.
    degauss : float
        Smearing, Ry.
    pseudo_dir : path or None
        Folder that holds ``X.UPF`` for each element X; None for those of PseudoDojo (PBE).
    launcher : str
        What starts pw.x on several ranks, such as mpirun -n 4.
    timeout_s : float
        Wall-clock limit of one calculation.
    kept : path or None
        Folder where calculations are kept: one that is there is read, not run again.

    Raises
    ------
    ValueError
        If the launcher is no command line.
    MissingProgramError
        If there are no pseudopotentials.
    """

    implemented_properties: Final = ("energy", "forces", "stress")

    def __init__(
        self,
        ecutwfc: float = 70.0,
        ecutrho: float | None = None,
        k_spacing: float = 0.25,
        degauss: float = 0.015,
        pseudo_dir: str | None = None,
        launcher: str = "",
        timeout_s: float = 6 * 3600.0,
        kept: str | None = None,
    ):
        self._runner = PwRunner(
            PwSettings(ecutwfc, ecutrho or 4 * ecutwfc, k_spacing, degauss, conv_thr=1e-8),
            Path(pseudo_dir).resolve() if pseudo_dir else default_pseudo_dir(),
            timeout=timeout_s,
            launcher=launch_words(launcher),
            kept=Path(kept) if kept else None,
        )
        self._last: tuple[Crystal, ScfResult] | None = None

    def get_potential_energy(self, atoms: Atoms, force_consistent: bool = False) -> float:
        """Return the free energy of the smeared electrons, eV, which forces are consistent with."""
        return self._result(atoms).energy

    def get_forces(self, atoms: Atoms) -> np.ndarray:
        """Return the forces (n, 3), eV/Å."""
        return self._result(atoms).forces.copy()

    def get_stress(self, atoms: Atoms) -> np.ndarray:
        """Return the stress (6,), eV/Å³, in Voigt's order xx, yy, zz, yz, xz, xy."""
        return voigt(self._result(atoms).stress)

    def _result(self, atoms: Atoms) -> ScfResult:
        crystal = from_ase(atoms)
        if self._last is None or not _alike(self._last[0], crystal):
            result = self._runner.scf(crystal)
            if not isinstance(result, ScfResult):
                raise RuntimeError(f"{result.problem}: {result.detail}")
            self._last = crystal, result
        return self._last[1]


def _alike(one: Crystal, other: Crystal) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ("cell", "frac", "numbers"))

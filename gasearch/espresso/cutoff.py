"""Whether the plane waves suffice: with too few of them the stress is not the slope of the energy.

A cutoff keeps more plane waves in a larger cell, so that energies of different volumes err differently, and their slope
has a part, the Pulay stress, that the stress does not have (doi:10.1088/0953-8984/2/19/007). It vanishes with the
basis error itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.pw import ScfResult
from gasearch.espresso.record import ScfFailure
from gasearch.espresso.runner import PwRunner
from gasearch.units import pressure_from_GPa, pressure_to_GPa

#: Relative change of volume over which the slope of the energy is taken, to either side.
_CHANGE: Final = 0.03
#: The same of the cutoffs.
_STEP: Final = 0.08
#: Errors are shares of the pressure, and of this one where the pressure is lower.
_LEAST: Final = pressure_from_GPa(10.0)
#: Cutoffs that are tried, Ry.
LADDER: Final = (50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 120.0, 140.0, 160.0)


@dataclass(frozen=True)
class CutoffCheck:
    """The pressure of a crystal, twice.

    Parameters
    ----------
    ecutwfc : float
        Ry.
    by_stress, by_slope : float
        eV/Å³, both as means over the same volumes; the slope of the energy is taken at constant cutoff.
    """

    ecutwfc: float
    by_stress: float
    by_slope: float

    @property
    def error(self) -> float:
        """Difference of the two, relative to the pressure by the slope, or to 10 GPa where that is less."""
        return abs(self.by_stress - self.by_slope) / max(abs(self.by_slope), _LEAST)

    def told(self, formula: str) -> str:
        """Return by how much stress and slope differ, as the beginning of a sentence."""
        return (
            f"the stress of {formula} gives {pressure_to_GPa(self.by_stress):.1f} GPa where the slope of its energy "
            f"gives {pressure_to_GPa(self.by_slope):.1f} GPa"
        )


def check_cutoff(runner: PwRunner, crystal: Crystal) -> CutoffCheck | ScfFailure:
    """Compare the crystal's stress with the slope of its energy."""
    results = [_scf_at(runner, crystal, 1 + change) for change in (-_CHANGE, 0.0, _CHANGE)]
    if failures := [result for result in results if isinstance(result, ScfFailure)]:
        return failures[0]
    smaller, _, larger = results
    slope = (smaller.energy - larger.energy) / (2 * _CHANGE * crystal.volume)
    pressures = [-float(np.trace(result.stress)) / 3 for result in results]
    # The slope is the mean pressure between the two volumes, and so is this, by Simpson's rule.
    return CutoffCheck(runner.settings.ecutwfc, float(np.dot([1 / 6, 4 / 6, 1 / 6], pressures)), slope)


def _scf_at(runner: PwRunner, crystal: Crystal, ratio: float) -> ScfResult | ScfFailure:
    """Run an SCF at a multiple of the volume, on the same grid of k-points."""
    spacing = runner.settings.k_spacing * ratio ** (-1 / 3)
    scaled = replace(runner, settings=replace(runner.settings, k_spacing=spacing))
    return scaled.scf(crystal.scaled_to(ratio * crystal.volume))


def basis_error(runner: PwRunner, crystal: Crystal) -> float | ScfFailure:
    """Return dE/d ln(cutoff), eV per cell: negative, and the nearer to zero the more complete the basis is."""
    results = [_scf_with(runner, crystal, 1 + change) for change in (-_STEP, _STEP)]
    if failures := [result for result in results if isinstance(result, ScfFailure)]:
        return failures[0]
    lower, higher = results
    return (higher.energy - lower.energy) / float(np.log((1 + _STEP) / (1 - _STEP)))


def _scf_with(runner: PwRunner, crystal: Crystal, ratio: float) -> ScfResult | ScfFailure:
    """Run an SCF with multiples of both cutoffs."""
    settings = runner.settings
    cutoffs = {"ecutwfc": ratio * settings.ecutwfc, "ecutrho": ratio * settings.ecutrho}
    return replace(runner, settings=replace(settings, **cutoffs)).scf(crystal)


def pulay_stress(error: float, volume: float) -> np.ndarray:
    """Return what the stress lacks to be the slope of the energy at constant cutoff (3, 3), eV/Å³.

    pw.x differentiates at a constant number of plane waves, which is volume times cutoff to the power 3/2: the rest is
    2/3 of dE/d ln(cutoff), eV per cell, over the volume, in every direction (doi:10.1088/0953-8984/2/19/007).
    """
    return 2 / 3 * error / volume * np.eye(3)


def sufficient_cutoff(runner: PwRunner, crystal: Crystal, accuracy: float) -> CutoffCheck | ScfFailure:
    """Return the check of the lowest cutoff, from the runner's own upwards, that keeps the error below ``accuracy``.

    The check of the highest cutoff where none does.
    """
    found: CutoffCheck | ScfFailure | None = None
    for ecutwfc in _cutoffs(runner.settings.ecutwfc):
        found = check_cutoff(replace(runner, settings=runner.settings.with_cutoff(ecutwfc)), crystal)
        if isinstance(found, ScfFailure) or found.error <= accuracy:
            break
    return found


def _cutoffs(lowest: float) -> Iterable[float]:
    return (lowest, *(cutoff for cutoff in LADDER if cutoff > lowest))

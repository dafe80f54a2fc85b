"""Is a structure dynamically stable? What a potential says of it, and what it cannot say."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import same_structure
from gasearch.crystal.symmetry import symmetrized
from gasearch.outcomes import Failure, Relaxed, SoftMode, Stability, StabilityVerdict
from gasearch.phonon.phonons import Phonons, PhononSettings, compute_phonons, force_constants, frozen_in
from gasearch.potential.potential import Potential
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings
from gasearch.units import pressure_from_GPa

#: Frequencies below this are zero, THz: three acoustic ones are, and displacements are finite.
_ZERO: Final = 0.1
#: An imaginary frequency below this share of the highest one is too small to be sure of: 1 % in force constants.
_UNSURE: Final = 0.1
#: Residuals that leave phonons alone: eV/Å and eV/Å³.
_TIGHT: Final = RelaxationSettings(max_force=1e-3, max_stress=pressure_from_GPa(0.05), max_steps=600)
#: How far the atom that moves most is moved along an unstable mode, Å.
_AMPLITUDE: Final = 0.15
#: Å; what the relaxation leaves of a broken symmetry is noise.
_SYMPREC: Final = 0.02


def stability(potential: Potential, crystal: Crystal, pressure: float, settings: PhononSettings) -> Stability:
    """Return the potential's verdict on a structure that DFT relaxed at a pressure (eV/Å³).

    The potential relaxes it first: force constants belong to its own minimum.
    """
    relaxed = BatchRelaxer(potential, _TIGHT).relax([crystal], pressure)[0]
    if isinstance(relaxed, Failure):
        return _unknown(f"the potential does not relax it: {relaxed.reason}")
    if not same_structure(relaxed.crystal, crystal):
        return _unknown("the potential relaxes it to another structure")
    phonons = compute_phonons(potential, symmetrized(relaxed.crystal, _SYMPREC), settings)
    if not np.isfinite(phonons.frequencies).all():
        return _unknown("the potential gives no forces for displaced atoms")
    found = judged(phonons)
    if found.verdict is StabilityVerdict.UNSTABLE and not _also_softer(potential, phonons, settings):
        found = replace(
            found,
            verdict=StabilityVerdict.UNKNOWN,
            detail="its imaginary frequencies depend on how far atoms are moved",
        )
    if found.verdict is not StabilityVerdict.UNSTABLE:
        return found
    followed = follow(potential, phonons, pressure)
    if followed is None:
        return found
    return replace(found, leads_to=followed.crystal, lowers_by=relaxed.enthalpy_per_atom - followed.enthalpy_per_atom)


def judged(phonons: Phonons) -> Stability:
    """Return the verdict on modes alone, the softest first."""
    highest = float(phonons.frequencies.max())
    places = np.argwhere(phonons.frequencies < -_ZERO)
    order = np.argsort(phonons.frequencies[tuple(places.T)])
    soft = tuple(_soft_mode(phonons, *places[place].tolist()) for place in order)
    if not soft:
        verdict, detail = StabilityVerdict.STABLE, "no imaginary frequency"
    elif soft[0].frequency > -_UNSURE * highest:
        verdict, detail = StabilityVerdict.UNKNOWN, "its imaginary frequencies are smaller than the potential's errors"
    else:
        verdict, detail = StabilityVerdict.UNSTABLE, str(soft[0])
    lowest = float(phonons.frequencies.min())
    found = Stability(verdict, detail, phonons.supercell, lowest, highest, soft_modes=soft)
    if soft:
        return found
    return replace(found, mean_square=float((phonons.frequencies**2).mean()), force_constants=_by_element(phonons))


def _by_element(phonons: Phonons) -> dict[str, float]:
    """Return the force constants of the elements' atoms, eV/Å²."""
    each, numbers = force_constants(phonons), phonons.crystal.numbers
    return {SYMBOLS[z]: float(each[numbers == z].mean()) for z in np.unique(numbers).tolist()}


def _soft_mode(phonons: Phonons, point: int, mode: int) -> SoftMode:
    weights = (np.abs(phonons.polarizations[point, mode]) ** 2).sum(axis=1)
    numbers = phonons.crystal.numbers
    shares = {SYMBOLS[z]: float(weights[numbers == z].sum()) for z in np.unique(numbers).tolist()}
    wave = tuple(float(x) for x in phonons.wave_vectors[point])
    return SoftMode(wave, float(phonons.frequencies[point, mode]), shares)


def _also_softer(potential: Potential, phonons: Phonons, settings: PhononSettings) -> bool:
    """Whether a displacement three times as large gives imaginary frequencies, too."""
    farther = replace(settings, displacement=3 * settings.displacement)
    again = judged(compute_phonons(potential, phonons.crystal, farther))
    return again.verdict is StabilityVerdict.UNSTABLE


def follow(potential: Potential, phonons: Phonons, pressure: float) -> Relaxed | None:
    """Freeze the softest mode in and relax; None if the potential finds no minimum."""
    point, mode = np.unravel_index(phonons.frequencies.argmin(), phonons.frequencies.shape)
    start = frozen_in(phonons, int(point), int(mode), _AMPLITUDE)
    result = BatchRelaxer(potential, replace(_TIGHT, max_force=1e-2)).relax([start], pressure)[0]
    if isinstance(result, Failure):
        return None
    # Enthalpies are per cell, and the symmetrized one may be smaller.
    crystal = symmetrized(result.crystal, _SYMPREC)
    scale = len(crystal) / len(result.crystal)
    return replace(result, crystal=crystal, energy=scale * result.energy, enthalpy=scale * result.enthalpy)


def _unknown(detail: str) -> Stability:
    return Stability(StabilityVerdict.UNKNOWN, detail)

"""Volumes and distances that suit a pressure, from the potential itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.errors import PotentialError
from gasearch.potential.potential import Batch, Potential
from gasearch.units import pressure_to_GPa

#: Nearest-neighbour distances that are scanned, Å.
_SCAN = np.geomspace(0.6, 6.0, 60)
#: eV per atom by which the enthalpy must rise on both sides of a minimum.
_DEPTH = 0.01
#: By how much the pressures that stress and energy give may differ, relative to them.
_SAME_PRESSURE = 0.1


@dataclass(frozen=True)
class Calibration:
    """What suits a pressure.

    Parameters
    ----------
    atomic_volumes : mapping
        Atomic number → volume of an atom in the compressed fcc element, Å³.
    minimum_distances : mapping
        (Z₁, Z₂) with Z₁ ≤ Z₂ → smallest distance that a new structure may have, Å.
    scans : int
        One-dimensional relaxations that it took.
    closeness : float
        Minimum distances, in units of those of neighbours in the simple cells.
    """

    atomic_volumes: Mapping[int, float]
    minimum_distances: Mapping[tuple[int, int], float]
    scans: int
    closeness: float = 0.5


def calibrate(potential: Potential, elements: Sequence[int], pressure: float, closeness: float = 0.5) -> Calibration:
    """Compress fcc of each element and CsCl of each pair to their minimum of enthalpy at the pressure (eV/Å³).

    Minimum distances are ``closeness`` times the nearest-neighbour distances found: at 0.5 the molecules of
    compressed hydrogen are still allowed. PotentialError where there is no minimum.
    """
    pairs = list(combinations_with_replacement(sorted(elements), 2))
    nearest = {pair: _nearest_distance(potential, pair, pressure) for pair in pairs}
    return Calibration(
        atomic_volumes={z: nearest[z, z] ** 3 / 2**0.5 for z in sorted(elements)},
        minimum_distances={pair: closeness * distance for pair, distance in nearest.items()},
        scans=len(pairs),
        closeness=closeness,
    )


def _nearest_distance(potential: Potential, pair: tuple[int, int], pressure: float) -> float:
    """Nearest-neighbour distance of the simple cell of two elements, or of one, at the pressure."""
    coarse = _enthalpies(potential, pair, _SCAN, pressure)
    k = _outermost_minimum(coarse)
    if not np.isfinite(coarse).any():
        cell = _simple_cell(pair, float(_SCAN[-1]))
        said = potential.compute(Batch.from_crystals([cell])).errors.get(0, "no finite energy")
        raise PotentialError(
            f"{potential.name} has no energy for {cell.composition.formula} at any distance ({said}): does it know "
            "these elements?"
        )
    if k is None:
        lowest = int(np.argmin(coarse))
        raise PotentialError(
            f"{potential.name} has no minimum of enthalpy for a simple cell of "
            f"{_simple_cell(pair, 1.0).composition.formula} at {pressure_to_GPa(pressure):g} GPa: with {_SCAN[0]:g} to "
            f"{_SCAN[-1]:g} Å between neighbours it is lowest at {_SCAN[lowest]:.2f} Å, {coarse[lowest]:.3g} eV/atom. "
            "It was not made for this pressure; train it on compressed cells"
        )
    fine = np.geomspace(_SCAN[k - 1], _SCAN[k + 1], 25)
    return float(fine[np.argmin(_enthalpies(potential, pair, fine, pressure))])


def _enthalpies(potential: Potential, pair: tuple[int, int], distances: np.ndarray, pressure: float) -> np.ndarray:
    """Enthalpy per atom at each nearest-neighbour distance; inf where the potential gives no number."""
    batch = Batch.from_crystals([_simple_cell(pair, d) for d in distances])
    energy = potential.compute(batch).energy
    enthalpy = (energy + pressure * batch.volumes) / np.diff(batch.offsets)
    return np.where(np.isfinite(enthalpy), enthalpy, np.inf)


def doubts(potential: Potential, lengths: Calibration, pressure: float) -> list[str]:
    """Return what speaks against a potential at a pressure (eV/Å³): holes, and stresses that are no slopes.

    The simple cells of the calibration are scanned over all distances that a search admits.
    """
    found = []
    for pair, limit in lengths.minimum_distances.items():
        distance = limit / lengths.closeness
        name = _simple_cell(pair, 1.0).composition.formula
        near = np.linspace(lengths.closeness, 1.0, 20) * distance
        enthalpy = _enthalpies(potential, pair, near, pressure)
        here = _enthalpies(potential, pair, np.array([distance]), pressure)[0]
        inside = near < 0.98 * distance
        if (enthalpy[inside] < here - _DEPTH).any():
            hole = near[inside][np.argmin(enthalpy[inside])]
            found.append(
                f"a simple cell of {name} is lower at {hole:.2f} Å between neighbours than at {distance:.2f} Å"
            )
        by_stress, by_slope, stiffness = pressure_two_ways(potential, _simple_cell(pair, distance))
        if not abs(by_stress - by_slope) <= _SAME_PRESSURE * max(abs(by_slope), abs(pressure), stiffness):
            found.append(
                f"the stress of a simple cell of {name} gives {pressure_to_GPa(by_stress):.0f} GPa where the slope of "
                f"its energy gives {pressure_to_GPa(by_slope):.0f}"
            )
    return found


def pressure_two_ways(potential: Potential, crystal: Crystal) -> tuple[float, float, float]:
    """Return the pressure by the stress, by the slope of the energy, and what 6 % of the volume add; eV/Å³."""
    batch = Batch.from_crystals([crystal.scaled_to(x * crystal.volume) for x in (0.97, 1.0, 1.03)])
    result = potential.compute(batch)
    slope = (result.energy[2] - result.energy[0]) / (batch.volumes[2] - batch.volumes[0])
    by_stress = -np.trace(result.stress, axis1=1, axis2=2) / 3
    return float(by_stress[1]), -float(slope), float(abs(by_stress[0] - by_stress[2]))


def _simple_cell(pair: tuple[int, int], distance: float) -> Crystal:
    """The primitive fcc cell of an element, or the CsCl cell of two, with this nearest-neighbour distance."""
    if pair[0] == pair[1]:
        fcc = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]) / np.sqrt(2)
        return Crystal(distance * fcc, [[0, 0, 0]], pair[:1])
    return Crystal(distance * 2 / np.sqrt(3) * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], pair)


def _outermost_minimum(enthalpies: np.ndarray) -> int | None:
    """Index of the minimum at the largest distance: deeper ones may be holes, where the potential was not trained.

    A dip between two rises of less than the required depth is no minimum.
    """
    lowest = len(enthalpies) - 1
    peak = enthalpies[lowest]
    for k in range(len(enthalpies) - 2, -1, -1):
        if enthalpies[k] < enthalpies[lowest]:
            lowest = k
        elif enthalpies[k] > enthalpies[lowest] + _DEPTH:
            if peak > enthalpies[lowest] + _DEPTH:
                return lowest
            lowest = k
        peak = max(peak, enthalpies[k])
    return None

"""Barriers between two phases at a pressure, and how long one would live behind them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.outcomes import Relaxed
from gasearch.potential.potential import Potential
from gasearch.schema import setting
from gasearch.screening.band import Band, BandSettings, find_band
from gasearch.screening.correspondence import Correspondence, correspondences
from gasearch.screening.surface import Surface
from gasearch.units import K_PER_THZ, MEV_PER_EV, MEV_PER_THZ

#: Distance, Å per √atom, below which two ends are the same structure.
_SAME = 1e-2


@dataclass(frozen=True)
class BarrierSettings:
    """Which paths between two phases are tried.

    Parameters
    ----------
    paths : int
        The shortest correspondences of atoms and lattices; the lowest path counts.
    multiple : int
        Size of the cell, in units of the fewest atoms that both phases can have.
    band : BandSettings
    """

    paths: int = setting(3, at_least=1)
    multiple: int = setting(1, at_least=1)
    band: BandSettings = field(default_factory=BandSettings)


@dataclass(frozen=True, eq=False)
class TransitionPath:
    """One way from a phase to another.

    Parameters
    ----------
    ends : Correspondence
    surface : Surface
    band : Band
    downhill : int or None
        Directions in which enthalpy falls from the highest image: 1 on a saddle; None where that is an end, or the path
        was given up.
    """

    ends: Correspondence
    surface: Surface
    band: Band
    downhill: int | None

    @property
    def atoms(self) -> int:
        """Atoms in the cell that changes as one."""
        return len(self.ends.numbers)

    @property
    def forward(self) -> float:
        """Enthalpy of the highest image above the start, eV per cell."""
        return float(self.band.enthalpies.max() - self.band.enthalpies[0])

    @property
    def backward(self) -> float:
        """Enthalpy of the highest image above the end, eV per cell."""
        return float(self.band.enthalpies.max() - self.band.enthalpies[-1])

    @property
    def saddle(self) -> Crystal:
        """The highest image."""
        return self.surface.crystal(self.band.points[self.band.top])

    @property
    def crystals(self) -> list[Crystal]:
        """All images, from start to end."""
        return [self.surface.crystal(point) for point in self.band.points]


def barrier_paths(
    potential: Potential,
    start: Relaxed,
    end: Relaxed,
    pressure: float,
    settings: BarrierSettings,
    say: Callable[[str], None] = lambda _: None,
) -> list[TransitionPath]:
    """Return paths between two phases that the potential relaxed at a pressure (eV/Å³), the lowest barrier first.

    Those that were given up come last; two ends that are the same structure have one path, of no length.

    Raises
    ------
    InputError
        If the compositions differ.
    """
    found = []
    for ends in correspondences(start.crystal, end.crystal, settings.paths, settings.multiple):
        surface = Surface.of(potential, ends, pressure)
        found.append(_path(surface, ends, settings.band))
        say(_line(found[-1]))
        if ends.distance < _SAME:
            break
    return sorted(found, key=lambda path: (not path.band.converged, path.forward))


def _path(surface: Surface, ends: Correspondence, settings: BandSettings) -> TransitionPath:
    points = surface.ends(ends)
    if ends.distance < _SAME:
        enthalpies, _ = surface.enthalpies(points)
        # What the relaxation left of a difference is no barrier.
        return TransitionPath(ends, surface, Band(points, np.full(2, enthalpies.min()), 0.0, 1, True), None)
    band = find_band(surface, points, settings)
    on_saddle = band.converged and 0 < band.top < len(band.points) - 1
    return TransitionPath(
        ends, surface, band, surface.directions_downhill(band.points[band.top]) if on_saddle else None
    )


def _line(path: TransitionPath) -> str:
    where = f"{path.atoms} atoms, {path.ends.distance:.2f} Å/√atom apart"
    if not path.band.converged:
        return f"{where}: given up after {path.band.steps} steps, with {path.band.residual:.3g} eV/Å left"
    per_atom = MEV_PER_EV / path.atoms
    return f"{where}: {per_atom * path.forward:.1f} meV/atom, from the end {per_atom * path.backward:.1f}"


def log_lifetime(barrier: float, temperature: float, attempts: float | None = None) -> float:
    """Return log₁₀ of the seconds after which a cell has crossed its barrier, on average.

    1/τ = ν exp(−ΔH/k_BT), with ν = k_BT/h (Eyring, doi:10.1063/1.1749604) unless an attempt frequency is given. It is
    as if the cell changed alone and as one: a crystal needs a nucleus of many cells, or a defect that is easier.

    Parameters
    ----------
    barrier : float
        eV per cell.
    temperature : float
        K, above 0.
    attempts : float, optional
        ν, THz.
    """
    exponent = MEV_PER_EV * barrier / (MEV_PER_THZ * thermal_frequency(temperature))
    return exponent / math.log(10) - math.log10((attempts or thermal_frequency(temperature)) * 1e12)


def thermal_frequency(temperature: float) -> float:
    """Return k_BT/h, THz, of a temperature in K."""
    return temperature / K_PER_THZ

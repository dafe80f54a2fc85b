"""Bands at the Fermi energy on a dense grid: interpolated, with the Fermi energy that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gasearch.errors import InputError
from gasearch.outcomes import BandGrid

#: A band is at the Fermi energy if it comes as near to it as so many times the temperature: farther away, its
#: occupations are 0 or 1 to 5·10⁻⁵.
_NEAR = 10.0


@dataclass(frozen=True, eq=False)
class FermiBands:
    """The bands of one spin that cross the Fermi energy, or come so near that temperature fills or empties them.

    Parameters
    ----------
    cell : (3, 3) array
        Å; the grid divides its reciprocal vectors.
    energies : (bands, n1, n2, n3) array
        eV from the Fermi energy.
    numbers : tuple of int
        Which bands they are, counted from 1 at the lowest; empty where nobody counted.
    """

    cell: np.ndarray
    energies: np.ndarray
    numbers: tuple[int, ...] = ()

    @property
    def edges(self) -> np.ndarray:
        """Lowest and highest energy of each band (bands, 2), eV from the Fermi energy."""
        flat = self.energies.reshape(len(self.energies), -1)
        return np.stack([flat.min(axis=1), flat.max(axis=1)], axis=1)

    @property
    def grid(self) -> tuple[int, ...]:
        """Divisions of the reciprocal vectors."""
        return self.energies.shape[1:]

    @property
    def reciprocal(self) -> np.ndarray:
        """Reciprocal vectors as rows (3, 3), Å⁻¹, the factor 2π included."""
        return 2 * np.pi * np.linalg.inv(self.cell).T


def occupation(energies: np.ndarray, temperature: float) -> np.ndarray:
    """Return the Fermi function of energies from the Fermi energy, eV; the temperature is k_B T, eV."""
    return 0.5 * (1 - np.tanh(energies / (2 * temperature)))


def fermi_bands(bands: BandGrid, times: int, temperature: float) -> FermiBands:
    """Return the bands at the Fermi energy on a grid that is so many times denser.

    Each band, counted by energy, is a periodic cubic spline through its values on the grid (scipy), which needs no more
    than the full grid. Where bands cross each other it rounds the kink; only a denser grid of computed points helps.

    Parameters
    ----------
    bands : BandGrid
        Without spins: what a magnetic order may grow from.
    times : int
        1 for the grid itself.
    temperature : float
        k_B T, eV, at which the Fermi energy holds the electrons.

    Raises
    ------
    InputError
        If no band crosses the Fermi energy, or there are spins.
    """
    if bands.per_band != 2:
        raise InputError("these bands are of two spins; nesting and susceptibility ask for bands without spins")
    flat = bands.energies.reshape(len(bands.energies), -1)
    near = (flat.min(axis=1) < _NEAR * temperature) & (flat.max(axis=1) > -_NEAR * temperature)
    if not near.any():
        raise InputError("no band crosses the Fermi energy: an insulator has no Fermi surface that could nest")
    dense = np.array([denser(band, times) for band in bands.energies[near]])
    filled = bands.electrons / 2 - np.count_nonzero(flat.max(axis=1) <= -_NEAR * temperature)
    numbers = tuple((np.flatnonzero(near) + 1).tolist())
    return FermiBands(bands.cell, dense - _fermi_energy(dense, filled, temperature), numbers)


def denser(values: np.ndarray, times: int) -> np.ndarray:
    """Return a periodic function (n1, n2, n3) on a grid that is so many times denser, by cubic splines."""
    if times == 1:
        return values
    places = np.meshgrid(*(np.arange(times * n) / times for n in values.shape), indexing="ij")
    return interpolated(values, np.stack(places, axis=-1) / values.shape)


def interpolated(values: np.ndarray, frac: np.ndarray) -> np.ndarray:
    """Return a periodic function (n1, n2, n3) at points (..., 3) in units of the reciprocal vectors."""
    from scipy.ndimage import map_coordinates

    places = np.reshape(frac * values.shape, (-1, 3)).T
    return map_coordinates(values, places, order=3, mode="grid-wrap").reshape(frac.shape[:-1])


def level_spacing(bands: FermiBands, temperature: float) -> float:
    """Return the mean difference, eV, of neighbouring points within k_B T (eV) of the Fermi energy.

    The mean is over the points, and over the directions of the grid in quadrature.
    """
    divided = [axis for axis, n in enumerate(bands.grid, 1) if n > 1]
    squared = sum((np.roll(bands.energies, -1, axis=axis) - bands.energies) ** 2 for axis in divided)
    near = np.abs(bands.energies) < max(temperature, float(np.abs(bands.energies).min()))
    return float(np.sqrt(squared[near] / len(divided)).mean()) if near.any() else 0.0


def _fermi_energy(energies: np.ndarray, filled: float, temperature: float) -> float:
    """Return the energy at which so many states per cell are filled; `InputError` if there is none."""
    from scipy.optimize import brentq

    def excess(energy: float) -> float:
        return float(occupation(energies - energy, temperature).sum(axis=0).mean()) - filled

    low, high = float(energies.min()) - 1.0, float(energies.max()) + 1.0
    if excess(low) > 0 or excess(high) < 0:
        raise InputError(f"{filled:g} electrons of each spin do not fit into the bands at the Fermi energy: give more")
    return brentq(excess, low, high, xtol=1e-10)

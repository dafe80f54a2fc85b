"""From a metal to its nesting vector: bands of pw.x on a full grid, interpolated, and what correlates in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gasearch.crystal.band_path import band_path
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import NEIGHBOURS
from gasearch.errors import CalculationError
from gasearch.espresso.full_grid import full_grid
from gasearch.espresso.ph import shown
from gasearch.espresso.pw import Grid
from gasearch.espresso.runner import PwRunner, ScfFailure, installed_version
from gasearch.files import replace_text, writing_to
from gasearch.folder import locked
from gasearch.outcomes import BandGrid
from gasearch.report.figures import formula_text
from gasearch.report.response import PlanePicture, plot_path, plot_planes
from gasearch.screening.bands import FermiBands, fermi_bands, interpolated, level_spacing
from gasearch.screening.susceptibility import (
    Peak,
    Response,
    density,
    enhanced,
    nesting,
    peaks,
    susceptibility,
)
from gasearch.units import MEV_PER_EV, kelvin_to_eV

#: Peaks nearer to Γ than this share of the shortest reciprocal vector are the surface's nesting with itself.
AROUND_GAMMA = 0.2
#: Points of a plane along each of its directions.
_PLANE_POINTS = 241
_PATH_POINTS = 400


@dataclass(frozen=True)
class NestingSettings:
    """How nesting is computed.

    Parameters
    ----------
    grid : Grid
        Of the points that pw.x computes.
    times : int
        How many times denser the bands are interpolated.
    temperature : float
        K, of the occupations and of δ(ε).
    stoner : float or None
        I, eV, for an enhanced susceptibility.
    """

    grid: Grid
    times: int = 4
    temperature: float = 600.0
    stoner: float | None = None


@dataclass(frozen=True, eq=False)
class Nesting:
    """What is found.

    Parameters
    ----------
    bands : FermiBands
    at_fermi : float
        N(E_F) of one spin, 1/eV and cell.
    responses : mapping
        ``chi0``, ``xi``, and ``chi`` where a Stoner parameter was given.
    peaks : mapping
        Of each of them.
    warnings : tuple of str
    """

    bands: FermiBands
    at_fermi: float
    responses: Mapping[str, Response]
    peaks: Mapping[str, list[Peak]]
    warnings: tuple[str, ...]


#: How figures call them.
TITLES = {"chi0": "χ₀(q) (1/eV)", "xi": "ξ(q) (1/eV²)", "chi": "χ(q), enhanced (1/eV)"}


def screen_nesting(
    settings: NestingSettings, runner: PwRunner, crystal: Crystal, folder: Path, say: Callable[[str], None]
) -> Nesting:
    """Compute, write and draw the nesting of a crystal in a folder; what pw.x has finished is kept there.

    Raises
    ------
    GasearchError
        If pw.x fails, the crystal is no metal, or I χ0 exceeds 1.
    """
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock"):
        bands = full_grid(runner, crystal, settings.grid)
        if isinstance(bands, ScfFailure):
            raise CalculationError(f"no bands: {bands.problem}: {bands.detail}; change the settings of DFT")
        found = analysed(bands, settings)
        document = nesting_document(found, settings, runner, crystal)
        replace_text(folder / "nesting.json", json.dumps(document, indent=1) + "\n")
        for line in lines(found):
            say(line)
        for file in draw(found, crystal, settings, folder):
            say(str(file))
    return found


def analysed(bands: BandGrid, settings: NestingSettings) -> Nesting:
    """Return nesting and susceptibility of bands without spins."""
    temperature = kelvin_to_eV(settings.temperature)
    dense = fermi_bands(bands, settings.times, temperature)
    responses = {"chi0": susceptibility(dense, temperature), "xi": nesting(dense, temperature)}
    if settings.stoner is not None:
        responses["chi"] = enhanced(responses["chi0"], settings.stoner)
    beyond = AROUND_GAMMA * float(np.linalg.norm(dense.reciprocal, axis=1).min())
    return Nesting(
        bands=dense,
        at_fermi=float(density(dense, temperature).mean()),
        responses=responses,
        peaks={name: peaks(response, beyond=beyond) for name, response in responses.items()},
        warnings=tuple(_warnings(dense, temperature)),
    )


def _warnings(bands: FermiBands, temperature: float) -> list[str]:
    spacing = level_spacing(bands, temperature)
    if spacing <= 4 * temperature:
        return []
    return [
        f"neighbouring points differ by {MEV_PER_EV * spacing:.0f} meV at the Fermi energy, much more than k_B T = "
        f"{MEV_PER_EV * temperature:.0f} meV: take a denser grid or a higher temperature"
    ]


def nesting_document(found: Nesting, settings: NestingSettings, runner: PwRunner, crystal: Crystal) -> dict[str, Any]:
    """Return everything that is known, as plain data; wave vectors in units of the reciprocal vectors and Å⁻¹."""
    return {
        "method": "static, constant matrix elements, one spin and one cell; bands at the Fermi energy only",
        "formula": crystal.composition.reduced.formula,
        "settings": asdict(settings) | {"pw": asdict(runner.settings)},
        "provenance": {
            "gasearch": version("gasearch"),
            "quantum_espresso": installed_version(),
            "pseudopotential_sha256": runner.pseudopotentials(crystal.composition.elements),
        },
        "interpolated_grid": list(found.bands.grid),
        "bands_at_fermi": len(found.bands.energies),
        "dos_at_fermi_per_eV_spin_and_cell": found.at_fermi,
        **{name: _described(found, name) for name in found.responses},
        "warnings": list(found.warnings),
    }


def _described(found: Nesting, name: str) -> dict[str, Any]:
    response = found.responses[name]
    return {
        "unit": "1/eV^2" if name == "xi" else "1/eV",
        "mean": response.mean,
        "at_gamma": float(response.values[0, 0, 0]),
        "peaks": [asdict(peak) for peak in found.peaks[name]],
    }


def lines(found: Nesting) -> list[str]:
    """Return the peaks as a table, and the warnings."""
    head = f"N(E_F) = {found.at_fermi:.3f} per eV, spin and cell; {len(found.bands.energies)} bands at the Fermi energy"
    rows = [f"{'':<6}{'q (reciprocal vectors)':<30}{'|q| (1/Å)':>10}{'height':>10}{'over mean':>11}{'width (1/Å)':>13}"]
    for name, highest in found.peaks.items():
        for peak in highest:
            q = ", ".join(f"{x:.4f}" for x in peak.q)
            rows.append(
                f"{name:<6}{q:<30}{peak.length:>10.3f}{peak.height:>10.3f}{peak.over_mean:>11.2f}{peak.width:>13.3f}"
            )
    return [head, *rows, *(f"warning: {warning}" for warning in found.warnings)]


def draw(found: Nesting, crystal: Crystal, settings: NestingSettings, folder: Path) -> list[Path]:
    """Draw the plane of the highest peak of χ0, and a path; return the files."""
    title = (
        f"{formula_text(crystal.composition.reduced.formula)}, k-grid {shown(settings.grid)} interpolated to "
        f"{shown(found.bands.grid)}, {settings.temperature:g} K"
    )
    path = band_path(crystal, _PATH_POINTS)
    curves = {
        f"{TITLES[name].partition('(q)')[0]}(q)": response.at(path.points) / response.mean
        for name, response in found.responses.items()
    }
    with writing_to(folder):
        files = plot_path(path.distances, path.ticks, curves, title, folder / "nesting-path")
        return plot_planes(_plane(found), title, folder / "nesting-planes") + files


def _plane(found: Nesting) -> PlanePicture:
    """Return the plane through Γ, the highest peak of χ0 and the reciprocal vector that is most across."""
    reciprocal = found.bands.reciprocal
    highest = found.peaks["chi0"]
    q = np.array(highest[0].q if highest else (1.0, 0.0, 0.0)) @ reciprocal
    first = q / np.linalg.norm(q)
    across, name = _across(reciprocal, first)
    second = across - (across @ first) * first
    second /= np.linalg.norm(second)
    reach = 0.75 * float(np.linalg.norm(reciprocal, axis=1).max())
    places = np.linspace(-reach, reach, _PLANE_POINTS)
    points = (places[:, None, None] * first + places[:, None] * second) @ np.linalg.inv(reciprocal)
    return PlanePicture(
        reach=reach,
        axes=("along q* (1/Å)", f"across it, towards {name} (1/Å)"),
        maps={TITLES[name]: response.at(points) for name, response in found.responses.items()},
        bands=[interpolated(band, points) for band in found.bands.energies],
        marks=np.array([[q @ first, 0.0]]) if highest else np.zeros((0, 2)),
    )


def _across(reciprocal: np.ndarray, direction: np.ndarray) -> tuple[np.ndarray, str]:
    """Return the reciprocal vector (3,) that is most nearly perpendicular, the shortest of such, and its name."""
    multiples = NEIGHBOURS[np.any(NEIGHBOURS != 0, axis=1)]
    vectors = multiples @ reciprocal
    lengths = np.linalg.norm(vectors, axis=1)
    best = np.lexsort((lengths.round(6), np.abs(vectors @ direction / lengths).round(3)))[0]
    return vectors[best], "(" + ", ".join(f"{n:g}" for n in multiples[best]) + ")"

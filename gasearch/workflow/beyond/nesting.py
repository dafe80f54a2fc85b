"""From a metal to its nesting vector: bands of pw.x on a full grid, interpolated, and what correlates in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gasearch.crystal.band_path import band_path
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import NEIGHBOURS
from gasearch.errors import CalculationError
from gasearch.espresso.full_grid import full_grid
from gasearch.espresso.installation import installed_version
from gasearch.espresso.ph import shown
from gasearch.espresso.pw import Grid
from gasearch.espresso.record import ScfFailure
from gasearch.espresso.runner import PwRunner
from gasearch.files import replace_text, writing_to
from gasearch.folder import locked
from gasearch.outcomes import BandGrid
from gasearch.report.fermi_surface import plot_fermi_surface
from gasearch.report.figures import formula_text
from gasearch.report.response import PlanePicture, plot_path, plot_planes
from gasearch.screening.bands import FermiBands, fermi_bands, interpolated, level_spacing
from gasearch.screening.fermi_surface import BrillouinZone, fermi_surface
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
        ``chi0``, ``intra`` (the same without pairs of different bands), ``xi``, and ``chi`` where a Stoner parameter
        was given with which it is finite.
    peaks : mapping
        Of each of them.
    stoner : Instability or None
        What the Stoner parameter says.
    warnings : tuple of str
    """

    bands: FermiBands
    at_fermi: float
    responses: Mapping[str, Response]
    peaks: Mapping[str, list[Peak]]
    stoner: Instability | None
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Instability:
    """Whether an order grows by itself with a Stoner parameter I.

    Parameters
    ----------
    ferromagnet : float
        I N(E_F), which at 1 makes a ferromagnet: at q = 0 states of different bands at one k are orthogonal.
    highest : float
        I χ0 at its highest peak.
    q : tuple of float
        Where that is, in units of the reciprocal vectors.
    """

    ferromagnet: float
    highest: float
    q: tuple[float, ...]

    @property
    def orders(self) -> bool:
        """Whether χ0/(1 − I χ0) has no meaning any more."""
        return self.highest >= 1


#: How figures call those that they show.
TITLES = {"chi0": "χ₀(q) (1/eV)", "xi": "ξ(q) (1/eV²)", "chi": "χ(q), enhanced (1/eV)"}


def screen_nesting(
    settings: NestingSettings, runner: PwRunner, crystal: Crystal, folder: Path, say: Callable[[str], None]
) -> Nesting:
    """Compute, write and draw the nesting of a crystal in a folder; what pw.x has finished is kept there.

    Raises
    ------
    GasearchError
        If pw.x fails, or the crystal is no metal.
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
    chi0 = susceptibility(dense, temperature)
    responses = {
        "chi0": chi0,
        # One band has no pairs with others.
        "intra": chi0 if len(dense.energies) == 1 else susceptibility(dense, temperature, interband=False),
        "xi": nesting(dense, temperature),
    }
    at_fermi = float(density(dense, temperature).mean())
    stoner = None if settings.stoner is None else _instability(settings.stoner, at_fermi, chi0)
    if stoner is not None and not stoner.orders:
        responses["chi"] = enhanced(chi0, settings.stoner)
    return Nesting(
        bands=dense,
        at_fermi=at_fermi,
        responses=responses,
        peaks={name: peaks(response, beyond=_left_out(dense, name)) for name, response in responses.items()},
        stoner=stoner,
        warnings=tuple(_warnings(dense, temperature)),
    )


def _left_out(bands: FermiBands, name: str) -> float:
    """Return |q|, Å⁻¹, up to which peaks of a function say nothing."""
    return AROUND_GAMMA * float(np.linalg.norm(bands.reciprocal, axis=1).min()) if name == "xi" else -1.0


def _instability(stoner: float, at_fermi: float, chi0: Response) -> Instability:
    place = np.unravel_index(chi0.values.argmax(), chi0.values.shape)
    q = np.array(place) / chi0.values.shape
    return Instability(stoner * at_fermi, stoner * float(chi0.values[place]), tuple((q - np.rint(q)).tolist()))


def _warnings(bands: FermiBands, temperature: float) -> list[str]:
    found, spacing = [], level_spacing(bands, temperature)
    if spacing > 4 * temperature:
        found.append(
            f"neighbouring points differ by {MEV_PER_EV * spacing:.0f} meV at the Fermi energy, much more than k_B T = "
            f"{MEV_PER_EV * temperature:.0f} meV: take a denser grid or a higher temperature"
        )
    for number, (low, high) in zip(bands.numbers, bands.edges.tolist(), strict=True):
        if low > 0 or high < 0:
            found.append(
                f"band {number} does not cross the Fermi energy, from which it is {MEV_PER_EV * max(low, -high):.0f} "
                "meV away, but its pairs with others count in chi0: compare intra, or a lower temperature"
            )
    return found


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
        "bands": [
            {"number": number, "edges_eV": edges}
            for number, edges in zip(found.bands.numbers, found.bands.edges.tolist(), strict=True)
        ],
        "dos_at_fermi_per_eV_spin_and_cell": found.at_fermi,
        **{name: _described(found, name) for name in found.responses},
        "instability": None if found.stoner is None else asdict(found.stoner) | {"orders": found.stoner.orders},
        "warnings": list(found.warnings),
    }


def _described(found: Nesting, name: str) -> dict[str, Any]:
    response = found.responses[name]
    return {
        "unit": "1/eV^2" if name == "xi" else "1/eV",
        "mean": response.mean,
        "at_gamma": float(response.values[0, 0, 0]),
        "peaks": [asdict(peak) for peak in found.peaks[name]],
        "peaks_beyond_per_A": max(_left_out(found.bands, name), 0.0),
    }


def lines(found: Nesting) -> list[str]:
    """Return the peaks as a table, and the warnings."""
    head = f"N(E_F) = {found.at_fermi:.3f} per eV, spin and cell; {len(found.bands.energies)} bands at the Fermi energy"
    rows = [f"{'':<6}{'q (reciprocal vectors)':<30}{'|q| (1/Å)':>10}{'height':>10}{'over mean':>11}{'width (1/Å)':>13}"]
    for name, highest in found.peaks.items():
        rows += [f"{name:<6}{_peak_text(peak)}" for peak in highest]
    around = f"xi: beyond {_left_out(found.bands, 'xi'):.3f} 1/Å from Γ, where any Fermi surface nests with itself"
    stoner = [] if found.stoner is None else [_stoner_text(found.stoner)]
    return [head, *rows, around, *stoner, *(f"warning: {warning}" for warning in found.warnings)]


def _peak_text(peak: Peak) -> str:
    q = _q_text(peak.q)
    return f"{q:<30}{peak.length:>10.3f}{peak.height:>10.3f}{peak.over_mean:>11.2f}{peak.width:>13.3f}"


def _q_text(q: Sequence[float]) -> str:
    return ", ".join(f"{x:.4f}" for x in q)


def _stoner_text(found: Instability) -> str:
    verdict = "an order grows by itself there, and chi means nothing" if found.orders else "no order grows by itself"
    return (
        f"I N(E_F) = {found.ferromagnet:.3f} (a ferromagnet from 1 on); I chi0 = {found.highest:.3f} at its highest, "
        f"q = {_q_text(found.q)}: {verdict}"
    )


def draw(found: Nesting, crystal: Crystal, settings: NestingSettings, folder: Path) -> list[Path]:
    """Draw the plane of the highest peak of χ0, and a path; return the files."""
    heading = (
        f"{formula_text(crystal.composition.reduced.formula)}, k-grid {shown(settings.grid)} interpolated to "
        f"{shown(found.bands.grid)}, {settings.temperature:g} K"
    )
    path = band_path(crystal, _PATH_POINTS)
    curves = {
        f"{title.partition('(q)')[0]}(q)": found.responses[name].at(path.points) / found.responses[name].mean
        for name, title in TITLES.items()
        if name in found.responses
    }
    with writing_to(folder):
        files = plot_planes(_plane(found), heading, folder / "nesting-planes")
        files += plot_path(path.distances, path.ticks, curves, heading, folder / "nesting-path")
        return files + _draw_surface(found.bands, settings.times, heading, folder)


def coarser(times: int) -> int:
    """Return the step to a grid two or a few times as fine as one that this is so many times denser than."""
    return next(step for step in range(max(1, times // 2), 0, -1) if times % step == 0)


def _draw_surface(bands: FermiBands, times: int, heading: str, folder: Path) -> list[Path]:
    """Draw the Fermi surface from at least two points of the interpolated grid for one that was computed."""
    step = coarser(times)
    seen = replace(bands, energies=bands.energies[:, ::step, ::step, ::step])
    surfaces = fermi_surface(seen)
    if not any(map(len, surfaces)):
        return []
    return plot_fermi_surface(surfaces, BrillouinZone.of(seen.reciprocal).faces, heading, folder / "fermi-surface")


def _plane(found: Nesting) -> PlanePicture:
    """Return the plane through Γ, the highest peak of χ0 and the reciprocal vector that is most across."""
    reciprocal = found.bands.reciprocal
    # A maximum at Γ has no direction.
    highest = [peak for peak in found.peaks["chi0"] if peak.length > 0]
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
        maps={title: found.responses[name].at(points) for name, title in TITLES.items() if name in found.responses},
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

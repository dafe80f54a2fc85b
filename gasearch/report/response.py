"""Figures of nesting and susceptibility: on a plane, with the Fermi surface beside them, and along a path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gasearch.report.electrons import tick_text
from gasearch.report.figures import (
    FAINT,
    INK,
    NEAR_COLOURS,
    SECOND_COLOUR,
    STABLE_COLOUR,
    figure_in_style,
    save,
)

if TYPE_CHECKING:
    from gasearch.report.figures import Axes

#: Of one band after the other.
BAND_COLOURS = (STABLE_COLOUR, SECOND_COLOUR, "#2a8c82", "#8a5fa8", "#b8a12b", "#a8324a")


@dataclass(frozen=True, eq=False)
class PlanePicture:
    """A plane through Γ.

    Parameters
    ----------
    reach : float
        It goes from minus to plus this, Å⁻¹, along both of its directions.
    axes : (str, str)
        What its directions are.
    maps : mapping
        Title → values (n, n) of a function of q; the first index is of the first direction.
    bands : sequence of (n, n) array
        Energies of each band at the Fermi energy, eV from it: its lines of zero are the Fermi surface.
    marks : (m, 2) array
        Points of interest, Å⁻¹.
    """

    reach: float
    axes: tuple[str, str]
    maps: Mapping[str, np.ndarray]
    bands: Sequence[np.ndarray]
    marks: np.ndarray


def plot_planes(picture: PlanePicture, title: str, path: Path) -> list[Path]:
    """Draw a plane as PNG and SVG: the functions as colours, the Fermi surface as lines; return the files."""
    with figure_in_style((3.3 * (len(picture.maps) + 1), 3.4)) as figure:
        panels = figure.subplots(1, len(picture.maps) + 1, sharey=True)
        for axes, (name, values) in zip(panels, picture.maps.items(), strict=False):
            _draw_map(axes, picture, values)
            axes.set_title(name, loc="center", fontsize=9.5)
        _draw_fermi_surface(panels[-1], picture)
        panels[-1].set_title("Fermi surface, k", loc="center", fontsize=9.5)
        panels[0].set_ylabel(picture.axes[1])
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        return save(figure, path)


def _draw_map(axes: Axes, picture: PlanePicture, values: np.ndarray) -> None:
    reach = picture.reach
    # Γ itself is far above the rest where a surface nests with itself.
    top = np.quantile(values, 0.995)
    image = axes.imshow(
        values.T, extent=(-reach, reach, -reach, reach), origin="lower", cmap=NEAR_COLOURS, vmax=top, rasterized=True
    )
    axes.plot(*picture.marks.T, "o", mfc="none", mec="white", mew=1.0, ms=7)
    axes.figure.colorbar(image, ax=axes, shrink=0.8)
    _frame(axes, picture)


def _draw_fermi_surface(axes: Axes, picture: PlanePicture) -> None:
    places = np.linspace(-picture.reach, picture.reach, len(picture.bands[0]))
    for number, band in enumerate(picture.bands):
        if band.min() < 0 < band.max():
            colour = BAND_COLOURS[number % len(BAND_COLOURS)]
            axes.contour(places, places, band.T, levels=[0.0], colors=[colour], linewidths=1)
    axes.set_aspect("equal")
    _frame(axes, picture)


def _frame(axes: Axes, picture: PlanePicture) -> None:
    axes.set_xlabel(picture.axes[0])
    axes.plot(0, 0, "+", color=INK, ms=6)


def plot_path(
    distances: np.ndarray,
    ticks: Sequence[tuple[float, str]],
    curves: Mapping[str, np.ndarray],
    title: str,
    path: Path,
) -> list[Path]:
    """Draw functions of q over their means, along a path, as PNG and SVG; return the files.

    ``distances`` (n,) do not grow at a jump; ``ticks`` are places and names of points of high symmetry.
    """
    with figure_in_style((6.4, 1.0 + 1.7 * len(curves))) as figure:
        panels = figure.subplots(len(curves), 1, sharex=True, squeeze=False)[:, 0]
        panels[0].set_title(title)
        for axes, colour, (name, values) in zip(panels, BAND_COLOURS, curves.items(), strict=False):
            _draw_curve(axes, distances, values, colour)
            axes.set_ylabel(f"{name} / mean")
            for place, _ in ticks:
                axes.axvline(place, color=FAINT, lw=0.6, zorder=0)
        panels[-1].set_xticks([place for place, _ in ticks], [tick_text(name) for _, name in ticks])
        panels[-1].set_xlim(distances[0], distances[-1])
        return save(figure, path)


def _draw_curve(axes: Axes, distances: np.ndarray, values: np.ndarray, colour: str) -> None:
    jumps = np.flatnonzero(np.diff(distances) <= 0) + 1
    for part in np.split(np.arange(len(distances)), jumps):
        axes.plot(distances[part], values[part], color=colour, lw=1.3)
    axes.axhline(1.0, color=INK, lw=0.6, ls=(0, (1, 3)))
    axes.tick_params(axis="x", length=0)
    # Γ may be far above the rest, where a surface nests with itself.
    low, high = float(values.min()), float(np.quantile(values, 0.95))
    axes.set_ylim(low - 0.1 * (high - low), high + 0.4 * (high - low))

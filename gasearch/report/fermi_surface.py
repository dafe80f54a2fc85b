"""The Fermi surface in the Brillouin zone, in perspective."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gasearch.report.figures import FAINT, INK, figure_in_style, save
from gasearch.report.response import BAND_COLOURS

if TYPE_CHECKING:
    from mpl_toolkits.mplot3d import Axes3D

#: Degrees, from where the zone is looked at; seldom along one of its faces.
_ELEVATION, _AZIMUTH = 18.0, -62.0


def plot_fermi_surface(
    surfaces: Sequence[np.ndarray], faces: Sequence[np.ndarray], title: str, path: Path
) -> list[Path]:
    """Draw the sheets of a Fermi surface, each alone in the zone, as PNG and SVG; return the files.

    Parameters
    ----------
    surfaces : sequence of (n, 3, 3) array
        Triangles of each band, Å⁻¹; one that has none is left out.
    faces : sequence of (m, 3) array
        Corners of each face of the Brillouin zone.
    title : str
    path : Path
        The suffix is replaced.
    """
    sheets = [(number, triangles) for number, triangles in enumerate(surfaces) if len(triangles)]
    with figure_in_style((3.2 * len(sheets), 3.6)) as figure:
        for place, (number, triangles) in enumerate(sheets, 1):
            axes = figure.add_subplot(1, len(sheets), place, projection="3d")
            _draw_zone(axes, faces)
            _draw_sheet(axes, triangles, BAND_COLOURS[number % len(BAND_COLOURS)])
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        return save(figure, path)


def _draw_sheet(axes: Axes3D, triangles: np.ndarray, colour: str) -> None:
    corners = triangles.reshape(-1, 3)
    places = np.arange(len(corners)).reshape(-1, 3)
    axes.plot_trisurf(*corners.T, triangles=places, color=colour, linewidth=0, antialiased=False, rasterized=True)


def _draw_zone(axes: Axes3D, faces: Sequence[np.ndarray]) -> None:
    for face in faces:
        axes.plot(*np.concatenate([face, face[:1]]).T, color=FAINT, lw=0.8)
    reach = float(np.abs(np.concatenate(faces)).max())
    for direction, name in zip(np.eye(3), ("x", "y", "z"), strict=True):
        axes.text(*(1.12 * reach * direction), f"$k_{name}$", color=INK, fontsize=8, ha="center")
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), zlim=(-reach, reach))
    axes.set_box_aspect((1, 1, 1), zoom=1.25)
    axes.view_init(_ELEVATION, _AZIMUTH)
    axes.set_axis_off()

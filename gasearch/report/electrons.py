"""The figure of an electronic structure: bands, and the density of states beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from gasearch.report.figures import FAINT, INK, STABLE_COLOUR, figure_in_style, number_text, save

if TYPE_CHECKING:
    from gasearch.report.figures import Axes

#: Energies that are shown, eV from the Fermi energy, as far as they are known.
ELECTRON_WINDOW: Final = (-6.0, 4.0)
#: Of the projections, legible to the colour-blind; those with most states at the Fermi energy come first.
_COLOURS: Final = ("#c1662b", "#2a8c82", "#8a5fa8", "#b8a12b", "#5b84b1", "#a8324a")


@dataclass(frozen=True, eq=False)
class ElectronPicture:
    """What the figure shows; energies in eV from the Fermi energy.

    Parameters
    ----------
    energies : (n,) array
    dos : (n,) array
        States per eV and cell.
    projections : mapping
        Name, such as H-s → its share of ``dos`` (n,).
    distances : (m,) array
        Length along the path of the bands; none where there are no bands.
    bands : (m, b) array
    ticks : sequence of (float, str)
        Places along the path, and their names; both where the path jumps: X|R.
    """

    energies: np.ndarray
    dos: np.ndarray
    projections: Mapping[str, np.ndarray]
    distances: np.ndarray = field(default_factory=lambda: np.zeros(0))
    bands: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    ticks: Sequence[tuple[float, str]] = ()


def plot_electrons(picture: ElectronPicture, title: str, path: Path) -> list[Path]:
    """Draw bands, where there are any, and the density of states as PNG and SVG; return the files.

    The suffix of ``path`` is replaced.
    """
    with figure_in_style((6.4, 4.0) if len(picture.distances) else (3.6, 4.0)) as figure:
        if len(picture.distances):
            left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.7, 1.0))
            _draw_bands(left, picture)
        else:
            left = right = figure.add_subplot()
        _draw_dos(right, picture)
        left.set_title(title)
        left.set_ylabel("energy from the Fermi energy (eV)")
        left.set_ylim(max(ELECTRON_WINDOW[0], picture.energies[0]), min(ELECTRON_WINDOW[1], picture.energies[-1]))
        left.yaxis.set_major_formatter(lambda value, _: number_text(value))
        return save(figure, path)


def _draw_bands(axes: Axes, picture: ElectronPicture) -> None:
    for place, _ in picture.ticks:
        axes.axvline(place, color=FAINT, lw=0.6, zorder=0)
    jumps = np.flatnonzero(np.diff(picture.distances) <= 0) + 1
    for distances, bands in zip(np.split(picture.distances, jumps), np.split(picture.bands, jumps), strict=True):
        axes.plot(distances, bands, color=STABLE_COLOUR, lw=1.1)
    axes.axhline(0.0, color=INK, lw=0.6, ls=(0, (1, 3)))
    axes.set_xticks([place for place, _ in picture.ticks], [tick_text(name) for _, name in picture.ticks])
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(picture.distances[0], picture.distances[-1])


def _draw_dos(axes: Axes, picture: ElectronPicture) -> None:
    at_fermi = {name: np.interp(0.0, picture.energies, dos) for name, dos in picture.projections.items()}
    axes.fill_betweenx(picture.energies, picture.dos, color=INK, alpha=0.08, lw=0)
    axes.plot(picture.dos, picture.energies, color=INK, lw=1.0, label="total")
    names = sorted(at_fermi, key=at_fermi.__getitem__, reverse=True)
    for name, colour in zip(names, _COLOURS, strict=False):
        axes.plot(picture.projections[name], picture.energies, color=colour, lw=1.1, label=name.replace("-", " "))
    axes.axhline(0.0, color=INK, lw=0.6, ls=(0, (1, 3)))
    shown = (picture.energies >= ELECTRON_WINDOW[0]) & (picture.energies <= ELECTRON_WINDOW[1])
    axes.set_xlim(0, 1.12 * picture.dos[shown].max())
    axes.set_xlabel("states per eV and cell")
    axes.legend(fontsize=7.5, loc="upper right", handlelength=1.2)


def tick_text(names: str) -> str:
    """Return the name of a point of the Brillouin zone, or of two, with digits as subscripts."""
    return re.sub(r"(\d+)", r"$_{\1}$", names)

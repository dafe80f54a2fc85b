"""Figures of phonons that couple to electrons: bands, density of states and α²F; λ against the smearing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gasearch.report.figures import FAINT, INK, NEAR_COLOURS, SECOND_COLOUR, STABLE_COLOUR, figure_in_style, save

if TYPE_CHECKING:
    from gasearch.report.figures import Axes


@dataclass(frozen=True, eq=False)
class PhononPicture:
    """What the figure of phonons shows.

    Parameters
    ----------
    distances : (n,) array
        Of the points of the path.
    ticks : sequence of (float, str)
        Where points of high symmetry are, and their names.
    frequencies, couplings : (n, modes) array
        THz, and λ_qν.
    dos : pair of (m,) arrays
        Frequencies, THz, and states per THz.
    omega, alpha2f, cumulative : (k,) array
        THz, α²F, and λ of the phonons up to each frequency.
    """

    distances: np.ndarray
    ticks: Sequence[tuple[float, str]]
    frequencies: np.ndarray
    couplings: np.ndarray
    dos: tuple[np.ndarray, np.ndarray]
    omega: np.ndarray
    alpha2f: np.ndarray
    cumulative: np.ndarray


def plot_phonons(picture: PhononPicture, title: str, path: Path) -> list[Path]:
    """Draw bands weighted by λ_qν, density of states and α²F on one axis of frequency, as PNG and SVG."""
    with figure_in_style((8.6, 4.0)) as figure:
        bands, dos, spectrum = figure.subplots(1, 3, sharey=True, width_ratios=(3.4, 1.0, 1.3))
        bands.set_title(title)
        _draw_bands(bands, picture)
        omega, states = picture.dos
        dos.fill_betweenx(omega, states, color=FAINT, lw=0)
        dos.plot(states, omega, color=INK, lw=0.9)
        dos.set_xlabel("phonon DOS\n(states/THz)")
        dos.set_xlim(0, None)
        _draw_spectrum(spectrum, picture)
        low, high = min(0.0, picture.frequencies.min()), picture.frequencies.max()
        bands.set_ylim(1.05 * low, 1.05 * high)
        for axes in (dos, spectrum):
            axes.tick_params(labelleft=False)
        return save(figure, path)


def _draw_bands(axes: Axes, picture: PhononPicture) -> None:
    for place, _ in picture.ticks:
        axes.axvline(place, color=FAINT, lw=0.7, zorder=0)
    axes.axhline(0.0, color=FAINT, lw=0.7, zorder=0)
    axes.plot(picture.distances, picture.frequencies, color=FAINT, lw=0.8, zorder=1)
    x = np.broadcast_to(picture.distances[:, None], picture.frequencies.shape)
    # Few modes couple most: the scale ends where they begin to be few.
    end = max(float(np.percentile(picture.couplings, 98.0)), 1e-6)
    order = np.argsort(picture.couplings, axis=None)
    weight = np.clip(picture.couplings.ravel()[order] / end, 0.0, 1.0)
    points = axes.scatter(
        x.ravel()[order],
        picture.frequencies.ravel()[order],
        c=np.clip(picture.couplings.ravel()[order], 0.0, end),
        s=1.0 + 22.0 * weight,
        cmap=f"{NEAR_COLOURS}_r",
        lw=0,
        zorder=2,
    )
    bar = axes.figure.colorbar(points, ax=axes, pad=0.02, aspect=30, extend="max")
    bar.set_label("λ of a mode")
    bar.outline.set_visible(False)
    axes.set_xticks([place for place, _ in picture.ticks], [name for _, name in picture.ticks])
    axes.set_xlim(picture.distances[0], picture.distances[-1])
    axes.set_ylabel("phonon frequency ω/2π (THz)")


def _draw_spectrum(axes: Axes, picture: PhononPicture) -> None:
    axes.fill_betweenx(picture.omega, picture.alpha2f, color=STABLE_COLOUR, alpha=0.16, lw=0)
    axes.plot(picture.alpha2f, picture.omega, color=STABLE_COLOUR, lw=1.2)
    axes.set_xlabel("α²F(ω)", color=STABLE_COLOUR)
    axes.set_xlim(0, 1.08 * picture.alpha2f.max())
    above = axes.twiny()
    above.plot(picture.cumulative, picture.omega, color=SECOND_COLOUR, lw=1.2)
    above.set_xlim(0, 1.08 * picture.cumulative[-1])
    above.set_xlabel("cumulative λ(ω)", color=SECOND_COLOUR)
    above.spines.top.set_visible(True)


def plot_smearings(
    smearings: np.ndarray, lambdas: np.ndarray, dos: np.ndarray, reference: float | None, flat: slice, path: Path
) -> list[Path]:
    """Draw λ and N(E_F) against the smearing, the plateau marked, as PNG and SVG.

    Parameters
    ----------
    smearings, lambdas, dos : (n,) array
        Ry, λ, and states per eV and cell.
    reference : float or None
        N(E_F) by tetrahedra.
    flat : slice
        The plateau.
    path : Path
        The suffix is replaced.
    """
    with figure_in_style((4.8, 4.0)) as figure:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.6, 1.0))
        above.plot(smearings, lambdas, color=STABLE_COLOUR, lw=1.2, marker="o", ms=4, mfc="white")
        above.plot(smearings[flat], lambdas[flat], color=STABLE_COLOUR, lw=0, marker="o", ms=5)
        above.set_ylabel("λ")
        above.set_ylim(0, 1.1 * lambdas.max())
        above.set_title("coupling and smearing (filled: the plateau)")
        below.plot(smearings, dos, color=SECOND_COLOUR, lw=1.2, marker="o", ms=4, mfc="white")
        if reference is not None:
            below.axhline(reference, color=INK, lw=0.8, ls="--")
            below.annotate("tetrahedra", (smearings[0], reference), (0, 3), textcoords="offset points", size=8)
        below.set_ylim(0, 1.15 * max(dos.max(), reference or 0.0))
        below.set_ylabel("N(E$_F$)\n(states/eV/cell)")
        below.set_xlabel("smearing of the Fermi surface (Ry)")
        return save(figure, path)

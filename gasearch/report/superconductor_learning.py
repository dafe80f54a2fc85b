"""The figure of what was learned: formulas against the Eliashberg equations, and an autoencoder of α²F."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gasearch.report.figures import FAINT, INK, SECOND_COLOUR, STABLE_COLOUR, figure_in_style, save

if TYPE_CHECKING:
    from gasearch.report.figures import Axes


@dataclass(frozen=True, eq=False)
class Comparison:
    """Tc by a formula against that of the Eliashberg equations.

    Parameters
    ----------
    name : str
    exact, found : (n,) arrays
        k_BTc/ħω_log.
    rms : mapping
        Group → relative rms error.
    """

    name: str
    exact: np.ndarray
    found: np.ndarray
    rms: Mapping[str, float]


@dataclass(frozen=True, eq=False)
class Shapes:
    """Shapes (n, bins) over ω/ω_max."""

    title: str
    given: np.ndarray | None
    decoded: np.ndarray
    components: np.ndarray | None = None


def plot_superconductor_learning(
    comparisons: Sequence[Comparison], reconstructed: Shapes, generated: Shapes, workflow: str, path: Path
) -> list[Path]:
    """Draw two comparisons above three reconstructions and three generated spectra, as PNG and SVG; return the files.

    Parameters
    ----------
    comparisons : sequence of Comparison
        Two.
    reconstructed, generated : Shapes
        Three each.
    workflow : str
        What stands between the rows.
    path : Path
        The suffix is replaced.
    """
    with figure_in_style((8.4, 8.4)) as figure:
        grid = figure.add_gridspec(3, 6, height_ratios=(2.3, 1, 1))
        for column, comparison in enumerate(comparisons):
            _draw_comparison(figure.add_subplot(grid[0, 3 * column : 3 * column + 3]), comparison)
        for row, shapes in ((1, reconstructed), (2, generated)):
            for i in range(3):
                axes = figure.add_subplot(grid[row, 2 * i : 2 * i + 2])
                _draw_shape(axes, shapes, i, legend=row == 1 and i == 0)
                axes.set_title(shapes.title if i == 0 else "", fontsize=9.5)
        figure.supxlabel(workflow, fontsize=8.5)
        return save(figure, path)


def _draw_comparison(axes: Axes, one: Comparison) -> None:
    axes.set_title(one.name)
    limits = (0.005, 2.0)
    shown = (one.exact > limits[0]) & (one.found > limits[0])
    axes.hexbin(
        one.exact[shown],
        one.found[shown],
        xscale="log",
        yscale="log",
        bins="log",
        gridsize=70,
        mincnt=1,
        cmap="Blues",
        vmin=0.2,  # one spectrum is seen, too
        linewidths=0.1,
        extent=(*np.log10(limits), *np.log10(limits)),
    )
    axes.plot(limits, limits, color=INK, lw=0.7, ls=(0, (4, 2)))
    axes.set_xlim(limits)
    axes.set_ylim(limits)
    axes.set_xlabel(r"$k_BT_c/\hbar\omega_{\log}$, Eliashberg equations")
    axes.set_ylabel(r"$k_BT_c/\hbar\omega_{\log}$, formula")
    text = "\n".join(["rms error", *(f"{name}: {100 * rms:.1f} %" for name, rms in one.rms.items())])
    axes.text(0.05, 0.95, text, transform=axes.transAxes, va="top", fontsize=8.5)


def _draw_shape(axes: Axes, shapes: Shapes, i: int, *, legend: bool) -> None:
    bins = shapes.decoded.shape[1]
    x = (np.arange(bins) + 0.5) / bins
    if shapes.given is not None:
        axes.fill_between(x, bins * shapes.given[i], color=FAINT, lw=0, label="given")
    if shapes.components is not None:
        axes.plot(x, bins * shapes.components[i], color=SECOND_COLOUR, lw=1.0, ls=(0, (3, 1.5)), label="PCA")
    axes.plot(x, bins * shapes.decoded[i], color=STABLE_COLOUR, lw=1.3, label="decoded")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, None)
    axes.set_xlabel(r"$\omega/\omega_{\max}$")
    if i == 0:
        axes.set_ylabel(r"d$\lambda$/d$\omega$ (scaled)")
    if legend:
        axes.legend(fontsize=7.5)

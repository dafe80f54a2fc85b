"""The figure of errors against the number of spectra that were learned from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gasearch.report.figures import INK, SECOND_COLOUR, STABLE_COLOUR, figure_in_style, save

#: Colour, marker, dashes, in the order of the curves.
_STYLES: Final = (
    (SECOND_COLOUR, "s", "--"),
    (SECOND_COLOUR, "o", "-"),
    ("#7a8794", "D", "--"),
    ("#7a8794", "v", "-"),
    (STABLE_COLOUR, "^", "-"),
    (STABLE_COLOUR, "P", "--"),
)


def plot_learning_curves(
    curves: Mapping[str, Mapping[int, float]], floors: Mapping[str, float], path: Path
) -> list[Path]:
    """Draw relative rms errors against numbers of spectra, and the least ones possible, as PNG and SVG.

    Parameters
    ----------
    curves : mapping
        Name → number of spectra → rms error.
    floors : mapping
        What is known → least rms error; the first two are drawn.
    path : Path
        The suffix is replaced.
    """
    with figure_in_style((8.2, 4.4)) as figure:
        axes = figure.add_subplot()
        axes.set_title("Errors of Tc on held-out spectra")
        for (name, points), (colour, marker, dashes) in zip(curves.items(), _STYLES, strict=True):
            errors = [100 * error for error in points.values()]
            axes.plot(list(points), errors, dashes, color=colour, marker=marker, ms=4.5, lw=1.3, label=name)
        for (name, floor), dashes in zip(floors.items(), (":", "--"), strict=False):
            label = f"floor (from above), known are\n{name}"
            axes.axhline(100 * floor, color=INK, lw=0.8, ls=dashes, zorder=0, label=label)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_yticks([0.5, 1, 2, 5, 10, 20, 50], ["0.5", "1", "2", "5", "10", "20", "50"])
        axes.set_xlabel("spectra learned from")
        axes.set_ylabel("rms relative error (%)")
        figure.legend(fontsize=8, loc="outside right center")
        return save(figure, path)

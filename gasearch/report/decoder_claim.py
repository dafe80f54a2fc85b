"""The figure of what was learned from a decoder and from Einstein models: errors by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gasearch.report.figures import FAINT, INK, SECOND_COLOUR, STABLE_COLOUR, figure_in_style, save

_COLOURS: Final = (FAINT, SECOND_COLOUR, STABLE_COLOUR)
_MARKERS: Final = ("s", "^", "o")


@dataclass(frozen=True)
class CaseErrors:
    """Errors of what was asked about.

    Parameters
    ----------
    title : str
    errors : mapping of str to sequence of float
        Name → mean |Δ ln Tc|, one for each set.
    sets : sequence of str
        What was learned from; three.
    sentence : str
        The verdict.
    """

    title: str
    errors: Mapping[str, Sequence[float]]
    sets: Sequence[str]
    sentence: str


def plot_decoder_claim(parts: Sequence[CaseErrors], path: Path) -> list[Path]:
    """Draw the errors by name, one panel a part, as PNG and SVG; return the files."""
    heights = [len(part.errors) + 1 for part in parts]
    with figure_in_style((7.4, 1.2 * len(parts) + 0.24 * sum(heights))) as figure:
        grid = figure.add_gridspec(len(parts), 1, height_ratios=heights)
        for row, part in enumerate(parts):
            axes = figure.add_subplot(grid[row])
            axes.set_title(f"{part.title}\n", fontsize=10.5)
            axes.text(0, 1.02, part.sentence, transform=axes.transAxes, fontsize=8, color=INK)
            places = range(len(part.errors), 0, -1)
            for which, name in enumerate(part.sets):
                values = [100 * one[which] for one in part.errors.values()]
                axes.plot(values, places, _MARKERS[which], color=_COLOURS[which], label=name, ms=5.5)
            axes.set_yticks(list(places), list(part.errors), fontsize=8)
            axes.set_ylim(0.4, len(part.errors) + 0.6)
            axes.set_xscale("log")
            axes.grid(axis="y", color=FAINT, lw=0.4)
            axes.set_xlabel(r"mean $|\Delta\,\ln T_c|$ (%)")
            if row == 0:
                axes.legend(fontsize=8, loc="best", frameon=True, edgecolor="none")
        return save(figure, path)

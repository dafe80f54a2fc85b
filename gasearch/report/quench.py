"""The figure of decompression: enthalpy above the hull against pressure, and where phases are lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gasearch.report.figures import FAINT, INK, colours_in_order, figure_in_style, formula_text, save, space_group_text
from gasearch.units import MEV_PER_EV

#: Verdict → marker and its legend; what is lost is crossed out.
_MARKERS = {
    "minimum": ("o", "a minimum"),
    "unsure": ("D", "the potential cannot tell"),
    "elastic": ("X", "no minimum"),
    "phonon": ("X", "no minimum"),
    "transformed": ("X", "no minimum"),
    "lost": ("X", "no minimum"),
}


#: Height of the figure at least, meV/atom: what is smaller is noise.
_LEAST = 1.0


@dataclass(frozen=True)
class Descent:
    """A phase on its way down.

    Parameters
    ----------
    formula, space_group : str
    pressures : sequence of float
        GPa.
    above : sequence of float
        Enthalpy above the hull at each of them, eV per atom.
    verdicts : sequence of str
        What is said of it at each of them: minimum, unsure, elastic, phonon, transformed or lost.
    turns_into : str or None
        Space group of what it becomes at the last of them, if it is lost there and that is known.
    """

    formula: str
    space_group: str
    pressures: Sequence[float]
    above: Sequence[float]
    verdicts: Sequence[str]
    turns_into: str | None = None


def plot_quench(
    descents: Sequence[Descent], endpoints: Sequence[str], trained_GPa: Sequence[float] | None, path: Path
) -> list[Path]:
    """Draw phases against pressure as PNG and SVG; return the files.

    What lies outside ``trained_GPa``, the range of pressures that the potential was made for, is shaded.
    """
    colours = colours_in_order(len(descents))
    low = min(min(d.pressures) for d in descents)
    high = max(max(d.pressures) for d in descents)
    with figure_in_style((6.6, 4.2)) as figure:
        axes = figure.add_subplot()
        axes.set_title(f"Decompression of {'–'.join(map(formula_text, endpoints))}")
        for descent, colour in zip(descents, colours, strict=True):
            label = f"{formula_text(descent.formula)} {space_group_text(descent.space_group)}"
            above = MEV_PER_EV * np.asarray(descent.above)
            axes.plot(descent.pressures, above, color=colour, lw=1.3, label=label)
            for pressure, height, verdict in zip(descent.pressures, above, descent.verdicts, strict=True):
                marker, _ = _MARKERS[verdict]
                size = 64 if marker == "X" else 22
                axes.scatter(
                    pressure, height, s=size, marker=marker, color=colour, edgecolors="white", lw=0.6, zorder=3
                )
            if descent.turns_into:
                text, place = f"→ {space_group_text(descent.turns_into)}", (descent.pressures[-1], above[-1])
                axes.annotate(text, place, (0, 7), textcoords="offset points", ha="center", color=colour, fontsize=7.5)
        lowest, highest = axes.get_ylim()
        axes.set_ylim(lowest if highest > _LEAST else -0.05 * _LEAST, max(highest, _LEAST))
        for marker, meaning in dict(_MARKERS.values()).items():
            axes.scatter([], [], s=30, marker=marker, color=INK, label=meaning)
        axes.axhline(0.0, color=INK, lw=0.5, ls=(0, (1, 3)), zorder=0)
        beyond = "beyond the potential's training"
        for edge in beyond_training(low, high, trained_GPa):
            axes.axvspan(*edge, color=FAINT, alpha=0.35, lw=0, zorder=-1, label=beyond)
            beyond = "_"
        margin = 0.03 * max(high - low, 1.0)
        axes.set_xlim(high + margin, low - margin)
        axes.set_xlabel("pressure (GPa)")
        axes.set_ylabel("enthalpy above the hull (meV/atom)")
        axes.legend(fontsize=7.5, loc="center left", bbox_to_anchor=(1.0, 0.5))
        return save(figure, path)


def beyond_training(low: float, high: float, trained_GPa: Sequence[float] | None) -> list[tuple[float, float]]:
    """Return the ranges of pressure (GPa) between ``low`` and ``high`` that the potential was not made for."""
    if trained_GPa is None:
        return []
    ranges = (low, min(trained_GPa[0], high)), (max(trained_GPa[1], low), high)
    return [edge for edge in ranges if edge[0] < edge[1]]

"""The figure of amorphous precursors: what stands around the atoms of a glass, and how high it lies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gasearch.report.figures import (
    FAINT,
    INK,
    SECOND_COLOUR,
    STABLE_COLOUR,
    colours_in_order,
    figure_in_style,
    formula_text,
    number_text,
    save,
    space_group_text,
)
from gasearch.report.quench import beyond_training
from gasearch.units import MEV_PER_EV

if TYPE_CHECKING:
    from gasearch.report.figures import Axes

#: Crystals that are drawn among the enthalpies, the lowest of them.
_CRYSTALS = 8
#: Range of pressure that is drawn around a single one, GPa.
_ROOM = 10.0


@dataclass(frozen=True)
class GlassView:
    """The surroundings of atoms at a pressure.

    Parameters
    ----------
    pressure : float
        GPa.
    distances : sequence of float
        Å.
    pairs : sequence of mapping
        Of each pair of elements: its name, ``mean``, ``lowest`` and ``highest`` g(r) of the replicas, and that of the
        ``nearest_crystal``, None if there is none.
    nearest : str or None
        Space group of that crystal.
    """

    pressure: float
    distances: Sequence[float]
    pairs: Sequence[Mapping[str, Any]]
    nearest: str | None


@dataclass(frozen=True)
class LevelsView:
    """Enthalpies above the hull.

    Parameters
    ----------
    glasses : sequence of (float, float)
        Pressure (GPa) and enthalpy above the hull (eV/atom) of each glass.
    crystals : sequence of (str, str, sequence of (float, float))
        Space group and name of each crystal of the composition, and the same of it.
    """

    glasses: Sequence[tuple[float, float]]
    crystals: Sequence[tuple[str, str, Sequence[tuple[float, float]]]]


def plot_amorphous(
    views: Sequence[GlassView], levels: LevelsView, formula: str, trained_GPa: Sequence[float] | None, path: Path
) -> list[Path]:
    """Draw distributions at the highest pressure, and enthalpies at all, as PNG and SVG; return the files."""
    view = max(views, key=lambda one: one.pressure)
    with figure_in_style((8.6, max(3.8, 0.7 + 1.35 * len(view.pairs)))) as figure:
        left, right = figure.subfigures(1, 2, width_ratios=(1.0, 1.05))
        stack = np.atleast_1d(left.subplots(len(view.pairs), 1, sharex=True))
        stack[0].set_title(f"Amorphous {formula_text(formula)} at {number_text(round(view.pressure, 3))} GPa")
        for axes, pair in zip(stack, view.pairs, strict=True):
            _draw_pair(axes, view, pair)
        stack[0].legend(fontsize=7.5, loc="upper left", bbox_to_anchor=(0.0, 1.02))
        stack[-1].set_xlabel("distance (Å)")
        left.supylabel("partial radial distribution g(r)", size=9)
        _draw_levels(right.subplots(), levels, trained_GPa)
        return save(figure, path)


def _draw_pair(axes: Axes, view: GlassView, pair: Mapping[str, Any]) -> None:
    if pair["nearest_crystal"] is not None:
        label = f"{space_group_text(view.nearest or '')}, nearest"
        axes.plot(view.distances, pair["nearest_crystal"], color=SECOND_COLOUR, lw=1.0, ls="--", label=label)
    axes.fill_between(view.distances, pair["lowest"], pair["highest"], color=STABLE_COLOUR, alpha=0.18, lw=0)
    axes.plot(view.distances, pair["mean"], color=STABLE_COLOUR, lw=1.5, label="glass, mean and range")
    axes.axhline(1.0, color=INK, lw=0.5, ls=(0, (1, 3)), zorder=0)
    axes.annotate(pair["pair"].replace("-", "–"), (0.03, 0.5), xycoords="axes fraction", va="center", size=10)
    axes.set_xlim(0, view.distances[-1])
    axes.set_ylim(0, None)


def _draw_levels(axes: Axes, levels: LevelsView, trained_GPa: Sequence[float] | None) -> None:
    axes.set_title("Glass and crystals")
    crystals = sorted(levels.crystals, key=lambda one: min(above for _, above in one[2]))[:_CRYSTALS]
    for (symbol, name, places), colour in zip(crystals, colours_in_order(len(crystals)), strict=True):
        pressure, above = np.transpose(sorted(places))
        label = f"{space_group_text(symbol)}  {name}"
        axes.plot(pressure, MEV_PER_EV * above, color=colour, lw=1.2, marker="o", ms=3.5, mew=0, label=label)
    pressure, above = np.transpose(levels.glasses)
    means = [(p, above[pressure == p].mean()) for p in np.unique(pressure)]
    axes.plot(*np.transpose(means) * [[1.0], [MEV_PER_EV]], color=INK, lw=1.5, zorder=3)
    axes.scatter(pressure, MEV_PER_EV * above, s=30, color=INK, edgecolors="white", lw=0.6, zorder=4, label="glass")
    low, high = pressure.min(), pressure.max()
    margin = 0.06 * (high - low) if high > low else _ROOM
    meaning = "beyond the\npotential's training"
    for edge in beyond_training(low - margin, high + margin, trained_GPa):
        axes.axvspan(*edge, color=FAINT, alpha=0.35, lw=0, zorder=-1, label=meaning)
        meaning = "_"
    axes.axhline(0.0, color=INK, lw=0.5, ls=(0, (1, 3)), zorder=0)
    axes.set_xlim(low - margin, high + margin)
    axes.margins(y=0.08)
    axes.set_xlabel("pressure (GPa)")
    axes.set_ylabel("enthalpy above the hull (meV/atom)")
    axes.legend(fontsize=7.5, loc="center left", bbox_to_anchor=(1.0, 0.5))

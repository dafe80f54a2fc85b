"""The figure of two hulls: by the potential and by DFT, and what moved."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from gasearch.report.figures import (
    FAINT,
    INK,
    LABEL_ROOM,
    SECOND_COLOUR,
    STABLE_COLOUR,
    HullPoint,
    figure_in_style,
    formula_text,
    label_phases,
    number_text,
    save,
    share_text,
    space_group_text,
)
from gasearch.report.labels import below_the_line
from gasearch.units import MEV_PER_EV

if TYPE_CHECKING:
    from gasearch.report.figures import Axes

#: Phases that are named where there is a line for each.
MOST_ROWS: Final = 24


@dataclass(frozen=True)
class Moved:
    """A phase by DFT and by the potential; None where the potential was not asked."""

    dft: HullPoint
    potential: HullPoint | None


def plot_hulls(
    phases: Sequence[Moved],
    hull: Sequence[HullPoint],
    endpoints: Sequence[str],
    pressure_GPa: float,
    path: Path,
    method: str = "DFT",
) -> list[Path]:
    """Draw both hulls as PNG and SVG; return the files.

    Two endpoints: formation enthalpies against composition, each method's from its own endpoints. Any other number:
    the distances to both hulls, a line for each phase.

    Parameters
    ----------
    phases : sequence of Moved
        What DFT has relaxed.
    hull : sequence of HullPoint
        Phases on the potential's hull, also those that DFT has not relaxed.
    endpoints : sequence of str
        Formulas, in the order of the phases' shares.
    pressure_GPa : float
    path : Path
        The suffix is replaced.
    method : str
        What has relaxed the phases, if it was not DFT.
    """
    with figure_in_style((5.6, 4.4)) as figure:
        axes = figure.add_subplot()
        axes.set_title(f"{'–'.join(map(formula_text, endpoints))} at {number_text(pressure_GPa)} GPa")
        if len(endpoints) == 2:
            _draw_binary(axes, phases, hull, endpoints, method)
        else:
            _draw_rows(axes, phases, method)
        return save(figure, path)


def _draw_binary(
    axes: Axes, phases: Sequence[Moved], hull: Sequence[HullPoint], endpoints: Sequence[str], method: str
) -> None:
    both = [phase for phase in phases if phase.potential is not None]
    for phase in both:
        x, start, end = phase.dft.shares[1], MEV_PER_EV * phase.potential.formation, MEV_PER_EV * phase.dft.formation
        axes.annotate("", (x, end), (x, start), arrowprops={"arrowstyle": "->", "color": FAINT, "lw": 0.9}, zorder=1)
    by_potential = [*hull, *(phase.potential for phase in both if not phase.potential.stable)]
    stable_before = _draw_hull(axes, by_potential, SECOND_COLOUR, "s", 4.0, "potential", dashed=True)
    by_dft = [phase.dft for phase in phases]
    stable = _draw_hull(axes, by_dft, STABLE_COLOUR, "o", 6.0, method, dashed=False)
    axes.axhline(0.0, color=INK, lw=0.5, ls=(0, (1, 3)), zorder=0)
    heights = MEV_PER_EV * np.array([p.formation for p in [*by_dft, *by_potential]])
    margin = 0.06 * (np.ptp(heights) or 1.0)
    top = heights.max() + margin
    axes.set_ylim(top - (top - heights.min() + margin) / LABEL_ROOM, top)
    axes.set_xlim(-0.06, 1.06)
    axes.set_xlabel(share_text(endpoints[1]))
    axes.set_ylabel("formation enthalpy (meV/atom)")
    axes.legend(loc="lower right", fontsize=8)
    places, lines = _places(stable), [*_between(_places(stable)), *_between(_places(stable_before))]
    # What stands where a phase was, and its arrow, is worse to cover than a line.
    marks = np.vstack([_places(by_dft), *[_places(by_potential)] * 5])
    label_phases(axes, stable, places, np.vstack([marks, *lines]), below_the_line)


def _draw_hull(
    axes: Axes, points: Sequence[HullPoint], colour: str, marker: str, size: float, name: str, *, dashed: bool
) -> list[HullPoint]:
    """Draw phases, filled on the hull and open above it, and the hull; return what is on it, by composition."""
    stable = sorted((p for p in points if p.stable), key=lambda p: p.shares[1])
    others = [p for p in points if not p.stable]
    style = {"color": colour, "marker": marker, "ms": size}
    axes.plot(*_places(others).T, **style, ls="", mfc="white", mew=1.0, zorder=3)
    line = (0, (4, 2)) if dashed else "-"
    axes.plot(*_places(stable).T, **style, ls=line, lw=1.4, mec="white", mew=0.7, zorder=4, label=name)
    return stable


def _places(points: Sequence[HullPoint]) -> np.ndarray:
    return np.array([(p.shares[1], MEV_PER_EV * p.formation) for p in points]).reshape(-1, 2)


def _between(places: np.ndarray) -> list[np.ndarray]:
    """Return points along the lines that join places (n, 2)."""
    steps = np.linspace(0.0, 1.0, 40)[:, None]
    return [a + steps * (b - a) for a, b in itertools.pairwise(places)]


def _draw_rows(axes: Axes, phases: Sequence[Moved], method: str) -> None:
    shown = sorted(phases, key=lambda phase: phase.dft.above)[:MOST_ROWS]
    for row, phase in enumerate(shown):
        by_dft = MEV_PER_EV * phase.dft.above
        if phase.potential is not None:
            by_potential = MEV_PER_EV * phase.potential.above
            axes.plot([by_potential, by_dft], [row, row], color=FAINT, lw=1.2, zorder=1)
            axes.plot(by_potential, row, "s", ms=4.0, color=SECOND_COLOUR, zorder=2, clip_on=False)
        axes.plot(by_dft, row, "o", ms=6.0, color=STABLE_COLOUR, zorder=3, clip_on=False)
    names = [f"{formula_text(phase.dft.formula)}  {space_group_text(phase.dft.space_group)}" for phase in shown]
    axes.set_yticks(range(len(shown)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, None)
    axes.set_xlabel(f"enthalpy above the hull (meV/atom): {method} ●, potential ■")

"""The figure of stable phases against pressure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gasearch.report.figures import (
    FAINT,
    INK,
    SECOND_COLOUR,
    STABLE_COLOUR,
    figure_in_style,
    formula_text,
    save,
    space_group_text,
)


@dataclass(frozen=True)
class StableRange:
    """A range of pressures in which a phase is on the hull.

    Parameters
    ----------
    formula : str
        Reduced.
    space_group : str
        Hermann–Mauguin symbol.
    shares : tuple of float
        Share of the atoms that each endpoint contributes.
    low, high : float
        GPa; halfway to the next pressures at which it is not on the hull.
    pressures : tuple of float
        GPa; where it was found on the hull.
    """

    formula: str
    space_group: str
    shares: tuple[float, ...]
    low: float
    high: float
    pressures: tuple[float, ...]


def plot_diagram(
    ranges: Sequence[StableRange], endpoints: Sequence[str], pressures_GPa: Sequence[float], path: Path
) -> list[Path]:
    """Draw a bar for each composition, from its low to its high pressure, as PNG and SVG; return the files.

    Parameters
    ----------
    ranges : sequence of StableRange
    endpoints : sequence of str
    pressures_GPa : sequence of float
        Where hulls were built; marked on the axis.
    path : Path
        The suffix is replaced.
    """
    rows = list(dict.fromkeys(r.formula for r in sorted(ranges, key=lambda r: r.shares[::-1])))
    with figure_in_style((6.4, 1.3 + 0.42 * len(rows))) as figure:
        axes = figure.add_subplot()
        axes.set_title(f"Stable phases of {'–'.join(map(formula_text, endpoints))}")
        for formula in rows:
            found = sorted((r for r in ranges if r.formula == formula), key=lambda r: r.low)
            for place, one in enumerate(found):
                row, colour = rows.index(formula), (STABLE_COLOUR, SECOND_COLOUR)[place % 2]
                axes.barh(row, one.high - one.low, left=one.low, height=0.62, color=colour, edgecolor="white", lw=1.2)
                text = space_group_text(one.space_group)
                axes.text((one.low + one.high) / 2, row, text, ha="center", va="center", color="white", size=8.5)
        for pressure in pressures_GPa:
            axes.axvline(pressure, color=FAINT, lw=0.4, zorder=0)
        axes.set_yticks(range(len(rows)), [formula_text(formula) for formula in rows], color=INK, size=10)
        axes.tick_params(axis="y", length=0)
        axes.set_xlim(min(pressures_GPa), max(pressures_GPa))
        axes.set_xlabel("pressure (GPa)")
        return save(figure, path)

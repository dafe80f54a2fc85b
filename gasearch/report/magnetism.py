"""The figure of moments against pressure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gasearch.report.figures import INK, SECOND_COLOUR, STABLE_COLOUR, figure_in_style, save

_COLOURS = (STABLE_COLOUR, SECOND_COLOUR, "#2a8c82", "#8a5fa8", "#b8a12b", "#a8324a")


@dataclass(frozen=True, eq=False)
class MomentLine:
    """A start followed in one direction.

    Parameters
    ----------
    start : str
    upwards : bool
    pressures : (n,) array
        GPa.
    moments : (n,) array
        Bohr magnetons per magnetic atom; NaN where it failed.
    gains : (n,) array
        Enthalpy against the state without moments, meV per atom.
    """

    start: str
    upwards: bool
    pressures: np.ndarray
    moments: np.ndarray
    gains: np.ndarray


def plot_moments(lines: Sequence[MomentLine], title: str, path: Path) -> list[Path]:
    """Draw moments, and enthalpies against the state without, as PNG and SVG; return the files.

    Ways up are full lines, ways down broken ones.
    """
    colours = dict(zip(dict.fromkeys(line.start for line in lines), _COLOURS * len(lines), strict=False))
    with figure_in_style((7.2, 3.4)) as figure:
        left, right = figure.subplots(1, 2)
        left.set_title(title)
        for line in lines:
            way = {"marker": "o", "ls": "-"} if line.upwards else {"marker": "s", "ls": "--", "mfc": "white"}
            style = way | {"color": colours[line.start], "lw": 1.2, "ms": 4.5}
            left.plot(line.pressures, line.moments, label=f"{line.start}, {'up' if line.upwards else 'down'}", **style)
            right.plot(line.pressures, line.gains, **style)
        right.axhline(0.0, color=INK, lw=0.6, ls=(0, (1, 3)))
        for axes in (left, right):
            axes.set_xlabel("pressure (GPa)")
        left.set_ylabel("Σ|m| per magnetic atom (μB)")
        left.set_ylim(-0.05, 1.05 * left.get_ylim()[1])
        right.set_ylabel("H − H without moments (meV/atom)")
        left.legend(fontsize=7.5)
        return save(figure, path)

"""The figure of a barrier: enthalpy along the path from one phase to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gasearch.report.figures import INK, colours_in_order, figure_in_style, formula_text, save, space_group_text


@dataclass(frozen=True)
class Profile:
    """Enthalpy along a path.

    Parameters
    ----------
    label : str
    lengths : sequence of float
        Å per √atom, from the start.
    enthalpies : sequence of float
        meV per atom above the start.
    trusted : bool
        Whether the potential was made for this pressure; drawn broken otherwise.
    """

    label: str
    lengths: Sequence[float]
    enthalpies: Sequence[float]
    trusted: bool = True


def plot_barrier(profiles: Sequence[Profile], formula: str, ends: tuple[str, str], path: Path) -> list[Path]:
    """Draw profiles between two space groups as PNG and SVG; return the files."""
    colours = colours_in_order(len(profiles))
    with figure_in_style((5.6, 3.6)) as figure:
        axes = figure.add_subplot()
        start, end = map(space_group_text, ends)
        axes.set_title(f"{formula_text(formula)}: from {start} to {end}")
        for profile, colour in zip(profiles, colours, strict=True):
            share = np.asarray(profile.lengths) / max(profile.lengths[-1], 1e-9)
            label = profile.label if profile.trusted else f"{profile.label}, beyond the training"
            axes.plot(share, profile.enthalpies, color=colour, lw=1.4, ls="-" if profile.trusted else "--", label=label)
            axes.scatter(share, profile.enthalpies, s=22, color=colour, edgecolors="white", linewidths=0.6, zorder=3)
        axes.axhline(0.0, color=INK, lw=0.5, ls=(0, (1, 3)), zorder=0)
        axes.set_xlim(-0.02, 1.02)
        axes.set_xlabel("share of the path, in atoms and lattice")
        axes.set_ylabel("enthalpy above the start (meV/atom)")
        axes.legend()
        return save(figure, path)

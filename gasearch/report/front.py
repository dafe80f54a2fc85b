"""The figure of a Pareto front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gasearch.report.figures import FAINT, STABLE_COLOUR, HullPoint, figure_in_style, label_phases, save
from gasearch.units import MEV_PER_EV

if TYPE_CHECKING:
    from gasearch.report.figures import Axes


@dataclass(frozen=True, eq=False)
class FrontPicture:
    """One aim against the distance to the hull.

    Parameters
    ----------
    aim : str
    highest : bool
        Whether much of it is wanted.
    values : (n,) array
        On the front.
    points : sequence of HullPoint
        What they are.
    others : (m, 2) array
        Enthalpy above the hull (eV per atom) and value of what is behind the front.
    """

    aim: str
    highest: bool
    values: np.ndarray
    points: Sequence[HullPoint]
    others: np.ndarray


def plot_fronts(pictures: Sequence[FrontPicture], title: str, path: Path) -> list[Path]:
    """Draw each aim against the distance to the hull as PNG and SVG; return the files."""
    with figure_in_style((4.8 * len(pictures), 3.8)) as figure:
        panels = figure.subplots(1, len(pictures), squeeze=False)[0]
        # Before the labels, which settle the layout.
        panels[0].set_title(title)
        for axes, picture in zip(panels, pictures, strict=True):
            _draw(axes, picture, joined=len(pictures) == 1)
        return save(figure, path)


def _draw(axes: Axes, picture: FrontPicture, joined: bool) -> None:
    above = MEV_PER_EV * np.array([point.above for point in picture.points])
    axes.plot(MEV_PER_EV * picture.others[:, 0], picture.others[:, 1], "o", color=FAINT, ms=3.5, mew=0)
    if joined and len(above):
        # With one aim the front is a staircase: nothing is known below and beside its steps.
        order = np.argsort(above, kind="stable")
        axes.step(above[order], picture.values[order], where="post", color=STABLE_COLOUR, lw=1.0)
    axes.plot(above, picture.values, "o", color=STABLE_COLOUR, ms=5.5)
    axes.set_xlabel("enthalpy above the hull (meV/atom)")
    axes.set_ylabel(f"{picture.aim} ({'highest' if picture.highest else 'lowest'} wanted)")
    axes.margins(0.12)
    places = np.column_stack([above, picture.values])
    # One label a composition, at its phase nearest to the hull.
    nearest = list({point.formula: i for i, point in reversed(list(enumerate(picture.points)))}.values())
    obstacles = np.vstack([places, np.column_stack([MEV_PER_EV * picture.others[:, 0], picture.others[:, 1]])])
    label_phases(axes, [picture.points[i] for i in nearest], places[nearest], obstacles)

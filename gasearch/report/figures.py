"""Figures of a run: the hull, and how the search reached it. They draw what they are given and decide nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from gasearch.report.labels import below_the_line, from_the_middle, gap, place_boxes
from gasearch.units import MEV_PER_EV

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Enthalpies above the hull up to which a phase is drawn as one of interest, eV/atom.
NEAR_HULL: Final = 0.1
#: Enthalpies above the hull below which a phase counts as stable, eV/atom.
STABLE: Final = 1e-6
#: Share of the height of a figure that is not kept free for the labels below the lowest point.
LABEL_ROOM: Final = 0.8
INK: Final = "#1a2a3a"
STABLE_COLOUR: Final = "#0b3c6f"
#: Of the second quantity, or the second method, in a figure.
SECOND_COLOUR: Final = "#c1662b"
FAINT: Final = "#c3c9d1"
#: A label farther from its point than this, in pixels, is joined to it by a line.
_LEADER: Final = 24.0
#: Perceptually uniform and legible to the colour-blind.
NEAR_COLOURS: Final = "plasma"
STYLE: Final[dict[str, Any]] = {
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "mathtext.fontset": "dejavusans",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11.5,
    "axes.titlelocation": "left",
    "axes.titlepad": 10.0,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.direction": "out",
    "ytick.direction": "out",
    "legend.frameon": False,
    "svg.hashsalt": "gasearch",
}


@dataclass(frozen=True)
class HullPoint:
    """One phase as the figure of a hull shows it.

    Parameters
    ----------
    formula : str
        Reduced: ``H3S``.
    space_group : str
        Hermann–Mauguin symbol: ``Im-3m``.
    shares : tuple of float
        Share of the atoms that each endpoint contributes.
    formation : float
        Formation enthalpy from the endpoints, eV per atom.
    above : float
        Enthalpy above the hull, eV per atom; zero on it.
    volume : float
        Å³ per atom.
    """

    formula: str
    space_group: str
    shares: tuple[float, ...]
    formation: float
    above: float
    volume: float

    @property
    def stable(self) -> bool:
        """Whether it is on the hull."""
        return self.above < STABLE

    @property
    def near(self) -> bool:
        """Whether it is close to the hull, but not on it."""
        return STABLE <= self.above <= NEAR_HULL


def plot_hull(
    points: Sequence[HullPoint],
    endpoints: Sequence[str],
    pressure_GPa: float,
    path: Path,
    edges: Sequence[tuple[int, int]] = (),
) -> list[Path]:
    """Draw a hull as PNG and SVG; return the files.

    One endpoint: enthalpy against volume. Two: formation enthalpy against composition. Three: a triangle.
    More: the distance to the hull of each phase near it.

    Parameters
    ----------
    points : sequence of HullPoint
    endpoints : sequence of str
        Formulas, in the order of the points' shares.
    pressure_GPa : float
    path : Path
        The suffix is replaced.
    edges : sequence of (int, int)
        Pairs of points that a line of the hull joins; a triangle shows them.
    """
    title = f"{'–'.join(map(formula_text, endpoints))} at {number_text(pressure_GPa)} GPa"
    with figure_in_style((5.6, 4.2)) as figure:
        axes = figure.add_subplot()
        axes.set_title(title)
        if len(endpoints) == 1:
            _draw_volumes(axes, points)
        elif len(endpoints) == 2:
            _draw_binary(axes, points, endpoints)
        elif len(endpoints) == 3:
            _draw_ternary(axes, points, endpoints, edges)
        else:
            _draw_bars(axes, points)
        return save(figure, path)


def plot_progress(relaxations: Sequence[int], deficits: Sequence[float], path: Path) -> list[Path]:
    """Draw how far the hull of the moment lay above the final one, as PNG and SVG; return the files.

    Parameters
    ----------
    relaxations : sequence of int
        Relaxations started until each change of the hull; the last one is the end of the search.
    deficits : sequence of float
        Mean distance over all compositions to the final hull, eV per atom.
    path : Path
        The suffix is replaced.
    """
    with figure_in_style((5.6, 3.4)) as figure:
        axes = figure.add_subplot()
        axes.set_title("Progress of the search")
        deficit = MEV_PER_EV * np.asarray(deficits)
        axes.step(relaxations, deficit, where="post", color=STABLE_COLOUR, lw=1.6)
        axes.fill_between(relaxations, deficit, step="post", color=STABLE_COLOUR, alpha=0.12, lw=0)
        axes.set_xlabel("relaxations started")
        axes.set_ylabel("mean hull deficit (meV/atom)")
        axes.set_yscale("symlog", linthresh=1.0, linscale=0.6)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_ylim(0, None)
        axes.set_xlim(0, max(1, *relaxations))
        return save(figure, path)


def formula_text(formula: str) -> str:
    """Return a formula with its counts as subscripts."""
    return "$\\mathrm{" + re.sub(r"(\d+)", r"_{\1}", formula) + "}$"


def space_group_text(symbol: str) -> str:
    """Return a Hermann–Mauguin symbol with its rotoinversions barred and its screw axes as subscripts."""
    return "$" + re.sub(r"-(\d)", r"\\bar{\1}", symbol) + "$"


def _draw_binary(axes: Axes, points: Sequence[HullPoint], endpoints: Sequence[str]) -> None:
    x = np.array([p.shares[1] for p in points])
    formation = np.array([p.formation for p in points])
    depth = -min(formation.min(initial=0.0), 0.0)
    unit, factor = ("eV", 1.0) if depth >= 1.0 else ("meV", MEV_PER_EV)
    y = formation * factor
    stable = sorted((i for i, p in enumerate(points) if p.stable), key=lambda i: x[i])
    axes.plot(x[stable], y[stable], color=STABLE_COLOUR, lw=1.4, zorder=3)
    _draw_points(axes, points, x, y)
    ceiling = factor * max(0.3 * depth, min(NEAR_HULL, 1.2 * max((p.above for p in points if p.near), default=0.02)))
    axes.set_xlim(-0.06, 1.06)
    axes.set_ylim(ceiling - (ceiling + depth * factor) / LABEL_ROOM, ceiling)
    axes.axhline(0.0, color=INK, lw=0.5, ls=(0, (1, 3)), zorder=0)
    axes.set_xlabel(share_text(endpoints[1]))
    axes.set_ylabel(f"formation enthalpy ({unit}/atom)")
    line = np.linspace(0.0, 1.0, 200)
    obstacles = np.vstack([np.column_stack([x, y]), np.column_stack([line, np.interp(line, x[stable], y[stable])])])
    label_phases(axes, [points[i] for i in stable], np.column_stack([x, y])[stable], obstacles, below_the_line)


def _draw_volumes(axes: Axes, points: Sequence[HullPoint]) -> None:
    x = np.array([p.volume for p in points])
    y = MEV_PER_EV * np.array([p.above for p in points])
    _draw_points(axes, points, x, y, scale=False)
    shown = [p for p in points if p.stable or p.near]
    low, high = min(p.volume for p in shown), max(p.volume for p in shown)
    margin = max(0.08 * (high - low), 0.01 * high)
    top = max((MEV_PER_EV * p.above for p in shown), default=0.0) or 1.0
    axes.set_xlim(low - margin, high + margin)
    axes.set_ylim(1.1 * top * (1 - 1 / LABEL_ROOM), 1.1 * top)
    axes.set_xlabel("volume (Å³/atom)")
    axes.set_ylabel("enthalpy above the lowest (meV/atom)")
    places = np.column_stack([x, y])
    lowest = [i for i, p in enumerate(points) if p.stable]
    label_phases(axes, [points[i] for i in lowest], places[lowest], places)


def _draw_ternary(
    axes: Axes, points: Sequence[HullPoint], endpoints: Sequence[str], edges: Sequence[tuple[int, int]]
) -> None:
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, np.sqrt(0.75)]])
    x, y = (np.array([p.shares for p in points]).reshape(-1, 3) @ corners).T
    axes.set_axis_off()
    axes.set_aspect("equal")
    axes.fill(*corners.T, facecolor="none", edgecolor=INK, lw=1.0, zorder=2)
    for t in (0.2, 0.4, 0.6, 0.8):
        for a, b, c in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
            ends = np.array([t * corners[a] + (1 - t) * corners[k] for k in (b, c)])
            axes.plot(*ends.T, color=FAINT, lw=0.4, zorder=0)
    for i, j in edges:
        axes.plot(x[[i, j]], y[[i, j]], color=STABLE_COLOUR, lw=1.2, zorder=3)
    _draw_points(axes, points, x, y)
    axes.set_xlim(-0.12, 1.12)
    axes.set_ylim(-0.14, 1.0)
    for name, corner, shift in zip(endpoints, corners, ((-14, -14), (14, -14), (0, 14)), strict=True):
        axes.annotate(formula_text(name), corner, shift, textcoords="offset points", ha="center", va="center", size=12)
    inner = [i for i, p in enumerate(points) if p.stable and max(p.shares) < 1 - 1e-6]
    places = np.column_stack([x, y])
    lines = [places[i] + t * (places[j] - places[i]) for i, j in edges for t in np.linspace(0, 1, 50)]
    label_phases(axes, [points[i] for i in inner], places[inner], np.vstack([places, *lines]))


def _draw_bars(axes: Axes, points: Sequence[HullPoint]) -> None:
    shown = sorted((p for p in points if p.stable or p.near), key=lambda p: (p.above, p.formation))[:24]
    above = MEV_PER_EV * np.array([p.above for p in shown])
    rows = np.arange(len(shown))
    colours = [STABLE_COLOUR if p.stable else "white" for p in shown]
    axes.hlines(rows, 0, above, color=FAINT, lw=1.4)
    axes.scatter(above, rows, c=colours, edgecolors=STABLE_COLOUR, s=34, zorder=3, clip_on=False)
    axes.set_yticks(rows, [f"{formula_text(p.formula)}  {space_group_text(p.space_group)}" for p in shown])
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xlim(0, None)
    axes.set_xlabel("enthalpy above the hull (meV/atom)")


def _draw_points(axes: Axes, points: Sequence[HullPoint], x: np.ndarray, y: np.ndarray, *, scale: bool = True) -> None:
    """Draw stable phases filled, near ones open and coloured by their distance to the hull, all others faint.

    ``scale`` says whether a bar explains the colours.
    """
    stable = np.array([p.stable for p in points], bool)
    near = np.array([p.near for p in points], bool)
    far = ~(stable | near)
    axes.scatter(x[far], y[far], s=7, color=FAINT, linewidths=0, zorder=1, rasterized=True)
    axes.scatter(x[stable], y[stable], s=52, color=STABLE_COLOUR, edgecolors="white", linewidths=0.9, zorder=5)
    if near.any():
        above = MEV_PER_EV * np.array([p.above for p in points])[near]
        order = np.argsort(-above)
        _draw_near(axes, x[near][order], y[near][order], above[order], scale)


def _draw_near(axes: Axes, x: np.ndarray, y: np.ndarray, above: np.ndarray, scale: bool) -> None:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    colours = LinearSegmentedColormap.from_list("near", colormaps[NEAR_COLOURS](np.linspace(0.12, 0.88, 64)))
    mappable = ScalarMappable(Normalize(0, max(above.max(), 10.0)), colours)
    axes.scatter(x, y, s=24, facecolors="white", edgecolors=mappable.to_rgba(above), linewidths=1.1, zorder=2)
    if not scale:
        return
    bar = axes.figure.colorbar(mappable, ax=axes, shrink=0.62, aspect=22, pad=0.03)
    bar.set_label("above the hull (meV/atom)", size=8)
    bar.ax.tick_params(labelsize=7.5, length=2)
    bar.outline.set_visible(False)


def label_phases(
    axes: Axes,
    points: Sequence[HullPoint],
    places: np.ndarray,
    obstacles: np.ndarray,
    outwards: Callable[[np.ndarray], np.ndarray] = from_the_middle,
) -> None:
    """Name phases at places (n, 2), away from each other and from obstacles (m, 2)."""
    from matplotlib.patheffects import withStroke

    if not points:
        return
    # The layout is settled here, as labels that are placed by it must not move it.
    axes.figure.draw_without_rendering()
    axes.figure.set_layout_engine("none")
    pixels = axes.transData.transform(places)
    labels = []
    for point, place in zip(points, places, strict=True):
        text = f"{formula_text(point.formula)}\n{space_group_text(point.space_group)}"
        label = axes.annotate(text, place, (0, 0), textcoords="offset points", ha="center", va="center", zorder=6)
        label.set_size(8.5)
        label.set_path_effects([withStroke(linewidth=2.0, foreground="white")])
        labels.append(label)
    sizes = np.array([label.get_window_extent().size for label in labels])
    frame = axes.get_window_extent().get_points()
    boxes = place_boxes(pixels, outwards(pixels), sizes, frame, axes.transData.transform(obstacles))
    for label, box, pixel, place in zip(labels, boxes, pixels, places, strict=True):
        offset = (box.mean(axis=0) - pixel) * 72.0 / axes.figure.dpi
        label.set_position(offset)
        if gap(box, pixel[None])[0] > _LEADER:
            axes.annotate(
                "", place, offset, textcoords="offset points", zorder=5, arrowprops={"arrowstyle": "-", "lw": 0.5}
            )


def share_text(endpoint: str) -> str:
    """Return what the axis says along which an endpoint's share goes from 0 to 1."""
    is_element = re.fullmatch("[A-Z][a-z]?", endpoint)
    share = "atomic fraction of {}" if is_element else "share of the atoms that {} contributes"
    return share.format(formula_text(endpoint))


def number_text(value: float) -> str:
    """Return a number with a minus sign, not a hyphen."""
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")


def colours_in_order(count: int) -> np.ndarray:
    """Return colours (count, 4) for things that have an order, from dark to light."""
    from matplotlib import colormaps

    return colormaps[NEAR_COLOURS](np.linspace(0.05, 0.85, count))


@contextmanager
def figure_in_style(size: tuple[float, float]) -> Iterator[Figure]:
    """Yield a figure in the style of this module; matplotlib's global state is as it was afterwards."""
    import matplotlib
    from matplotlib.figure import Figure

    with matplotlib.rc_context(STYLE):
        yield Figure(figsize=size, layout="constrained", dpi=100)


def save(figure: Figure, path: Path) -> list[Path]:
    """Write PNG and SVG; the same figure gives the same bytes."""
    files = [path.with_suffix(".png"), path.with_suffix(".svg")]
    figure.savefig(files[0], dpi=220, metadata={"Software": None})
    figure.savefig(files[1], metadata={"Date": None, "Creator": None})
    return files

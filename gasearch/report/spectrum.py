"""The figure of an electron–phonon spectrum."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gasearch.report.figures import SECOND_COLOUR, STABLE_COLOUR, figure_in_style, save


def plot_alpha2f(omega: np.ndarray, values: np.ndarray, cumulative: np.ndarray, title: str, path: Path) -> list[Path]:
    """Draw α²F with cumulative λ as PNG and SVG; return the files.

    Parameters
    ----------
    omega : (n,) array
        THz.
    values : (n,) array
        α²F.
    cumulative : (n,) array
        λ of the phonons up to each frequency.
    title : str
    path : Path
        The suffix is replaced.
    """
    with figure_in_style((5.6, 3.4)) as figure:
        axes = figure.add_subplot()
        axes.set_title(title)
        axes.fill_between(omega, values, color=STABLE_COLOUR, alpha=0.16, lw=0)
        axes.plot(omega, values, color=STABLE_COLOUR, lw=1.4)
        axes.set_xlabel("phonon frequency ω/2π (THz)")
        axes.set_ylabel("α²F(ω)", color=STABLE_COLOUR)
        end = omega[np.searchsorted(cumulative, 0.9999 * cumulative[-1])]
        axes.set_xlim(0, min(1.06 * end, omega[-1]))
        axes.set_ylim(0, 1.08 * values.max())
        right = axes.twinx()
        right.plot(omega, cumulative, color=SECOND_COLOUR, lw=1.4)
        right.set_ylabel("cumulative λ(ω)", color=SECOND_COLOUR)
        right.set_ylim(0, 1.08 * cumulative[-1])
        right.spines.right.set_visible(True)
        return save(figure, path)

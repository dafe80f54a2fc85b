from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from gasearch.report.spectrum import plot_alpha2f


def test_alpha2f_is_drawn_with_cumulative_coupling(tmp_path: Path):
    omega = np.linspace(0.0, 8.0, 100)
    png, svg = plot_alpha2f(omega, np.sin(omega) ** 2, np.cumsum(np.sin(omega) ** 2), "Nb", tmp_path / "a2f")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert ElementTree.parse(svg).getroot().tag.endswith("svg")

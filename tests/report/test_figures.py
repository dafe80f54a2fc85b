import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from gasearch.report.figures import HullPoint, formula_text, plot_hull, plot_progress, space_group_text

ENDPOINTS = ("H", "S", "Se", "Te")
PNG = b"\x89PNG\r\n\x1a\n"


def phases(n_endpoints: int) -> list[HullPoint]:
    rng = np.random.default_rng(n_endpoints)
    pure = [
        HullPoint(ENDPOINTS[i], "C2/c", tuple(np.eye(n_endpoints)[i].tolist()), 0.0, 0.0, 5.0)
        for i in range(n_endpoints)
    ]
    mixed = [
        HullPoint("H3S", "Im-3m", tuple(shares.tolist()), float(above) - 0.1, float(above), 5.0 + float(above))
        for shares, above in zip(rng.dirichlet(np.ones(n_endpoints), 6), [0.0, 0.0, 0.01, 0.05, 0.5, 2.0], strict=True)
    ]
    return pure + mixed


@pytest.mark.parametrize("n_endpoints", [1, 2, 3, 4])
def test_a_hull_is_drawn_for_any_number_of_endpoints(n_endpoints: int, tmp_path: Path):
    edges = [(0, 1), (1, 2)] if n_endpoints == 3 else []
    png, svg = plot_hull(phases(n_endpoints), ENDPOINTS[:n_endpoints], 200.0, tmp_path / "hull", edges)
    assert png.read_bytes().startswith(PNG)
    assert ElementTree.parse(svg).getroot().tag.endswith("svg")


def test_the_same_phases_give_the_same_bytes(tmp_path: Path):
    first, second = (plot_hull(phases(2), ("H", "S"), 200.0, tmp_path / name) for name in ("a", "b"))
    assert [p.read_bytes() for p in first] == [p.read_bytes() for p in second]


def test_a_hull_of_endpoints_alone_is_drawn(tmp_path: Path):
    assert plot_hull(phases(2)[:2], ("H", "S"), -1.5, tmp_path / "hull.png")[0].exists()


@pytest.mark.parametrize(
    ("relaxations", "deficits"), [([3, 20, 100], [0.4, 0.01, 0.0]), ([5, 9], [0.0, 0.0]), ([0], [0.0])]
)
def test_progress_is_drawn_whatever_the_story(relaxations, deficits, tmp_path: Path):
    assert plot_progress(relaxations, deficits, tmp_path / "progress")[0].read_bytes().startswith(PNG)


def test_drawing_leaves_no_trace_in_matplotlib(tmp_path: Path):
    import matplotlib

    before = dict(matplotlib.rcParams)
    plot_progress([1, 2], [0.1, 0.0], tmp_path / "progress")
    assert dict(matplotlib.rcParams) == before
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_formulas_and_space_groups_are_set_as_in_print():
    assert formula_text("Al12Ni3Zr") == r"$\mathrm{Al_{12}Ni_{3}Zr}$"
    assert space_group_text("Fm-3m") == r"$Fm\bar{3}m$"
    assert space_group_text("P6_3/mmc") == "$P6_3/mmc$"

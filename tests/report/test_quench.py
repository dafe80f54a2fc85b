from pathlib import Path
from xml.etree import ElementTree

import pytest

from gasearch.report.barrier import Profile, plot_barrier
from gasearch.report.quench import Descent, plot_quench

SVG = "{http://www.w3.org/2000/svg}"


def text_count(svg: Path) -> int:
    return sum(1 for element in ElementTree.parse(svg).iter() if element.tag in (f"{SVG}use", f"{SVG}text"))


@pytest.mark.parametrize("trained", [None, (100.0, 300.0)])
def test_decompression_is_drawn(trained: tuple[float, float] | None, tmp_path: Path):
    descents = [
        Descent("H3S", "Im-3m", [200.0, 100.0, 50.0], [0.0, 0.002, 0.03], ["minimum", "unsure", "elastic"]),
        Descent("H", "Cmce", [200.0, 100.0, 50.0], [0.0, 0.0, 0.001], ["minimum", "minimum", "transformed"]),
    ]
    png, svg = plot_quench(descents, ["H", "S"], trained, tmp_path / "quench")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert text_count(svg) > 50


def test_a_barrier_is_drawn_for_each_pressure(tmp_path: Path):
    profiles = [
        Profile("0 GPa", [0.0, 0.5, 1.0], [0.0, 20.0, -1.0], trusted=False),
        Profile("20 GPa", [0.0, 0.4, 0.9], [0, 30, 0]),
    ]
    png, svg = plot_barrier(profiles, "Cu", ("Fm-3m", "P6_3/mmc"), tmp_path / "barrier")
    assert png.read_bytes().startswith(b"\x89PNG")
    assert text_count(svg) > 20

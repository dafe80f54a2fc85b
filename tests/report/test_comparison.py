from pathlib import Path

import pytest

from gasearch.report.comparison import Moved, plot_hulls
from gasearch.report.figures import HullPoint


def point(formula: str, shares: tuple[float, ...], formation: float, above: float) -> HullPoint:
    return HullPoint(formula, "Im-3m", shares, formation, above, 4.0)


@pytest.mark.parametrize("endpoints", [["H"], ["H", "S"], ["H", "S", "Se"]])
def test_both_hulls_are_drawn_for_any_number_of_endpoints(tmp_path: Path, endpoints: list[str]):
    corners = [tuple(float(i == j) for j in range(len(endpoints))) for i in range(len(endpoints))]
    middle = tuple(1 / len(endpoints) for _ in endpoints)
    phases = [Moved(point(e, corner, 0.0, 0.0), None) for e, corner in zip(endpoints, corners, strict=True)]
    phases += [Moved(point(e, c, 0.02, 0.02), point(e, c, 0.0, 0.0)) for e, c in zip(endpoints, corners, strict=True)]
    phases.append(Moved(point("H3S", middle, -0.1, 0.0), point("H3S", middle, -0.05, 0.01)))
    files = plot_hulls(phases, endpoints, 200.0, tmp_path / "hull-dft")
    assert sorted(file.name for file in files) == ["hull-dft.png", "hull-dft.svg"]
    assert all(file.stat().st_size > 1000 for file in files)


def test_a_space_with_no_phase_that_both_know_is_drawn(tmp_path: Path):
    phases = [Moved(point(f, s, 0.0, 0.0), None) for f, s in (("H", (1.0, 0.0)), ("S", (0.0, 1.0)))]
    assert plot_hulls(phases, ["H", "S"], 200.0, tmp_path / "hull-dft")

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
    files = plot_hulls(phases, [], endpoints, 200.0, tmp_path / "hull-dft")
    assert sorted(file.name for file in files) == ["hull-dft.png", "hull-dft.svg"]
    assert all(file.stat().st_size > 1000 for file in files)


def test_a_space_with_no_phase_that_both_know_is_drawn(tmp_path: Path):
    phases = [Moved(point(f, s, 0.0, 0.0), None) for f, s in (("H", (1.0, 0.0)), ("S", (0.0, 1.0)))]
    assert plot_hulls(phases, [], ["H", "S"], 200.0, tmp_path / "hull-dft")


def test_the_potential_s_hull_is_drawn_through_what_dft_has_not_relaxed(tmp_path: Path, monkeypatch):
    drawn = []
    monkeypatch.setattr("gasearch.report.comparison.save", lambda figure, path: drawn.append(figure.axes[0]) or [path])
    ends = [point("H", (1.0, 0.0), 0.0, 0.0), point("S", (0.0, 1.0), 0.0, 0.0)]
    failed = point("H3S", (0.75, 0.25), -0.1, 0.0)
    plot_hulls([Moved(p, p) for p in ends], [*ends, failed], ["H", "S"], 200.0, tmp_path / "hull-dft")
    lines = {line.get_label(): line.get_xydata().tolist() for line in drawn[0].lines}
    assert lines["potential"] == [[0.0, 0.0], [0.25, pytest.approx(-100.0)], [1.0, 0.0]]
    assert lines["DFT"] == [[0.0, 0.0], [1.0, 0.0]]

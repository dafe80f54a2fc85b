import json
from pathlib import Path

import pytest

from gasearch.errors import RunDirectoryError
from gasearch.workflow.record.pictures import draw, hull_edges, hull_points
from gasearch.workflow.record.run_directory import RunDirectory
from gasearch.workflow.record.snapshots import method_of, snapshot


def phase(formula: str, shares: list[float], enthalpy: float, above: float = 0.0) -> dict:
    return {
        "formula": formula,
        "space_group": "Pm-3m",
        "shares": shares,
        "enthalpy_eV_per_atom": enthalpy,
        "above_hull_eV_per_atom": above,
        "on_hull": above == 0.0,
        "volume_A3_per_atom": 5.0,
    }


BINARY = [
    phase("H", [1.0, 0.0], -1.0),
    phase("S", [0.0, 1.0], -3.0),
    phase("HS", [0.5, 0.5], -2.5),
    phase("H3S", [0.75, 0.25], -1.7, 0.05),
]
TERNARY = [
    phase("H", [1.0, 0.0, 0.0], 0.0),
    phase("S", [0.0, 1.0, 0.0], 0.0),
    phase("Se", [0.0, 0.0, 1.0], 0.0),
    phase("HSSe", [1 / 3, 1 / 3, 1 / 3], -1.0),
]


def write(path: Path, phases: list[dict], endpoints: list[str]) -> RunDirectory:
    hull = {"pressure_GPa": 200.0, "endpoints": endpoints, "complete": bool(phases), "phases": phases}
    story = [{"candidate": 3, "relaxations": 4, "deficit_eV_per_atom": 0.1}]
    directory = RunDirectory(path)
    directory.hull.write_text(json.dumps(hull))
    directory.summary.write_text(json.dumps({"hull_deficit": story, "relaxations": 9}))
    return directory


def test_formation_enthalpies_are_taken_from_the_endpoints():
    points = hull_points(BINARY, 2)
    assert [p.formation for p in points] == pytest.approx([0.0, 0.0, -0.5, -0.2])
    assert [p.stable for p in points] == [True, True, True, False]


def test_edges_join_neighbours_on_the_hull():
    assert sorted(map(sorted, hull_edges(BINARY))) == [[0, 2], [1, 2]]
    assert sorted(map(sorted, hull_edges(TERNARY))) == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]
    assert hull_edges([phase("H", [1.0], -1.0), phase("H", [1.0], -0.9, 0.1)]) == []


def test_a_run_is_drawn_from_its_snapshots(tmp_path: Path):
    files = draw(write(tmp_path, BINARY, ["H", "S"]))
    assert sorted(f.name for f in files) == ["hull.png", "hull.svg", "progress.png", "progress.svg"]
    assert all(f.stat().st_size > 1000 for f in files)


def test_a_run_without_a_hull_is_told_so(tmp_path: Path):
    with pytest.raises(RunDirectoryError, match="no hull yet"):
        draw(write(tmp_path, [], ["H", "S"]))


def test_a_snapshot_that_is_missing_or_damaged_is_told_so(tmp_path: Path):
    with pytest.raises(RunDirectoryError, match=r"there is no .*hull\.json yet"):
        snapshot(tmp_path / "hull.json")
    (tmp_path / "hull.json").write_text("{")
    with pytest.raises(RunDirectoryError, match="cannot be read"):
        snapshot(tmp_path / "hull.json")


def test_what_a_calculator_of_ase_refined_is_not_called_dft():
    assert method_of({"settings": {"ase_calculator": "ase.calculators.emt.EMT", "ase_arguments": {}}}) == "EMT"
    assert method_of({"settings": {"ecutwfc": 50.0}}) == "DFT"

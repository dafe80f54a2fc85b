"""Every input of the repository is run, cut down."""

import json
from pathlib import Path

import pytest
import yaml

from gasearch.cli import main
from gasearch.workflow.series_directory import all_runs

INPUTS = Path(__file__).parent.parent / "inputs"
#: A potential that takes long to load.
SLOW = ("h-s-200gpa",)


def cut_down(path: Path, folder: Path) -> Path:
    data = yaml.safe_load(path.read_text())
    for stage in ("refine", "phonons", "export"):  # tests of their own run them
        data.pop(stage, None)
    data["atoms"] = {"min": 1, "max": max(2, data["atoms"]["min"])}
    data["search"] = {"block": 4, "lag": 4, "first_generation": 12, "termination": {"candidates": 20}}
    if data["potential"]["kind"] == "mace":
        data["potential"]["path"] = str((path.parent / data["potential"]["path"]).resolve())
    copy = folder / path.name
    copy.write_text(yaml.safe_dump(data))
    return copy


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(p, id=p.stem, marks=[pytest.mark.slow] * (p.stem in SLOW))
        for p in sorted(set(INPUTS.glob("*.yaml")) - set(INPUTS.glob("pretrain-*")))
    ],
)
def test_an_input_runs_and_its_directory_holds_what_a_user_needs(path: Path, tmp_path: Path, capsys):
    directory = tmp_path / "run"
    assert main(["run", str(cut_down(path, tmp_path)), "--run-dir", str(directory)]) == 0
    assert "candidates were tried" in capsys.readouterr().out
    for run in all_runs([directory]):
        holds_what_a_user_needs(run)


def holds_what_a_user_needs(directory: Path) -> None:
    found = {p.name for p in directory.iterdir()}
    assert {"archive.db", "input.yaml", "hull.json", "hull.png", "hull.svg", "summary.json", "best"} <= found
    hull = json.loads((directory / "hull.json").read_text())
    stable = [phase for phase in hull["phases"] if phase["on_hull"]]
    assert len(stable) >= len(hull["endpoints"])
    assert all(phase["above_hull_eV_per_atom"] == pytest.approx(0.0, abs=1e-9) for phase in stable)
    assert list((directory / "best").glob("*.cif"))

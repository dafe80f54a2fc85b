"""Every input of the repository is run, cut down."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from gasearch.cli import main
from gasearch.config import load_pretraining
from gasearch.potential.card import read_card
from gasearch.pretrain.predecessor import Predecessor
from gasearch.workflow.series.directory import all_runs

INPUTS = Path(__file__).parent.parent / "inputs"
#: Potentials that take long to load.
SLOW = ("h-s-200gpa", "li-s-100gpa")


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


def cut_down_pretraining(path: Path, folder: Path) -> Path:
    data = yaml.safe_load(path.read_text())
    data |= {"max_atoms": 2, "random_cells": 24, "rounds": 0, "committee": 1, "start": None}
    data["sampling"] = {"prototypes": False, "scan": [0.9, 1.0, 1.1]}
    data["dft"] = data.get("dft", {}) | {"k_spacing": 1.0}
    data["training"] = {"channels": 4, "cutoff_A": 3.0, "correlation": 2, "epochs": 6, "stage_two": 4}
    copy = folder / path.name
    copy.write_text(yaml.safe_dump(data))
    return copy


@pytest.mark.parametrize("path", sorted(INPUTS.glob("pretrain-*")), ids=lambda path: path.stem)
def test_an_input_of_a_pretraining_is_complete(path: Path):
    settings = load_pretraining(path)
    named = path.stem.removeprefix("pretrain-").removesuffix("-further").split("-")
    assert list(map(str.lower, settings.elements)) == named
    assert settings.start is None or Predecessor.read(settings.start).dft == settings.dft


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pw.x") is None, reason="pw.x is not installed")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", sorted(INPUTS.glob("pretrain-*")), ids=lambda path: path.stem)
def test_an_input_of_a_pretraining_gives_a_potential(path: Path, tmp_path: Path):
    arguments = ["pretrain", str(cut_down_pretraining(path, tmp_path)), "--work", str(tmp_path / "work")]
    assert main([*arguments, "--output", str(tmp_path / "potential")]) == 0
    card = read_card(tmp_path / "potential")
    assert card.elements == load_pretraining(path).elements
    assert card.facts["labels"]["ecutwfc"] == load_pretraining(path).dft.ecutwfc

import json
import shutil
from pathlib import Path

import pytest
from ase.build import bulk
from ase.io import read, write

from gasearch.cli import main
from gasearch.errors import CalculationError, InputError


@pytest.fixture
def ends(tmp_path: Path) -> list[str]:
    """Copper as fcc and as hcp."""
    write(tmp_path / "fcc.cif", bulk("Cu", "fcc", 3.6))
    write(tmp_path / "hcp.cif", bulk("Cu", "hcp", 2.55, c=4.16))
    return [str(tmp_path / "fcc.cif"), str(tmp_path / "hcp.cif")]


def command(ends: list[str], output: Path, *options: str) -> list[str]:
    quick = ["--images", "3", "--paths", "1", "--max-force", "0.05"]
    potential = ["--potential", "ase.calculators.emt.EMT"]
    return ["barrier", *ends, *potential, *quick, "--output", str(output), *options]


def test_a_barrier_is_found_drawn_and_not_found_again(ends: list[str], tmp_path: Path, capsys, monkeypatch):
    output = tmp_path / "found"
    assert main(command(ends, output, "--temperature", "500")) == 0
    assert "Cu Fm-3m → P6_3/mmc" in capsys.readouterr().out
    document = json.loads((output / "barrier.json").read_text())
    (found,) = document["pressures"]
    lowest, path = found["lowest"], found["paths"][0]
    assert 10 < lowest["barrier_meV_per_atom"] < 40
    assert lowest["barrier_meV_per_atom"] == pytest.approx(max(path["enthalpy_meV_per_atom"]))
    assert lowest["barrier_eV_per_cell"] == pytest.approx(2e-3 * lowest["barrier_meV_per_atom"])
    assert (lowest["temperature_K"], lowest["atoms"]) == (500, 2)
    assert found["within_training_range"] is None
    assert len(read(output / "barrier-0GPa.extxyz", index=":")) == 5
    assert {"barrier.png", "barrier.svg"} <= {file.name for file in output.iterdir()}
    monkeypatch.setattr("gasearch.workflow.beyond.barrier.barrier_paths", None)
    assert main(command(ends, output, "--temperature", "500")) == 0
    # A lifetime at another temperature needs no other band, and costs none.
    assert main(command(ends, output, "--temperature", "77", "--attempts", "3")) == 0
    (again,) = json.loads((output / "barrier.json").read_text())["pressures"]
    assert again["paths"] == found["paths"] and again["lowest"]["temperature_K"] == 77
    assert again["lowest"]["log10_lifetime_s"] > lowest["log10_lifetime_s"]


def test_what_is_no_minimum_at_the_pressure_is_said(ends: list[str], tmp_path: Path, capsys):
    far = tmp_path / "far.cif"
    write(far, bulk("Cu", "sc", 2.4))
    assert main(command([ends[0], str(far)], tmp_path / "x", "--pressure", "-200")) == CalculationError.exit_code
    assert "cannot be relaxed at -200 GPa" in capsys.readouterr().err


def test_two_compositions_have_no_path(ends: list[str], tmp_path: Path, capsys):
    write(tmp_path / "al.cif", bulk("Al"))
    assert main(command([ends[0], str(tmp_path / "al.cif")], tmp_path / "x")) == InputError.exit_code
    assert "give two phases of one composition" in capsys.readouterr().err


def test_a_potential_that_is_none_is_refused(ends: list[str], capsys):
    assert main(["barrier", *ends, "--potential", "nowhere"]) == InputError.exit_code
    assert "there is no such file or run" in capsys.readouterr().err


def test_arguments_belong_to_a_calculator(ends: list[str], tmp_path: Path, capsys):
    assert main(["barrier", *ends, "--potential", ends[0], "--arguments", '{"asap_cutoff": true}']) == 2
    assert "only a calculator has some" in capsys.readouterr().err
    assert main(command(ends, tmp_path / "x", "--arguments", "[1]")) == InputError.exit_code
    assert "is no JSON object" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("pw.x") is None, reason="pw.x is not installed")
def test_dft_checks_the_ends_and_the_highest_image(tmp_path: Path, capsys, monkeypatch):
    write(tmp_path / "fcc.cif", bulk("H", "fcc", 2.1))
    write(tmp_path / "hcp.cif", bulk("H", "hcp", 1.485, c=2.425))
    ends, output = [str(tmp_path / "fcc.cif"), str(tmp_path / "hcp.cif")], tmp_path / "found"
    spheres = ["--potential", "ase.calculators.lj.LennardJones"]
    spheres += ["--arguments", '{"sigma": 1.36, "epsilon": 0.1, "rc": 4.0}']
    dft = ["--dft", "fast", "--ecutwfc", "30", "--k-spacing", "0.8"]
    assert main(command(ends, output, *spheres)) == 0
    alone = json.loads((output / "barrier.json").read_text())["pressures"][0]
    # The band that is there is not sought again.
    monkeypatch.setattr("gasearch.workflow.beyond.barrier.barrier_paths", None)
    assert main(command(ends, output, *spheres, *dft)) == 0
    assert "by DFT, nothing moved" in capsys.readouterr().out
    found = json.loads((output / "barrier.json").read_text())["pressures"][0]
    checked = found.pop("dft")
    assert len(checked["made_by"]["k_points"]) == 3
    assert found == alone
    points = checked["points"]
    start, highest, end = (1e3 * points[name]["enthalpy_eV_per_atom"] for name in ("start", "highest", "end"))
    assert checked["barrier_meV_per_atom"] == pytest.approx(highest - start)
    assert checked["backward_meV_per_atom"] == pytest.approx(highest - end)
    assert max(abs(highest - start), abs(highest - end)) < 300
    # By symmetry no atom moves in fcc; to DFT these spheres are far too large or too small.
    assert points["start"]["max_force_eV_per_A"] < 1e-3 < points["highest"]["max_force_eV_per_A"]
    assert min(point["max_stress_GPa"] for point in points.values()) > 10
    assert checked["made_by"]["pw"]["ecutwfc"] == 30


@pytest.mark.skipif(shutil.which("pw.x") is None, reason="pw.x is not installed")
def test_dft_that_fails_costs_no_barrier(ends: list[str], tmp_path: Path, capsys):
    assert main(command(ends, tmp_path / "found", "--dft", "fast", "--timeout", "1e-6")) == 0
    assert "by DFT nothing: start: took longer than the wall-clock limit" in capsys.readouterr().out
    (found,) = json.loads((tmp_path / "found" / "barrier.json").read_text())["pressures"]
    assert len(found["dft"]["failed"]) == 3 and found["lowest"]["barrier_meV_per_atom"] > 10

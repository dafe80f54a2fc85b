import json
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
    monkeypatch.setattr("gasearch.workflow.barrier.barrier_paths", None)
    assert main(command(ends, output, "--temperature", "500")) == 0


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

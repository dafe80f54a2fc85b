import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gasearch.cli import main
from gasearch.errors import GasearchError, RunDirectoryError, SpectrumError
from gasearch.superconductivity.readers import FORMATS, UNITS

LENNARD_JONES = """
endpoints: [Ar]
pressure_GPa: 1
potential:
  kind: lennard-jones
  pairs:
    Ar-Ar: {epsilon_eV: 0.0104, sigma_A: 3.4}
"""
HULL = {
    "pressure_GPa": 1.0,
    "endpoints": ["Ar"],
    "complete": True,
    "phases": [
        {
            "formula": "Ar",
            "space_group": "P6_3/mmc",
            "atoms": 2,
            "enthalpy_eV_per_atom": 0.123,
            "above_hull_eV_per_atom": 0.0,
            "on_hull": True,
            "volume_A3_per_atom": 20.0,
            "shares": [1.0],
        }
    ],
}
SUMMARY = {
    "finished": None,
    "candidates": 9,
    "relaxations": 8,
    "individuals": 5,
    "duplicates": 3,
    "failures": {"not_built": 1},
    "hull_deficit": [{"relaxations": 2, "deficit_eV_per_atom": 0.0}],
}


@pytest.fixture
def input_file(tmp_path: Path) -> Path:
    path = tmp_path / "argon.yaml"
    path.write_text(LENNARD_JONES)
    return path


@pytest.fixture
def run_directory(tmp_path: Path) -> Path:
    path = tmp_path / "run"
    path.mkdir()
    (path / "input.yaml").write_text(LENNARD_JONES)
    (path / "hull.json").write_text(json.dumps(HULL))
    (path / "summary.json").write_text(json.dumps(SUMMARY))
    return path


def test_check_prints_an_input_that_checks(input_file: Path, capsys):
    assert main(["check", str(input_file)]) == 0
    resolved = capsys.readouterr().out
    assert "max_force_eV_per_A:" in resolved
    input_file.write_text(resolved)
    assert main(["check", str(input_file)]) == 0
    assert capsys.readouterr().out == resolved


def test_problems_go_to_stderr_with_an_exit_code_and_no_traceback(input_file: Path, capsys):
    input_file.write_text(LENNARD_JONES.replace("pressure", "presure") + "seed: x\n")
    assert main(["check", str(input_file)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "gasearch: 3 problems in the input",
        "  presure_GPa: unknown; did you mean pressure_GPa?",
        "  pressure_GPa: missing; give a number from -100 to 10000",
        "  seed: found the text 'x'; allowed is a whole number of at least 0",
    ]


@pytest.mark.parametrize("kind", GasearchError.__subclasses__(), ids=lambda kind: kind.__name__)
def test_every_kind_of_error_has_its_exit_code_in_the_help(kind: type[GasearchError], capsys):
    codes = [k.exit_code for k in GasearchError.__subclasses__()]
    assert codes.count(kind.exit_code) == 1
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    assert f"  {kind.exit_code}  " in capsys.readouterr().out


def test_check_warns_of_what_does_not_suit_the_ranks(input_file: Path, capsys):
    assert main(["check", str(input_file), "--ranks", "500"]) == 0
    assert "gasearch: warning: search.lag" in capsys.readouterr().err


def test_the_package_is_the_command():
    answer = subprocess.run([sys.executable, "-m", "gasearch", "--help"], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("usage: gasearch")


def test_init_writes_an_input_once(tmp_path: Path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "H", "S", "--pressure", "200"]) == 0
    assert "gasearch check h-s-200gpa.yaml" in capsys.readouterr().out
    text = Path("h-s-200gpa.yaml").read_text()
    assert "endpoints: [H, S]\n" in text
    assert text.count("#") > 20
    assert main(["init", "H", "S", "--pressure", "200"]) == 2
    assert "File exists" in capsys.readouterr().err


def test_status_hull_and_plot_read_the_snapshots(run_directory: Path, capsys):
    assert main(["status", str(run_directory)]) == 0
    assert "8 were relaxed" in capsys.readouterr().out
    assert main(["hull", str(run_directory)]) == 0
    assert "P6_3/mmc" in capsys.readouterr().out
    assert main(["hull", str(run_directory), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == HULL
    assert main(["plot", str(run_directory)]) == 0
    assert f"{run_directory / 'hull.png'}" in capsys.readouterr().out.splitlines()


@pytest.mark.parametrize("command", ["status", "plot", "hull"])
def test_a_directory_without_a_run_is_told_so(command: str, tmp_path: Path, capsys):
    assert main([command, str(tmp_path)]) == RunDirectoryError.exit_code
    assert "holds no run" in capsys.readouterr().err


def test_of_many_ranks_one_names_the_mistake(input_file: Path, capsys, monkeypatch):
    input_file.write_text("")
    for rank in ("0", "1"):
        monkeypatch.setenv("OMPI_COMM_WORLD_RANK", rank)
        assert main(["run", str(input_file)]) == 2
    assert capsys.readouterr().err.count("is empty") == 1


def test_status_tells_a_running_run_from_one_that_was_ended(run_directory: Path, capsys):
    hold = f"""
from pathlib import Path
from gasearch.workflow.record.run_directory import open_run
with open_run(Path({str(run_directory)!r}), {LENNARD_JONES!r}):
    print(flush=True)
    input()
"""
    with subprocess.Popen([sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        main(["status", str(run_directory)])
        process.communicate(b"\n")
    main(["status", str(run_directory)])
    states = [line for line in capsys.readouterr().out.splitlines() if line.startswith("state")]
    assert states[0].endswith("running")
    assert "goes on with it" in states[1]


def test_a_potential_is_compared_with_labelled_structures(tiny_mace: Path, tmp_path: Path, capsys):
    structures = tmp_path / "dft.extxyz"
    lattice = 'Lattice="4 0 0 0 4 0 0 0 4" Properties=species:S:1:pos:R:3:forces:R:3 pbc="T T T"'
    cell = f"2\n{lattice} energy=-9.0\nH 0 0 0 0 0 0\nS 2 2 2 0 0 0\n"
    structures.write_text(2 * cell)
    command = ["potential", "validate", str(tiny_mace), "--structures", str(structures)]
    assert main([*command, "--json"]) == 0
    errors = json.loads(capsys.readouterr().out)
    assert errors["cells"] == 2
    assert errors["counts"] == {"energies": 2, "forces": 12, "stresses": 0}
    assert errors["rmse_energy_meV_per_atom"] == pytest.approx(0.0, abs=1e-3)
    assert errors["rmse_stress_GPa"] is None
    assert main(command) == 0
    assert "shifted per element" in capsys.readouterr().out
    structures.write_text(cell)
    assert main([*command, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rmse_energy_meV_per_atom"] is None
    assert main(command) == 0
    assert "too few energies" in capsys.readouterr().err


def test_what_is_known_of_a_potential_is_printed(capsys):
    assert main(["potential", "show", "potentials/li-s-100gpa"]) == 0
    told = capsys.readouterr().out
    for line in ("elements     Li, S", "50 to 150 GPa", "381 cells, PBE", "3 models", "on 12 cells", "note: "):
        assert line in told


def test_an_input_of_a_pretraining_is_checked_too(capsys):
    assert main(["check", "inputs/pretrain-h-s.yaml"]) == 0
    assert "further_epochs: 60" in capsys.readouterr().out


@pytest.fixture
def alpha2f(tmp_path: Path) -> Path:
    """A Debye-like spectrum to 8 THz, in two columns."""
    path = tmp_path / "a2f.dat"
    path.write_text("# THz\n" + "".join(f"{0.1 * i:.3f} {0.005 * i if i < 80 else 0:.6f}\n" for i in range(82)))
    return path


def test_tc_of_a_file(alpha2f: Path, capsys):
    command = ["tc", "alpha2f", str(alpha2f), "--format", "columns", "--unit", "THz", "--mu-star", "0.12"]
    assert main([*command, "--plot", str(alpha2f.with_suffix(".png"))]) == 0
    out, err = capsys.readouterr()
    assert "eliashberg *" in out
    assert err.splitlines()[-2:] == [str(alpha2f.with_suffix(suffix)) for suffix in (".png", ".svg")]
    assert main([*command, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["lambda"] == pytest.approx(0.8, rel=0.02)
    assert document["tc_K"]["eliashberg"] > 1


def test_a_file_that_is_no_spectrum_has_its_own_exit_code(alpha2f: Path, capsys):
    assert main(["tc", "alpha2f", str(alpha2f), "--format", "qe-alpha2f"]) == SpectrumError.exit_code
    assert "the first line must be" in capsys.readouterr().err
    assert main(["tc", "alpha2f", str(alpha2f), "--format", "columns", "--unit", "THz", "--mu-star", "-1"]) == 2


def test_the_help_names_every_format_and_unit(capsys):
    with pytest.raises(SystemExit):
        main(["tc", "alpha2f", "--help"])
    words = capsys.readouterr().out.replace(",", " ").split()
    assert set(FORMATS) | set(UNITS) <= set(words)


def test_what_cannot_be_drawn_is_said(alpha2f: Path, capsys):
    table = alpha2f.with_name("lambda.dat")
    table.write_text(
        "# degauss   lambda    int alpha2F  <log w>     N(Ef)\n" + "0.01 0.9 0.9 90.0 1.0\n0.02 0.8 0.8 90.0 1\n"
    )
    command = ["tc", "alpha2f", str(table), "--format", "qe-lambda", "--smearing", "0.02"]
    assert main(command) == 0
    assert "no Eliashberg" in capsys.readouterr().err
    assert main([*command, "--plot", str(alpha2f)]) == 2
    no_folder = ["--format", "columns", "--unit", "THz", "--plot", str(alpha2f / "x.png")]
    assert main(["tc", "alpha2f", str(alpha2f), *no_folder]) == RunDirectoryError.exit_code


def test_the_version_is_told(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0 and re.fullmatch(r"gasearch \d+\.\d+\.\d+\n", capsys.readouterr().out)

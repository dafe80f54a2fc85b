import json
from pathlib import Path

import pytest

from gasearch.cli import main
from gasearch.errors import InputError
from gasearch.learning.spectra import read_spectra
from gasearch.superconductivity.modes import Modes
from gasearch.units import K_PER_THZ
from gasearch.workflow.coupling.collection import collect

REFERENCE = Path(__file__).parents[3] / "runs" / "reference" / "al-0gpa-q444.json"
ELK = "0.0 0.0\n0.0005 0.3\n0.001 0.5\n0.0015 0.0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A candidate's result, one that failed, a file of Elk and its copy, a damaged one, and other JSON."""
    for name in ("tc", "Nb_elk", "copy", "bad"):
        (tmp_path / "in" / name).mkdir(parents=True)
    text = REFERENCE.read_text(encoding="utf-8")
    (tmp_path / "in" / "tc" / "electron-phonon.json").write_text(text, encoding="utf-8")
    (tmp_path / "in" / "tc" / "failed.json").write_text(json.dumps(json.loads(text) | {"result": None}))
    (tmp_path / "in" / "tc" / "other.json").write_text("[1, 2]")
    for name in ("Nb_elk", "copy"):
        (tmp_path / "in" / name / "ALPHA2F.OUT").write_text(ELK)
    (tmp_path / "in" / "bad" / "ALPHA2F.OUT").write_text("0.0 0.0\n0.001\n")
    return tmp_path / "in"


def test_spectra_are_gathered_with_where_they_come_from(folder: Path, tmp_path: Path):
    said: list[str] = []
    tally = collect([folder], tmp_path / "to", said.append)
    assert (tally.added, tally.present, tally.refused) == (2, 1, 1)
    assert sum(line.startswith("refused") and "bad/ALPHA2F.OUT" in line for line in said) == 1
    by_material = {one.material: one for one in read_spectra(tmp_path / "to")}
    aluminium = by_material["Al"]
    assert aluminium.converged is False
    assert aluminium.settings["q_grid"] == [4, 4, 4]
    assert aluminium.spectrum.moments().lam == pytest.approx(0.363, abs=1e-3)
    assert not any(str(tmp_path) in path.read_text() for path in (tmp_path / "to").iterdir())
    again = collect([folder], tmp_path / "to", said.append)
    assert (again.added, again.present) == (0, 3)


def test_without_interpolation_the_modes_of_the_grid_are_taken(tmp_path: Path):
    document = json.loads(REFERENCE.read_text(encoding="utf-8"))
    document["result"]["interpolated"] = None
    (tmp_path / "electron-phonon.json").write_text(json.dumps(document))
    collect([tmp_path / "electron-phonon.json"], tmp_path / "to", lambda line: None)
    (one,) = read_spectra(tmp_path / "to")
    assert one.spectrum.moments().lam == pytest.approx(document["result"]["tc"]["lambda"], rel=0.01)


def test_other_files_need_their_format(tmp_path: Path, capsys: pytest.CaptureFixture):
    path = tmp_path / "Nb.txt"
    path.write_text("0 0\n2 0.4\n5 0.6\n7 0\n")
    to = ["--to", str(tmp_path / "to")]
    assert main(["tc", "collect", str(path), *to]) == InputError.exit_code
    assert "--format" in capsys.readouterr().err
    assert main(["tc", "collect", str(path), "--format", "columns", "--unit", "THz", *to]) == 0
    assert "1 added" in capsys.readouterr().out
    assert main(["tc", "collect", str(tmp_path / "none"), *to]) == InputError.exit_code


def test_where_interpolation_contradicts_the_grid_the_grid_counts(tmp_path: Path):
    document = json.loads(REFERENCE.read_text(encoding="utf-8"))
    document["result"]["interpolated"]["omega_THz"] = [
        1.2 * omega for omega in document["result"]["interpolated"]["omega_THz"]
    ]
    (tmp_path / "electron-phonon.json").write_text(json.dumps(document))
    collect([tmp_path / "electron-phonon.json"], tmp_path / "to", lambda line: None)
    (one,) = read_spectra(tmp_path / "to")
    assert isinstance(one.spectrum, Modes)
    assert K_PER_THZ * one.spectrum.moments().omega_log == pytest.approx(
        document["result"]["tc"]["omega_log_K"], rel=0.01
    )


def test_spectra_of_the_same_name_are_told_apart_and_their_material_is_looked_for(tmp_path: Path):
    said: list[str] = []
    for place, factor in (("Nb/elph", 1), ("MgB2_old/elph", 2), ("run/elph", 3)):
        (tmp_path / "in" / place).mkdir(parents=True)
        lines = "".join(f"{omega} {factor * value}\n" for omega, value in ((0.0, 0.0), (0.001, 0.5), (0.0015, 0.0)))
        (tmp_path / "in" / place / "ALPHA2F.OUT").write_text(lines)
    assert collect([tmp_path / "in"], tmp_path / "to", said.append).added == 3
    found = read_spectra(tmp_path / "to")
    assert len({one.name for one in found}) == 3
    assert sorted(one.material for one in found) == ["MgB2", "Nb", "elph"]
    assert sum("no folder above it says which material it is" in line for line in said) == 1

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from gasearch.cli import main
from gasearch.crystal.composition import Composition, CompositionSpace
from gasearch.errors import InputError, SeriesError
from gasearch.workflow.record.archive_store import ArchiveStore
from gasearch.workflow.record.structure_files import read_structures
from gasearch.workflow.series.directory import SeriesDirectory
from gasearch.workflow.series.queue import shared_structures
from gasearch.workflow.series.table import as_csv, ranking

PAIRS = """
  pairs:
    Ar-Ar: {epsilon_eV: 0.0104, sigma_A: 3.4}
    Ar-Kr: {epsilon_eV: 0.0120, sigma_A: 3.5}
    Kr-Kr: {epsilon_eV: 0.0140, sigma_A: 3.65}
"""
INPUT = f"""
systems: [[Ar], [Kr]]
pressure_GPa: [1, 3]
atoms: {{min: 2, max: 4}}
potential:
  kind: lennard-jones
  cutoff_sigma: 2.5{PAIRS}
search:
  first_generation: 8
  termination: {{candidates: 14}}
"""


def outcomes(run: Path) -> list[tuple]:
    """Return what a run has recorded, but for times."""
    return [
        (o.id, o.operator, o.parents, o.result.steps, o.result.crystal.frac.tobytes() if o.result.crystal else None)
        for o in ArchiveStore(run / "archive.db").outcomes()
    ]


@pytest.fixture(scope="module")
def begun(tmp_path_factory) -> tuple[Path, Path]:
    """The input, and the directory of a finished series."""
    folder = tmp_path_factory.mktemp("series")
    path = folder / "gases.yaml"
    path.write_text(INPUT)
    assert main(["run", str(path), "--run-dir", str(folder / "gases")]) == 0
    return path, folder / "gases"


def test_each_run_has_a_directory_that_is_a_run_of_its_own(begun: tuple[Path, Path], tmp_path: Path, capsys):
    _, directory = begun
    runs = [run["run"] for run in SeriesDirectory(directory).document()["runs"]]
    assert runs == ["ar/1GPa", "ar/3GPa", "kr/1GPa", "kr/3GPa"]
    assert main(["hull", str(directory / "kr/3GPa")]) == 0
    assert "Kr" in capsys.readouterr().out
    # Its input is complete: with the shared structures beside it, it does the same again.
    again = tmp_path / "again"
    assert main(["run", str(directory / "ar/3GPa/input.yaml"), "--run-dir", str(again)]) == 0
    assert outcomes(again) == outcomes(directory / "ar/3GPa")


def test_what_one_pressure_has_found_begins_the_next_of_its_system_alone(begun: tuple[Path, Path]):
    _, directory = begun
    assert not (directory / "ar/1GPa/shared.extxyz").exists()
    assert not (directory / "kr/1GPa/shared.extxyz").exists()
    for system, number in (("ar", 18), ("kr", 36)):
        shared = read_structures([directory / system / "3GPa/shared.extxyz"])
        assert 1 <= len(shared) <= 4
        assert {z for crystal in shared for z in crystal.numbers.tolist()} == {number}
        assert [o[1] for o in outcomes(directory / system / "3GPa")[: len(shared)]] == ["seed"] * len(shared)


def test_shared_cells_have_as_many_atoms_as_the_search_wants(begun: tuple[Path, Path]):
    _, directory = begun
    run = SeriesDirectory(directory).run("ar/1GPa")
    assert min(len(crystal) for crystal in ArchiveStore(run.archive).crystals().values() if crystal) == 1
    space = CompositionSpace((Composition.from_formula("Ar"),), 3, 4)
    shared = shared_structures(run, space, 50)
    assert shared and all(3 <= len(crystal) <= 4 for crystal in shared)
    assert all(np.ptp(crystal.numbers) == 0 for crystal in shared)
    assert len(shared_structures(run, space, 1)) == 1


def test_the_same_command_does_nothing_twice_and_a_raised_limit_goes_on(
    begun: tuple[Path, Path], tmp_path: Path, capsys
):
    path, directory = tmp_path / "input.yaml", tmp_path / "gases"
    path.write_text(INPUT)
    shutil.copytree(begun[1], directory)
    before = {run: outcomes(directory / run) for run in ("ar/1GPa", "ar/3GPa")}
    shared = (directory / "ar/3GPa/shared.extxyz").read_bytes()
    assert main(["run", str(path), "--run-dir", str(directory)]) == 0
    assert "run 1 of" not in capsys.readouterr().out
    path.write_text(INPUT.replace("candidates: 14", "candidates: 18").replace("[[Ar], [Kr]]", "[[Ar]]"))
    assert main(["run", str(path), "--run-dir", str(directory)]) == 0
    assert (directory / "ar/3GPa/shared.extxyz").read_bytes() == shared
    for run, recorded in before.items():
        now = outcomes(directory / run)
        assert len(now) == 18 and now[:14] == recorded


def test_a_run_that_fails_is_told_at_the_end_and_stops_no_other(tmp_path: Path, capsys):
    path, directory = tmp_path / "input.yaml", tmp_path / "run"
    other = "[[Ar], {endpoints: [Kr], seeds: [seed.cif]}]"
    path.write_text(INPUT.replace("[[Ar], [Kr]]", other).replace("[1, 3]", "[1]"))
    # A seed of the wrong element: found when the run begins.
    bulk("Ar", cubic=True).write(tmp_path / "seed.cif")
    assert main(["run", str(path), "--run-dir", str(directory)]) == SeriesError.exit_code
    told = capsys.readouterr().err
    assert "1 of 2 runs failed" in told and "kr/1GPa: seeds: Ar4 lie outside" in told
    states = {run["run"]: run["state"] for run in SeriesDirectory(directory).document()["runs"]}
    assert states == {"ar/1GPa": "done", "kr/1GPa": "failed"}
    # Put right, the same command does what is left.
    bulk("Kr", cubic=True).write(tmp_path / "seed.cif")
    assert main(["run", str(path), "--run-dir", str(directory)]) == 0
    told = capsys.readouterr().out
    assert "run 2 of 2: kr/1GPa" in told and "run 1 of 2" not in told


def test_a_bug_is_no_failure_of_a_run(tmp_path: Path, monkeypatch):
    path = tmp_path / "input.yaml"
    path.write_text(INPUT)

    def broken(*_):
        raise ZeroDivisionError

    monkeypatch.setattr("gasearch.workflow.series.queue.run_on", broken)
    with pytest.raises(ZeroDivisionError):
        main(["run", str(path), "--run-dir", str(tmp_path / "run")])


def test_the_table_is_text_json_and_csv(begun: tuple[Path, Path], tmp_path: Path, capsys):
    _, directory = begun
    assert main(["series", str(directory)]) == 0
    text = capsys.readouterr().out.splitlines()
    assert text[0].split() == ["system", "P", "(GPa)", "by", "hull"]
    assert text[1].split()[:3] == ["Ar", "1", "potential"]
    assert main(["series", str(directory), "--json", "--output", str(tmp_path / "out")]) == 0
    document = json.loads(capsys.readouterr().out)
    assert json.loads((tmp_path / "out/table.json").read_text()) == document
    rows = list(csv.DictReader((tmp_path / "out/phases.csv").read_text().splitlines()))
    assert len(rows) == len(document["phases"])
    assert {row["run"] for row in rows if row["on_hull"] == "True"} == {run["run"] for run in document["runs"]}


def test_a_directory_without_a_series_is_refused(tmp_path: Path, capsys):
    assert main(["series", str(tmp_path)]) == 4
    assert "holds no series" in capsys.readouterr().err


def test_check_prints_the_input_of_each_run(begun: tuple[Path, Path], capsys):
    path, _ = begun
    assert main(["check", str(path)]) == 0
    told = capsys.readouterr().out
    assert told.count("endpoints:") == 4 and "--- # kr/3GPa" in told


def phase(**values) -> dict:
    about = {"run": "h-s/200GPa", "system": "H–S", "pressure_GPa": 200.0, "space_group": "Im-3m", "formula": "H3S"}
    unknown = dict.fromkeys(("metal", "phonons", "tc_K", "tc_from", "structure", "electrons"))
    return about | unknown | {"method": "DFT", "above_hull_meV_per_atom": 0.0, "on_hull": True} | values


class Expects:
    """A model that knows sulphur hydrides alone."""

    name, pressures_GPa = "hydrides", (0.0, 500.0)

    def outside(self, amounts, pressure, dos=None):
        return None if set(amounts.shares) == {1, 16} else "hydrides: unlike all that it was trained on"

    def predict(self, features):
        return np.full(len(features), 90.0), np.full(len(features), 15.0)


def test_metals_are_ranked_by_tc_computed_before_learned_and_the_unknown_come_last():
    found = [
        phase(formula="HS2", metal=True),
        phase(metal=True, tc_K=231.0, tc_from="eliashberg"),
        phase(formula="S", metal=True),
        phase(formula="H", metal=False),
        phase(formula="H2S", method="potential"),
        phase(formula="H4S3", method="potential", on_hull=False),
        phase(formula="SO", method="potential"),
    ]
    rows = ranking(found, [Expects()])
    assert [(row["formula"], row["tc_K"]) for row in rows] == [
        ("H3S", 231.0),
        ("HS2", 90.0),
        ("H2S", 90.0),
        ("S", None),
    ]
    assert rows[0]["from"] == "eliashberg" and rows[1]["from"].startswith("learned, hydrides")
    assert [row["formula"] for row in ranking(found, [])] == ["H3S", "HS2", "S"]


def test_csv_of_nothing_is_nothing():
    assert as_csv([]) == ""
    assert as_csv([{"formula": "H3S", "from": "a, b"}]) == 'formula,from\nH3S,"a, b"\n'


def test_a_diagram_of_a_series_covers_its_pressures(begun: tuple[Path, Path], capsys):
    _, directory = begun
    runs = [str(directory / "kr" / pressure) for pressure in ("1GPa", "3GPa")]
    assert main(["diagram", *runs, "--steps", "2", "--output", str(directory)]) == 0
    document = json.loads((directory / "phase-diagram.json").read_text())
    assert [round(hull["pressure_GPa"], 6) for hull in document["hulls"]] == [1, 3]
    assert main(["diagram", str(directory), "--steps", "2"]) == InputError.exit_code
    assert "no common hull" in capsys.readouterr().err


def test_what_shows_one_run_names_those_of_a_series(begun: tuple[Path, Path], capsys):
    _, directory = begun
    assert main(["hull", str(directory)]) == InputError.exit_code
    assert str(directory / "ar/1GPa") in capsys.readouterr().err


def test_one_page_holds_all_runs(begun: tuple[Path, Path], capsys):
    _, directory = begun
    assert main(["report", str(directory)]) == 0
    page = (directory / "report.html").read_text()
    assert capsys.readouterr().out.strip() == str(directory / "report.html")
    data = json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.S)[1])
    found = [(one["endpoints"][0], one["pressure_GPa"]) for one in data["runs"]]
    assert found == [("Ar", 1.0), ("Ar", 3.0), ("Kr", 1.0), ("Kr", 3.0)]
    assert data["refresh_s"] is None

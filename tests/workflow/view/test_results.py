import json
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
import yaml

import gasearch
from gasearch.cli import main
from gasearch.errors import InputError, RunDirectoryError
from gasearch.outcomes import Relaxed
from gasearch.workflow.record.archive_store import ArchiveStore
from gasearch.workflow.record.structure_files import read_structures

INPUT = Path(__file__).parents[3] / "inputs" / "first-search.yaml"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "first"
    assert main(["run", str(INPUT), "--run-dir", str(path)]) == 0
    return path


def test_pymatgen_finds_the_same_hull(run: Path):
    found = gasearch.load_run(run)
    diagram = found.phase_diagram()
    for phase in found.phases:
        assert diagram.get_e_above_hull(phase.entry) == pytest.approx(phase.above_hull, abs=1e-7)


def test_phases_are_what_the_run_wrote(run: Path):
    written = json.loads((run / "hull.json").read_text())
    found = gasearch.load_run(run)
    assert found.method == "potential"
    assert found.pressure_GPa == written["pressure_GPa"]
    for phase, row in zip(found.phases, written["phases"], strict=True):
        assert phase.formula == row["formula"]
        assert phase.atoms.get_volume() / len(phase.atoms) == pytest.approx(row["volume_A3_per_atom"])
        assert np.allclose(phase.structure.lattice.matrix, phase.atoms.cell)


@pytest.mark.parametrize("suffix", ["json", "res", "extxyz"])
def test_the_hull_in_a_file_is_that_of_the_run(suffix: str, run: Path, tmp_path: Path, capsys):
    path = tmp_path / f"hull.{suffix}"
    assert main(["hull", str(run), "--write", str(path)]) == 0
    phases = gasearch.load_run(run).phases
    assert capsys.readouterr().out == f"{path}: {len(phases)} phases\n"
    assert [len(crystal) for crystal in read_structures([path])] == [len(phase.crystal) for phase in phases]


def test_what_one_search_wrote_begins_another(run: Path, tmp_path: Path):
    assert main(["hull", str(run), "--write", str(tmp_path / "known.res")]) == 0
    data = yaml.safe_load(INPUT.read_text())
    data["seeds"] = ["known.res"]
    data["search"] = {"first_generation": 4, "termination": {"candidates": 8}}
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(data))
    assert main(["run", str(tmp_path / "again.yaml"), "--run-dir", str(tmp_path / "again")]) == 0
    stable, again = (
        {p.formula: p.enthalpy_per_atom for p in gasearch.load_run(path).phases if p.above_hull < 1e-6}
        for path in (run, tmp_path / "again")
    )
    assert again == pytest.approx(stable, abs=1e-3)


def test_a_run_is_no_seed_but_says_what_is(run: Path):
    with pytest.raises(InputError, match="--write"):
        read_structures([run])


def test_of_an_archive_what_was_relaxed_is_read(run: Path):
    outcomes = ArchiveStore(run / "archive.db").outcomes()
    relaxed = [outcome for outcome in outcomes if isinstance(outcome.result, Relaxed) and outcome.twin is None]
    assert 0 < len(relaxed) < len(outcomes)
    assert len(read_structures([run / "archive.db"])) == len(relaxed)


def test_what_dft_has_not_done_is_said(run: Path):
    with pytest.raises(RunDirectoryError, match="gasearch refine"):
        gasearch.load_refined(run)


def test_a_folder_without_a_run_is_refused(tmp_path: Path):
    with pytest.raises(RunDirectoryError, match="holds no run"):
        gasearch.load_run(tmp_path)


def test_other_names_are_unknown():
    with pytest.raises(AttributeError, match="no attribute"):
        attrgetter("load_everything")(gasearch)

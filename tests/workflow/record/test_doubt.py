"""What a committee disagrees about is marked wherever a user looks."""

import json
from pathlib import Path

import numpy as np
import pytest

from gasearch.cli import main
from gasearch.crystal.composition import Composition, CompositionSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import fingerprint
from gasearch.evolution.candidate import Outcome
from gasearch.evolution.search import Search, SearchSettings
from gasearch.outcomes import Relaxed
from gasearch.workflow.record.pictures import draw
from gasearch.workflow.record.run_directory import RunDirectory
from gasearch.workflow.record.structure_files import write_best
from gasearch.workflow.record.summary import Tally, hull_document, phases, summary_document, undoubted

SPACE = CompositionSpace((Composition.from_formula("H"), Composition.from_formula("S")), 1, 4)
FOUND = (("H", -1.0, 0.001), ("S", -1.0, 0.002), ("HS", -1.5, 0.003), ("HS", -2.0, 0.3), ("H3S", -1.2, 0.004))


def outcome(id: int, formula: str, enthalpy: float, spread: float) -> Outcome:
    numbers, rng = Composition.from_formula(formula).numbers(), np.random.default_rng(id)
    crystal = Crystal(np.diag([3.0, 3.2, 3.5]), rng.random((len(numbers), 3)), numbers)
    total = enthalpy * len(crystal)
    relaxed = Relaxed(crystal, total, total, 7, 0.0, 0.0, spread)
    return Outcome(id, "random", (), crystal, relaxed, fingerprint(crystal, (1, 16)))


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """A run of which one candidate is far below the hull, and doubtful."""
    search = Search(SPACE, SearchSettings(max_spread=0.05), seed=1)
    for id, found in enumerate(FOUND):
        search.tell(outcome(id, *found))
    directory = RunDirectory(tmp_path)
    directory.input.write_text("")
    directory.hull.write_text(json.dumps(hull_document(search.archive, 1.0, 0.2, 10)))
    directory.summary.write_text(json.dumps(summary_document(search, Tally(), "done", {})))
    write_best(directory.best, phases(search.archive, 0.2))
    return directory


def test_the_documents_mark_it(run):
    hull = json.loads(run.hull.read_text())
    doubtful = [phase for phase in hull["phases"] if phase["doubtful"]]
    assert [phase["candidate"] for phase in doubtful] == [3]
    assert doubtful[0]["spread_eV_per_atom"] == 0.3 and not doubtful[0]["on_hull"]
    assert doubtful[0]["above_hull_eV_per_atom"] == pytest.approx(-0.5)
    assert hull["spread_limit_eV_per_atom"] == 0.05
    assert {phase["candidate"] for phase in hull["phases"] if phase["on_hull"]} == {0, 1, 2}
    assert json.loads(run.summary.read_text())["doubtful"] == 1
    assert "spread_eV_per_atom=0.3" in (run.best / "best.extxyz").read_text()


def test_the_table_and_the_status_say_so(run, capsys):
    assert main(["hull", str(run.path)]) == 0
    table = capsys.readouterr().out.splitlines()
    assert [line.endswith("? 300") for line in table[1:6]].count(True) == 1
    assert "disagrees by more than 50 meV/atom" in table[-1]
    assert main(["status", str(run.path)]) == 0
    assert "doubtful     1: the committee" in capsys.readouterr().out


def test_the_figure_shows_what_is_known(run):
    assert {phase["candidate"] for phase in undoubted(json.loads(run.hull.read_text()))} == {0, 1, 2, 4}
    assert all(path.stat().st_size > 1000 for path in draw(run))


def test_without_a_committee_nothing_is_said(tmp_path, capsys):
    search = Search(SPACE, SearchSettings(), seed=1)
    for id, (formula, enthalpy, _) in enumerate(FOUND):
        search.tell(outcome(id, formula, enthalpy, np.nan))
    document = hull_document(search.archive, 1.0, 0.2, 10)
    assert document["spread_limit_eV_per_atom"] is None
    assert not any("doubtful" in phase for phase in document["phases"])


def test_a_member_without_an_answer_is_doubt_and_the_documents_stay_json(tmp_path, capsys):
    search = Search(SPACE, SearchSettings(max_spread=0.05), seed=1)
    for id, (formula, enthalpy, spread) in enumerate(FOUND):
        search.tell(outcome(id, formula, enthalpy, np.inf if id == 3 else spread))
    document = hull_document(search.archive, 1.0, 0.2, 10)
    (phase,) = (one for one in json.loads(json.dumps(document, allow_nan=False))["phases"] if one["doubtful"])
    assert phase["spread_eV_per_atom"] is None and not phase["on_hull"]
    directory = RunDirectory(tmp_path)
    directory.input.write_text("")
    directory.hull.write_text(json.dumps(document))
    assert main(["hull", str(tmp_path)]) == 0
    assert any(line.endswith("?") for line in capsys.readouterr().out.splitlines())

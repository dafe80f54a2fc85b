"""A search with more than one aim, from its input to the front that is listed and drawn."""

import itertools
import json

import numpy as np
import pytest

from gasearch.cli import main
from gasearch.learning.card import write_model
from gasearch.learning.descriptors import Amounts
from gasearch.learning.forest import Growth
from gasearch.learning.ranking import train
from gasearch.learning.tables import Superconductors

INPUT = """
endpoints: [Ni, P]
pressure_GPa: 0
atoms: {min: 1, max: 4}
potential:
  kind: lennard-jones
  pairs:
    Ni-Ni: {epsilon_eV: 1.0, sigma_A: 2.0}
    Ni-P: {epsilon_eV: 1.5, sigma_A: 1.6}
    P-P: {epsilon_eV: 0.5, sigma_A: 1.76}
  cutoff_sigma: 2.5
search:
  block: 3
  lag: 6
  first_generation: 12
  selection: {aims: AIMS, aims_within_meV: 1000}
  termination: {candidates: 30}
"""


@pytest.fixture
def searched(tmp_path):
    """Search with some aims: ``searched(aims)`` returns the run's directory."""

    def run(aims: str):
        (tmp_path / "input.yaml").write_text(INPUT.replace("AIMS", aims))
        assert main(["run", str(tmp_path / "input.yaml"), "--run-dir", str(tmp_path / "run")]) == 0
        return tmp_path / "run"

    return run


def test_the_front_is_listed_and_drawn(searched, capsys):
    directory = searched("{volume_per_atom: lowest}")
    document = json.loads((directory / "hull.json").read_text())
    assert document["aims"] == {"volume_per_atom": "lowest"}
    front = [(phase["above_hull_eV_per_atom"], phase["aims"]["volume_per_atom"]) for phase in document["front"]]
    assert front == sorted(front)
    # Whoever is farther from the hull is denser; nobody behind the front beats a member of it in both.
    assert all(b < a for (_, a), (_, b) in itertools.pairwise(front))
    for one in document["behind"]:
        point = (one["above_hull_eV_per_atom"], one["volume_per_atom"])
        assert any(above <= point[0] and volume <= point[1] for above, volume in front)
    assert all("Ni" in phase["formula"] and "P" in phase["formula"] for phase in document["front"])
    capsys.readouterr()
    assert main(["hull", str(directory)]) == 0
    told = capsys.readouterr().out
    assert "Pareto front of volume_per_atom lowest and nearest to the hull" in told
    assert main(["plot", str(directory)]) == 0
    assert (directory / "front.png").stat().st_size > 0 and (directory / "front.svg").exists()


def test_without_aims_there_is_no_front(searched, capsys):
    directory = searched("{}")
    assert "front" not in json.loads((directory / "hull.json").read_text())
    assert main(["plot", str(directory)]) == 0
    assert not (directory / "front.png").exists()
    main(["hull", str(directory)])
    assert "Pareto" not in capsys.readouterr().out


def test_an_unknown_aim_is_named_with_its_place(tmp_path, capsys):
    (tmp_path / "input.yaml").write_text(INPUT.replace("AIMS", "{volume: lowest, hydrogen_share: most}"))
    assert main(["check", str(tmp_path / "input.yaml")]) == 2
    told = capsys.readouterr().err
    assert "search.selection.aims.hydrogen_share" in told


@pytest.fixture
def tc_model(tmp_path):
    """A model of a made-up law: Tc grows with the share of phosphorus."""
    formula = tuple(f"{metal}{m}P{n}" for metal in ("Ni", "Co", "Fe") for m in range(1, 5) for n in range(1, 5))
    tc = np.array([40 * Amounts.from_formula(one).shares[15] for one in formula])
    model, report = train("supercon", Superconductors(formula, tc, None, None, 0), Growth(trees=5), seed=0)
    write_model(model, report, tmp_path / "tc")
    return tmp_path / "tc"


def test_models_of_tc_are_an_aim(searched, tc_model):
    """They know compositions: of each that stands on the front the lowest structure does."""
    directory = searched("{tc: highest}, tc_models: [tc]")
    front = json.loads((directory / "hull.json").read_text())["front"]
    assert len({phase["formula"] for phase in front}) == len(front)
    expected = [phase["aims"]["tc"] for phase in front]
    assert expected == sorted(expected) and all(0 < tc < 40 for tc in expected)


@pytest.mark.parametrize(
    ("aims", "told"),
    [
        ("{tc: highest}", "tc_models: the aim tc needs models of Tc"),
        ("{}, tc_models: [tc]", "tc_models: the aim tc needs models of Tc"),
        ("{tc: highest}, tc_models: [nowhere]", "search.selection.tc_models: there is no folder"),
    ],
)
def test_the_aim_and_its_models_come_together(aims, told, tmp_path, tc_model, capsys):
    (tmp_path / "input.yaml").write_text(INPUT.replace("AIMS", aims))
    assert main(["check", str(tmp_path / "input.yaml")]) == 2
    assert told in capsys.readouterr().err


def test_a_search_is_not_made_shorter_than_it_was(searched, tmp_path, capsys):
    directory = searched("{}")
    before = (directory / "hull.json").read_text()
    (tmp_path / "input.yaml").write_text(INPUT.replace("AIMS", "{}").replace("candidates: 30", "candidates: 20"))
    assert main(["run", str(tmp_path / "input.yaml"), "--run-dir", str(directory)]) == 4
    assert "30 candidates are in" in capsys.readouterr().err
    assert (directory / "hull.json").read_text() == before


def test_a_run_begun_before_there_was_a_setting_goes_on(searched, tmp_path, capsys):
    directory = searched("{}")
    lines = (directory / "input.yaml").read_text().splitlines(keepends=True)
    (directory / "input.yaml").write_text("".join(line for line in lines if "tc_models" not in line))
    assert main(["run", str(tmp_path / "input.yaml"), "--run-dir", str(directory)]) == 0
    assert "tc_models" in (directory / "input.yaml").read_text()


def test_a_series_is_not_begun_where_a_run_is(searched, tmp_path, capsys):
    directory = searched("{}")
    series = INPUT.replace("AIMS", "{}").replace("pressure_GPa: 0", "pressure_GPa: [0, 1]")
    (tmp_path / "series.yaml").write_text(series)
    assert main(["run", str(tmp_path / "series.yaml"), "--run-dir", str(directory)]) == 4
    assert "holds a run of its own" in capsys.readouterr().err
    assert not (directory / "series.json").exists()

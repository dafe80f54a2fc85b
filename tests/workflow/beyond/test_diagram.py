import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gasearch.cli import main
from gasearch.crystal.crystal import Crystal
from gasearch.errors import InputError, RunDirectoryError
from gasearch.outcomes import Failure, Reason, Relaxed
from gasearch.units import pressure_from_GPa
from gasearch.workflow.beyond.diagram import HullAt, gathered, hull_at, stable_ranges
from gasearch.workflow.dft.refinement import Proposal

INPUT = Path(__file__).parents[3] / "inputs" / "first-search.yaml"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "first"
    assert main(["run", str(INPUT), "--run-dir", str(path)]) == 0
    return path


def cubic(numbers: list[int], a: float = 3.0) -> Crystal:
    frac = np.arange(len(numbers))[:, None] * np.full(3, 0.5)
    return Crystal(a * np.eye(3), frac, numbers)


def relaxed(crystal: Crystal, per_atom: float) -> Relaxed:
    return Relaxed(crystal, len(crystal) * per_atom, len(crystal) * per_atom, 9, 0.0, 0.0)


HYDROGEN, SULPHUR, BOTH = cubic([1]), cubic([16]), cubic([1, 16])
PROPOSALS = [Proposal("h", HYDROGEN, (1.0, 0.0)), Proposal("s", SULPHUR, (0.0, 1.0)), Proposal("hs", BOTH, (0.5, 0.5))]


def hull(pressure_GPa: float, middle: float) -> HullAt:
    results = [relaxed(HYDROGEN, 0.0), relaxed(SULPHUR, 0.0), relaxed(BOTH, middle)]
    return hull_at(pressure_from_GPa(pressure_GPa), PROPOSALS, results)


def test_a_compound_is_stable_where_it_lies_below_its_elements():
    ranges = {r.formula: r for r in stable_ranges([hull(0, 0.1), hull(10, -0.1), hull(20, -0.2), hull(40, 0.1)])}
    assert (ranges["HS"].low, ranges["HS"].high) == (5, 30)
    assert ranges["HS"].pressures == pytest.approx((10, 20))
    assert (ranges["S"].low, ranges["S"].high) == pytest.approx((0, 40))


def test_what_becomes_unstable_and_stable_again_has_two_ranges():
    found = [r for r in stable_ranges([hull(0, -0.1), hull(10, 0.1), hull(20, -0.1)]) if r.formula == "HS"]
    assert [(r.low, r.high) for r in found] == [(0, 5), (15, 20)]


def test_a_change_of_symmetry_begins_another_range():
    first, second = hull(0, -0.1), hull(10, -0.1)
    sheared = Crystal(BOTH.cell @ np.diag([1.0, 1.0, 1.2]), BOTH.frac, BOTH.numbers)
    phases = tuple((p, replace(r, crystal=sheared) if p.name == "hs" else r) for p, r in second.phases)
    found = [r for r in stable_ranges([first, replace(second, phases=phases)]) if r.formula == "HS"]
    assert [r.space_group for r in found] == ["Pm-3m", "P4/mmm"]


def test_one_pressure_alone_is_a_point():
    assert {(r.low, r.high) for r in stable_ranges([hull(10, -0.1)])} == {(10.0, 10.0)}


def test_without_a_phase_of_an_endpoint_there_is_no_hull():
    results = [Failure(Reason.EXPLODED), relaxed(SULPHUR, 0.0), relaxed(BOTH, -1.0)]
    with pytest.raises(RunDirectoryError, match=r"at 5 GPa.*endpoint"):
        hull_at(pressure_from_GPa(5), PROPOSALS, results)


def test_what_a_committee_doubts_is_left_out():
    results = [relaxed(HYDROGEN, 0.0), relaxed(SULPHUR, 0.0), replace(relaxed(BOTH, -1.0), spread=0.02)]
    found = hull_at(pressure_from_GPa(5), PROPOSALS, results, max_spread=0.01)
    assert {p.name for p, _ in found.phases} == {"h", "s"}
    assert found.left_out == 1
    assert len(hull_at(pressure_from_GPa(5), PROPOSALS, results, max_spread=0.03).phases) == 3


def test_at_its_own_pressure_a_run_finds_its_hull_again(run: Path, tmp_path: Path, capsys):
    searched = json.loads((run / "hull.json").read_text())
    pressure = searched["pressure_GPa"]
    command = ["diagram", str(run), "--from", str(pressure), "--to", str(pressure + 2), "--steps", "2"]
    folder = tmp_path / "not" / "yet"
    assert main([*command, "--output", str(folder)]) == 0
    document = json.loads((folder / "phase-diagram.json").read_text())
    found = {(p["formula"], round(p["enthalpy_eV_per_atom"], 3)) for p in document["hulls"][0]["phases"]}
    assert found == {(p["formula"], round(p["enthalpy_eV_per_atom"], 3)) for p in searched["phases"] if p["on_hull"]}
    assert (folder / "phase-diagram.png").exists()
    assert "phase-diagram.svg" in capsys.readouterr().out


def test_volumes_fall_with_pressure(run: Path, tmp_path: Path, capsys):
    command = ["diagram", str(run), "--from", "0", "--to", "20", "--steps", "3", "--output", str(tmp_path)]
    assert main([*command, "--json"]) == 0
    document = json.loads((tmp_path / "phase-diagram.json").read_text())
    assert json.loads(capsys.readouterr().out) == document
    hulls = document["hulls"]
    pure = [{p["formula"]: p["volume_A3_per_atom"] for p in h["phases"]} for h in hulls]
    for element in json.loads((run / "hull.json").read_text())["endpoints"]:
        volumes = [h[element] for h in pure]
        assert volumes == sorted(volumes, reverse=True)
        assert volumes[0] > volumes[-1]


def test_runs_of_two_systems_have_no_common_hull(run: Path, tmp_path: Path):
    other = tmp_path / "other"
    input_file = tmp_path / "other.yaml"
    input_file.write_text(
        "endpoints: [Ar]\npressure_GPa: 1\natoms: {max: 2}\n"
        "potential: {kind: lennard-jones, pairs: {Ar-Ar: {epsilon_eV: 0.0104, sigma_A: 3.4}}}\n"
        "search: {termination: {candidates: 16}}\n"
    )
    assert main(["run", str(input_file), "--run-dir", str(other)]) == 0
    with pytest.raises(InputError, match="no common hull"):
        gathered([run, other], 0.1)


def test_pressures_in_the_wrong_order_are_refused(run: Path, capsys):
    assert main(["diagram", str(run), "--from", "20", "--to", "10"]) != 0
    assert "exchange them" in capsys.readouterr().err


def test_runs_at_one_pressure_need_a_range(run: Path, capsys):
    assert main(["diagram", str(run)]) == InputError.exit_code
    assert "give --from and --to" in capsys.readouterr().err

"""The input of a series, as the list of its runs' inputs."""

from pathlib import Path

import pytest

from gasearch.config import holds_series, load_series, to_yaml
from gasearch.errors import InputError
from gasearch.series import expanded, is_series

INPUTS = Path(__file__).parent.parent / "inputs"
PAIRS = "{H-H: {epsilon_eV: 1.0, sigma_A: 1.4}, H-S: {epsilon_eV: 1.0, sigma_A: 1.6}, S-S: {epsilon_eV: 1, sigma_A: 2}}"
POTENTIAL = f"potential: {{kind: lennard-jones, pairs: {PAIRS}}}\n"


def series(folder: Path, text: str):
    path = folder / "input.yaml"
    path.write_text(text + POTENTIAL * ("potential" not in text))
    return load_series(path)


def test_an_input_of_one_run_is_no_series():
    assert not holds_series(INPUTS / "first-search.yaml")
    assert not is_series("text") and not is_series({"pressure_GPa": 5})
    assert holds_series(INPUTS / "pressures.yaml") and holds_series(INPUTS / "systems.yaml")


def test_pressures_alone_are_directories_of_their_own():
    runs = load_series(INPUTS / "pressures.yaml").runs
    assert list(runs) == ["0GPa", "20GPa", "40GPa"]
    assert [config.seed for config in runs.values()] == [1, 1, 1]


def test_a_system_says_what_differs_for_it_and_keeps_the_rest():
    runs = load_series(INPUTS / "systems.yaml").runs
    assert list(runs) == ["ni-p/0GPa", "ni-p/20GPa", "ni-al/0GPa", "ni-al/20GPa"]
    assert [config.seed for config in runs.values()] == [1, 1, 2, 2]
    assert {config.search.termination.candidates for config in runs.values()} == {120}


def test_the_name_of_the_system_stands_where_it_is_asked_for():
    potential = {"kind": "mace", "path": "potentials/{system}"}
    data = {"systems": [["H", "S"], ["H", "Se"]], "pressure_GPa": 5, "potential": potential, "seeds": ["{system}.cif"]}
    runs = expanded(data)
    assert [run["potential"]["path"] for run in runs.values()] == ["potentials/h-s", "potentials/h-se"]
    assert runs["h-se/5GPa"]["seeds"] == ["h-se.cif"]
    assert data["potential"]["path"] == "potentials/{system}"


def test_windows_of_endpoints_of_other_systems_are_left_out_and_unknown_ones_are_not(tmp_path: Path):
    text = "systems: [[H, S], [S]]\npressure_GPa: [1]\nwindows: {H: [0.2, 0.9]}\n"
    runs = series(tmp_path, text).runs
    assert runs["h-s/1GPa"].windows and not runs["s/1GPa"].windows
    with pytest.raises(InputError, match=r"windows.O: no endpoint"):
        series(tmp_path, text.replace("{H:", "{O:"))


def test_exports_of_two_runs_have_folders_of_their_own(tmp_path: Path):
    runs = series(tmp_path, "endpoints: [H]\npressure_GPa: [1, 2]\nrefine: {}\nexport: {to: found}\n").runs
    assert [config.export.to for config in runs.values()] == [tmp_path / "found/1GPa", tmp_path / "found/2GPa"]


def test_what_a_run_was_given_can_be_run_alone(tmp_path: Path):
    for config in load_series(INPUTS / "systems.yaml").runs.values():
        text = to_yaml(config, tmp_path)
        assert "systems" not in text and "pressure_GPa: [" not in text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("endpoints: [H]\npressure_GPa: []\n", "the list is empty"),
        ("endpoints: [H]\npressure_GPa: [high]\n", "found 'high'; allowed is a number"),
        ("endpoints: [H]\npressure_GPa: [5, 5.0]\n", "5GPa: listed more than once"),
        ("systems: []\npressure_GPa: 5\n", r"allowed is a list such as \[\[H, S\]"),
        ("systems: [H]\npressure_GPa: 5\n", r"systems\[0\]: found 'H'"),
        ("systems: [[H], [H]]\npressure_GPa: 5\n", "h/5GPa: listed more than once"),
        ("systems: [[H]]\nendpoints: [H]\npressure_GPa: 5\n", "leave one out"),
        ("systems: [[H]]\npressure_GPa: 5\nmodels: here\n", "models: found 'here'"),
        ("systems: [[H]]\npressure_GPa: 5\nmodels: [nowhere]\n", "models: there is no folder"),
        ("systems: [[H], [S]]\npressure_GPa: 5\nsaed: 3\n", "^saed: unknown; did you mean seed"),
        ("systems: [[H], [O]]\npressure_GPa: 5\n", "^o/5GPa: potential.pairs.O-O: missing"),
    ],
)
def test_a_mistake_is_told_once_with_its_run_where_not_all_have_it(text: str, problem: str, tmp_path: Path):
    with pytest.raises(InputError, match=problem):
        series(tmp_path, text)

import itertools
from pathlib import Path

import numpy as np
import pytest

from gasearch.config import (
    Config,
    example,
    holds_series,
    load,
    load_begun,
    load_pretraining,
    load_series,
    to_yaml,
    warnings,
)
from gasearch.crystal.composition import Composition, Pair
from gasearch.errors import InputError
from gasearch.potential.settings import AseSettings, LennardJonesSettings, MaceSettings
from gasearch.units import pressure_from_GPa

INPUTS = Path(__file__).parent.parent / "inputs"
LENNARD_JONES = """
endpoints: [Ni, P]
pressure_GPa: 10
potential:
  kind: lennard-jones
  pairs:
    Ni-Ni: {epsilon_eV: 1.0, sigma_A: 2.0}
    P-Ni: {epsilon_eV: 15e-1, sigma_A: 1.6}
    P-P: {epsilon_eV: .5, sigma_A: 1.76}
"""
CARD = """
elements = ["H", "S"]
model = "small.model"
sha256 = "0"
pressure_GPa = [100, 300]
"""


@pytest.fixture
def write(tmp_path: Path):
    def written(text: str, name: str = "input.yaml") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return written


@pytest.fixture
def problems(write):
    def found(text: str) -> list[str]:
        with pytest.raises(InputError) as caught:
            load(write(text))
        return list(caught.value.problems)

    return found


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "potentials" / "h-s"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text(CARD)
    (folder / "small.model").touch()
    return folder


def test_a_model_that_is_missing_is_named_before_a_run_is_begun(write, model):
    (model / "small.model").unlink()
    text = "endpoints: [H, S]\npressure_GPa: 200\npotential: {kind: mace, path: potentials/h-s}\n"
    with pytest.raises(InputError, match=r"potential.path: there is no model file .*small.model"):
        load(write(text))


def test_an_input_becomes_settings_in_our_units(write):
    config = load(write(LENNARD_JONES))
    assert config.pressure == pressure_from_GPa(10)
    assert [e.formula for e in config.space.endpoints] == ["Ni", "P"]
    assert (config.space.min_atoms, config.space.max_atoms) == (1, 16)
    assert isinstance(config.potential, LennardJonesSettings)
    pair = config.potential.pairs[Pair.from_text("Ni-P")]
    assert (pair.epsilon, pair.sigma) == (1.5, 1.6)


def test_endpoints_are_reduced_and_windows_follow_them(write):
    text = LENNARD_JONES.replace("[Ni, P]", "[Ni2P2, P2]") + "windows: {PNi: [0.25, 0.75]}\n"
    space = load(write(text)).space
    assert [e.formula for e in space.endpoints] == ["NiP", "P"]
    assert space.windows == ((0.25, 0.75), (0.0, 1.0))
    assert Composition.from_formula("NiP3") in space
    assert Composition.from_formula("NiP9") not in space


@pytest.mark.parametrize("path", sorted(INPUTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_is_written_of_an_input_is_the_same_input(path: Path, tmp_path: Path):
    text = path.read_text().replace("../potentials", str(INPUTS.parent / "potentials"))
    original = tmp_path / "original.yaml"
    original.write_text(text)
    read = load_pretraining if path.stem.startswith("pretrain-") else load
    several = read is load and holds_series(original)
    configs = load_series(original).runs.values() if several else [read(original)]
    elsewhere = tmp_path / "a" / "b"
    elsewhere.mkdir(parents=True)
    for comments, config in itertools.product((False, True), configs):
        (elsewhere / "again.yaml").write_text(to_yaml(config, elsewhere, comments=comments))
        assert read(elsewhere / "again.yaml") == config


def test_paths_are_relative_to_the_input(write, model):
    config = load(write("{endpoints: [H, S], pressure_GPa: 200, potential: {kind: mace, path: potentials/h-s}}"))
    assert isinstance(config.potential, MaceSettings)
    assert config.potential.path == model
    assert "path: ../potentials/h-s\n" in to_yaml(config, model.parent.parent / "runs")


def test_elements_that_yaml_takes_for_truth_values_are_elements(write, tmp_path):
    potential = "{kind: ase, calculator: a.B, arguments: {x: [on, 1e-3, '1e-3']}}"
    text = f"{{endpoints: [Y, No, N], pressure_GPa: 1, potential: {potential}}}"
    config = load(write(text))
    assert [e.formula for e in config.endpoints] == ["Y", "No", "N"]
    assert isinstance(config.potential, AseSettings)
    assert config.potential.arguments == {"x": ["on", 1e-3, "1e-3"]}
    assert load(write(to_yaml(config, tmp_path))) == config


def test_an_example_input_explains_itself_and_is_valid(write, model, tmp_path):
    text = example(["H", "S"], 200, model, tmp_path)
    assert "path: potentials/h-s\n" in text
    assert "# External pressure" in text
    config = load(write(text))
    assert np.isclose(config.pressure, pressure_from_GPa(200), rtol=1e-15)


@pytest.mark.parametrize("endpoints", [["Q"], ["H", "H2"], ["H"] * 6])
def test_an_example_of_impossible_endpoints_is_refused(endpoints, tmp_path):
    with pytest.raises(InputError):
        example(endpoints, 200, None, tmp_path)


def test_all_problems_of_an_input_come_at_once(problems):
    text = LENNARD_JONES.replace("10", '"200"') + "atoms: {min: 9, max: 8}\nserch: {}\nseed: -1\n"
    assert problems(text) == [
        "serch: unknown; did you mean search?",
        "pressure_GPa: found the text '200'; allowed is a number from -100 to 10000",
        "atoms: min 9 is above max 8; exchange them, or give max alone",
        "seed: found -1; allowed is a whole number of at least 0",
    ]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("[Ni, P]", "[Ni, P, S]", "potential.pairs.S-Ni: missing; give its epsilon_eV and sigma_A"),
        ("[Ni, P]", "[Ni, Ni]", "input: the endpoints Ni, Ni are mixtures of one another; leave one out"),
        ("[Ni, P]", "[Ni, Pp]", "endpoints[1]: 'Pp' in 'Pp' is not a chemical element"),
        ("[Ni, P]", "[]", "input: 0 endpoints; a search takes one to five"),
        ("Ni-Ni:", "Ni:", "potential.pairs.Ni: 'Ni' is no pair of elements; write one such as Ni-P"),
        ("P-P:", "Ni-P:", "potential.pairs: P-Ni and Ni-P mean the same; give one of them"),
        ("P-P:", "P-Ni:", "P-Ni: given more than once in the block at line 7"),
        (
            "pressure_GPa:",
            "windows: {P: [0.9, 0.1]}\npressure_GPa:",
            "windows.P: found [0.9, 0.1]; the lower bound comes first",
        ),
        ("pressure_GPa:", "windows: {S: [0, 1]}\npressure_GPa:", "windows.S: no endpoint; allowed are Ni, P"),
        ("pressure_GPa:", "seeds: [missing.cif]\npressure_GPa:", "missing.cif"),
        ("pressure_GPa:", "search: {operators: {herdity: 1}}\npressure_GPa:", "search.operators: unknown herdity"),
        ("pressure_GPa:", "search: {operators: {}}\npressure_GPa:", "search.operators: every weight is zero"),
        ("10", "10 GPa", "pressure_GPa: found the text '10 GPa'; allowed is a number from -100 to 10000"),
        ("10", ".inf", "pressure_GPa: found inf"),
        ("10", "'10", "is not YAML"),
    ],
)
def test_a_mistake_is_said_clearly(problems, old: str, new: str, problem: str):
    found = problems(LENNARD_JONES.replace(old, new, 1))
    assert any(problem in text for text in found), found


def test_endpoints_must_fit_into_the_cell(problems):
    text = LENNARD_JONES.replace("[Ni, P]", "[NiP2, P]") + "atoms: {max: 2}\n"
    assert problems(text) == ["endpoints[0]: no cell of NiP2 has 1 to 2 atoms"]


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n"])
def test_an_empty_file_is_told_where_to_start(problems, text: str):
    assert "is empty; `gasearch init" in problems(text)[0]


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        load(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        load(tmp_path / "binary.yaml")


def test_a_model_for_other_elements_is_refused_without_loading_it(problems, model):
    text = "{endpoints: [H, Se], pressure_GPa: 200, potential: {kind: mace, path: potentials/h-s}}"
    assert problems(text) == [f"potential.path: {model} was made for H, S, not for Se"]


def test_a_model_that_is_not_there_is_named(problems):
    text = "{endpoints: [H], pressure_GPa: 200, potential: {kind: mace, path: none.model}}"
    assert problems(text)[0].startswith("potential.path: there is no file or folder ")


def test_a_run_that_has_begun_can_be_looked_at_without_the_files_that_it_names(write, problems):
    text = "{endpoints: [H], pressure_GPa: 200, potential: {kind: mace, path: none.model}, seeds: [none.cif]}"
    assert [problem.partition(":")[0] for problem in problems(text)] == ["potential.path", "seeds"]
    assert load_begun(write(text)).seeds[0].name == "none.cif"
    with pytest.raises(InputError, match=r"windows\.S: no endpoint"):
        load_begun(write(text.replace("seeds:", "windows: {S: [0, 1]}, seeds:")))


def test_a_lag_that_does_not_suit_the_ranks_is_warned_of(write):
    config: Config = load(write(LENNARD_JONES + "search: {block: 8, lag: 24, termination: {candidates: 1000}}\n"))
    assert list(warnings(config, ranks=4)) == []
    assert list(warnings(config, ranks=8)) == ["search.lag 24 keeps 4 ranks busy, not 8; 128 would"]
    late = load(write(LENNARD_JONES + "search: {lag: 300, first_generation: 60, termination: {candidates: 1000}}\n"))
    assert len(list(warnings(late))) == 1


def test_a_pressure_that_the_model_was_not_made_for_is_warned_of(write, model):
    text = "{endpoints: [H, S], pressure_GPa: 50, potential: {kind: mace, path: potentials/h-s}}"
    assert list(warnings(load(write(text)))) == [f"{model} was made for 100 to 300 GPa, not for 50; do not trust it"]

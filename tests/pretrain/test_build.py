"""From an input to a potential, with real pw.x and real training, on the smallest scale."""

import os
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from gasearch.cli import main
from gasearch.config import load_pretraining, to_yaml
from gasearch.crystal.crystal import Crystal
from gasearch.errors import CalculationError
from gasearch.espresso.pw import PwSettings, ScfResult
from gasearch.potential.card import RmsErrors, read_card
from gasearch.pretrain.active_learning import ActiveSettings
from gasearch.pretrain.build import Builder
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.pretraining import MAY_CHANGE
from gasearch.pretrain.sampling import Kind, Sample, Split, lattice, split_of

INPUT = """
elements: [H]
pressure_GPa: [100, 300]
max_atoms: 2
random_cells: 12
rounds: 1
committee: 2
sampling: {scan: [0.7, 1.0, 1.3]}
active: {relaxations: 4, labels: 3}
dft: {ecutwfc: 60, ecutrho: 180, k_spacing: 1.0}
training: {channels: 4, cutoff_A: 3.0, correlation: 2, epochs: 6, stage_two: 4}
"""

#: What goes on from the potential of this input.
FURTHER = (
    INPUT.replace("random_cells: 12", "random_cells: 0\nseed: 1\nstart: ../out")
    .replace("scan: [0.7, 1.0, 1.3]", "scan: [], prototypes: false")
    .replace("epochs: 6", "epochs: 6, further_epochs: 6")
)


@pytest.fixture
def input_file(tmp_path: Path) -> Path:
    path = tmp_path / "pretrain-h.yaml"
    path.write_text(INPUT)
    return path


def command(path: Path) -> list[str]:
    return ["pretrain", str(path), "--work", str(path.parent / "work"), "--output", str(path.parent / "out")]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pw.x") is None, reason="pw.x is not installed")
@pytest.mark.filterwarnings("ignore")
def test_a_potential_is_made_from_an_input_and_not_made_twice(input_file, capsys):
    assert main(command(input_file)) == 0
    output = input_file.parent / "out"
    card = read_card(output)
    assert card.elements == ("H",) and card.pressure_GPa == (100.0, 300.0)
    assert card.committee.files == ("mace-1.model",) and (output / "mace-1.model").is_file()
    assert {"scan", "prototype", "random"} <= set(card.facts["training_set"]["kinds"])
    assert card.facts["labels"]["cells"] == sum(card.facts["training_set"]["splits"].values()) >= 9
    labels = {path: path.stat().st_mtime_ns for path in (input_file.parent / "work" / "labels").iterdir()}
    model = (output / card.model).read_bytes()
    capsys.readouterr()

    # Again: everything is there, and neither labels nor models are made anew.
    assert main(command(input_file)) == 0
    assert {path: path.stat().st_mtime_ns for path in labels} == labels
    assert (output / card.model).read_bytes() == model
    assert "training" not in capsys.readouterr().out

    # The resolved input beside the potential makes it once more, also where another one lies.
    shutil.copy(output / "pretrain.yaml", input_file)
    (output / "card.toml").write_text((output / "card.toml").read_text().replace(card.sha256, "0" * 64))
    assert main(command(input_file)) == 0
    assert read_card(output).sha256 == card.sha256

    # Another input goes on from it: with its labels, its models, and a round more.
    further = input_file.parent / "further"
    further.mkdir()
    (further / "in.yaml").write_text(FURTHER)
    assert main(command(further / "in.yaml")) == 0
    more = read_card(further / "out")
    assert more.facts["labels"]["cells"] > card.facts["labels"]["cells"] and more.sha256 != card.sha256
    assert more.facts["labels"]["basis_error_eV"] == card.facts["labels"]["basis_error_eV"]
    assert "start: ../../out" in (further / "out" / "pretrain.yaml").read_text()


def test_without_pw_nothing_is_begun(input_file, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    assert main(command(input_file)) == 5
    assert "pw.x is not on the PATH" in capsys.readouterr().err
    assert not (tmp_path / "work").exists()


@pytest.mark.skipif(shutil.which("pw.x") is None, reason="pw.x is not installed")
def test_a_missing_pseudopotential_is_named(input_file, capsys):
    input_file.write_text(INPUT.replace("[H]", "[H, Lr]"))
    assert main(command(input_file)) == 5
    assert "Lr.UPF" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("pw.x") is None, reason="pw.x is not installed")
def test_the_folder_of_another_input_is_refused(input_file, capsys):
    work = input_file.parent / "work"
    (work / "labels").mkdir(parents=True)
    settings = load_pretraining(input_file)
    (work / "pretrain.yaml").write_text(to_yaml(replace(settings, max_atoms=3), work))
    assert main(command(input_file)) == 4
    assert "-max_atoms: 3" in capsys.readouterr().err
    assert not list((work / "labels").iterdir())


@pytest.mark.skipif(shutil.which("pw.x") is None, reason="pw.x is not installed")
def test_a_potential_of_another_input_is_not_overwritten(input_file, capsys):
    output = input_file.parent / "out"
    output.mkdir()
    (output / "card.toml").write_text("")
    assert main(command(input_file)) == 4
    assert "was not made by this input" in capsys.readouterr().err
    (output / "pretrain.yaml").write_text(to_yaml(replace(load_pretraining(input_file), max_atoms=3), output))
    assert main(command(input_file)) == 4
    assert "-max_atoms: 3" in capsys.readouterr().err
    assert not (input_file.parent / "work").exists()


@pytest.mark.parametrize("key", MAY_CHANGE)
def test_what_may_change_is_in_the_input(key, input_file):
    """A key that was renamed would silently be one that may not."""
    lines = to_yaml(load_pretraining(input_file), input_file.parent).splitlines()
    assert any(line.strip().startswith(f"{key}:") for line in lines)


def test_what_decides_labels_or_the_size_of_models_may_not_change():
    fixed = {"seed", "preset", "channels", "cutoff_A", "rattled_share", "max_atoms", "committee", "dtype"}
    assert not fixed & set(MAY_CHANGE)


@pytest.fixture
def rounds(input_file, monkeypatch):
    """A build whose models err by what their round says, on twelve relaxed cells of the validation."""
    builder = Builder(load_pretraining(input_file), input_file.parent, None, None, print)
    errors = {}
    origin = next(name for name in map(str, range(99)) if split_of(name) is Split.VALIDATION)
    result = ScfResult(0.0, np.zeros((1, 3)), np.zeros((3, 3)), 1, 1)
    cells = [Label(Sample(lattice("bcc", 1, 1.5), origin, Kind.RELAXATION), result)] * 12
    monkeypatch.setattr(Builder, "labels", lambda self, number: cells)
    monkeypatch.setattr(Builder, "above_hull", lambda self, labels: np.zeros(len(labels)))
    monkeypatch.setattr("gasearch.pretrain.build.Mace", lambda path, trusted: errors[path.parent.parent.name])
    monkeypatch.setattr("gasearch.pretrain.build.rms_errors", lambda error, labels: RmsErrors(12, error, 0.0, 0.0))
    return builder, errors


@pytest.mark.parametrize(("after", "early", "goes_on"), [(9.0, True, True), (11.0, True, False), (11.0, False, True)])
def test_rounds_end_when_errors_at_low_minima_no_longer_fall(after, early, goes_on, rounds, capsys):
    builder, errors = rounds
    builder = replace(builder, settings=replace(builder.settings, active=ActiveSettings(stop_early=early)))
    errors |= {"model-0": 10.0, "model-1": after}
    assert builder.gains(1) is goes_on
    told = capsys.readouterr().out
    assert f"10.0 before, {after:.1f} meV/atom after it at 12 relaxed cells" in told
    assert ("active learning ends" in told) is not goes_on


def test_labels_that_come_after_a_training_began_are_not_said_to_be_learned(input_file, make_label):
    work = input_file.parent
    builder = Builder(load_pretraining(input_file), work, None, None, print)
    (work / "labels").mkdir()
    (work / "labels" / "early.json").write_text("{}")
    assert builder._learned(0) == ["early"]
    (work / "labels" / "late.json").write_text("{}")
    assert builder._learned(0) == ["early"] and builder._learned(1) == ["early", "late"]


@dataclass(frozen=True)
class Energies:
    """Stands for pw.x: a pressure that is off by a share of what the energies say."""

    off: float
    settings: PwSettings = field(default_factory=lambda: PwSettings(ecutwfc=60.0))

    def scf(self, crystal: Crystal) -> ScfResult:
        pressure = 10.0 / crystal.volume**2
        stress = -(1 + self.off) * pressure * np.eye(3)
        return ScfResult(10.0 / crystal.volume, np.zeros((1, 3)), stress, 1, 1)


@pytest.mark.parametrize("off", [0.0, 0.03, -0.03])
def test_a_stress_that_agrees_with_the_energy_is_accepted(off, input_file):
    builder = Builder(load_pretraining(input_file), input_file.parent, Energies(off), None, print)
    assert builder._atomic_volumes()[1] > 0


def test_a_cutoff_too_low_for_an_element_is_named(input_file):
    builder = Builder(load_pretraining(input_file), input_file.parent, Energies(0.1), None, print)
    with pytest.raises(CalculationError, match="ecutwfc 60 is too low"):
        builder._atomic_volumes()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("elements: [H]", "elements: [H, Xx]", "elements: Xx unknown"),
        ("elements: [H]", "elements: []", "0 endpoints"),
        ("[100, 300]", "[300, 100]", "pressure_GPa: the lowest comes first"),
        ("[100, 300]", "200", "pressure_GPa: found 200"),
        ("max_atoms: 2", "max_atom: 2", "did you mean max_atoms"),
        ("stage_two: 4", "stage_two: 6", "training.stage_two: 6 is not below the 6 epochs"),
        ("epochs: 6", "epochs: 5", "training.stage_two: of epochs 4 to 4 none is a multiple of 5"),
        ("ecutwfc: 60", "ecutwfc: -60", "dft.ecutwfc: found -60"),
        ("cutoff_A: 3.0", "cutoff: 3.0", "did you mean cutoff_A"),
    ],
)
def test_mistakes_in_the_input_are_named(old, new, message, input_file, capsys):
    input_file.write_text(INPUT.replace(old, new))
    assert main(command(input_file)) == 2
    assert message in capsys.readouterr().err

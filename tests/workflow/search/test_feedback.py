"""A search that DFT answers: what is labelled, what survives, when it ends; and a whole one, killed and resumed."""

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gasearch.cli import main
from gasearch.crystal.composition import Composition, CompositionSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import fingerprint
from gasearch.errors import PotentialError, RunDirectoryError
from gasearch.evolution.archive import Archive, TwinTolerance
from gasearch.evolution.candidate import Individual
from gasearch.evolution.feedback import FeedbackSettings
from gasearch.potential.card import PotentialCard, read_card
from gasearch.pretrain.fine_tuning import settings_of, tuned
from gasearch.pretrain.predecessor import Predecessor, label_settings
from gasearch.pretrain.sampling import Kind, Sample
from gasearch.pretrain.training import TrainingSettings
from gasearch.workflow.record.archive_store import ArchiveStore
from gasearch.workflow.record.run_directory import RunDirectory, existing_run
from gasearch.workflow.search.feedback import best, keep_question, same_hull, worth_a_label

SPACE = CompositionSpace((Composition.from_formula("H"), Composition.from_formula("S")), 1, 4)
POTENTIAL = Path(__file__).parents[3] / "potentials" / "h-s-200gpa"
SETTINGS = FeedbackSettings(rounds=1, labels=3, window=0.1, survivors=3)


def crystal(formula: str, seed: int) -> Crystal:
    numbers = Composition.from_formula(formula).numbers()
    rng = np.random.default_rng(seed)
    return Crystal(np.diag([3.0, 3.2, 3.5]) + 0.2 * rng.normal(size=(3, 3)), rng.random((len(numbers), 3)), numbers)


def archive(*known: tuple[str, float, float]) -> Archive:
    """An archive of random structures: formula, enthalpy and spread of each."""
    made = Archive(SPACE, TwinTolerance(), max_spread=0.05)
    for id, (formula, enthalpy, spread) in enumerate(known):
        structure = crystal(formula, id)
        made.admit(Individual(id, structure, enthalpy, fingerprint(structure, (1, 16)), "random", (), spread))
    return made


FOUND = (
    ("H", -1.0, 0.0),
    ("S", -1.0, 0.0),
    ("HS", -1.5, 0.0),
    ("H3S", -1.2, 0.01),
    ("HS2", -1.32, 0.09),
    ("H2S2", -1.7, 0.2),
    ("HS3", -0.9, 0.0),
)


def test_the_hull_is_labelled_first_then_the_doubtful_then_what_is_near():
    found = archive(*FOUND)
    every = replace(SETTINGS, labels=10)
    chosen = [i.id for i in worth_a_label(found, every, [crystal("H", 99)])]
    assert set(chosen[:3]) == {0, 1, 2} and set(chosen[3:5]) == {4, 5} and chosen[5:] == [3]
    assert [i.id for i in worth_a_label(found, SETTINGS, [crystal("H", 99)])] == chosen[:3]


def test_what_was_labelled_is_not_labelled_again():
    found = archive(*FOUND)
    known = [individual.crystal for individual in found.individuals]
    assert not worth_a_label(found, SETTINGS, known)
    assert [i.id for i in worth_a_label(found, SETTINGS, known[1:])] == [0]


def test_the_hull_survives_whatever_lies_below_it():
    found = archive(*FOUND)
    assert {i.id for i in best(found, 1)} == {0, 1, 2}
    assert len(best(found, 5)) == 5


def test_hulls_are_the_same_when_their_structures_are():
    one = archive(*FOUND[:3])
    assert same_hull(one, archive(*((f, h - 0.5, s) for f, h, s in FOUND[:3])))
    assert not same_hull(one, archive(*FOUND[:2]))
    other = archive(*FOUND[:2])
    structure = crystal("HS", 77)
    other.admit(Individual(7, structure, -1.5, fingerprint(structure, (1, 16)), "random", ()))
    assert not same_hull(one, other)
    assert not same_hull(one, archive(FOUND[0]))


def test_views_show_the_last_epoch_that_has_a_hull(tmp_path):
    run = RunDirectory(tmp_path)
    (tmp_path / "input.yaml").write_text("")
    assert existing_run(tmp_path) == run
    for number in (1, 2):
        run.epoch(number).path.mkdir()
    run.epoch(1).hull.write_text("{}")
    assert existing_run(tmp_path).path == tmp_path / "epoch-1"
    assert existing_run(tmp_path).lock == run.lock


def test_an_epoch_belongs_to_what_the_search_before_it_had_found(tmp_path):
    epoch = RunDirectory(tmp_path).epoch(1)
    asked = [Sample(crystal("HS", 0), f"feedback-1-{k}", Kind.FEEDBACK) for k in range(2)]
    keep_question(asked, epoch)
    keep_question(asked, epoch)
    with pytest.raises(RunDirectoryError, match=r"epoch-1 learned from .* remove it and the epochs after it"):
        keep_question([*asked, Sample(crystal("HS", 0), "feedback-1-7", Kind.FEEDBACK)], epoch)


def test_a_card_says_how_to_label_and_to_train_further():
    before = Predecessor.read(POTENTIAL)
    settings = settings_of(before.card, [label.sample.crystal for label in before.labels])
    assert settings.dft == before.dft and settings.dft.ecutwfc == 50 and settings.dft.k_spacing == 0.4
    assert settings.training.size.channels == 32 and settings.elements == ("H", "S") and settings.max_atoms == 16
    training = tuned(settings.training, 12, 1e-3)
    assert (training.epochs, training.stage_two, training.learning_rate) == (12, 6, 1e-3)
    assert training.weight_scale == settings.training.weight_scale


@pytest.mark.parametrize("epochs", range(6, 40))
def test_the_last_stage_has_an_epoch_that_is_judged(epochs):
    """mace-torch looks at validation cells at every fifth epoch; a stage that it never looked at has no model."""
    training = tuned(TrainingSettings(), epochs, 1e-3)
    assert any(epoch % 5 == 0 for epoch in range(training.stage_two, epochs))


def test_a_model_without_its_training_set_cannot_learn(tiny_mace):
    with pytest.raises(PotentialError, match=r"cannot be trained further.*training.extxyz"):
        Predecessor.read(tiny_mace)


def test_a_card_without_settings_of_dft_is_named():
    card = PotentialCard(("H",), "mace.model", "", (0, 1), {}, {}, {"labels": {"ecutwfc": 50.0}})
    with pytest.raises(PotentialError, match="no degauss, ecutrho, k_spacing"):
        label_settings(card)


def test_only_a_mace_potential_can_learn(tmp_path, capsys):
    path = tmp_path / "in.yaml"
    path.write_text(
        "endpoints: [Al]\npressure_GPa: 10\npotential: {kind: ase, calculator: ase.calculators.emt.EMT}\n"
        "search: {feedback: {rounds: 1}}\n"
    )
    assert main(["check", str(path)]) == 2
    assert "search.feedback.rounds: only a potential of kind mace learns" in capsys.readouterr().err


PROGRAM = Path(__file__).parent / "learning_run.py"


def started(folder: Path) -> subprocess.Popen:
    command = [sys.executable, "-W", "ignore", str(PROGRAM), str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def killed_at(folder: Path, line: str) -> None:
    """Run until it says this, and kill it."""
    with started(folder) as process, contextlib.suppress(StopIteration):
        next(said for said in process.stdout if line in said)
        process.send_signal(signal.SIGKILL)


def finished(folder: Path) -> str:
    with started(folder) as process:
        said = process.communicate()[0]
    assert process.returncode == 0, said[-3000:]
    return said


@pytest.mark.slow
def test_a_search_learns_and_may_be_killed_at_any_moment(tmp_path):
    run = RunDirectory(tmp_path / "run")
    killed_at(tmp_path, "labels: ")
    found = ArchiveStore(run.archive).outcomes()
    assert len(found) == 16 and list(run.labels.glob("*.json"))
    kept = {path: path.stat().st_mtime_ns for path in run.labels.iterdir()}
    killed_at(tmp_path, "training 2 models")

    assert "feedback ends" in finished(tmp_path)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "labelled again"
    assert [o.id for o in ArchiveStore(run.archive).outcomes()] == [o.id for o in found]

    # The new potential knows more, and its epoch has an archive and a hull of its own.
    epoch = run.epoch(1)
    cards = [read_card(folder) for folder in (tmp_path / "potential", epoch.path / "potential")]
    counts = [card.facts["labels"]["cells"] for card in cards]
    assert counts[1] == counts[0] + len(list(run.labels.glob("*.json"))) and cards[1].committee is not None
    assert cards[1].facts["training_set"]["kinds"]["feedback"] == counts[1] - counts[0]
    assert ArchiveStore(epoch.archive).metadata().potential != ArchiveStore(run.archive).metadata().potential
    survivors = [o for o in ArchiveStore(epoch.archive).outcomes() if o.operator == "survivor"]
    assert survivors and epoch.hull.exists() and existing_run(run.path).path == run.latest().path != run.path

    # A run that is over has nothing left to do.
    before = (epoch.path / "potential" / "mace.model").stat().st_mtime_ns
    assert "feedback ends" in finished(tmp_path)
    assert (epoch.path / "potential" / "mace.model").stat().st_mtime_ns == before

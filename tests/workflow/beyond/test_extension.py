"""A potential that learns the pressures of a decompression."""

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gasearch.cli import main
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import supercell
from gasearch.errors import InputError
from gasearch.espresso.pw import PwSettings
from gasearch.parallel.executor import serial_executor
from gasearch.potential.card import read_card
from gasearch.potential.load import load_potential
from gasearch.potential.potential import Batch
from gasearch.potential.settings import LennardJonesSettings, MaceSettings
from gasearch.pretrain.sampling import Kind
from gasearch.units import pressure_from_GPa
from gasearch.workflow.beyond.extension import Extension, Met, extended, worth_a_label_at

LOW, LOWER = pressure_from_GPa(5), pressure_from_GPa(0)
FCC = (np.ones((3, 3)) - np.eye(3)) / 2 ** (1 / 3)
BCC = (np.ones((3, 3)) - 2 * np.eye(3)) / 4 ** (1 / 3)


def crystal(lattice: np.ndarray, volume: float) -> Crystal:
    return Crystal(lattice * volume ** (1 / 3), [[0, 0, 0]], [13])


def asking(labels: int, *known: Crystal) -> Extension:
    """An extension whose potential was trained on these cells."""
    before = SimpleNamespace(
        card=SimpleNamespace(elements=("Al",)),
        labels=[SimpleNamespace(sample=SimpleNamespace(crystal=cell)) for cell in known],
    )
    potential = LennardJonesSettings(kind="lennard-jones", pairs={})
    runner = SimpleNamespace(settings=PwSettings())
    return Extension(labels, 6, 1e-3, potential, before, runner)


def test_what_is_known_at_another_density_is_worth_a_label_and_what_is_known_is_not():
    met = [Met(LOW, (crystal(FCC, 14.0), crystal(FCC, 18.0)), ()), Met(LOWER, (), (crystal(BCC, 14.0),))]
    chosen = worth_a_label_at(asking(8, crystal(FCC, 14.0)), met)
    parents = [sample for sample in chosen if sample.kind is Kind.FEEDBACK]
    assert [sample.crystal.volume for sample in parents] == pytest.approx([18.0, 14.0])
    assert [sample.origin for sample in parents] == ["extension-5-0", "extension-0-0"]
    # Each with a strained and rattled copy, which is of the same origin.
    assert sorted(s.origin for s in chosen if s.kind is Kind.RATTLED) == ["extension-0-0", "extension-5-0"]


def test_no_more_labels_than_asked_for_and_some_at_each_pressure():
    rng = np.random.default_rng(0)
    cells = [Crystal(np.diag(rng.uniform(2.5, 4, 3)), rng.random((2, 3)), [13, 13]) for _ in range(20)]
    met = [Met(LOW, tuple(cells[:2]), tuple(cells[2:10])), Met(LOWER, (), tuple(cells[10:]))]
    chosen = worth_a_label_at(asking(7, crystal(FCC, 14.0)), met)
    assert len(chosen) == 7
    assert {sample.origin.split("-")[1] for sample in chosen} == {"5", "0"}
    # What is followed comes first.
    assert sorted(id(sample.crystal) for sample in chosen[:2]) == sorted(map(id, cells[:2]))


def test_what_would_take_longest_is_left_out_unless_it_is_followed():
    # Four times as many atoms in the cell, and fewer k-points: by far the dearest.
    large = supercell(crystal(BCC, 15.0), np.diag([2, 2, 2]))
    small = tuple(crystal(FCC, volume) for volume in (17.0, 19.0, 21.0))
    for met, wanted in ((Met(LOW, (), (*small, large)), 3), (Met(LOW, (large,), small), 3)):
        parents = [s for s in worth_a_label_at(asking(20, crystal(FCC, 10.0)), [met]) if s.kind is Kind.FEEDBACK]
        assert len(parents) == wanted
        assert (max(len(s.crystal) for s in parents) == len(large)) == bool(met.followed)


def test_a_potential_that_cannot_learn_is_refused(first_search: Path, capsys):
    assert main(["quench", str(first_search), "--to", "0", "--steps", "2", "--extend", "4"]) == InputError.exit_code
    assert "only a potential of kind mace learns" in capsys.readouterr().err


@pytest.mark.slow
def test_a_potential_learns_lower_pressures_and_is_made_once(tmp_path: Path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "search"))
    import learning_run

    start = tmp_path / "potential"
    learning_run.make_potential(start)
    potential = MaceSettings(kind="mace", path=start, device="cpu")
    extension = Extension.of(potential, 8, 12, 2e-3, learning_run.EffectiveMedium)
    # From 0 to 40 GPa it was trained; aluminium is torn apart at -6.
    torn = pressure_from_GPa(-6)
    cells = (crystal(FCC, 18.5), crystal(BCC, 19.0), crystal(FCC, 19.5))
    met = [Met(torn, cells, ())]
    said: list[str] = []
    after = extended(extension, met, tmp_path, serial_executor(), said.append)
    before, card = (read_card(path) for path in (start, after.path))
    assert card.pressure_GPa == (pytest.approx(-6), pytest.approx(40))
    assert card.facts["labels"]["cells"] == before.facts["labels"]["cells"] + 6
    assert card.facts["build"]["command"] == "gasearch quench DIR --extend N"
    assert any("before, at all of them (6)" in line for line in said)

    # It is nearer to what stands for DFT where it learned.
    wanted = np.array([learning_run.EffectiveMedium().scf(cell).energy for cell in cells])
    batch = Batch.from_crystals(cells)
    errors = [np.abs(load_potential(p).compute(batch).energy - wanted).max() for p in (potential, after)]
    assert errors[1] < errors[0]

    # The same question has its answer.
    model = after.path / "mace.model"
    written = model.stat().st_mtime_ns
    assert extended(extension, met, tmp_path, serial_executor(), said.append) == after
    assert model.stat().st_mtime_ns == written
    sys.modules.pop("learning_run")

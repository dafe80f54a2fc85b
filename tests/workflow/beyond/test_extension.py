"""A potential that learns the pressures of a decompression."""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from gasearch.cli import main
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import supercell
from gasearch.errors import CalculationError, InputError
from gasearch.espresso.pw import PwSettings
from gasearch.outcomes import Failure, Reason, Relaxed
from gasearch.parallel.executor import serial_executor
from gasearch.potential.card import read_card
from gasearch.potential.load import load_potential
from gasearch.potential.potential import Batch
from gasearch.potential.settings import LennardJonesSettings, MaceSettings
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.sampling import Kind, Sample, Split, split_of
from gasearch.units import pressure_from_GPa
from gasearch.workflow.beyond.extension import Extension, Met, _taught, extended, worth_a_label_at
from gasearch.workflow.dft.refinement import Proposal

#: Origins by whose names cells are trained on, and held out.
TRAINED, TESTED = (
    next(name for name in map("scan-Al-{}".format, range(100)) if split_of(name) is split)
    for split in (Split.TRAIN, Split.TEST)
)
LOW, LOWER = pressure_from_GPa(5), pressure_from_GPa(0)
FCC = (np.ones((3, 3)) - np.eye(3)) / 2 ** (1 / 3)
BCC = (np.ones((3, 3)) - 2 * np.eye(3)) / 4 ** (1 / 3)


def crystal(lattice: np.ndarray, volume: float) -> Crystal:
    return Crystal(lattice * volume ** (1 / 3), [[0, 0, 0]], [13])


def asking(labels: int, *known: Crystal) -> Extension:
    """An extension whose potential was trained on these cells."""
    before = SimpleNamespace(
        card=SimpleNamespace(elements=("Al",), pressure_GPa=(10.0, 40.0)),
        labels=[Label(Sample(cell, TRAINED, Kind.SCAN), None) for cell in known],
    )
    potential = LennardJonesSettings(kind="lennard-jones", pairs={})
    runner = SimpleNamespace(settings=PwSettings())
    return Extension(labels, 6, 1e-3, potential, before, runner, 1)


def named(*crystals: Crystal, first: int = 0) -> dict[str, Crystal]:
    return {f"run/{number}": one for number, one in enumerate(crystals, first)}


def parents(chosen: list[list[Sample]]) -> list[Sample]:
    return [sample for samples in chosen for sample in samples if sample.kind is Kind.FEEDBACK]


def test_what_is_known_at_another_density_is_worth_a_label_and_what_is_known_is_not():
    met = [Met(LOW, named(crystal(FCC, 14.0), crystal(FCC, 18.0)), {}), Met(LOWER, {}, named(crystal(BCC, 14.0)))]
    chosen = worth_a_label_at(asking(8, crystal(FCC, 14.0)), met)
    assert [sample.crystal.volume for sample in parents(chosen)] == pytest.approx([18.0, 14.0])
    # Each with a strained and rattled copy of the same origin, which is the phase whatever its pressure.
    assert [[s.origin for s in samples] for samples in chosen] == [["extension-run/1"] * 2, ["extension-run/0"] * 2]
    assert [[s.kind for s in samples] for samples in chosen] == [[Kind.FEEDBACK, Kind.RATTLED]] * 2


def test_what_was_held_out_is_not_known():
    extension = asking(4, crystal(FCC, 14.0))
    tested = Label(Sample(crystal(BCC, 14.0), TESTED, Kind.SCAN), None)
    extension.before.labels.append(tested)
    met = [Met(LOW, named(crystal(BCC, 14.0)), {})]
    assert len(parents(worth_a_label_at(extension, met))) == 1


def test_no_more_labels_than_asked_for_and_some_at_each_pressure():
    rng = np.random.default_rng(0)
    cells = [Crystal(np.diag(rng.uniform(2.5, 4, 3)), rng.random((2, 3)), [13, 13]) for _ in range(20)]
    met = [Met(LOW, named(*cells[:2]), named(*cells[2:10], first=2)), Met(LOWER, {}, named(*cells[10:], first=10))]
    chosen = worth_a_label_at(asking(7, crystal(FCC, 14.0)), met)
    assert [len(samples) for samples in chosen] == [3, 4]
    # What is followed comes first.
    assert {sample.origin for sample in chosen[0][:2]} == {"extension-run/0", "extension-run/1"}


def test_what_would_take_longest_is_left_out_unless_it_is_followed():
    # Eight times as many atoms in the cell, and fewer k-points: by far the dearest.
    large = supercell(crystal(BCC, 15.0), np.diag([2, 2, 2]))
    small = [crystal(FCC, volume) for volume in (17.0, 19.0, 21.0)]
    for met in (Met(LOW, {}, named(*small, large)), Met(LOW, named(large, first=3), named(*small))):
        found = parents(worth_a_label_at(asking(20, crystal(FCC, 10.0)), [met]))
        assert len(found) == 3
        assert ("extension-run/3" in {sample.origin for sample in found}) == bool(met.followed)


def proposal(name: str, one: Crystal, above: float | None = 0.0) -> Proposal:
    return Proposal(name, one, np.array([1.0]), 0.0, above)


def relaxed(one: Crystal, enthalpy: float) -> Relaxed:
    return Relaxed(one, enthalpy, enthalpy, 1, 0.0, 0.0)


def test_followed_phases_that_are_lost_count_as_the_last_pressure_left_them_and_doubt_does_not_matter():
    dense, loose, bcc = crystal(FCC, 14.0), crystal(FCC, 16.0), crystal(BCC, 16.0)
    proposals = [proposal("run/0", dense), proposal("run/1", bcc, above=0.05), proposal("run/2", bcc, above=0.09)]
    histories = [
        [relaxed(dense, -3.0), Failure(Reason.EXPLODED)],
        [relaxed(bcc, -2.9), replace(relaxed(bcc, -2.9), spread=1.0)],
        [relaxed(bcc, -2.9), relaxed(loose, -2.5)],
    ]
    met = Met.at(LOWER, 1, proposals, histories, near=0.01, low=0.1)
    assert met.followed == {"run/0": dense}
    assert met.others == {"run/1": bcc}
    # Where nothing of an endpoint relaxed, what is followed is worth a label all the more.
    lost = [[relaxed(dense, -3.0), Failure(Reason.EXPLODED)]]
    assert Met.at(LOWER, 1, proposals[:1], lost, near=0.01, low=0.1).followed == {"run/0": dense}


def test_a_range_grows_without_gaps():
    extension = asking(4, crystal(FCC, 14.0))
    label, none = [Label(Sample(crystal(FCC, 18.0), TRAINED, Kind.FEEDBACK), None)], []
    met = [Met(pressure_from_GPa(p), {}, {}) for p in (7.5, 5.0, 2.5)]
    reached = _taught(extension, met, [label, none, label])
    assert reached == (pressure_from_GPa(7.5),)
    # A cell that is held out teaches nothing.
    tested = [Label(Sample(crystal(FCC, 18.0), TESTED, Kind.FEEDBACK), None)]
    for nothing in ([none, label, label], [tested, label, label]):
        with pytest.raises(CalculationError, match="none lies next to the 10 to 40 GPa"):
            _taught(extension, met, nothing)


def test_a_potential_that_cannot_learn_is_refused(first_search: Path, capsys):
    assert main(["quench", str(first_search), "--to", "0", "--steps", "2", "--extend", "4"]) == InputError.exit_code
    assert "only a potential of kind mace learns" in capsys.readouterr().err


@pytest.mark.slow
def test_a_potential_learns_lower_pressures_and_is_made_once(tmp_path: Path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "search"))
    monkeypatch.delitem(sys.modules, "learning_run", raising=False)
    import learning_run

    start = tmp_path / "potential"
    learning_run.make_potential(start)
    potential = MaceSettings(kind="mace", path=start, device="cpu")
    extension = Extension.of(potential, 8, 12, 2e-3, learning_run.EffectiveMedium, workers=1)
    # From 0 to 40 GPa it was trained; aluminium is torn apart at -6.
    torn = pressure_from_GPa(-6)
    cells = named(crystal(FCC, 18.5), crystal(BCC, 19.0), crystal(FCC, 19.5))
    met, said = [Met(torn, cells, {})], list[str]()
    after = extended(extension, met, tmp_path, serial_executor(), said.append)
    before, card = (read_card(path) for path in (start, after.path))
    assert card.pressure_GPa == (pytest.approx(-6), pytest.approx(40))
    assert card.facts["labels"]["cells"] == before.facts["labels"]["cells"] + 6
    assert card.facts["build"]["command"] == "gasearch quench DIR --to -6 --extend 8"
    assert any("6 new labels are learned" in line for line in said)
    assert any("before, at all of them (6)" in line for line in said)

    # It is nearer to what stands for DFT where it learned.
    wanted = np.array([learning_run.EffectiveMedium().scf(cell).energy for cell in cells.values()])
    batch = Batch.from_crystals(list(cells.values()))
    errors = [np.abs(load_potential(p).compute(batch).energy - wanted).max() for p in (potential, after)]
    assert errors[1] < errors[0]

    # The same question has its answer; another one is asked, with the labels that there are.
    written, labels = ((path, path.stat().st_mtime_ns) for path in (after.path / "mace.model", tmp_path / "labels"))
    assert extended(extension, met, tmp_path, serial_executor(), said.append) == after
    assert written[0].stat().st_mtime_ns == written[1]
    fewer = replace(extension, labels=6)
    assert extended(fewer, met, tmp_path, serial_executor(), said.append) != after
    assert labels[0].stat().st_mtime_ns == labels[1]

from typing import ClassVar

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.pw import ScfResult
from gasearch.potential.potential import Batch, BatchResult, compute_all
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.sampling import Kind, Sample, Split, lattice, split_of
from gasearch.pretrain.validation import above_hull, held_out, rank_correlation, rms_errors
from gasearch.units import GPA_PER_EV_PER_A3


class Shifted:
    """Zero energies and forces, but for known errors."""

    name = "shifted"
    elements = None
    shortest_distances: ClassVar[dict] = {}

    def __init__(self, per_atom: float = 0.02):
        self.per_atom = per_atom

    def compute(self, batch: Batch) -> BatchResult:
        sizes = np.diff(batch.offsets)
        stress = np.broadcast_to(np.eye(3) / GPA_PER_EV_PER_A3, (len(batch), 3, 3))
        return BatchResult(self.per_atom * sizes, np.full((len(batch.numbers), 3), 0.1), stress)


def test_errors_are_per_atom_and_per_component(make_label):
    found = rms_errors(Shifted(), [make_label([1], 2.0, 0.0), make_label([1, 16, 1], 3.0, 0.0)])
    assert found.cells == 2
    assert found.rmse_energy_meV_per_atom == pytest.approx(20.0)
    assert found.rmse_force_meV_per_A == pytest.approx(100.0)
    assert found.rmse_stress_GPa == pytest.approx(3**-0.5)


def test_another_zero_of_each_element_is_no_error_after_the_shift(make_label):
    """H at -3 eV and S at 5 eV an atom, and one cell that is 0.3 eV too high."""
    cells = {(1,): -3.0, (16,): 5.0, (1, 16): 2.0, (1, 1, 16): -1.0, (1, 1): -6.0, (16, 16): 10.0 + 0.3}
    labels = [make_label(list(numbers), 3.0, energy) for numbers, energy in cells.items()]
    shifted, plain = (rms_errors(Shifted(), labels, shifted=s) for s in (True, False))
    assert 10 < shifted.rmse_energy_meV_per_atom < 0.3 / 2 / np.sqrt(6) * 1000
    assert plain.rmse_energy_meV_per_atom > 1000
    assert shifted.rmse_force_meV_per_A == plain.rmse_force_meV_per_A


def test_what_was_not_labelled_does_not_count_but_a_failing_potential_does(make_label):
    known, unknown = make_label([1], 2.0, 0.0), make_label([1], 2.0, np.nan)
    assert rms_errors(Shifted(), [known, unknown]).rmse_energy_meV_per_atom == pytest.approx(20.0)
    assert np.isnan(rms_errors(Shifted(), [unknown]).rmse_energy_meV_per_atom)
    assert np.isnan(rms_errors(Shifted(per_atom=np.nan), [known]).rmse_energy_meV_per_atom)


def test_above_hull_uses_enthalpy_not_energy(make_label, compositions):
    labels = [make_label([1], 2.0, -1.0), make_label([1], 1.0, -0.5), make_label([16], 2.0, -3.0)]
    assert above_hull(labels, compositions, 0.0) == pytest.approx([0.0, 0.5, 0.0])
    assert above_hull(labels, compositions, 1.0) == pytest.approx([6.5, 0.0, 0.0])
    # Of several pressures it is the one that is kindest to a cell.
    assert above_hull(labels, compositions, 0.0, 1.0) == pytest.approx([0.0, 0.0, 0.0])


def test_compound_is_measured_from_the_line_between_elements(make_label, compositions):
    labels = [make_label([1], 1.0, -1.0), make_label([16], 1.0, -3.0), make_label([1, 16], 1.0, -3.0)]
    assert above_hull(labels, compositions, 0.0)[2] == pytest.approx(0.5)


class Known:
    """Energies given for each volume of a cell."""

    name = "known"
    elements = None
    shortest_distances: ClassVar[dict] = {}

    def __init__(self, energies: dict[float, float]):
        self.energies = energies

    def compute(self, batch: Batch) -> BatchResult:
        energy = np.array([self.energies[round(volume, 6)] for volume in batch.volumes])
        return BatchResult(energy, np.zeros_like(batch.positions), np.zeros_like(batch.cells))


def test_the_order_above_the_hull_counts_each_by_its_own_hull(make_label, compositions):
    """A tilt by composition changes no order, and an exchange of two of four cells does."""
    endpoints = [make_label([1], 1.0, 0.0), make_label([16], 1.1, 0.0)]
    cells = [make_label([1, 16], 1.2 + 0.1 * k, 0.1 * k - 0.2) for k in range(4)]
    labels = endpoints + cells
    chosen = np.array([False, False, True, True, True, True])

    def order(energies: list[float], window: float = 0.3):
        known = {round(label.sample.crystal.volume, 6): e for label, e in zip(labels, energies, strict=True)}
        return rank_correlation(Known(known), labels, chosen, compositions, 0.0, window)

    tilted = order([1.0, 3.0] + [label.result.energy + 4.0 for label in cells])
    assert (tilted.cells, tilted.compositions) == (4, 1)
    assert tilted.spearman == pytest.approx(1.0)
    assert order([0, 0, -0.1, -0.2, 0.0, 0.1]).spearman == pytest.approx(0.8)
    assert np.isnan(order([0, 0, -0.1, -0.2, 0.0, 0.1], window=0.07).spearman)


def test_many_cells_are_computed_in_parts_to_the_same_end(make_label):
    crystals = [make_label([1] * (1 + k % 3), 2.0 + 0.01 * k, 0.0).sample.crystal for k in range(70)]
    together, parts = Shifted().compute(Batch.from_crystals(crystals)), compute_all(Shifted(), crystals)
    for name in ("energy", "forces", "stress"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(together, name))
    assert compute_all(Shifted(), []).forces.shape == (0, 3)


def test_the_system_that_fails_is_named_whatever_part_it_is_in(make_label):
    class Failing(Shifted):
        def compute(self, batch: Batch) -> BatchResult:
            found = super().compute(batch)
            return BatchResult(found.energy, found.forces, found.stress, {len(batch) - 1: "no"})

    crystals = [make_label([1], 2.0, 0.0).sample.crystal for _ in range(40)]
    assert compute_all(Failing(), crystals).errors == {31: "no", 39: "no"}


def test_as_many_energies_as_elements_have_no_error_that_a_shift_would_leave(make_label):
    found = rms_errors(Shifted(), [make_label([1, 16], 3.0, -1000.0), make_label([1], 2.0, 7.0)], shifted=True)
    assert np.isnan(found.rmse_energy_meV_per_atom) and found.rmse_force_meV_per_A == pytest.approx(100.0)


def origin(split: Split) -> str:
    """The first name of this split."""
    return next(name for name in (f"random-{k}" for k in range(200)) if split_of(name) is split)


def labelled(crystal: Crystal, split: Split) -> Label:
    result = ScfResult(0.0, np.zeros((len(crystal), 3)), np.zeros((3, 3)), 1, 1)
    return Label(Sample(crystal, origin(split), Kind.RANDOM), result)


@pytest.mark.parametrize("other", [Split.TRAIN, Split.VALIDATION])
def test_a_test_cell_that_is_a_copy_of_another_is_no_test(other):
    fcc, bcc = lattice("fcc", 1, 2.0), lattice("bcc", 1, 2.0)
    conventional = Crystal(2.5 * np.eye(3), [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]], [1] * 4)
    labels = [labelled(fcc, other), labelled(conventional, Split.TEST), labelled(bcc, Split.TEST)]
    assert held_out(labels).tolist() == [False, False, True]
    # Of another element it is another structure.
    assert held_out([labelled(lattice("fcc", 16, 8.0), other), labelled(fcc, Split.TEST)]).tolist() == [False, True]

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.errors import CalculationError
from gasearch.espresso.pw import PwSettings, ScfResult
from gasearch.espresso.record import ScfFailure, ScfProblem
from gasearch.pretrain.basis import BasisError, typical
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.sampling import Kind, Sample

HYDROGEN, SULPHUR = 0.06, 0.11


def cell(numbers, volume: float = 8.0) -> Crystal:
    frac = np.arange(len(numbers))[:, None] / len(numbers) * np.ones(3)
    return Crystal(np.eye(3) * volume ** (1 / 3), frac, numbers)


@dataclass(frozen=True)
class Falling:
    """An energy that falls with the cutoff, by so much an atom of each element."""

    settings: PwSettings
    fails_for: int = 0

    def scf(self, crystal: Crystal) -> ScfResult | ScfFailure:
        if self.fails_for in crystal.numbers:
            return ScfFailure(ScfProblem.NOT_CONVERGED)
        missing = sum({1: HYDROGEN, 16: SULPHUR}[z] for z in crystal.numbers)
        return ScfResult(-missing * np.log(self.settings.ecutwfc), np.zeros((len(crystal), 3)), np.eye(3), 1, 1)


def measured(crystals, **options) -> BasisError:
    with ThreadPoolExecutor(2) as executor:
        return BasisError.measured(crystals, Falling(PwSettings(), **options), executor)


def test_the_errors_of_the_elements_are_found_from_cells_of_both():
    found = measured([cell([1]), cell([1, 16]), cell([1, 1, 1, 16])])
    assert found.per_atom == pytest.approx({1: -HYDROGEN, 16: -SULPHUR})
    assert found.of(cell([1, 1, 16])) == pytest.approx(-2 * HYDROGEN - SULPHUR)


def test_cells_for_which_pw_fails_are_left_out():
    assert measured([cell([1]), cell([16])], fails_for=16).per_atom == pytest.approx({1: -HYDROGEN})
    with pytest.raises(CalculationError, match="change the settings under dft"):
        measured([cell([16])], fails_for=16)


def test_stress_is_completed_and_nothing_else():
    result = ScfResult(-3.0, np.ones((2, 3)), np.diag([1.0, 2.0, 3.0]), 4, 9)
    label = Label(Sample(cell([1, 16], 5.0), "random-00001", Kind.RANDOM), result)
    (found,) = BasisError({1: -0.3, 16: -1.2}).completed([label])
    assert np.allclose(found.result.stress, np.diag([0.8, 1.8, 2.8]))
    assert (found.result.energy, found.sample) == (-3.0, label.sample) and found.result.forces is result.forces
    (same,) = BasisError().completed([label])
    assert np.array_equal(same.result.stress, result.stress)


def test_the_quickest_cell_near_the_hull_of_each_composition_is_typical():
    cells = [cell([1], 3.0), cell([1], 2.0), cell([1, 16], 20.0), cell([16], 9.0), cell([1, 1], 4.0)]
    labels = [
        Label(Sample(c, "random-00001", Kind.RANDOM), ScfResult(0.0, np.zeros(1), np.eye(3), 1, 1)) for c in cells
    ]
    found = typical(labels, np.array([0.0, 1.1, 0.0, 0.0, 0.1]), k_spacing=10.0)
    assert [crystal.volume for crystal in found] == pytest.approx([3.0, 9.0, 20.0])

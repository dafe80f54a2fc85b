import numpy as np
import pytest
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from gasearch.errors import InputError
from gasearch.pretrain.references import read_references
from gasearch.pretrain.training_set import write_training_set
from gasearch.pretrain.validation import count_labels

STRESS = np.array([1.0, 2.0, 3.0, 0.4, 0.5, 0.6])


def test_our_own_training_sets_are_read(make_label, tmp_path):
    label = make_label([1, 16], 2.0, -3.0)
    write_training_set(tmp_path / "set.extxyz", [label], [1.0])
    (found,) = read_references(tmp_path / "set.extxyz")
    assert found.result.energy == label.result.energy
    assert found.sample.crystal.composition.formula == "HS"
    assert count_labels([found]) == {"energies": 1, "forces": 6, "stresses": 9}


def test_labels_under_the_names_of_ase_are_read(tmp_path):
    atoms = Atoms("H2", [[0, 0, 0], [0, 0, 1]], cell=3 * np.eye(3), pbc=True)
    atoms.calc = SinglePointCalculator(atoms, energy=-1.5, forces=np.arange(6.0).reshape(2, 3), stress=STRESS)
    write(tmp_path / "other.extxyz", atoms)
    (found,) = read_references(tmp_path / "other.extxyz")
    assert found.result.energy == -1.5
    assert found.result.forces == pytest.approx(np.arange(6.0).reshape(2, 3))
    assert found.result.stress == pytest.approx(np.array([[1.0, 0.6, 0.5], [0.6, 2.0, 0.4], [0.5, 0.4, 3.0]]))


def test_what_is_not_labelled_is_not_a_number(tmp_path):
    atoms = Atoms("H2", [[0, 0, 0], [0, 0, 1]], cell=3 * np.eye(3), pbc=True)
    atoms.calc = SinglePointCalculator(atoms, energy=-1.5)
    write(tmp_path / "energies.extxyz", atoms)
    references = read_references(tmp_path / "energies.extxyz")
    assert count_labels(references) == {"energies": 1, "forces": 0, "stresses": 0}
    assert np.isnan(references[0].result.forces).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read as labelled structures"),
        ("no structure", "cannot be read as labelled structures"),
        ('1\nLattice="3 0 0 0 3 0 0 0 3" Properties=species:S:1:pos:R:3 pbc="T T T"\nH 0 0 0\n', "neither energies"),
    ],
)
def test_files_without_labels_are_refused(text, message, tmp_path):
    path = tmp_path / "bad.extxyz"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_references(path)

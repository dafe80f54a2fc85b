import numpy as np
import pytest

from gasearch.crystal.convert import from_ase, from_pymatgen, to_ase, to_pymatgen
from gasearch.crystal.crystal import Crystal


@pytest.mark.parametrize(("there", "back"), [(to_ase, from_ase), (to_pymatgen, from_pymatgen)])
def test_nothing_changes_there_and_back(there, back):
    crystal = Crystal(
        [[3, 0, 0.1], [0.4, 3.3, 0], [1, 0.2, 4]], [[0, 0.999, 0], [0.4, 0.5, 0.6], [0.2, 0, 0]], [16, 1, 6]
    )
    again = back(there(crystal))
    np.testing.assert_allclose(again.cell, crystal.cell, atol=1e-12)
    np.testing.assert_allclose(again.frac, crystal.frac, atol=1e-12)
    np.testing.assert_array_equal(again.numbers, crystal.numbers)


def test_ase_atoms_are_periodic():
    assert to_ase(Crystal(np.eye(3), [[0, 0, 0]], [1])).pbc.all()


def test_partial_occupation_is_refused():
    from pymatgen.core import Lattice, Structure

    with pytest.raises(ValueError, match="partially occupied"):
        from_pymatgen(Structure(Lattice.cubic(3), [{"Cu": 0.5, "Au": 0.5}], [[0, 0, 0]]))

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import same_structure
from gasearch.crystal.geometry import supercell
from gasearch.errors import InputError
from gasearch.screening.correspondence import Correspondence, correspondences, strain_scale

FCC = Crystal(2.0 * (np.ones((3, 3)) - np.eye(3)), [[0, 0, 0]], [29])
BCC = Crystal(1.6 * (np.ones((3, 3)) - 2 * np.eye(3)), [[0, 0, 0]], [29])
ROCK_SALT = Crystal(2.8 * (np.ones((3, 3)) - np.eye(3)), [[0, 0, 0], [0.5, 0.5, 0.5]], [11, 17])
CAESIUM_CHLORIDE = Crystal(3.3 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [11, 17])


def disguised(crystal: Crystal, seed: int) -> Crystal:
    """The same structure: turned, shifted, its atoms in another order, in a cell twice as large."""
    rng = np.random.default_rng(seed)
    larger = supercell(crystal, np.array([[1, 1, 0], [0, 1, 0], [1, 0, 2]]))
    order = rng.permutation(len(larger))
    turn = Rotation.random(random_state=seed).as_matrix()
    return Crystal(larger.cell @ turn, (larger.frac + rng.random(3))[order], larger.numbers[order])


def end(found: Correspondence, which: int) -> Crystal:
    frac = found.places[which] @ np.linalg.inv(found.reference)
    return Crystal(found.reference @ found.deformations[which], frac, found.numbers)


def test_bain_s_correspondence_is_the_shortest_between_fcc_and_bcc():
    found = correspondences(FCC, BCC, 1)[0]
    # The cubic axis of bcc is a, those of the body-centred tetragonal cell of fcc are a, and a√½ twice.
    assert found.stretches == pytest.approx([3.2 / 4, 3.2 / (4 / 2**0.5), 3.2 / (4 / 2**0.5)])
    lattice = 2 * np.sinh(np.log(found.stretches) / 2) * strain_scale(found.reference, 1)
    assert found.distance == pytest.approx(np.linalg.norm(lattice))


@pytest.mark.parametrize("pair", [(FCC, BCC), (ROCK_SALT, CAESIUM_CHLORIDE)], ids=["Bain", "B1-B2"])
def test_its_ends_are_the_two_crystals(pair: tuple[Crystal, Crystal]):
    for found in correspondences(*pair, 3):
        for which in (0, 1):
            assert same_structure(end(found, which), pair[which])
            assert end(found, which).volume / len(found.numbers) == pytest.approx(pair[which].volume / len(pair[which]))
            assert found.deformations[which] == pytest.approx(found.deformations[which].T)
        assert found.places[0].mean(axis=0) == pytest.approx(found.places[1].mean(axis=0))


@pytest.mark.parametrize("seed", range(3))
def test_nothing_depends_on_how_the_crystals_are_written(seed: int):
    found = correspondences(ROCK_SALT, CAESIUM_CHLORIDE, 2)
    again = correspondences(disguised(ROCK_SALT, seed), disguised(CAESIUM_CHLORIDE, seed + 10), 2)
    assert [a.distance for a in again] == pytest.approx([f.distance for f in found])
    assert [len(a.numbers) for a in again] == [2, 2]


def test_it_is_as_far_from_the_other_end():
    there, back = correspondences(ROCK_SALT, CAESIUM_CHLORIDE, 3), correspondences(CAESIUM_CHLORIDE, ROCK_SALT, 3)
    assert [b.distance for b in back] == pytest.approx([t.distance for t in there])
    assert back[0].stretches == pytest.approx(1 / there[0].stretches[::-1])


def test_a_crystal_is_no_way_from_itself():
    assert correspondences(ROCK_SALT, disguised(ROCK_SALT, 3), 1)[0].distance == pytest.approx(0, abs=1e-6)


def test_a_larger_cell_has_the_same_shortest_way_as_well_as_others():
    assert correspondences(FCC, BCC, 1, 2)[0].distance <= correspondences(FCC, BCC, 1)[0].distance + 1e-9


def test_two_compositions_do_not_correspond():
    with pytest.raises(InputError, match="NaCl cannot become Cu"):
        correspondences(ROCK_SALT, FCC, 1)

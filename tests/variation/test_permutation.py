"""Exchange of unlike atoms."""

import numpy as np

from gasearch.variation.permutation import Permutation


def test_pairs_of_unlike_atoms_change_places(make_crystal, make_space):
    crystal, space, rng = make_crystal("H12S4"), make_space("H", "S"), np.random.default_rng(0)
    swaps = set()
    for _ in range(60):
        child = Permutation(enlarged=0.0)([crystal], space, rng)
        assert child.composition == crystal.composition
        assert np.allclose(child.frac, crystal.frac)
        swaps.add(int((child.numbers != crystal.numbers).sum()))
    assert swaps == {2, 4, 6, 8}


def test_an_order_that_one_cell_cannot_hold_needs_a_supercell(make_crystal, make_space):
    crystal, space, rng = make_crystal("HS"), make_space("H", "S"), np.random.default_rng(0)
    sizes = {len(Permutation(enlarged=1.0)([crystal], space, rng)) for _ in range(60)}
    assert sizes == set(range(4, 17, 2))


def test_an_element_has_nothing_to_exchange(make_crystal, make_space):
    assert Permutation()([make_crystal("H8")], make_space("H", "S"), np.random.default_rng(0)) is None

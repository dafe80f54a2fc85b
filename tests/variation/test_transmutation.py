"""Atoms that become another element."""

import numpy as np
import pytest

from gasearch.variation.transmutation import Transmutation


def test_few_atoms_change_and_the_volume_follows(make_crystal, make_space):
    crystal, space, rng = make_crystal("H6S2"), make_space("H", "S"), np.random.default_rng(0)
    for _ in range(30):
        child = Transmutation(whole=0.0, enlarged=0.0)([crystal], space, rng)
        assert child.composition != crystal.composition
        assert np.allclose(child.frac, crystal.frac)
        assert child.volume == pytest.approx(crystal.volume)


def test_one_atom_changes_most_often(make_crystal, make_space):
    crystal, space, rng = make_crystal("H16"), make_space("H", "S"), np.random.default_rng(0)
    operator = Transmutation(typical=1.5, whole=0.0, enlarged=0.0)
    changed = [dict(operator([crystal], space, rng).composition.counts)[16] for _ in range(500)]
    assert changed.count(2) / changed.count(1) == pytest.approx(np.exp(-1 / 1.5), rel=0.2)


def test_compounds_exchange_only_what_keeps_the_space(make_crystal, make_space):
    crystal, space, rng = make_crystal("Zr2Cu4Al2"), make_space("ZrCu", "CuAl"), np.random.default_rng(0)
    for _ in range(20):
        child = Transmutation(whole=0.0, enlarged=0.0)([crystal], space, rng)
        assert dict(child.composition.counts)[29] == 4


def test_an_element_is_exchanged_throughout(make_crystal, make_space):
    crystal, space, rng = make_crystal("H6S2"), make_space("H", "S"), np.random.default_rng(0)
    child = Transmutation(whole=1.0)([crystal], space, rng)
    assert np.array_equal(child.numbers == 1, crystal.numbers == 16)


def test_an_element_alone_has_no_other(make_crystal, make_space):
    for whole in (0.0, 1.0):
        assert Transmutation(whole=whole)([make_crystal("H4")], make_space("H"), np.random.default_rng(0)) is None

"""Strain and rattle."""

import numpy as np
import pytest

from gasearch.variation.strain import Strain


def test_nothing_drawn_is_nothing_changed(make_crystal, make_space):
    crystal = make_crystal("H3S")
    child = Strain(strain=0.0, rattled=0.0, enlarged=0.0)([crystal], make_space("H", "S"), np.random.default_rng(0))
    assert np.allclose(child.cell @ child.cell.T, crystal.cell @ crystal.cell.T)
    assert np.allclose(child.frac, crystal.frac)


def test_the_strain_is_symmetric_without_change_of_volume_and_as_large_as_said(make_crystal, make_space):
    crystal, space, rng = make_crystal("H3S"), make_space("H", "S"), np.random.default_rng(0)
    operator = Strain(strain=0.05, rattled=0.0, enlarged=0.0)
    stretches = [np.linalg.inv(crystal.cell) @ operator([crystal], space, rng).cell for _ in range(400)]
    assert np.allclose(stretches, np.swapaxes(stretches, 1, 2))
    assert np.allclose(np.linalg.det(stretches), 1)
    assert np.std([s[0, 1] for s in stretches]) == pytest.approx(0.05, rel=0.15)
    # Removing the trace leaves two thirds of the variance on the diagonal.
    assert np.std([s[0, 0] for s in stretches]) == pytest.approx(0.05 * np.sqrt(2 / 3), rel=0.15)


def test_some_atoms_move_by_as_much_as_said(make_crystal, make_space):
    crystal, space, rng = make_crystal("H12S4"), make_space("H", "S"), np.random.default_rng(0)
    operator = Strain(strain=0.0, rattle=0.02, rattled=0.5, enlarged=0.0)
    displacements = np.array([operator([crystal], space, rng).frac - crystal.frac for _ in range(300)])
    displacements = (displacements - np.rint(displacements)) @ crystal.cell
    moved = (np.abs(displacements) > 1e-9).any(axis=2)
    assert moved.sum(axis=1).min() == 0
    assert moved.sum(axis=1).max() == 8
    assert displacements[moved].std() == pytest.approx(0.02 * 11.0 ** (1 / 3), rel=0.1)

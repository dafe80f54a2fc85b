import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gasearch.crystal.composition import Pair
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import supercell
from gasearch.crystal.radial_distribution import (
    coordination_numbers,
    first_shell,
    partial_distributions,
    reach,
    spacing,
    structure_distances,
)

CUBIC = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]])
GRID = np.arange(1, 300) * 0.02
CU = Pair(29, 29)


def rock_salt() -> Crystal:
    """Sodium chloride of a = 5.6 Å, primitive."""
    return Crystal(2.8 * np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]), [[0, 0, 0], [0.5, 0.5, 0.5]], [11, 17])


def test_peaks_and_coordination_numbers_of_fcc(fcc: Crystal):
    a = 3.6
    g = partial_distributions(fcc, GRID, 0.03)[CU]
    peaks = 1 + np.flatnonzero((g[1:-1] > g[:-2]) & (g[1:-1] > g[2:]))
    assert GRID[peaks][:4] == pytest.approx(a * np.sqrt([0.5, 1.0, 1.5, 2.0]), abs=0.02)
    for shells, count in enumerate((12, 18, 42, 54), start=1):
        cutoff = a * np.sqrt(shells / 2 + 0.25)
        assert coordination_numbers(fcc, {CU: cutoff}) == {"Cu-Cu": count}
    peak, end = first_shell(GRID, g)
    assert peak == pytest.approx(a / np.sqrt(2), abs=0.02)
    assert coordination_numbers(fcc, {CU: end}) == {"Cu-Cu": 12}


def test_coordination_numbers_of_unlike_atoms_and_the_integral_of_g():
    salt, pair = rock_salt(), Pair(11, 17)
    g = partial_distributions(salt, GRID, 0.03)
    assert first_shell(GRID, g[pair])[0] == pytest.approx(2.8, abs=0.02)
    assert coordination_numbers(salt, {pair: 3.5}) == {"Na-Cl": 6, "Cl-Na": 6}
    # The density of Cl times ∫ 4πr² g dr counts the Cl around an Na.
    within = GRID < 3.5
    counted = (4 * np.pi * GRID[within] ** 2 * g[pair][within]).sum() * 0.02 / salt.volume
    assert counted == pytest.approx(6, rel=2e-3)
    assert coordination_numbers(salt, {Pair(11, 11): 4.5}) == {"Na-Na": 12}


def test_of_unequal_numbers_each_atom_counts_the_other():
    h3s = Crystal(3.0 * np.eye(3), [[0, 0, 0], [0.5, 0, 0], [0, 0.5, 0], [0, 0, 0.5]], [16, 1, 1, 1])
    assert coordination_numbers(h3s, {Pair(1, 16): 1.6}) == {"H-S": 2, "S-H": 6}


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=15, derandomize=True)
def test_rotation_origin_order_and_choice_of_cell_do_not_matter(disguised, seed):
    rng = np.random.default_rng(seed)
    crystal = Crystal(4 * np.eye(3) + rng.uniform(-1, 1, (3, 3)), rng.random((5, 3)), [1, 1, 1, 16, 16])
    other = disguised(crystal, rng)
    first, second = (partial_distributions(c, GRID, 0.1) for c in (crystal, other))
    assert first.keys() == second.keys()
    for pair, g in first.items():
        np.testing.assert_allclose(second[pair], g, atol=1e-8 * g.max())
    assert structure_distances(crystal, [other])[0] < 1e-10


@pytest.mark.parametrize("matrix", [np.diag([1, 2, 1]), CUBIC])
def test_supercells_do_not_matter(matrix: np.ndarray):
    salt = rock_salt()
    large = supercell(salt, matrix)
    for pair, g in partial_distributions(salt, GRID, 0.05).items():
        np.testing.assert_allclose(partial_distributions(large, GRID, 0.05)[pair], g, atol=1e-8)
    assert structure_distances(supercell(large, 2 * np.eye(3)), [salt, large]) == pytest.approx([0, 0], abs=1e-10)


def test_an_ideal_gas_knows_no_distances():
    rng = np.random.default_rng(0)
    gas = Crystal(10 * np.eye(3), rng.random((300, 3)), np.repeat([1, 16], 150))
    for g in partial_distributions(gas, np.linspace(2.0, 4.5, 60), 0.2).values():
        assert g.mean() == pytest.approx(1.0, abs=0.03)
        assert np.abs(g - 1).max() < 0.25


def test_likeness_orders_structures(fcc: Crystal, hcp: Crystal):
    glass = supercell(fcc, 2 * CUBIC)
    rng = np.random.default_rng(0)
    warm = Crystal(glass.cell, glass.frac + 0.1 * rng.standard_normal((32, 3)) @ np.linalg.inv(glass.cell), [29] * 32)
    bcc = Crystal(np.cbrt(fcc.volume / 4) * CUBIC, [[0, 0, 0]], [29])
    assert reach(glass) == pytest.approx(0.75 * 7.2)
    assert spacing(fcc) == pytest.approx(3.6 / np.cbrt(4))
    itself, close_packed, body_centred = structure_distances(warm, [fcc, hcp, bcc])
    assert itself < close_packed < body_centred < 0.5
    with pytest.raises(ValueError, match=r"NaCl is not Cu"):
        structure_distances(glass, [rock_salt()])


def test_without_a_peak_there_is_no_shell():
    assert np.isnan(first_shell(GRID, np.zeros_like(GRID))).all()
    assert np.isnan(first_shell(GRID, 9 * GRID)).all()

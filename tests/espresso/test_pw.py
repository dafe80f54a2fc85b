import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.pw import PwSettings, k_grid, read_scf, write_scf
from gasearch.units import GPA_PER_EV_PER_A3


def test_grid_of_a_cube_follows_from_its_edge():
    cube = Crystal(np.eye(3) * 2 * np.pi, [[0, 0, 0]], [1])
    assert k_grid(cube, 1.0) == (1, 1, 1)
    assert k_grid(cube, 0.4) == (3, 3, 3)


def test_h3s_grid_is_the_published_one():
    half = 2.985 / 2
    bcc = Crystal(half * (np.ones((3, 3)) - 2 * np.eye(3)), [[0, 0, 0]], [16])
    assert k_grid(bcc, 0.40) == (8, 8, 8)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.2, 1.0))
def test_neighbouring_k_points_are_never_farther_than_the_spacing(seed, spacing):
    cell = np.random.default_rng(seed).normal(size=(3, 3)) * 3
    reciprocal = 2 * np.pi * np.linalg.inv(cell).T
    grid = np.array(k_grid(Crystal(cell, [[0, 0, 0]], [1]), spacing))
    steps = np.linalg.norm(reciprocal, axis=1) / grid
    assert (steps <= spacing * (1 + 1e-5)).all()
    assert (np.linalg.norm(reciprocal, axis=1) / np.maximum(grid - 1, 0.5) > spacing * (1 - 1e-5)).all()


def test_input_holds_the_crystal_and_the_settings(hs):
    text = write_scf(hs, PwSettings(ecutwfc=42.0, k_spacing=1.5), "/pseudo")
    lines = text.splitlines()
    cell = lines.index("CELL_PARAMETERS angstrom")
    atoms = lines.index("ATOMIC_POSITIONS crystal")
    assert np.allclose(np.array([line.split() for line in lines[cell + 1 : cell + 4]], float), hs.cell, atol=1e-12)
    assert [line.split()[0] for line in lines[atoms + 1 : atoms + 3]] == ["S", "H"]
    assert "ecutwfc = 42.0" in text and "ntyp = 2" in text and "pseudo_dir = '/pseudo'" in text
    assert lines[-1] == "2 2 2 0 0 0"


def test_reads_what_was_printed(recorded):
    result = read_scf(recorded("hs"), 2)
    assert result.energy == pytest.approx(-290.4, abs=0.5)
    assert result.forces.shape == (2, 3)
    assert np.abs(result.forces.sum(axis=0)).max() < 2e-3
    assert np.allclose(result.stress, result.stress.T)


def test_pressure_is_minus_the_mean_stress(recorded):
    text = recorded("hs")
    kbar = float(text.split("P=")[1].split()[0])
    pressure = -np.trace(read_scf(text, 2).stress) / 3 * GPA_PER_EV_PER_A3
    assert pressure == pytest.approx(kbar / 10, abs=2e-3)


@pytest.mark.parametrize("name", ["not_converged", "clash"])
def test_output_without_a_result_reads_as_none(recorded, name):
    assert read_scf(recorded(name), 2) is None


def test_output_that_breaks_off_anywhere_reads_as_none(recorded):
    text = recorded("hs")
    end = text.index("init_run")
    for length in range(0, end - 200, 500):
        assert read_scf(text[:length], 2) is None


def test_only_elements_that_may_be_magnetic_are_computed_with_spins(hs):
    assert "nspin" not in write_scf(hs, PwSettings(), "/pseudo")
    hydride = Crystal(hs.cell, hs.frac, [1, 26])
    assert "nspin = 2, starting_magnetization(2) = 0.5" in write_scf(hydride, PwSettings(), "/pseudo")

"""The full grid of bands from the irreducible points."""

import shutil

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.symmetry import irreducible, irreducible_points
from gasearch.espresso.electronic import XML
from gasearch.espresso.full_grid import full_grid, read_full_grid, steps
from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.pw import PwSettings
from gasearch.espresso.record import ScfFailure, ScfProblem
from gasearch.espresso.runner import PwRunner

HALF = 1.0
BCC = Crystal(HALF * (np.ones((3, 3)) - 2 * np.eye(3)), [[0, 0, 0]], [1])
HEXAGONAL = Crystal([[2, 0, 0], [-1, np.sqrt(3), 0], [0, 0, 3]], [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]], [1, 1])


def invariant(crystal: Crystal, k: np.ndarray) -> np.ndarray:
    """A function of k with the symmetry of any lattice: the sum over lattice vectors of cos 2πk·n, by their length."""
    n = np.array(np.meshgrid(*[range(-4, 5)] * 3)).reshape(3, -1).T
    lengths = np.linalg.norm(n @ crystal.cell, axis=1)
    # Whole shells alone have the symmetry.
    n, lengths = n[lengths < 3.6], lengths[lengths < 3.6]
    return np.cos(2 * np.pi * k @ n.T) @ np.exp(-lengths)


@pytest.mark.parametrize("crystal", [BCC, HEXAGONAL], ids=["bcc", "hexagonal"])
@pytest.mark.parametrize("grid", [(4, 4, 4), (4, 4, 3)])
def test_every_point_is_like_its_irreducible_one(crystal, grid):
    if crystal is BCC and len(set(grid)) > 1:
        pytest.skip("such a grid lacks the symmetry of the lattice")
    points, images = irreducible_points(crystal, grid)
    axes = np.meshgrid(*(np.arange(n) / n for n in grid), indexing="ij")
    full = np.stack(axes, axis=-1).reshape(-1, 3)
    assert len(points) == len(irreducible(crystal, grid)) < len(full)
    assert np.allclose(invariant(crystal, points)[images], invariant(crystal, full))


def test_bands_are_put_where_they_belong():
    points, images = irreducible_points(BCC, (4, 4, 4))
    hartree = 27.211386245988
    listed = "".join(
        f"<ks_energies><eigenvalues>{e / hartree:.12f} {(e + 5) / hartree:.12f}</eigenvalues></ks_energies>"
        for e in invariant(BCC, points)
    )
    xml = (
        f"<espresso><output><band_structure><lsda>false</lsda><nelec>1.0</nelec><fermi_energy>{1 / hartree}"
        f"</fermi_energy>{listed}</band_structure></output></espresso>"
    )
    found = read_full_grid(xml, BCC, (4, 4, 4), images)
    assert found.energies.shape == (2, 4, 4, 4) and found.per_band == 2 and found.electrons == 1
    k = np.array([1, 3, 2]) / 4
    assert found.energies[0, 1, 3, 2] == pytest.approx(invariant(BCC, k) - 1)
    assert found.energies[1, 1, 3, 2] == pytest.approx(invariant(BCC, k) + 4)


class FakeRunner(PwRunner):
    """Fails as Davidson's method does, until another is asked for."""

    def run(self, steps, crystal, results=(), given=None):
        from gasearch.espresso.record import Record

        line = "%" * 30
        self.kept.append(steps[0].text)
        return Record(("JOB DONE.", f"{line}\n Error in routine cdiaghg\n{line}\n"), {})


def test_where_davidsons_method_breaks_down_conjugate_gradients_are_tried():
    asked: list[str] = []
    found = full_grid(FakeRunner(PwSettings(k_spacing=1.0), default_pseudo_dir(), kept=asked), BCC, (2, 2, 2))
    assert isinstance(found, ScfFailure) and found.problem is ScfProblem.CRASHED
    assert ["diagonalization = 'cg'" in text for text in asked] == [False, True]


def test_points_are_written_with_the_spins_of_the_runner():
    runner = PwRunner(PwSettings(k_spacing=1.0), default_pseudo_dir(), spins=(0.2,))
    scf, bands = steps(runner, BCC, np.array([[0.0, 0.0, 0.0], [0.5, 0.0, 0.0]]), bands=7)
    assert "calculation = 'scf'" in scf.text and "nspin = 2" in scf.text
    assert "calculation = 'bands'" in bands.text and "nbnd = 7" in bands.text and "nspin = 2" in bands.text
    assert bands.text.splitlines()[-3:-1] == ["2", "0.000000000000 0.000000000000 0.000000000000 1.0"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pw.x") is None, reason="pw.x is not installed")
def test_bands_of_hydrogen_by_symmetry_are_those_computed_at_every_point():
    settings = PwSettings(ecutwfc=15.0, ecutrho=60.0, k_spacing=0.8, degauss=0.05)
    runner, grid = PwRunner(settings, default_pseudo_dir(), spins=(0.0,)), (3, 3, 3)
    by_symmetry = full_grid(runner, BCC, grid)
    axes = np.meshgrid(*(np.arange(n) / n for n in grid), indexing="ij")
    points = np.stack(axes, axis=-1).reshape(-1, 3)
    record = runner.run(steps(runner, BCC, points), BCC, [f"pwscf.save/{XML}"])
    everywhere = read_full_grid(record.files[XML], BCC, grid, np.arange(len(points)))
    assert np.abs(by_symmetry.energies[:2] - everywhere.energies[:2]).max() < 1e-3

"""What every potential keeps to."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import supercell
from gasearch.errors import PotentialError
from gasearch.potential.committee import Committee
from gasearch.potential.lennard_jones import LennardJones
from gasearch.potential.potential import Batch, BatchResult, Potential


@dataclass
class Case:
    """A potential, two of its elements and the volume of their atoms."""

    potential: Potential
    elements: tuple[int, int]
    volume: float

    def crystal(self, seed: int, n_atoms: int = 4) -> Crystal:
        """A random crystal whose atoms are not too close."""
        rng = np.random.default_rng(seed)
        corners = np.array(np.meshgrid([0, 0.5], [0, 0.5], [0, 0.5])).reshape(3, -1).T[:n_atoms]
        frac = corners + 0.1 * rng.random((n_atoms, 3))
        cell = np.eye(3) + 0.15 * rng.standard_normal((3, 3))
        return Crystal(cell, frac, rng.permutation(np.resize(self.elements, n_atoms))).scaled_to(n_atoms * self.volume)

    def one(self, crystal: Crystal) -> BatchResult:
        return self.potential.compute(Batch.from_crystals([crystal]))


@pytest.fixture(params=["Lennard-Jones", "MACE", "ASE", "committee"])
def case(request: pytest.FixtureRequest) -> Case:
    if request.param == "Lennard-Jones":
        return Case(request.getfixturevalue("kob_andersen"), (13, 29), 7.0)
    if request.param == "committee":
        lead = request.getfixturevalue("kob_andersen")
        other = LennardJones({(29, 29): (1.1, 2.0), (13, 29): (1.5, 1.5), (13, 13): (0.6, 1.7)}, cutoff_sigma=4.0)
        return Case(Committee([lead, other]), (13, 29), 7.0)
    if request.param == "MACE":
        from gasearch.potential.mace import Mace

        return Case(Mace(request.getfixturevalue("tiny_mace"), dtype="float64", device="cpu"), (1, 16), 5.0)
    from gasearch.potential.ase_calculator import AseCalculator

    return Case(AseCalculator("ase.calculators.emt.EMT"), (13, 29), 14.0)


def moved(batch: Batch, system: int, atom: int, by: np.ndarray) -> Batch:
    positions = batch.positions.copy()
    positions[batch.offsets[system] + atom] += by
    return replace(batch, positions=positions)


def derivative(energy: Callable[[float], float], h: float = 1e-4) -> float:
    """Central difference of fourth order."""
    return (8 * (energy(h) - energy(-h)) - (energy(2 * h) - energy(-2 * h))) / (12 * h)


def test_forces_are_minus_the_gradient_of_the_energy(case: Case):
    batch = Batch.from_crystals([case.crystal(0), case.crystal(1, 3)])
    forces = case.potential.compute(batch).forces
    for system, atom, axis in ((0, 0, 0), (0, 3, 1), (1, 2, 2)):
        step = np.eye(3)[axis]

        def energy(h: float) -> float:
            return case.potential.compute(moved(batch, system, atom, h * step)).energy[system]  # noqa: B023

        expected = -derivative(energy)
        assert forces[batch.offsets[system] + atom, axis] == pytest.approx(expected, abs=1e-5 * np.abs(forces).max())


def test_stress_is_the_derivative_by_strain(case: Case):
    crystal = case.crystal(2)
    stress = case.one(crystal).stress[0]
    for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (0, 2)):
        strain = np.zeros((3, 3))
        strain[i, j] += 0.5
        strain[j, i] += 0.5

        def energy(h: float) -> float:
            cell = crystal.cell @ (np.eye(3) + h * strain)  # noqa: B023
            return case.one(Crystal(cell, crystal.frac, crystal.numbers)).energy[0]

        expected = derivative(energy) / crystal.volume
        assert stress[i, j] == pytest.approx(expected, abs=1e-5 * np.abs(stress).max())


def test_no_force_on_the_centre_of_mass_and_no_torque_in_the_stress(case: Case):
    result = case.one(case.crystal(3))
    np.testing.assert_allclose(result.forces.sum(axis=0), 0, atol=1e-9 * np.abs(result.forces).max())
    np.testing.assert_allclose(result.stress[0], result.stress[0].T, rtol=0, atol=1e-9 * np.abs(result.stress).max())


def test_a_batch_gives_what_its_members_give(case: Case):
    crystals = [case.crystal(4, 2), case.crystal(5, 5), case.crystal(6, 1)]
    together, alone = case.potential.compute(Batch.from_crystals(crystals)), [case.one(c) for c in crystals]
    np.testing.assert_allclose(together.energy, [r.energy[0] for r in alone], rtol=1e-12)
    np.testing.assert_allclose(together.forces, np.concatenate([r.forces for r in alone]), rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(together.stress, np.concatenate([r.stress for r in alone]), rtol=1e-9, atol=1e-12)


def test_the_order_of_atoms_does_not_matter(case: Case):
    crystal, order = case.crystal(7), np.array([2, 0, 3, 1])
    before, after = case.one(crystal), case.one(Crystal(crystal.cell, crystal.frac[order], crystal.numbers[order]))
    assert after.energy[0] == pytest.approx(before.energy[0], rel=1e-12)
    np.testing.assert_allclose(after.forces, before.forces[order], rtol=1e-9, atol=1e-10)


def test_shifting_the_atoms_changes_nothing(case: Case):
    crystal = case.crystal(8)
    shifted = Crystal(crystal.cell, crystal.frac + np.array([0.3, 0.6, 0.9]), crystal.numbers)
    before, after = case.one(crystal), case.one(shifted)
    assert after.energy[0] == pytest.approx(before.energy[0], rel=1e-11)
    np.testing.assert_allclose(after.forces, before.forces, rtol=1e-9, atol=1e-9)


def test_forces_and_stress_turn_with_the_crystal(case: Case):
    crystal, turn = case.crystal(9), Rotation.from_euler("xyz", [0.3, -1.1, 2.0]).as_matrix()
    before, after = case.one(crystal), case.one(Crystal(crystal.cell @ turn, crystal.frac, crystal.numbers))
    assert after.energy[0] == pytest.approx(before.energy[0], rel=1e-11)
    np.testing.assert_allclose(after.forces, before.forces @ turn, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(after.stress[0], turn.T @ before.stress[0] @ turn, rtol=1e-8, atol=1e-10)


def test_the_choice_of_lattice_vectors_does_not_matter(case: Case):
    crystal, shear = case.crystal(10), np.array([[1.0, 1, 0], [0, 1, -1], [0, 0, 1]])
    before = case.one(crystal)
    after = case.one(Crystal(shear @ crystal.cell, crystal.frac @ np.linalg.inv(shear), crystal.numbers))
    assert after.energy[0] == pytest.approx(before.energy[0], rel=1e-11)
    np.testing.assert_allclose(after.forces, before.forces, rtol=1e-8, atol=1e-9)


def test_a_supercell_has_so_many_times_the_energy_and_the_same_stress(case: Case):
    crystal = case.crystal(11, 2)
    before, after = case.one(crystal), case.one(supercell(crystal, np.diag([2.0, 1.0, 3.0])))
    assert after.energy[0] == pytest.approx(6 * before.energy[0], rel=1e-11)
    np.testing.assert_allclose(after.stress, before.stress, rtol=1e-8, atol=1e-11)


def test_what_is_kept_between_calls_changes_nothing(case: Case):
    """Atoms and cell drift away, at first within the skin of a neighbour list, then beyond it."""
    rng = np.random.default_rng(12)
    batch = replace(Batch.from_crystals([case.crystal(12), case.crystal(13, 3)]), labels=(object(), object()))
    for _ in range(6):
        fresh, kept = case.potential.compute(replace(batch, labels=())), case.potential.compute(batch)
        np.testing.assert_allclose(kept.energy, fresh.energy, rtol=1e-12)
        np.testing.assert_allclose(kept.forces, fresh.forces, rtol=1e-9, atol=1e-10)
        gradient = np.eye(3) + 0.03 * rng.standard_normal((3, 3))
        wander = 0.05 * rng.standard_normal(batch.positions.shape)
        batch = replace(batch, cells=batch.cells @ gradient, positions=batch.positions @ gradient + wander)


def test_an_unknown_element_is_named(case: Case):
    if case.potential.elements is None:
        pytest.skip("an ASE calculator cannot say what it knows")
    with pytest.raises(PotentialError, match="does not know U"):
        case.one(Crystal(3 * np.eye(3), [[0, 0, 0]], [92]))

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.lj import LennardJones as AseLennardJones
from ase.neighborlist import neighbor_list

from gasearch.crystal.convert import from_ase
from gasearch.crystal.crystal import Crystal
from gasearch.errors import PotentialError
from gasearch.outcomes import Relaxed
from gasearch.potential.lennard_jones import LennardJones
from gasearch.potential.potential import Batch
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings


def hcp(number: int, a: float) -> Crystal:
    cell = a * np.array([[1, 0, 0], [-0.5, np.sqrt(0.75), 0], [0, 0, 1.6]])
    return Crystal(cell, [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]], [number, number])


@pytest.mark.parametrize(
    ("start", "units", "published"),
    [
        (hcp(29, 2.3), 2, -8.356),
        (hcp(13, 2.0), 2, -4.178),
        (Crystal(2.2 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [29, 13]), 1, -21.276),
    ],
    ids=["A P6₃/mmc", "B P6₃/mmc", "AB Pm-3m"],
)
def test_the_published_phases_of_the_kob_andersen_hull(kob_andersen, start, units, published):
    tight = RelaxationSettings(max_force=1e-4, max_stress=1e-5)
    (outcome,) = BatchRelaxer(kob_andersen, tight).relax([start], 0.0)
    assert isinstance(outcome, Relaxed)
    assert outcome.enthalpy / units == pytest.approx(published, abs=6e-4)


def test_agrees_with_ase_but_for_the_force_shift():
    """ASE shifts the energy alone; the force shift adds -(r - r_c) φ'(r_c) to each pair."""
    epsilon, sigma, cutoff = 0.7, 2.2, 2.5 * 2.2
    atoms = bulk("Cu", "fcc", a=3.4).repeat((2, 1, 1))
    atoms.rattle(0.1, seed=1)
    atoms.calc = AseLennardJones(epsilon=epsilon, sigma=sigma, rc=cutoff, smooth=False)
    slope = 4 * epsilon * (-12 * sigma**12 / cutoff**13 + 6 * sigma**6 / cutoff**7)
    first, distance, vector = neighbor_list("idD", atoms, cutoff)
    energy = atoms.get_potential_energy() - slope * (distance - cutoff).sum() / 2
    forces = atoms.get_forces()
    np.add.at(forces, first, slope * -vector / distance[:, None])

    crystal = from_ase(atoms)
    ours = LennardJones({(29, 29): (epsilon, sigma)}, cutoff_sigma=2.5).compute(Batch.from_crystals([crystal]))
    assert ours.energy[0] == pytest.approx(energy, rel=1e-12)
    np.testing.assert_allclose(ours.forces, forces, atol=1e-12)


@pytest.mark.parametrize("distance", [1.0, 2.0, 2.4, 2.4999])
def test_a_pair_alone_has_the_shifted_energy_and_force(distance):
    pair = Crystal(20 * np.eye(3), [[0, 0, 0], [distance / 20, 0, 0]], [29, 29])
    result = LennardJones({(29, 29): (1.0, 1.0)}, cutoff_sigma=2.5).compute(Batch.from_crystals([pair]))

    def phi(r: float) -> float:
        return 4 * (r**-12 - r**-6)

    def slope(r: float) -> float:
        return 4 * (-12 * r**-13 + 6 * r**-7)

    shifted = phi(distance) - phi(2.5) - (distance - 2.5) * slope(2.5)
    assert result.energy[0] == pytest.approx(shifted, abs=1e-12)
    assert result.forces[0, 0] == pytest.approx(slope(distance) - slope(2.5), abs=1e-9)


def test_atoms_beyond_the_cutoff_do_not_meet():
    far = Crystal(20 * np.eye(3), [[0, 0, 0], [0.5, 0, 0]], [29, 29])
    result = LennardJones({(29, 29): (1.0, 1.0)}, cutoff_sigma=2.5).compute(Batch.from_crystals([far]))
    assert result.energy[0] == 0
    assert not result.forces.any()
    assert not result.stress.any()


def test_atoms_at_one_place_are_not_finite(kob_andersen):
    result = kob_andersen.compute(Batch.from_crystals([Crystal(3 * np.eye(3), np.zeros((2, 3)), [29, 29])]))
    assert not np.isfinite(result.energy[0])


def test_what_shares_a_batch_changes_no_bit(kob_andersen):
    rng = np.random.default_rng(0)
    crystals = [Crystal(n * np.eye(3) + 0.2 * rng.random((3, 3)), rng.random((n, 3)), [13] * n) for n in (2, 3, 4)]
    together = kob_andersen.compute(Batch.from_crystals(crystals))
    for s, crystal in enumerate(crystals):
        alone = kob_andersen.compute(Batch.from_crystals([crystal]))
        assert together.energy[s] == alone.energy[0]
        assert np.array_equal(together.stress[s], alone.stress[0])


def test_a_missing_pair_is_named():
    with pytest.raises(PotentialError, match="Al-Cu"):
        LennardJones({(29, 29): (1.0, 2.0), (13, 13): (0.5, 1.8)})

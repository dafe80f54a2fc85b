import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import supercell
from gasearch.crystal.order import Order, long_range_order
from gasearch.crystal.radial_distribution import structure_distances
from gasearch.outcomes import Failure, Reason
from gasearch.potential.lennard_jones import LennardJones
from gasearch.potential.molecular_dynamics import Leg, default_time_step, set_in_motion, travel
from gasearch.potential.potential import Batch, BatchResult
from gasearch.potential.relaxation import BatchRelaxer
from gasearch.units import K_PER_THZ, MEV_PER_EV, MEV_PER_THZ, pressure_from_GPa

PRESSURE = pressure_from_GPa(20.0)
#: 1 eV, which is ε of copper here, in K.
EPSILON = MEV_PER_EV / MEV_PER_THZ * K_PER_THZ


@pytest.fixture
def potential() -> LennardJones:
    return LennardJones({(29, 29): (1.0, 2.0)}, cutoff_sigma=2.5)


@pytest.fixture
def fcc(potential) -> Crystal:
    start = Crystal(1.5 * (np.ones((3, 3)) - np.eye(3)), [[0, 0, 0]], [29])
    return BatchRelaxer(potential).relax([start], PRESSURE)[0].crystal


@pytest.fixture
def block(fcc: Crystal) -> Crystal:
    """A cube of 32 atoms."""
    return supercell(fcc, 2 * np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]))


def held(temperature: float, duration: float) -> Leg:
    return Leg("leg", duration, (temperature, temperature), (PRESSURE, PRESSURE))


def test_the_time_step_suits_the_lightest_atom():
    assert default_time_step(np.array([16, 1])) == pytest.approx(0.5)
    assert default_time_step(np.array([3, 8])) == pytest.approx(0.5 * np.sqrt(6.94 / 1.008), rel=1e-3)
    assert default_time_step(np.array([29])) == 2.0


def test_atoms_begin_with_a_temperature_and_at_rest_as_a_whole():
    crystal = Crystal(20 * np.eye(3), np.random.default_rng(0).random((500, 3)), np.repeat([1, 16], 250))
    moving = set_in_motion(crystal, 1000.0, np.random.default_rng(1))
    assert moving.momenta.sum(axis=0) == pytest.approx(0, abs=1e-9)
    from ase.data import atomic_masses

    twice = (moving.momenta**2 / atomic_masses[crystal.numbers][:, None]).sum() / (3 * 500)
    assert twice * EPSILON == pytest.approx(1000.0, rel=0.1)


def test_a_crystal_below_melting_stays_itself(potential, fcc, block):
    rng = np.random.default_rng(1)
    found = travel(potential, set_in_motion(block, 0.2 * EPSILON, rng), held(0.2 * EPSILON, 0.8), 2.0, rng)
    assert found.steps == 400
    assert found.temperature == pytest.approx(0.2 * EPSILON, rel=0.25)
    assert found.pressure == pytest.approx(PRESSURE, rel=0.25)
    assert found.moved["Cu"] < 0.3
    assert found.beyond == 0.0
    relaxed = BatchRelaxer(potential).relax([found.atoms.crystal], PRESSURE)[0].crystal
    assert long_range_order(relaxed).order is Order.CRYSTALLINE
    assert long_range_order(relaxed).space_group == "Fm-3m"
    assert structure_distances(relaxed, [fcc])[0] < 1e-4
    # Atoms that move are no less in phase than a crystal's.
    assert long_range_order(found.atoms.crystal).order is Order.PARTLY


def test_the_same_seed_gives_the_same_trajectory(potential, block):
    def end() -> Crystal:
        rng = np.random.default_rng(3)
        return travel(potential, set_in_motion(block, 5000.0, rng), held(5000.0, 0.05), 2.0, rng).atoms.crystal

    first = end()
    np.random.random(7)  # chance elsewhere does not matter
    np.testing.assert_array_equal(end().frac, first.frac)


def test_what_explodes_is_a_value(potential, block):
    rng = np.random.default_rng(0)
    hot = travel(potential, set_in_motion(block, 1e9, rng), held(1e9, 0.05), 2.0, rng)
    assert isinstance(hot, Failure)
    assert hot.reason in (Reason.EXPLODED, Reason.COLLAPSED, Reason.NOT_FINITE)
    assert "in the leg" in hot.detail


class Deaf:
    """Answers so many times, and then no more."""

    name, elements = "deaf", None

    def __init__(self, potential: LennardJones, answers: int, shortest: float = 0.0):
        self._potential, self._left = potential, answers
        self.shortest_distances = {(29, 29): shortest}

    def compute(self, batch: Batch) -> BatchResult:
        self._left -= 1
        result = self._potential.compute(batch)
        return result if self._left >= 0 else BatchResult(result.energy * np.nan, result.forces, result.stress)


def test_no_answer_is_a_value(potential, block):
    rng = np.random.default_rng(0)
    found = travel(Deaf(potential, 30), set_in_motion(block, 300.0, rng), held(300.0, 0.2), 2.0, rng)
    assert (found.reason, found.steps) == (Reason.NOT_FINITE, 20)


def test_distances_that_the_potential_was_not_trained_on_are_counted(potential, block):
    rng = np.random.default_rng(0)
    found = travel(Deaf(potential, 999, shortest=9.0), set_in_motion(block, 300.0, rng), held(300.0, 0.04), 2.0, rng)
    assert found.beyond == 1.0

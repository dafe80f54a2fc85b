import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.outcomes import Relaxed
from gasearch.potential.lennard_jones import LennardJones
from gasearch.potential.potential import Batch, Potential
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings
from gasearch.screening.elasticity import Elasticity, along, elasticity, is_minimum

TIGHT = RelaxationSettings(max_force=1e-6, max_stress=1e-7, max_steps=600)
#: Axes of the cube, so that Voigt's components are those of a cubic crystal.
FCC = 1.55 * (np.ones((3, 3)) - np.eye(3))
BCC = 1.2 * (np.ones((3, 3)) - 2 * np.eye(3))


def relaxed(potential: Potential, crystal: Crystal, pressure: float) -> Crystal:
    """The crystal at the pressure; cubic, so that its volume is all there is to relax."""
    result = BatchRelaxer(potential, TIGHT).relax([crystal], pressure)[0]
    assert isinstance(result, Relaxed)
    return crystal.scaled_to(result.crystal.volume)


def enthalpy(potential: Potential, crystal: Crystal, deformation: np.ndarray, pressure: float) -> float:
    deformed = Crystal(crystal.cell @ deformation, crystal.frac, crystal.numbers)
    return float(potential.compute(Batch.from_crystals([deformed])).energy[0]) + pressure * deformed.volume


def second_derivative(potential: Potential, crystal: Crystal, strain: np.ndarray, pressure: float) -> float:
    step = 2e-3
    high, middle, low = (enthalpy(potential, crystal, np.eye(3) + k * step * strain, pressure) for k in (1, 0, -1))
    return (high - 2 * middle + low) / step**2 / crystal.volume


@pytest.fixture(params=[0.0, 2.0])
def cubic(request, kob_andersen: LennardJones) -> tuple[LennardJones, Crystal, float, np.ndarray]:
    pressure = request.param
    crystal = relaxed(kob_andersen, Crystal(FCC, [[0, 0, 0]], [29]), pressure)
    found = elasticity(kob_andersen, crystal, pressure)
    assert found.stable
    assert is_minimum(found)
    return kob_andersen, crystal, pressure, found.stiffness


def test_a_cubic_crystal_has_three_constants(cubic):
    _, _, _, stiffness = cubic
    c11, c12, c44 = stiffness[0, 0], stiffness[0, 1], stiffness[3, 3]
    expected = np.diag([c11 - c12] * 3 + [c44] * 3)
    expected[:3, :3] += c12
    assert stiffness == pytest.approx(expected, abs=1e-4 * c11)


def test_pair_forces_obey_cauchy_s_relation(cubic):
    """C₁₂ = C₄₄ at zero pressure; under pressure B₁₂ − B₄₄ = 2P (both C with Lagrangian strain remain equal)."""
    _, _, pressure, stiffness = cubic
    assert stiffness[0, 1] - stiffness[3, 3] == pytest.approx(2 * pressure, abs=1e-3 * stiffness[0, 0])


def test_they_are_the_curvatures_of_enthalpy(cubic):
    potential, crystal, pressure, stiffness = cubic
    shear = np.array([[0, 0.5, 0], [0.5, 0, 0], [0, 0, 0]])
    assert stiffness[0, 0] == pytest.approx(
        second_derivative(potential, crystal, np.diag([1, 0, 0]), pressure), rel=2e-3
    )
    assert stiffness[5, 5] == pytest.approx(second_derivative(potential, crystal, shear, pressure), rel=2e-3)
    bulk = (stiffness[0, 0] + 2 * stiffness[0, 1]) / 3
    assert 9 * bulk == pytest.approx(second_derivative(potential, crystal, np.eye(3), pressure), rel=2e-3)


def test_the_bulk_modulus_is_that_of_the_equation_of_state(kob_andersen: LennardJones):
    pressure, step = 1.0, 1e-3
    low, here, high = (
        relaxed(kob_andersen, Crystal(FCC, [[0, 0, 0]], [29]), pressure + k * step).volume for k in (-1, 0, 1)
    )
    crystal = Crystal(FCC, [[0, 0, 0]], [29]).scaled_to(here)
    stiffness = elasticity(kob_andersen, crystal, pressure).stiffness
    assert stiffness[:3, :3].mean() == pytest.approx(-here * 2 * step / (high - low), rel=5e-3)


def test_bcc_of_lennard_jones_gives_way_to_a_tetragonal_strain(kob_andersen: LennardJones):
    crystal = relaxed(kob_andersen, Crystal(BCC, [[0, 0, 0]], [29]), 0.0)
    found = elasticity(kob_andersen, crystal, 0.0)
    c11, c12 = found.stiffness[0, :2]
    assert c11 < c12
    assert not found.stable
    assert not is_minimum(found)
    fallen = BatchRelaxer(kob_andersen, TIGHT).relax(along(found, crystal, 0.1), 0.0)[0]
    assert isinstance(fallen, Relaxed)
    assert fallen.energy < enthalpy(kob_andersen, crystal, np.eye(3), 0.0) - 0.01


def strained(found: Elasticity) -> np.ndarray:
    return found.clamped - found.stiffness


def test_atoms_that_relax_make_a_crystal_softer(kob_andersen: LennardJones):
    """hcp has a place that strain moves: its internal relaxation lowers the stiffness, never raises it."""
    a, c = 2.2, 2.2 * (8 / 3) ** 0.5
    start = Crystal(
        [[a, 0, 0], [-a / 2, a * 0.75**0.5, 0], [0, 0, c]], [[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]], [29, 29]
    )
    result = BatchRelaxer(kob_andersen, TIGHT).relax([start], 0.0)[0]
    found = elasticity(kob_andersen, result.crystal, 0.0)
    assert np.linalg.eigvalsh(strained(found))[0] > -1e-4
    assert np.trace(strained(found)) > 1e-2 * np.trace(found.clamped)
    assert found.stable

from typing import ClassVar

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.vc_relax import Descent
from gasearch.outcomes import Failure, Reason, Relaxed
from gasearch.potential.potential import Batch, BatchResult
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings
from gasearch.units import pressure_from_GPa
from gasearch.workflow.dft.engines import calculator_limits


class PowerLaw:
    """E = c V^k of the cell, no forces: equilibrium where P = -c k V^(k - 1)."""

    name = "power law"
    elements = None
    shortest_distances: ClassVar[dict] = {}

    def __init__(self, prefactor: float, exponent: float):
        self.prefactor, self.exponent = prefactor, exponent

    def compute(self, batch: Batch) -> BatchResult:
        energy = self.prefactor * batch.volumes**self.exponent
        stress = (self.exponent * energy / batch.volumes)[:, None, None] * np.eye(3)
        return BatchResult(energy, np.zeros_like(batch.positions), stress)


def crystal(numbers: list[int], volume: float, seed: int = 0) -> Crystal:
    rng = np.random.default_rng(seed)
    sites = np.array([[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0, 0], [0, 0.5, 0.5]])[: len(numbers)]
    cell = np.eye(3) + 0.1 * rng.normal(size=(3, 3))
    return Crystal(cell, sites + 0.05 * rng.normal(size=sites.shape), numbers).scaled_to(volume)


def test_the_volume_of_a_known_equation_of_state():
    pressure, target = pressure_from_GPa(100), 10.0
    (outcome,) = BatchRelaxer(PowerLaw(pressure * target**2, -1.0)).relax([crystal([1], 4.0)], pressure)
    assert isinstance(outcome, Relaxed)
    assert outcome.crystal.volume == pytest.approx(target, rel=2e-3)


class TooFewPlaneWaves(PowerLaw):
    """Its stress misses the slope of its energy by a constant, eV/Å³."""

    off = pressure_from_GPa(6)

    def compute(self, batch: Batch) -> BatchResult:
        result = super().compute(batch)
        return BatchResult(result.energy, result.forces, result.stress - self.off * np.eye(3))


def test_a_stress_that_contradicts_the_energy_stalls_and_says_so():
    pressure, target = pressure_from_GPa(100), 10.0
    (outcome,) = BatchRelaxer(TooFewPlaneWaves(pressure * target**2, -1.0)).relax([crystal([1], 9.0)], pressure)
    assert isinstance(outcome, Failure)
    assert outcome.reason is Reason.STALLED
    # It stands where the energy has its minimum.
    assert outcome.crystal.volume == pytest.approx(target, rel=2e-2)


@pytest.mark.parametrize(("pressure_GPa", "off_GPa"), [(10, 3), (20, 6), (100, 6), (100, 10)])
def test_a_calculator_may_step_uphill_to_where_its_stress_says(pressure_GPa: float, off_GPa: float):
    """-dE/dV = c/V² = P - off at the end, as the stress alone says; each evaluation may be hours."""
    pressure, target, off = pressure_from_GPa(pressure_GPa), 10.0, pressure_from_GPa(off_GPa)
    potential = TooFewPlaneWaves(pressure * target**2, -1.0)
    potential.off = off
    limits = calculator_limits(Descent(max_force=0.02, max_stress=pressure_from_GPa(0.1)))
    (outcome,) = BatchRelaxer(potential, limits).relax([crystal([1], 9.0)], pressure)
    assert isinstance(outcome, Relaxed)
    assert outcome.steps < 25
    assert outcome.crystal.volume == pytest.approx(target * (pressure / (pressure - off)) ** 0.5, rel=1e-2)


def test_a_cell_that_nothing_holds_explodes():
    (outcome,) = BatchRelaxer(PowerLaw(100.0, -0.2)).relax([crystal([1], 10.0)], 0.0)
    assert isinstance(outcome, Failure)
    assert outcome.reason is Reason.EXPLODED


def test_a_cell_that_nothing_resists_collapses():
    settings = RelaxationSettings(max_volume_ratio=1e4)
    (outcome,) = BatchRelaxer(PowerLaw(1.0, 1.0), settings).relax([crystal([1], 10.0)], 1.0)
    assert isinstance(outcome, Failure)
    assert outcome.reason is Reason.COLLAPSED
    assert outcome.steps > 0


def test_atoms_closer_than_the_potential_knows_them_have_collapsed():
    """CsCl of volume 8 Å³ has its neighbours at 1.732 Å; its like atoms are 2 Å apart."""
    pressure, volume = pressure_from_GPa(100), 8.0
    potential = PowerLaw(pressure * volume**2, -1.0)
    start = Crystal(2.1 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [1, 16])
    for limits, reason in (({(1, 16): 1.70, (1, 1): 1.95}, None), ({(1, 16): 1.76}, Reason.COLLAPSED)):
        potential.shortest_distances = limits
        (outcome,) = BatchRelaxer(potential).relax([start], pressure)
        assert getattr(outcome, "reason", None) is reason


def test_coinciding_atoms_are_not_finite(kob_andersen):
    touching = Crystal(3 * np.eye(3), np.zeros((2, 3)), [29, 29])
    fine = crystal([29, 13], 12.0)
    first, second = BatchRelaxer(kob_andersen).relax([touching, fine], 0.0)
    assert first.reason is Reason.NOT_FINITE
    assert first.steps == 1
    assert isinstance(second, Relaxed)


def test_the_batch_size_and_what_shares_the_list_change_no_bit(kob_andersen):
    starts = [crystal([29, 13, 13, 29][: n % 4 + 1], 6.5 * (n % 4 + 1), seed=n) for n in range(9)]
    lists = [BatchRelaxer(kob_andersen, RelaxationSettings(batch_size=b)).relax(starts, 0.0) for b in (1, 2, 16)]
    for outcomes in zip(*lists, strict=True):
        assert len({o.steps for o in outcomes}) == 1
        assert len({o.enthalpy for o in outcomes}) == 1


def test_a_skewed_cell_relaxes_to_the_same_crystal(kob_andersen):
    plain = crystal([29, 13], 12.0)
    shear = np.array([[1.0, 0, 0], [7, 1, 0], [-3, 5, 1]])
    skewed = Crystal(shear @ plain.cell, plain.frac @ np.linalg.inv(shear), plain.numbers)
    a, b = BatchRelaxer(kob_andersen).relax([plain, skewed], 0.0)
    assert a.enthalpy == pytest.approx(b.enthalpy, abs=1e-4)
    assert np.linalg.norm(b.crystal.cell, axis=1).max() < 6


def test_violent_starts_come_to_rest(kob_andersen):
    """Atoms at a half of their distance: forces of thousands of eV/Å."""
    rng = np.random.default_rng(5)
    starts = [Crystal(3 * np.eye(3), rng.random((4, 3)), [29, 29, 13, 13]) for _ in range(8)]
    outcomes = BatchRelaxer(kob_andersen).relax(starts, 0.0)
    assert sum(isinstance(o, Relaxed) for o in outcomes) == len(starts)


def test_symmetry_is_kept(kob_andersen):
    """A cubic crystal under pressure stays cubic, its atoms on their sites."""
    start = Crystal(2.4 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [29, 13])
    (outcome,) = BatchRelaxer(kob_andersen).relax([start], pressure_from_GPa(20))
    lengths = np.linalg.norm(outcome.crystal.cell, axis=1)
    np.testing.assert_allclose(lengths, lengths[0], rtol=1e-12)
    np.testing.assert_allclose(outcome.crystal.frac[1] - outcome.crystal.frac[0], 0.5, atol=1e-12)

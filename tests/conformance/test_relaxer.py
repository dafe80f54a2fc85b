"""What every relaxer by a potential keeps to."""

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.outcomes import Failure, Reason, Relaxed, Relaxer
from gasearch.potential.potential import Batch, Potential
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings
from gasearch.units import pressure_from_GPa

SETTINGS = RelaxationSettings(batch_size=3)
PRESSURE = pressure_from_GPa(10.0)


def rattled(seed: int, numbers: list[int], volume: float) -> Crystal:
    """A distorted cell of the bcc family: one to four atoms near the corners and centres of cubes."""
    rng = np.random.default_rng(seed)
    sites = np.array([[0, 0, 0], [0.5, 0.5, 0.25], [0, 0, 0.5], [0.5, 0.5, 0.75]])[: len(numbers)]
    frac = sites + 0.04 * rng.standard_normal(sites.shape)
    cell = np.diag([1, 1, len(numbers) / 2]) + 0.1 * rng.standard_normal((3, 3))
    return Crystal(cell, frac, numbers).scaled_to(len(numbers) * volume)


@pytest.fixture(params=["Lennard-Jones", "MACE", "ASE"])
def potential(request: pytest.FixtureRequest) -> Potential:
    if request.param == "Lennard-Jones":
        return request.getfixturevalue("kob_andersen")
    if request.param == "MACE":
        from gasearch.potential.mace import Mace

        return Mace(request.getfixturevalue("tiny_mace"), dtype="float32", device="cpu")
    from gasearch.potential.ase_calculator import AseCalculator

    return AseCalculator("ase.calculators.emt.EMT")


@pytest.fixture
def starts(potential: Potential) -> list[Crystal]:
    a, b, volume = {"Lennard-Jones": (13, 29, 6.0), "MACE": (1, 16, 6.0)}.get(potential.name, (13, 29, 13.0))
    contents = [[a], [a, b], [a, a, b], [b, b]]
    return [rattled(seed, numbers, volume) for seed, numbers in enumerate(contents)]


@pytest.fixture
def relaxer(potential: Potential) -> Relaxer:
    return BatchRelaxer(potential, SETTINGS)


def test_outcomes_come_in_the_order_given_and_are_what_they_say(potential, relaxer, starts):
    outcomes = relaxer.relax(starts, PRESSURE)
    assert [list(o.crystal.numbers) for o in outcomes] == [list(s.numbers) for s in starts]
    relaxed = [o for o in outcomes if isinstance(o, Relaxed)]
    assert len(relaxed) >= 3
    for outcome in relaxed:
        again = potential.compute(Batch.from_crystals([outcome.crystal]))
        miss = again.stress[0] + PRESSURE * np.eye(3)
        assert np.abs(again.forces).max() < 1.05 * SETTINGS.max_force
        assert np.abs(miss).max() < 1.05 * SETTINGS.max_stress
        assert outcome.max_force == pytest.approx(np.abs(again.forces).max(), abs=1e-4)
        assert outcome.max_stress == pytest.approx(np.abs(miss).max(), abs=1e-5)
        assert outcome.energy == pytest.approx(again.energy[0], abs=1e-4)
        assert outcome.enthalpy == pytest.approx(outcome.energy + PRESSURE * outcome.crystal.volume, abs=1e-9)


def test_relaxing_lowers_the_enthalpy(potential, relaxer, starts):
    batch = Batch.from_crystals(starts)
    before = potential.compute(batch).energy + PRESSURE * batch.volumes
    for start, outcome in zip(before, relaxer.relax(starts, PRESSURE), strict=True):
        assert isinstance(outcome, Failure) or outcome.enthalpy < start


def test_the_same_list_gives_the_same_outcomes_bit_by_bit(relaxer, starts):
    once, again = relaxer.relax(starts, PRESSURE), relaxer.relax(starts, PRESSURE)
    for a, b in zip(once, again, strict=True):
        assert type(a) is type(b)
        assert a.steps == b.steps
        assert np.array_equal(a.crystal.cell, b.crystal.cell)
        assert np.array_equal(a.crystal.frac, b.crystal.frac)


def test_relaxing_again_takes_one_step(relaxer, starts):
    once = [o for o in relaxer.relax(starts, PRESSURE) if isinstance(o, Relaxed)]
    again = relaxer.relax([o.crystal for o in once], PRESSURE)
    assert [o.steps for o in again] == [1] * len(once)


def test_the_step_limit_is_a_failure(potential, starts):
    outcomes = BatchRelaxer(potential, RelaxationSettings(max_steps=2)).relax(starts, PRESSURE)
    assert {o.reason for o in outcomes if isinstance(o, Failure)} == {Reason.STEP_LIMIT}
    assert max(o.steps for o in outcomes) == 2


def test_a_ceiling_far_below_is_hopeless_and_one_far_above_changes_nothing(relaxer, starts):
    free = relaxer.relax(starts, PRESSURE)
    capped = relaxer.relax(starts, PRESSURE, [np.inf if o.steps < 20 else -1e4 for o in free])
    roomy = relaxer.relax(starts, PRESSURE, [1e4] * len(starts))
    for a, b, c in zip(free, capped, roomy, strict=True):
        assert a.steps == c.steps
        assert a.steps == b.steps if a.steps < 20 else b.reason is Reason.HOPELESS


def test_nothing_gives_nothing(relaxer):
    assert relaxer.relax([], PRESSURE) == []

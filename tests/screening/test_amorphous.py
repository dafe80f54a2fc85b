import itertools

import numpy as np
import pytest

from gasearch.crystal.composition import Composition, Pair
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import closest_distances
from gasearch.crystal.order import Order, long_range_order
from gasearch.crystal.radial_distribution import first_shell, partial_distributions, structure_distances
from gasearch.outcomes import Failure, Reason
from gasearch.potential.lennard_jones import LennardJones
from gasearch.potential.molecular_dynamics import set_in_motion, travel
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings
from gasearch.screening.amorphous import (
    MeltQuenchSettings,
    Resemblance,
    mean_and_deviation,
    nearest_in_enthalpy,
    nearest_in_structure,
    premixed,
    unmelted,
)
from gasearch.units import pressure_from_GPa

PRESSURE = pressure_from_GPa(20.0)
AB = Composition.from_formula("CuAl")


@pytest.fixture
def mixture() -> LennardJones:
    """That of Kob and Andersen, with its usual cutoff."""
    return LennardJones({(29, 29): (1.0, 2.0), (13, 29): (1.5, 1.6), (13, 13): (0.5, 1.76)}, cutoff_sigma=2.5)


def test_the_legs_join():
    settings = MeltQuenchSettings((1.0, 2.0), 0.5, melt_temperature=4000.0, temperature=400.0, rate=200.0)
    melt, quench, first, second = settings.legs
    assert quench.duration == pytest.approx(18.0)
    for before, after in itertools.pairwise(settings.legs):
        assert before.temperatures[1] == after.temperatures[0]
        assert before.pressures[1] == after.pressures[0]
    assert (melt.pressures, first.pressures, second.pressures) == ((0.5, 0.5), (0.5, 1.0), (1.0, 2.0))
    assert melt.steps(0.5) == 10_000


def test_the_cell_holds_whole_formula_units():
    settings = MeltQuenchSettings((1.0,), 1.0, atoms=50)
    assert settings.composition(Composition.from_formula("H6S2")).formula == "H36S12"
    assert settings.composition(Composition.from_formula("S")).formula == "S50"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"atoms": 8}, "8 atoms are ordered by the images of their cell; give 16 or more"),
        ({"temperature": 0.0}, "a final temperature above 0 K"),
        ({"temperature": 5000.0}, "below that of the melt"),
        ({"rate": -1.0}, "numbers above 0"),
        ({"replicas": 0}, "at least one pressure and one replica"),
        ({"pressures": ()}, "at least one pressure"),
    ],
)
def test_settings_that_make_no_glass_are_refused(wrong: dict, told: str):
    with pytest.raises(ValueError, match=told):
        MeltQuenchSettings(**{"pressures": (1.0,), "melt_pressure": 1.0} | wrong)


def test_chance_depends_on_the_replica_and_the_leg_alone():
    settings = MeltQuenchSettings((1.0,), 1.0, seed=3)
    numbers = {settings.generator(replica, leg).random() for replica in range(3) for leg in (-1, 0, 1)}
    assert len(numbers) == 9
    assert MeltQuenchSettings((9.0,), 1.0, seed=3, replicas=9).generator(1, 0).random() in numbers


def test_a_melt_and_quench_gives_a_glass_above_the_crystal(mixture):
    """Of AB of Kob and Andersen, whose crystal has the structure of CsCl, in 32 atoms."""
    settings = MeltQuenchSettings(
        (PRESSURE,), PRESSURE, 32, melt_temperature=20_000.0, melt_time=0.6, rate=40_000.0, compression_time=0.2
    )
    content, rng = settings.composition(AB), settings.generator(0, -1)
    start = premixed(mixture, content, 32 * 5.5, PRESSURE, rng)
    assert min(closest_distances(start).values()) > 1.2
    atoms = set_in_motion(start, settings.melt_temperature, rng)
    for place, leg in enumerate(settings.legs):
        found = travel(mixture, atoms, leg, 2.0, settings.generator(0, place))
        atoms = found.atoms
        if leg.name == "melt":
            assert unmelted(found.moved, 1.8) == []
    cscl = Crystal(2.1 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [29, 13])
    relaxer = BatchRelaxer(mixture, RelaxationSettings(max_steps=1500))
    glass, crystal = relaxer.relax([atoms.crystal, cscl], PRESSURE)
    assert glass.enthalpy_per_atom > crystal.enthalpy_per_atom + 0.02
    assert long_range_order(glass.crystal).order is Order.AMORPHOUS
    distances = np.arange(1, 200) * 0.02
    g = partial_distributions(glass.crystal, distances, 0.08)[Pair(13, 29)]
    # Neighbours stand in the minimum of their pair, 2^(1/6) σ, or somewhat nearer under pressure.
    assert first_shell(distances, g)[0] == pytest.approx(2 ** (1 / 6) * 1.6, abs=0.12)
    assert 0.02 < structure_distances(glass.crystal, [crystal.crystal])[0] < 0.45


def test_a_mixture_that_cannot_be_relaxed_is_tried_again_and_then_a_value(mixture, monkeypatch):
    tried = []

    def fail(_, crystals, pressure):
        tried.append(crystals[0].frac[0, 0])
        return [Failure(Reason.COLLAPSED, 7)]

    monkeypatch.setattr("gasearch.screening.amorphous.BatchRelaxer.relax", fail)
    found = premixed(mixture, AB, 20.0, PRESSURE, np.random.default_rng(0))
    assert (found.reason, found.detail) == (Reason.COLLAPSED, "in the mixture, before the melt")
    assert len(set(tried)) == 10


def test_crystals_are_ordered_by_likeness_and_by_stages():
    lowest = Resemblance("lowest", (0.3, 0.3), (0.2, 0.3))
    stage = Resemblance("stage", (0.1, 0.3), (0.05, 0.07))
    above = Resemblance("above", (0.1, 0.2), (-0.01, -0.03))
    higher = Resemblance("higher", (0.4, 0.4), (-0.2, -0.2))
    given = [higher, lowest, above, stage]
    assert nearest_in_structure(given) == ["above", "stage", "lowest", "higher"]
    assert nearest_in_enthalpy(given) == ["stage", "lowest", "above", "higher"]


def test_one_replica_has_no_deviation():
    assert mean_and_deviation([2.0]) == (2.0, None)
    assert mean_and_deviation([1.0, 3.0]) == pytest.approx((2.0, np.sqrt(2)))

from typing import ClassVar

import numpy as np
import pytest

from gasearch.errors import PotentialError
from gasearch.potential.ase_calculator import AseCalculator
from gasearch.potential.calibration import calibrate, doubts
from gasearch.potential.potential import Batch, BatchResult
from gasearch.units import pressure_from_GPa


class Springless:
    """Energy -c/V^k: whatever it holds collapses; or, below ``wall`` Å, has a hole beyond a wall."""

    name = "Springless"
    elements = (1,)
    shortest_distances: ClassVar[dict] = {}

    def __init__(self, wall: float = 0.0):
        self.wall = wall

    def compute(self, batch: Batch) -> BatchResult:
        nearest = (batch.volumes * np.sqrt(2)) ** (1 / 3)
        energy = -1 / nearest if not self.wall else np.where(nearest < 1, -100.0, (self.wall / nearest) ** 6)
        return BatchResult(energy, np.zeros_like(batch.positions), np.zeros_like(batch.cells))


def test_lennard_jones_crystals_at_zero_pressure(kob_andersen):
    """fcc has r = 1.0902 σ, and CsCl is a published phase."""
    found = calibrate(kob_andersen, (29, 13), 0.0)
    for z, sigma in ((29, 2.0), (13, 1.76)):
        assert found.atomic_volumes[z] == pytest.approx((1.0902 * sigma) ** 3 / np.sqrt(2), rel=0.01)
        assert found.minimum_distances[z, z] == pytest.approx(0.5 * 1.0902 * sigma, rel=5e-3)
    assert found.minimum_distances[13, 29] == pytest.approx(0.5 * np.sqrt(3) / 2 * 2.0684, rel=5e-3)
    assert found.scans == 3


def test_pressure_compresses(kob_andersen):
    volumes = [calibrate(kob_andersen, (29,), pressure_from_GPa(p)).atomic_volumes[29] for p in (0, 50, 200, 1000)]
    assert (np.diff(volumes) < -0.05).all()


def test_a_hole_at_short_distance_is_not_taken_for_a_crystal():
    found = calibrate(Springless(wall=2.0), (1,), pressure_from_GPa(100))
    assert found.minimum_distances[1, 1] > 0.6


def test_a_potential_that_only_collapses_is_refused():
    with pytest.raises(PotentialError, match=r"no minimum of enthalpy .* H at 100 GPa.* lowest at 0\.60 Å"):
        calibrate(Springless(), (1,), pressure_from_GPa(100))


def test_nothing_speaks_against_a_potential_that_is_right(kob_andersen):
    for pressure in (0.0, pressure_from_GPa(100)):
        assert not doubts(kob_andersen, calibrate(kob_andersen, (29, 13), pressure), pressure)


def test_a_hole_within_the_distances_of_a_search_is_told():
    pressure = pressure_from_GPa(100)
    lengths = calibrate(Springless(wall=1.2), (1,), pressure)
    assert lengths.minimum_distances[1, 1] < 1
    told = doubts(Springless(wall=1.2), lengths, pressure)
    assert any("simple cell of H is lower at 0." in doubt for doubt in told)


def test_a_stress_that_is_no_slope_is_told(kob_andersen):
    class Wrong:
        name, elements, shortest_distances = "wrong", (29,), {}

        def compute(self, batch: Batch) -> BatchResult:
            result = kob_andersen.compute(batch)
            return BatchResult(result.energy, result.forces, 1.3 * result.stress)

    pressure = pressure_from_GPa(100)
    assert any("where the slope" in doubt for doubt in doubts(Wrong(), calibrate(Wrong(), (29,), pressure), pressure))


def test_an_element_that_a_calculator_does_not_know_is_not_blamed_on_the_pressure():
    emt = AseCalculator("ase.calculators.emt.EMT")
    with pytest.raises(PotentialError, match=r"no energy for Si at any distance .*does it know"):
        calibrate(emt, (14,), 0.0)

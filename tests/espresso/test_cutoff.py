import shutil
from dataclasses import dataclass, replace

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.cutoff import CutoffCheck, basis_error, check_cutoff, pulay_stress, sufficient_cutoff
from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.protocol import PROTOCOLS
from gasearch.espresso.pw import PwSettings, ScfResult, k_grid
from gasearch.espresso.record import ScfFailure, ScfProblem
from gasearch.espresso.runner import PwRunner
from gasearch.units import pressure_from_GPa

BCC = Crystal((np.ones((3, 3)) - 2 * np.eye(3)) * 0.73, [[0, 0, 0]], [1])
needs_pw = pytest.mark.skipif(shutil.which("pw.x") is None, reason="pw.x is not installed")


@dataclass(frozen=True)
class Springs:
    """A crystal whose energy is p·(V₀ − V), with a stress that misses p by an error that falls with the cutoff."""

    settings: PwSettings
    pressure: float = 1.2
    fails: bool = False

    def scf(self, crystal: Crystal) -> ScfResult | ScfFailure:
        if self.fails:
            return ScfFailure(ScfProblem.NOT_CONVERGED)
        error = 2.0 / self.settings.ecutwfc
        stress = -self.pressure * (1 - error) * np.eye(3)
        return ScfResult(-self.pressure * crystal.volume, np.zeros((1, 3)), stress, 1, 1)


@dataclass(frozen=True)
class Grids:
    """Keeps the k-grids it is asked for."""

    settings: PwSettings
    seen: list

    def scf(self, crystal: Crystal) -> ScfResult:
        self.seen.append(k_grid(crystal, self.settings.k_spacing))
        return ScfResult(-crystal.volume, np.zeros((1, 3)), -np.eye(3), 1, 1)


def test_stress_and_slope_are_compared():
    found = check_cutoff(Springs(PwSettings()), BCC)
    assert (found.by_slope, found.by_stress) == pytest.approx((1.2, 1.2 * 0.96))
    assert found.error == pytest.approx(0.04)


@dataclass(frozen=True)
class Complete:
    """A crystal whose stress is the slope of its energy, with Vinet's equation of state; volumes in those at rest."""

    settings: PwSettings
    bulk: float
    stiffening: float = 5.0

    def scf(self, crystal: Crystal) -> ScfResult:
        eta, x = 1.5 * (self.stiffening - 1), crystal.volume ** (1 / 3)
        pressure = 3 * self.bulk * (1 - x) / x**2 * np.exp(eta * (1 - x))
        energy = 9 * self.bulk / eta**2 * (1 - (1 - eta * (1 - x)) * np.exp(eta * (1 - x)))
        return ScfResult(energy, np.zeros((1, 3)), -pressure * np.eye(3), 1, 1)


@pytest.mark.parametrize("volume", [0.999, 0.99, 0.95, 0.8, 0.6])
@pytest.mark.parametrize("bulk_GPa", [10.0, 170.0, 310.0])
def test_a_complete_basis_has_no_error_however_stiff_the_crystal_is(volume: float, bulk_GPa: float):
    runner = Complete(PwSettings(), pressure_from_GPa(bulk_GPa))
    assert check_cutoff(runner, BCC.scaled_to(volume)).error < 3e-4


def test_all_volumes_have_the_same_grid_of_k_points():
    for spacing in np.linspace(0.3, 0.5, 21):
        runner = Grids(PwSettings(k_spacing=spacing), [])
        check_cutoff(runner, BCC)
        assert len(set(runner.seen)) == 1


def test_the_cutoff_is_raised_as_far_as_needed_and_no_farther():
    assert sufficient_cutoff(Springs(PwSettings()), BCC, np.inf).ecutwfc == 50.0
    assert sufficient_cutoff(Springs(PwSettings()), BCC, 0.03).ecutwfc == 70.0
    assert sufficient_cutoff(Springs(PwSettings(ecutwfc=75.0)), BCC, 0.03).ecutwfc == 75.0
    assert sufficient_cutoff(Springs(PwSettings()), BCC, 1e-9).ecutwfc == 160.0
    assert isinstance(sufficient_cutoff(Springs(PwSettings(), fails=True), BCC, 0.01), ScfFailure)


def test_a_cutoff_that_a_user_gives_is_kept():
    assert PROTOCOLS["standard"].pulay_error < 0.02
    assert PROTOCOLS["standard"].with_settings(ecutwfc=40.0).pulay_error == np.inf
    assert PROTOCOLS["standard"].with_settings(k_spacing=0.3).pulay_error == PROTOCOLS["standard"].pulay_error


@dataclass(frozen=True)
class FewWaves:
    """An energy that falls with the cutoff only, and a stress at a constant number of plane waves (V·E^3/2)."""

    settings: PwSettings
    fails: bool = False

    def scf(self, crystal: Crystal) -> ScfResult | ScfFailure:
        if self.fails:
            return ScfFailure(ScfProblem.NOT_CONVERGED)
        energy = 100.0 / self.settings.ecutwfc
        stress = 2 / 3 * energy / crystal.volume * np.eye(3)
        return ScfResult(energy, np.zeros((1, 3)), stress, 1, 1)


def test_the_pulay_stress_is_what_the_stress_lacks():
    runner = FewWaves(PwSettings())
    error = basis_error(runner, BCC)
    assert error == pytest.approx(-2.0, rel=0.01)
    whole = runner.scf(BCC).stress + pulay_stress(error, BCC.volume)
    assert np.abs(whole).max() < 0.01 * np.abs(runner.scf(BCC).stress).max()
    assert isinstance(basis_error(FewWaves(PwSettings(), fails=True), BCC), ScfFailure)


@needs_pw
def test_the_pulay_stress_completes_the_stress_of_hydrogen():
    runner = PwRunner(PwSettings(ecutwfc=40.0, ecutrho=160.0, k_spacing=0.8, degauss=0.05), default_pseudo_dir())
    found = check_cutoff(runner, BCC)
    added = -np.trace(pulay_stress(basis_error(runner, BCC), BCC.volume)) / 3
    assert found.error > 0.03
    assert abs(found.by_stress + added - found.by_slope) < 0.2 * abs(found.by_stress - found.by_slope)


@needs_pw
def test_more_plane_waves_bring_stress_and_energy_of_hydrogen_together():
    runner = PwRunner(PwSettings(ecutwfc=30.0, ecutrho=120.0, k_spacing=0.8, degauss=0.05), default_pseudo_dir())
    settings = replace(runner.settings, ecutwfc=70.0, ecutrho=280.0)
    few, many = check_cutoff(runner, BCC), check_cutoff(replace(runner, settings=settings), BCC)
    assert isinstance(few, CutoffCheck) and isinstance(many, CutoffCheck)
    assert few.error > 0.05 > 0.02 > many.error

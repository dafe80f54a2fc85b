import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.protocol import PROTOCOLS, DftProtocol
from gasearch.espresso.pw import PwSettings, ScfResult
from gasearch.espresso.record import Record, ScfFailure, ScfProblem
from gasearch.espresso.relaxer import PwRelaxer, Remedy
from gasearch.espresso.runner import PwRunner
from gasearch.espresso.vc_relax import Descent
from gasearch.outcomes import Failure, Reason, RefinedPhase
from gasearch.units import pressure_from_GPa

PRESSURE = pressure_from_GPa(200.0)
ROUGH = DftProtocol(
    PwSettings(ecutwfc=30.0, ecutrho=90.0, k_spacing=1.0, degauss=0.05), Descent(0.05, pressure_from_GPa(1.0)), 0.5
)
needs_pw = pytest.mark.skipif(shutil.which("pw.x") is None, reason="pw.x is not installed")
ENDED = "End of BFGS Geometry Optimization\n"


@dataclass
class FakeRunner:
    """Gives relaxations and SCFs in the order they are listed, and keeps the inputs."""

    printed: list[str]
    scfs: list[ScfResult | ScfFailure]
    settings: PwSettings = field(default_factory=PwSettings)
    pseudo_dir: Path = Path("/pseudo")
    inputs: list[str] = field(default_factory=list)
    spins: tuple[float, ...] | None = None

    def run(self, steps, crystal, results=()) -> Record:
        self.inputs.append(steps[0].text)
        return Record((self.printed.pop(0),))

    def scf(self, crystal):
        return self.scfs.pop(0)


def scf(miss_GPa: float) -> ScfResult:
    stress = -(PRESSURE + pressure_from_GPa(miss_GPa)) * np.eye(3)
    return ScfResult(-10.0, np.zeros((1, 3)), stress, k_points=3, iterations=9)


@pytest.fixture
def helium() -> Crystal:
    return Crystal((np.ones((3, 3)) - 2 * np.eye(3)) * 0.9, [[0, 0, 0]], [2])


def refine(runner: FakeRunner, crystal: Crystal) -> RefinedPhase | Failure:
    return PwRelaxer(runner, ROUGH).refine(crystal, PRESSURE)


def test_the_scf_in_the_final_basis_decides(helium):
    found = refine(FakeRunner([ENDED, ENDED], [scf(3.0), scf(0.5)]), helium)
    assert [a.remedy for a in found.attempts] == ["", Remedy.RESTART]
    assert found.relaxed.enthalpy == pytest.approx(-10.0 + PRESSURE * helium.volume)
    assert found.relaxed.max_stress == pytest.approx(pressure_from_GPa(0.5))


def test_each_symptom_has_its_remedies_and_every_try_is_told(helium):
    unconverged = "convergence NOT achieved after 60 iterations: stopping"
    crashed = "%%%%%%%%%%%%%%%%%%%%%\n S matrix not positive definite\n %%%%%%%%%%%%%%%%%%%%%\n"
    runner = FakeRunner([unconverged, crashed, ENDED], [scf(0.0)])
    found = refine(runner, helium)
    assert [a.remedy for a in found.attempts] == ["", Remedy.MIXING, Remedy.SMALL_STEPS]
    assert "S matrix" in found.attempts[1].outcome
    assert "mixing_beta = 0.233" in runner.inputs[1] and "trust_radius_ini = 0.3" in runner.inputs[1]
    # Remedies add up.
    assert "mixing_beta = 0.233" in runner.inputs[2] and "trust_radius_ini = 0.075" in runner.inputs[2]


@pytest.mark.parametrize(
    ("printed", "result", "reason"),
    [
        (ENDED, scf(30.0), Reason.STEP_LIMIT),
        ("convergence NOT achieved", scf(0.0), Reason.SCF),
        ("", scf(0.0), Reason.CALCULATOR),
        (ENDED, ScfFailure(ScfProblem.TIMEOUT, "9 s"), Reason.TIMEOUT),
    ],
)
def test_what_nothing_helps_against_is_a_failure_with_its_story(helium, printed, result, reason):
    found = refine(FakeRunner([printed] * 9, [result] * 9), helium)
    assert isinstance(found, Failure) and found.reason is reason
    assert found.crystal is helium and found.detail.count(";") >= 2


def test_protocols_differ_and_are_ordered():
    cutoffs = [protocol.pw.ecutwfc for protocol in PROTOCOLS.values()]
    spacings = [protocol.pw.k_spacing for protocol in PROTOCOLS.values()]
    assert cutoffs == sorted(cutoffs) and spacings == sorted(spacings, reverse=True)
    assert all(protocol.dos_k_spacing < protocol.pw.k_spacing for protocol in PROTOCOLS.values())
    # Not the labels' own settings would make potentials and DFT differ for no reason.
    assert PROTOCOLS["fast"].pw == PwSettings()


def test_a_user_changes_settings_together_with_what_depends_on_them():
    fast = PROTOCOLS["fast"]
    found = fast.with_settings(ecutwfc=80.0, k_spacing=0.2)
    assert (found.pw.ecutwfc, found.pw.ecutrho, found.pw.k_spacing) == (80.0, 320.0, 0.2)
    assert found.dos_k_spacing == pytest.approx(fast.dos_k_spacing / 2)
    assert found.pw.degauss == fast.pw.degauss and fast.with_settings() == fast


@pytest.fixture
def relaxer(tmp_path) -> PwRelaxer:
    return PwRelaxer(PwRunner(PwSettings(), default_pseudo_dir(), timeout=120.0, kept=tmp_path / "kept"), ROUGH)


@needs_pw
def test_helium_is_compressed_to_the_pressure_and_the_record_replays_it(relaxer, helium, monkeypatch):
    found = relaxer.refine(helium, PRESSURE)
    assert isinstance(found, RefinedPhase), found.detail
    assert found.relaxed.max_stress < ROUGH.descent.max_stress and len(found.attempts) >= 2
    fresh = replace(relaxer.runner, settings=ROUGH.pw, kept=None).scf(found.relaxed.crystal)
    assert fresh.energy == pytest.approx(found.relaxed.energy, abs=1e-5)
    monkeypatch.setattr("gasearch.espresso.runner.run_program", None)
    again = relaxer.refine(helium, PRESSURE)
    assert again.relaxed.enthalpy == found.relaxed.enthalpy
    assert again.attempts == found.attempts


def test_as_a_relaxer_it_keeps_order_and_length(helium):
    runner = FakeRunner([ENDED] * 9, [scf(0.0), *[scf(30.0)] * 6])
    first, second = PwRelaxer(runner, ROUGH).relax([helium, helium.scaled_to(3.0)], PRESSURE)
    assert first.crystal is helium and first.enthalpy == pytest.approx(-10.0 + PRESSURE * helium.volume)
    assert isinstance(second, Failure) and second.crystal.volume == pytest.approx(3.0)


@pytest.mark.parametrize(("free", "wins"), [(-10.1, False), (-9.9, True)])
def test_an_element_that_asks_for_spins_begins_with_and_without_and_the_lower_counts(helium, monkeypatch, free, wins):
    monkeypatch.setattr("gasearch.espresso.pw.MAGNETIC", frozenset({2}))
    aligned = replace(scf(0.0), magnetization=1.2)
    runner = FakeRunner([ENDED] * 2, [aligned, replace(scf(0.0), energy=free)])
    found = refine(runner, helium)
    assert ["nspin = 2" in text for text in runner.inputs] == [True, False]
    assert found.aligned is wins and found.magnetization == (1.2 if wins else 0.0)
    assert [start.aligned for start in found.spins] == [True, False]
    assert found.relaxed.enthalpy_per_atom == min(start.enthalpy_per_atom for start in found.spins)


def test_of_two_starts_one_suffices_and_two_that_fail_are_a_failure(helium, monkeypatch):
    monkeypatch.setattr("gasearch.espresso.pw.MAGNETIC", frozenset({2}))
    found = refine(FakeRunner(["convergence NOT achieved"] * 5 + [ENDED], [scf(0.0)]), helium)
    assert isinstance(found, RefinedPhase) and not found.aligned
    assert found.spins[0].enthalpy_per_atom is None and "did not converge" in found.spins[0].outcome
    assert isinstance(refine(FakeRunner([""] * 8, []), helium), Failure)


def test_without_elements_that_ask_for_spins_there_is_one_start(helium):
    found = refine(FakeRunner([ENDED], [scf(0.0)]), helium)
    assert found.spins == () and found.aligned


@pytest.mark.parametrize("spins", [(), (0.3,)])
def test_spins_that_are_given_are_the_only_start(helium, monkeypatch, spins):
    monkeypatch.setattr("gasearch.espresso.pw.MAGNETIC", frozenset({2}))
    runner = FakeRunner([ENDED], [scf(0.0)], spins=spins)
    found = refine(runner, helium)
    assert found.spins == () and ["nspin = 2" in text for text in runner.inputs] == [bool(spins)]

"""Relaxation by DFT: pw.x moves cell and atoms, and a fresh SCF in the final cell's plane waves decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.protocol import DftProtocol
from gasearch.espresso.pw import PwSettings, ScfResult, may_be_magnetic, starting_spins
from gasearch.espresso.record import ScfFailure, ScfProblem, Step, failure
from gasearch.espresso.runner import PwRunner, safer
from gasearch.espresso.vc_relax import Descent, read_vc_relax, write_vc_relax
from gasearch.outcomes import Attempt, Failure, Reason, RefinedPhase, Relaxed, SpinStart
from gasearch.units import pressure_to_GPa


class Remedy(StrEnum):
    """What is done otherwise after a try that failed; each value is what a user reads."""

    RESTART = "again from the lowest structure, in its own plane waves"
    MIXING = "a third of the mixing"
    SMEARING = "twice the smearing on the way"
    SMALL_STEPS = "a quarter of the step lengths"
    DIAGONALIZATION = "conjugate gradients"


#: What may help against a symptom, in turn; None stands for forces or stress that are not small yet.
CURES: Final = {
    None: (Remedy.RESTART, Remedy.RESTART, Remedy.SMALL_STEPS, Remedy.RESTART),
    ScfProblem.NOT_CONVERGED: (Remedy.MIXING, Remedy.SMEARING, Remedy.SMALL_STEPS, Remedy.DIAGONALIZATION),
    ScfProblem.CRASHED: (Remedy.SMALL_STEPS, Remedy.DIAGONALIZATION, Remedy.MIXING),
    ScfProblem.TIMEOUT: (Remedy.RESTART, Remedy.RESTART),
    # A program that fails without a word looks like one that was killed.
    ScfProblem.INTERRUPTED: (Remedy.SMALL_STEPS, Remedy.DIAGONALIZATION, Remedy.MIXING),
}
_REASONS: Final = {
    None: Reason.STEP_LIMIT,
    ScfProblem.NOT_CONVERGED: Reason.SCF,
    ScfProblem.CRASHED: Reason.CALCULATOR,
    ScfProblem.TIMEOUT: Reason.TIMEOUT,
    ScfProblem.INTERRUPTED: Reason.CALCULATOR,
}


@dataclass(frozen=True)
class _Way:
    """How a try goes downhill; where it ends is judged by the protocol."""

    settings: PwSettings
    descent: Descent

    @staticmethod
    def of(protocol: DftProtocol) -> _Way:
        """Return the first way; it stops late, since the final cell's own plane waves will give other residuals."""
        limits = protocol.descent
        return _Way(protocol.pw, replace(limits, max_force=limits.max_force / 2, max_stress=limits.max_stress / 2))

    def with_remedy(self, remedy: Remedy) -> _Way:
        settings, descent = self.settings, self.descent
        match remedy:
            case Remedy.MIXING:
                settings = safer(settings)
            case Remedy.SMEARING:
                settings = replace(settings, degauss=2 * settings.degauss)
            case Remedy.DIAGONALIZATION:
                settings = replace(settings, diagonalization="cg")
            case Remedy.SMALL_STEPS:
                shorter = {"first_step": descent.first_step / 4, "longest_step": descent.longest_step / 4}
                descent = replace(descent, **shorter)
        return _Way(settings, descent)


@dataclass(frozen=True, eq=False)
class _Try:
    """Where a try ended: with an SCF, or with what stopped it."""

    crystal: Crystal
    steps: int
    relaxed: Relaxed | None = None
    problem: ScfFailure | None = None
    magnetization: float = 0.0

    @property
    def symptom(self) -> ScfProblem | None:
        return self.problem.problem if self.problem else None

    def __str__(self) -> str:
        if self.relaxed is None:
            return f"{self.problem.problem}: {self.problem.detail}"
        miss = pressure_to_GPa(self.relaxed.max_stress)
        return f"force {self.relaxed.max_force:.3f} eV/Å, stress off by {miss:.2f} GPa"


@dataclass(frozen=True)
class PwRelaxer:
    """Relax with pw.x; expected failures climb a ladder of remedies, and are values in the end.

    Parameters
    ----------
    runner : PwRunner
    protocol : DftProtocol
        Its ``pw`` are the settings of the SCF that decides; the runner's own are not used.
    """

    runner: PwRunner
    protocol: DftProtocol

    def relax(
        self, crystals: Sequence[Crystal], pressure: float, ceilings: Sequence[float] | None = None
    ) -> list[Relaxed | Failure]:
        """Relax one after the other; see `gasearch.outcomes.Relaxer`. None is given up for its enthalpy."""
        results = [self.refine(crystal, pressure) for crystal in crystals]
        return [result.relaxed if isinstance(result, RefinedPhase) else result for result in results]

    def refine(self, start: Crystal, pressure: float) -> RefinedPhase | Failure:
        """Relax a structure at a pressure (eV/Å³); a failure names every try.

        Where an element asks for spins, they begin aligned, and once more without any: the lower enthalpy counts. Spins
        that the runner is given begin as they are given, and only so.
        """
        if self.runner.spins is not None or not may_be_magnetic(start):
            return self._descend(start, pressure)
        starts = {aligned: replace(self.runner, spins=starting_spins(aligned)) for aligned in (True, False)}
        results = {
            aligned: replace(self, runner=runner)._descend(start, pressure) for aligned, runner in starts.items()
        }
        refined = [result for result in results.values() if isinstance(result, RefinedPhase)]
        if not refined:
            return results[True]
        told = tuple(_told(aligned, result) for aligned, result in results.items())
        return replace(min(refined, key=lambda phase: phase.relaxed.enthalpy_per_atom), spins=told)

    def _descend(self, start: Crystal, pressure: float) -> RefinedPhase | Failure:
        cures = {symptom: iter(remedies) for symptom, remedies in CURES.items()}
        crystal, way, remedy = start, _Way.of(self.protocol), ""
        attempts: list[Attempt] = []
        while True:
            outcome = self._try(crystal, way, pressure)
            crystal = outcome.crystal
            attempts.append(Attempt(remedy, str(outcome), outcome.steps))
            if outcome.relaxed is not None and self._is_relaxed(outcome.relaxed):
                steps = sum(attempt.steps for attempt in attempts)
                relaxed = replace(outcome.relaxed, steps=steps)
                return RefinedPhase(relaxed, pressure, tuple(attempts), outcome.magnetization)
            cure = next(cures[outcome.symptom], None)
            if cure is None:
                return _failure(_REASONS[outcome.symptom], crystal, attempts)
            remedy, way = str(cure), way.with_remedy(cure)

    def _try(self, start: Crystal, way: _Way, pressure: float) -> _Try:
        runner = self.runner
        text = write_vc_relax(start, way.settings, way.descent, pressure, str(runner.pseudo_dir), runner.spins)
        record = runner.run([Step("pw.x", text)], start)
        walked = read_vc_relax(record.printed[0], start, pressure)
        if not walked.ended:
            return _Try(walked.crystal, walked.steps, problem=failure(record))
        scf = self._scf(walked.crystal, way)
        if isinstance(scf, ScfFailure):
            return _Try(walked.crystal, walked.steps, problem=scf)
        relaxed = _relaxed(walked.crystal, scf, pressure)
        return _Try(walked.crystal, walked.steps + 1, relaxed, magnetization=scf.magnetization)

    def _scf(self, crystal: Crystal, way: _Way) -> ScfResult | ScfFailure:
        """Run the SCF that decides: with remedies that only make it converge, but never with another smearing."""
        settings = replace(way.settings, degauss=self.protocol.pw.degauss)
        return replace(self.runner, settings=settings).scf(crystal)

    def _is_relaxed(self, relaxed: Relaxed) -> bool:
        limits = self.protocol.descent
        return relaxed.max_force <= limits.max_force and relaxed.max_stress <= limits.max_stress


def _relaxed(crystal: Crystal, scf: ScfResult, pressure: float) -> Relaxed:
    return Relaxed(
        crystal=crystal,
        energy=scf.energy,
        enthalpy=scf.energy + pressure * crystal.volume,
        steps=1,
        max_force=float(np.abs(scf.forces).max()),
        max_stress=float(np.abs(scf.stress + pressure * np.eye(3)).max()),
    )


def _told(aligned: bool, result: RefinedPhase | Failure) -> SpinStart:
    if isinstance(result, Failure):
        return SpinStart(aligned, None, 0.0, f"{result.reason}: {result.detail}")
    return SpinStart(aligned, result.relaxed.enthalpy_per_atom, result.magnetization, "")


def _failure(reason: Reason, crystal: Crystal, attempts: Sequence[Attempt]) -> Failure:
    told = "; ".join(f"{a.remedy or 'first'}: {a.outcome}" for a in attempts)
    return Failure(reason, sum(a.steps for a in attempts), crystal, told)

"""What does the DFT of a refinement: Quantum ESPRESSO, or any ASE calculator."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.errors import CalculationError
from gasearch.espresso.cutoff import CutoffCheck, sufficient_cutoff
from gasearch.espresso.electronic import electronic_structure
from gasearch.espresso.installation import PROGRAMS, default_pseudo_dir, installed_version
from gasearch.espresso.protocol import DftProtocol
from gasearch.espresso.pw import starting_spins
from gasearch.espresso.record import ScfFailure
from gasearch.espresso.relaxer import PwRelaxer
from gasearch.espresso.runner import PwRunner
from gasearch.espresso.settings import RefineSettings
from gasearch.espresso.vc_relax import Descent
from gasearch.files import replace_text, writing_to
from gasearch.outcomes import Attempt, ElectronicStructure, Failure, Reason, RefinedPhase, Relaxed
from gasearch.parallel.settings import ClusterSettings
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings
from gasearch.units import pressure_to_GPa
from gasearch.workflow.dft.refined_document import structure_document
from gasearch.workflow.dft.relaxed_document import relaxed_document, relaxed_from
from gasearch.workflow.record.kept import kept_file

#: eV per atom: an energy in plane waves jumps where the cell changes, and falls along another slope than the stress.
_NOISE = 5e-3


class Engine(Protocol):
    """DFT as a refinement uses it; it travels to the ranks, and keeps what it has finished."""

    def prepared(self, cells: Mapping[int, Crystal], executor: Executor) -> Engine:
        """Return the engine ready to work for the elements of these simple cells; GasearchError if it cannot be."""
        ...

    def refine(self, start: Crystal, pressure: float) -> RefinedPhase | Failure:
        """Relax a structure at a pressure (eV/Å³)."""
        ...

    def electrons(self, phase: RefinedPhase) -> ElectronicStructure | ScfFailure | None:
        """Return the density of states; None if it gives none."""
        ...

    def settings(self) -> dict[str, Any]:
        """Return what all enthalpies of the hull share, as plain data."""
        ...

    def provenance(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Return versions and sums, for these elements."""
        ...

    def cutoffs(self) -> dict[str, Any]:
        """Return how well the plane waves suit each element, as plain data."""
        ...

    def radii(self, numbers: Sequence[int]) -> dict[int, float]:
        """Return the radii, Å, of these elements' pseudopotentials, where they are known."""
        ...


@dataclass(frozen=True)
class EspressoEngine:
    """Quantum ESPRESSO.

    Parameters
    ----------
    runner : PwRunner
    protocol : DftProtocol
    checks : mapping
        Symbol → how well stress and energy agree at the protocol's cutoff.
    """

    runner: PwRunner
    protocol: DftProtocol
    checks: Mapping[str, CutoffCheck] = field(default_factory=dict)

    def prepared(self, cells: Mapping[int, Crystal], executor: Executor) -> EspressoEngine:
        """Check programs and pseudopotentials, and raise the cutoff to what the protocol wants of each element."""
        self.runner.check(tuple(cells), PROGRAMS)
        accuracy, runner = self.protocol.pulay_error, replace(self.runner, settings=self.protocol.pw)
        futures = {z: executor.submit(sufficient_cutoff, runner, cell, accuracy) for z, cell in cells.items()}
        checks = {SYMBOLS[z]: future.result() for z, future in futures.items()}
        if failed := {symbol: check for symbol, check in checks.items() if isinstance(check, ScfFailure)}:
            told = "; ".join(f"{symbol}: {check.problem} ({check.detail})" for symbol, check in failed.items())
            raise CalculationError(f"cutoffs cannot be checked, change the settings of DFT: {told}")
        highest = max(check.ecutwfc for check in checks.values())
        raised = highest > self.protocol.pw.ecutwfc
        return replace(self, protocol=self.protocol.with_cutoff(highest) if raised else self.protocol, checks=checks)

    def refine(self, start: Crystal, pressure: float) -> RefinedPhase | Failure:
        """Relax, then one SCF in the plane waves of the final cell."""
        return PwRelaxer(self.runner, self.protocol).refine(start, pressure)

    def electrons(self, phase: RefinedPhase) -> ElectronicStructure | ScfFailure:
        """Return bands and the density of states on a dense grid."""
        runner = replace(self.runner, settings=self.protocol.pw, spins=starting_spins(phase.aligned))
        return electronic_structure(runner, phase.relaxed.crystal, self.protocol.dos_k_spacing)

    def settings(self) -> dict[str, Any]:
        """Return the settings of pw.x."""
        return asdict(self.protocol.pw) | {"dos_k_spacing": self.protocol.dos_k_spacing}

    def provenance(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Return the version of pw.x and the pseudopotentials' sums."""
        return {
            "quantum_espresso": installed_version(),
            "pseudopotential_sha256": self.runner.pseudopotentials(numbers),
        }

    def radii(self, numbers: Sequence[int]) -> dict[int, float]:
        """Return those of the projectors."""
        return self.runner.radii(numbers)

    def cutoffs(self) -> dict[str, Any]:
        """Return the checks of the cutoffs."""
        return {
            symbol: {
                "sufficient_Ry": check.ecutwfc,
                "pressure_by_stress_GPa": pressure_to_GPa(check.by_stress),
                "pressure_by_slope_GPa": pressure_to_GPa(check.by_slope),
            }
            for symbol, check in self.checks.items()
        }


@dataclass(frozen=True)
class CalculatorEngine:
    """Any ASE calculator; it relaxes, and says nothing of electrons.

    What the calculator itself failed to do may have been the machine's fault, and is tried again.

    Parameters
    ----------
    calculator : str
        Import path.
    arguments : mapping
        Keyword arguments.
    descent : Descent
        What counts as relaxed.
    kept : Path
        Folder with a file for each structure that was relaxed, or could not be.
    """

    calculator: str
    arguments: Mapping[str, Any]
    descent: Descent
    kept: Path

    def prepared(self, cells: Mapping[int, Crystal], executor: Executor) -> CalculatorEngine:
        """Build the calculator once, so that what is wrong with it is said at once."""
        self._relaxer()
        return self

    def refine(self, start: Crystal, pressure: float) -> RefinedPhase | Failure:
        """Relax a structure, unless that has been done."""
        asked = {
            "settings": self.settings(),
            "descent": asdict(self.descent),
            "noise": _NOISE,
            "pressure": pressure,
            "structure": structure_document(start),
        }
        path = kept_file(self.kept, asked)
        if path.exists():
            return _refined(relaxed_from(json.loads(path.read_text())["result"]), pressure)
        result = self._relaxer().relax([start], pressure)[0]
        if isinstance(result, Relaxed) or result.reason is not Reason.CALCULATOR:
            with writing_to(self.kept):
                self.kept.mkdir(exist_ok=True)
            replace_text(path, json.dumps(asked | {"result": relaxed_document(result)}))
        return _refined(result, pressure)

    def _relaxer(self) -> BatchRelaxer:
        from gasearch.potential.ase_calculator import AseCalculator

        return BatchRelaxer(AseCalculator(self.calculator, self.arguments), calculator_limits(self.descent))

    def electrons(self, phase: RefinedPhase) -> None:
        """Return nothing: calculators have no common way to say it."""

    def settings(self) -> dict[str, Any]:
        """Return the calculator and what it was given."""
        return {"ase_calculator": self.calculator, "ase_arguments": dict(self.arguments)}

    def provenance(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Return that none of our pseudopotentials were used."""
        return {"quantum_espresso": None, "pseudopotential_sha256": {}}

    def radii(self, numbers: Sequence[int]) -> dict[int, float]:
        """Return nothing: what a calculator puts in place of atoms is not known here."""
        return {}

    def cutoffs(self) -> dict[str, Any]:
        """Return nothing: what basis a calculator has is not known here."""
        return {}


def engine_of(settings: RefineSettings, folder: Path, cluster: ClusterSettings | None = None) -> Engine:
    """Return the engine of the settings, which keeps its calculations in a folder of the refinement."""
    kept = folder.resolve() / "calculations"
    if settings.ase_calculator is not None:
        return CalculatorEngine(settings.ase_calculator, settings.ase_arguments, settings.dft.descent, kept)
    runner = PwRunner(
        settings=settings.dft.pw,
        pseudo_dir=(settings.pseudo_dir or default_pseudo_dir()).resolve(),
        timeout=cluster.timeout(settings.timeout) if cluster else settings.timeout,
        scratch=folder.resolve() / "scratch",
        launcher=cluster.launch(settings.launch) if cluster else settings.launch,
        kept=kept,
    )
    return EspressoEngine(runner, settings.dft)


def calculator_limits(descent: Descent) -> RelaxationSettings:
    """Return when a structure counts as relaxed by a calculator, which may be one in plane waves."""
    return RelaxationSettings(max_force=descent.max_force, max_stress=descent.max_stress, noise=_NOISE)


def _refined(result: Relaxed | Failure, pressure: float) -> RefinedPhase | Failure:
    if isinstance(result, Failure):
        return result
    return RefinedPhase(result, pressure, (Attempt("", "converged", result.steps),))

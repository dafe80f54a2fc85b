"""What relaxes a magnetic crystal at a pressure: Quantum ESPRESSO, or any ASE calculator that has moments."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.espresso.cutoff import CutoffCheck, check_cutoff
from gasearch.espresso.electronic import XML, gap_of, read_bands
from gasearch.espresso.installation import installed_version
from gasearch.espresso.protocol import DftProtocol
from gasearch.espresso.pw import read_scf, write_scf
from gasearch.espresso.record import Step, failure
from gasearch.espresso.relaxer import PwRelaxer
from gasearch.espresso.runner import PwRunner, safer
from gasearch.espresso.vc_relax import Descent
from gasearch.files import replace_text, writing_to
from gasearch.outcomes import Failure, Reason
from gasearch.potential.calibration import pressure_two_ways
from gasearch.potential.relaxation import BatchRelaxer
from gasearch.units import pressure_to_GPa
from gasearch.workflow.dft.engines import calculator_limits
from gasearch.workflow.dft.refined_document import structure_document, structure_from
from gasearch.workflow.record.kept import kept_answer, kept_file

#: Difference of the pressures by stress and by the slope of the energy that is told: relative, and in GPa.
_WORTH_A_WORD = 0.05
_WORTH_GPA = 2.0


@dataclass(frozen=True, eq=False)
class MagneticState:
    """A crystal relaxed with spins.

    Parameters
    ----------
    crystal : Crystal
    enthalpy : float
        eV per cell.
    moments : (n,) array
        Bohr magnetons, of each atom.
    magnetization : float
        Bohr magnetons per cell.
    metal : bool or None
        None where it is not known.
    """

    crystal: Crystal
    enthalpy: float
    moments: np.ndarray
    magnetization: float
    metal: bool | None


class Magnet(Protocol):
    """What relaxes with spins; it travels to the ranks."""

    def relax(self, start: Crystal, moments: np.ndarray, pressure: float) -> MagneticState | Failure:
        """Relax from moments (n,), Bohr magnetons, at a pressure (eV/Å³); without spins if all are 0."""
        ...

    def settings(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Return all that enthalpies of crystals of these elements depend on, as plain data."""
        ...

    def warnings(self, crystal: Crystal, magnetic: frozenset[int]) -> list[str]:
        """Return why moments of a crystal, on atoms of these elements, may not be trusted."""
        ...


@dataclass(frozen=True)
class EspressoMagnet:
    """Quantum ESPRESSO.

    Parameters
    ----------
    runner : PwRunner
    protocol : DftProtocol
    """

    runner: PwRunner
    protocol: DftProtocol

    def relax(self, start: Crystal, moments: np.ndarray, pressure: float) -> MagneticState | Failure:
        """Relax; then an SCF in the plane waves of the final cell gives enthalpy, moments and gap."""
        spins = moments / self.runner.valences(start.numbers)
        runner = replace(self.runner, settings=self.protocol.pw, spins=tuple(spins.tolist()))
        found = PwRelaxer(runner, self.protocol).refine(start, pressure)
        return found if isinstance(found, Failure) else self._state(runner, found.relaxed.crystal, pressure)

    def _state(self, runner: PwRunner, crystal: Crystal, pressure: float) -> MagneticState | Failure:
        for settings in (runner.settings, safer(runner.settings)):
            text = write_scf(crystal, settings, str(runner.pseudo_dir), runner.spins, disk_io="low")
            record = runner.run([Step("pw.x", text)], crystal, [f"pwscf.save/{XML}"])
            scf = read_scf(record.printed[0], len(crystal))
            if scf is not None and XML in record.files:
                break
        else:
            problem = failure(record)
            return Failure(Reason.CALCULATOR, crystal=crystal, detail=f"{problem.problem}: {problem.detail}")
        gap, _ = gap_of(read_bands(record.files[XML]), scf.magnetization)
        return MagneticState(
            crystal=crystal,
            enthalpy=scf.energy + pressure * crystal.volume,
            moments=scf.moments if len(scf.moments) else np.zeros(len(crystal)),
            magnetization=scf.magnetization,
            metal=gap == 0,
        )

    def settings(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Return the settings of pw.x and of the relaxation, the version and the pseudopotentials' sums."""
        return {
            "quantum_espresso": installed_version(),
            "pw": asdict(self.protocol.pw),
            "descent": asdict(self.protocol.descent),
            "pseudopotential_sha256": self.runner.pseudopotentials(sorted(set(map(int, numbers)))),
        }

    def warnings(self, crystal: Crystal, magnetic: frozenset[int]) -> list[str]:
        """Return which pseudopotentials lack what magnets need, and by how much the cutoff is too low."""
        corrected = self.runner.core_corrections(sorted(magnetic.intersection(crystal.numbers.tolist())))
        found = [
            f"the pseudopotential of {SYMBOLS[z]} has no core correction, without which moments and pressures of "
            "magnets may be wrong altogether: give another one (--pseudo-dir)"
            for z, has in corrected.items()
            if has is False
        ]
        without = replace(self.runner, settings=self.protocol.pw, spins=(0.0,) * len(crystal))
        check = check_cutoff(without, crystal)
        if isinstance(check, CutoffCheck) and check.error > _WORTH_A_WORD:
            formula = crystal.composition.reduced.formula
            found.append(f"at {check.ecutwfc:g} Ry {check.told(formula)}: raise --ecutwfc")
        return found


@dataclass(frozen=True)
class CalculatorMagnet:
    """Any ASE calculator that has moments.

    Parameters
    ----------
    calculator : str
        Import path.
    arguments : mapping
        Keyword arguments.
    descent : Descent
        What counts as relaxed.
    """

    calculator: str
    arguments: Mapping[str, Any]
    descent: Descent

    def relax(self, start: Crystal, moments: np.ndarray, pressure: float) -> MagneticState | Failure:
        """Relax; each evaluation begins with the moments given."""
        from gasearch.potential.ase_calculator import AseCalculator

        potential = AseCalculator(self.calculator, self.arguments, moments)
        found = BatchRelaxer(potential, calculator_limits(self.descent)).relax([start], pressure)[0]
        if isinstance(found, Failure):
            return found
        ended = potential.magnetic_moments(found.crystal)
        return MagneticState(found.crystal, found.enthalpy, ended, float(ended.sum()), None)

    def settings(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Return the calculator, what it was given, and what counts as relaxed."""
        return {
            "ase_calculator": self.calculator,
            "ase_arguments": dict(self.arguments),
            "descent": asdict(self.descent),
        }

    def warnings(self, crystal: Crystal, magnetic: frozenset[int]) -> list[str]:
        """Return by how much the stress is no slope of the energy, as in too few plane waves; without moments."""
        from gasearch.potential.ase_calculator import AseCalculator

        potential = AseCalculator(self.calculator, self.arguments, np.zeros(len(crystal)))
        by_stress, by_slope = map(pressure_to_GPa, pressure_two_ways(potential, crystal)[:2])
        if abs(by_stress - by_slope) <= _WORTH_GPA:
            return []
        if np.isnan(by_stress - by_slope):
            return [f"{self.calculator} gives no energy for a volume 3 % smaller or larger; relaxations say why"]
        return [
            f"the stress of {crystal.composition.reduced.formula} gives {by_stress:.1f} GPa where the slope of the "
            f"energy gives {by_slope:.1f}: all pressures are off by about as much; in plane waves, raise the cutoff"
        ]


@dataclass(frozen=True)
class KeptMagnet:
    """Another one that keeps what it has finished, a file for each state; failures are tried again.

    Parameters
    ----------
    magnet : Magnet
    kept : Path
    """

    magnet: Magnet
    kept: Path

    def relax(self, start: Crystal, moments: np.ndarray, pressure: float) -> MagneticState | Failure:
        """Relax, unless that has been done."""
        path = self._file(start, moments, pressure)
        if path.exists():
            return _read_state(json.loads(path.read_text(encoding="utf-8")))
        state = self.magnet.relax(start, moments, pressure)
        if isinstance(state, MagneticState):
            with writing_to(self.kept):
                self.kept.mkdir(exist_ok=True)
            replace_text(path, json.dumps(_plain_state(state)))
        return state

    def settings(self, numbers: Sequence[int]) -> dict[str, Any]:
        """Return those of the other."""
        return self.magnet.settings(numbers)

    def warnings(self, crystal: Crystal, magnetic: frozenset[int]) -> list[str]:
        """Return those of the other, which are kept, too."""
        with writing_to(self.kept):
            self.kept.mkdir(exist_ok=True)
        asked = ["warnings", self.settings(crystal.numbers), structure_document(crystal), sorted(magnetic)]
        return kept_answer(self.kept, asked, lambda: self.magnet.warnings(crystal, magnetic))

    def _file(self, start: Crystal, moments: np.ndarray, pressure: float) -> Path:
        asked = [self.settings(start.numbers), structure_document(start), moments.tolist(), pressure]
        return kept_file(self.kept, asked)


def _plain_state(state: MagneticState) -> dict[str, Any]:
    return {
        "structure": structure_document(state.crystal),
        "enthalpy": state.enthalpy,
        "moments": state.moments.tolist(),
        "magnetization": state.magnetization,
        "metal": state.metal,
    }


def _read_state(plain: Mapping[str, Any]) -> MagneticState:
    crystal, moments = structure_from(plain["structure"]), np.array(plain["moments"])
    return MagneticState(crystal, plain["enthalpy"], moments, plain["magnetization"], plain["metal"])

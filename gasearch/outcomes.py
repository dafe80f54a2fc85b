"""Results that cross rooms: frozen, and complete with what is needed to judge them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np

from gasearch.crystal.crystal import Crystal


class Reason(StrEnum):
    """Why a candidate gave no relaxed structure; each value is the sentence a user reads."""

    NOT_BUILT = "no attempt gave a structure with acceptable distances"
    TWIN_BEFORE = "the same as an earlier individual before it was relaxed"
    COLLAPSED = "two atoms came too close"
    EXPLODED = "the cell grew or flattened beyond all bounds"
    NOT_FINITE = "energy, forces or stress were not finite"
    STEP_LIMIT = "forces and stress did not converge within the step limit"
    HOPELESS = "stopped early, too far above the hull to reach it"
    CALCULATOR = "the calculator gave an error"
    SCF = "the self-consistent field did not converge"
    TIMEOUT = "took longer than the wall-clock limit"
    UNSTABLE = "a phonon has an imaginary frequency"


@dataclass(frozen=True, eq=False)
class Relaxed:
    """A structure whose forces and stress are converged at the pressure.

    Parameters
    ----------
    crystal : Crystal
    energy : float
        eV per cell.
    enthalpy : float
        E + PV, eV per cell.
    steps : int
        Evaluations of the potential that it took.
    max_force : float
        Largest Cartesian force component, eV/Å.
    max_stress : float
        Largest component of stress + pressure·1, eV/Å³.
    """

    crystal: Crystal
    energy: float
    enthalpy: float
    steps: int
    max_force: float
    max_stress: float

    @property
    def enthalpy_per_atom(self) -> float:
        """eV per atom."""
        return self.enthalpy / len(self.crystal)


@dataclass(frozen=True, eq=False)
class Failure:
    """An expected failure: kept in the archive, never a parent, never on a hull.

    Parameters
    ----------
    reason : Reason
    steps : int
        Evaluations of the potential spent; 0 if no relaxation was started.
    crystal : Crystal or None
        The last structure, where there is one.
    detail : str
        What else is known: the distance, the error's text.
    """

    reason: Reason
    steps: int = 0
    crystal: Crystal | None = None
    detail: str = ""


@dataclass(frozen=True)
class Attempt:
    """One try at relaxing a structure by DFT.

    Parameters
    ----------
    remedy : str
        What was done otherwise than in the try before; empty for the first.
    outcome : str
        What became of it.
    steps : int
        SCF cycles.
    """

    remedy: str
    outcome: str
    steps: int


@dataclass(frozen=True, eq=False)
class RefinedPhase:
    """A structure that DFT relaxed at a pressure; its enthalpy is of an SCF in the basis of the final cell.

    Parameters
    ----------
    relaxed : Relaxed
        With the residual force and stress of that SCF; ``steps`` counts the SCF cycles of all tries.
    pressure : float
        eV/Å³.
    attempts : tuple of Attempt
        The last one succeeded.
    """

    relaxed: Relaxed
    pressure: float
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, eq=False)
class ElectronicStructure:
    """The density of states around the Fermi energy, and whether there is a gap.

    Parameters
    ----------
    crystal : Crystal
    fermi_energy : float
        eV, on the scale of ``energies``; within the gap where there is one.
    gap : float
        Lowest empty minus highest occupied eigenvalue on the grid, eV; 0 for a metal.
    valence_electrons : float
        Electrons per cell that the pseudopotentials leave.
    energies : (n,) array
        eV, ascending.
    dos : (n,) array
        States per eV and cell, both spins.
    projections : mapping
        (atomic number, angular momentum s, p, d or f) → its share of ``dos`` (n,), by projection on atomic orbitals.
    k_points : int
        Irreducible k-points.
    """

    crystal: Crystal
    fermi_energy: float
    gap: float
    valence_electrons: float
    energies: np.ndarray
    dos: np.ndarray
    projections: Mapping[tuple[int, str], np.ndarray] = field(default_factory=dict)
    k_points: int = 0

    @property
    def metal(self) -> bool:
        """Whether there is no gap."""
        return self.gap <= 0.0

    @property
    def dos_at_fermi(self) -> float:
        """States per eV and cell at the Fermi energy, both spins; 0 with a gap."""
        return self._at_fermi(self.dos)

    @property
    def projected_at_fermi(self) -> dict[tuple[int, str], float]:
        """The same of each projection; what the orbitals do not span is missing."""
        return {orbital: self._at_fermi(dos) for orbital, dos in self.projections.items()}

    def _at_fermi(self, dos: np.ndarray) -> float:
        return float(np.interp(self.fermi_energy, self.energies, dos)) if self.metal else 0.0


class Relaxer(Protocol):
    """Anything that relaxes cells and positions at a pressure: a potential in batches, or Quantum ESPRESSO."""

    def relax(
        self, crystals: Sequence[Crystal], pressure: float, ceilings: Sequence[float] | None = None
    ) -> list[Relaxed | Failure]:
        """Relax each crystal at the pressure (eV/Å³); same length and order as given.

        ``ceilings`` are enthalpies (eV per cell; inf for none): a structure that will clearly end above its
        ceiling may be given up as ``Reason.HOPELESS``. Expected failures are values, never exceptions.
        """
        ...

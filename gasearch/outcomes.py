"""Results that cross rooms: frozen, and complete with what is needed to judge them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

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

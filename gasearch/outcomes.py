"""Results that cross rooms: frozen, and complete with what is needed to judge them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

import numpy as np

from gasearch.crystal.band_path import BandPath
from gasearch.crystal.crystal import Crystal


class Reason(StrEnum):
    """Why a candidate gave no relaxed structure; each value is the sentence a user reads."""

    NOT_BUILT = "no attempt gave a structure with acceptable distances"
    TWIN_BEFORE = "the same as an earlier individual before it was relaxed"
    COLLAPSED = "two atoms came too close"
    EXPLODED = "the cell grew or flattened beyond all bounds"
    NOT_FINITE = "energy, forces or stress were not finite"
    STEP_LIMIT = "forces and stress did not converge within the step limit"
    STALLED = "no step lowers the enthalpy: energies contradict forces and stress, or have too few digits"
    HOPELESS = "stopped early, too far above the hull to reach it"
    CALCULATOR = "the calculator gave an error"
    SCF = "the self-consistent field did not converge"
    TIMEOUT = "took longer than the wall-clock limit"
    UNSTABLE = "a phonon has an imaginary frequency"


#: A relaxation that ended for one of these has led to a sound structure that is on its way.
UNCONVERGED: Final = frozenset({Reason.STEP_LIMIT, Reason.STALLED})


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
    spread : float
        Standard deviation of the energies that a committee of potentials gives to it, eV/atom; NaN without one.
    """

    crystal: Crystal
    energy: float
    enthalpy: float
    steps: int
    max_force: float
    max_stress: float
    spread: float = math.nan

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


@dataclass(frozen=True)
class SpinStart:
    """What became of a structure whose electrons began with, or without, aligned spins.

    Parameters
    ----------
    aligned : bool
        Whether they were; else nothing was magnetic.
    enthalpy_per_atom : float or None
        eV; None if it could not be relaxed so.
    magnetization : float
        Of the relaxed structure, Bohr magnetons per cell.
    outcome : str
        Why it could not be relaxed; empty if it was.
    """

    aligned: bool
    enthalpy_per_atom: float | None
    magnetization: float
    outcome: str


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
    magnetization : float
        Bohr magnetons per cell; 0 without spins.
    spins : tuple of SpinStart
        The starts that were tried, where an element asks for spins; this is the phase of the lowest.
    """

    relaxed: Relaxed
    pressure: float
    attempts: tuple[Attempt, ...]
    magnetization: float = 0.0
    spins: tuple[SpinStart, ...] = ()

    @property
    def aligned(self) -> bool:
        """Whether electrons began with aligned spins, if an element asks for it."""
        known = [start for start in self.spins if start.enthalpy_per_atom is not None]
        return not known or min(known, key=lambda start: start.enthalpy_per_atom).aligned


@dataclass(frozen=True, eq=False)
class BandGrid:
    """Bands on a full Γ-centred grid of the Brillouin zone.

    Parameters
    ----------
    cell : (3, 3) array
        Å; the grid divides its reciprocal vectors.
    energies : (bands, n1, n2, n3) array
        eV from the Fermi energy; those of the other spin follow, where there are two.
    electrons : float
        Per cell, in these bands.
    per_band : int
        Electrons that a band holds at each point: 2 where both spins are alike, else 1.
    """

    cell: np.ndarray
    energies: np.ndarray
    electrons: float
    per_band: int = 2


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
    bands : (m, b) array
        Band energies at the m points of ``path``, eV; none where there is no path.
    path : BandPath or None
        Through the Brillouin zone of ``crystal``.
    magnetization : float
        Bohr magnetons per cell.
    """

    crystal: Crystal
    fermi_energy: float
    gap: float
    valence_electrons: float
    energies: np.ndarray
    dos: np.ndarray
    projections: Mapping[tuple[int, str], np.ndarray] = field(default_factory=dict)
    k_points: int = 0
    bands: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    path: BandPath | None = None
    magnetization: float = 0.0

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

    @property
    def slope_at_fermi(self) -> float:
        """How sharply the density of states changes at the Fermi energy: d ln N/dE, 1/eV, over 0.2 eV; 0 with a gap."""
        around = np.interp(self.fermi_energy + np.array([-0.1, 0.1]), self.energies, self.dos)
        return float(np.diff(around)[0] / 0.2 / self.dos_at_fermi) if self.dos_at_fermi > 0 else 0.0

    @property
    def peak_at_fermi(self) -> float:
        """The density of states at the Fermi energy over its mean within 0.5 eV of it; 0 with a gap.

        It is more than 1 in a peak, where the slope vanishes.
        """
        energies = self.fermi_energy + np.linspace(-0.5, 0.5, 101)
        mean = float(np.interp(energies, self.energies, self.dos).mean())
        return self.dos_at_fermi / mean if mean > 0 else 0.0

    def _at_fermi(self, dos: np.ndarray) -> float:
        return float(np.interp(self.fermi_energy, self.energies, dos)) if self.metal else 0.0


class StabilityVerdict(StrEnum):
    """What phonons with a potential say of a structure; no verdict removes a candidate."""

    STABLE = "stable"
    UNSTABLE = "unstable"
    UNKNOWN = "the potential cannot tell"


@dataclass(frozen=True)
class SoftMode:
    """A mode with an imaginary frequency.

    Parameters
    ----------
    wave_vector : tuple of float
        In units of the reciprocal lattice vectors.
    frequency : float
        THz; negative, as it is imaginary.
    shares : mapping
        Element → its share of the mode.
    """

    wave_vector: tuple[float, ...]
    frequency: float
    shares: Mapping[str, float]

    def __str__(self) -> str:
        place = "Γ" if not any(self.wave_vector) else "(" + ", ".join(f"{q:.3g}" for q in self.wave_vector) + ")"
        mover = max(self.shares, key=self.shares.__getitem__)
        return f"{-self.frequency:.1f}i THz at {place}, mostly {mover}"


@dataclass(frozen=True, eq=False)
class Stability:
    """What the phonons of a potential say of a structure.

    Parameters
    ----------
    verdict : StabilityVerdict
    detail : str
        Why.
    supercell : tuple of int
        Multiples of the cell; the wave vectors that fit into it were looked at.
    lowest, highest : float
        Frequencies, THz; NaN where none were computed.
    mean_square : float
        ⟨ω²⟩ over all modes, THz²; NaN where none were computed or one is imaginary.
    force_constants : mapping
        Element → M⟨ω²⟩ of its atoms, eV/Å²; empty where ``mean_square`` is NaN.
    soft_modes : tuple of SoftMode
        Softest first.
    leads_to : Crystal or None
        What the softest mode leads to, where it was followed.
    lowers_by : float
        By how much, eV/atom, by the potential.
    """

    verdict: StabilityVerdict
    detail: str
    supercell: tuple[int, ...] = ()
    lowest: float = np.nan
    highest: float = np.nan
    mean_square: float = np.nan
    force_constants: Mapping[str, float] = field(default_factory=dict)
    soft_modes: tuple[SoftMode, ...] = ()
    leads_to: Crystal | None = None
    lowers_by: float = 0.0


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

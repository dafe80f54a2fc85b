"""The phases of a run for notebooks: as ASE atoms, as pymatgen entries, as a phase diagram."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gasearch.crystal.convert import to_ase, to_pymatgen
from gasearch.crystal.crystal import Crystal
from gasearch.workflow.dft.refined_document import structure_from
from gasearch.workflow.record.archive_store import ArchiveStore
from gasearch.workflow.record.run_directory import existing_run
from gasearch.workflow.record.snapshots import dft_hull_snapshot, hull_snapshot
from gasearch.workflow.record.summary import undoubted

if TYPE_CHECKING:
    from ase import Atoms
    from pymatgen.analysis.phase_diagram import PhaseDiagram
    from pymatgen.core import Structure
    from pymatgen.entries.computed_entries import ComputedStructureEntry


@dataclass(frozen=True, eq=False)
class Phase:
    """A phase on or near a hull.

    Parameters
    ----------
    formula : str
        Reduced: ``H3S``.
    space_group : str
        Hermann–Mauguin symbol: ``Im-3m``.
    enthalpy_per_atom : float
        eV, at the pressure of the run.
    above_hull : float
        Enthalpy above the hull, eV per atom.
    crystal : Crystal
    name : str
        What the run calls it: the number of its candidate, or that of a reference.
    """

    formula: str
    space_group: str
    enthalpy_per_atom: float
    above_hull: float
    crystal: Crystal
    name: str

    @property
    def atoms(self) -> Atoms:
        """As ASE has it."""
        return to_ase(self.crystal)

    @property
    def structure(self) -> Structure:
        """As pymatgen has it."""
        return to_pymatgen(self.crystal)

    @property
    def entry(self) -> ComputedStructureEntry:
        """As pymatgen's phase diagrams take it; its energy is the enthalpy of the cell."""
        from pymatgen.entries.computed_entries import ComputedStructureEntry

        data = {"space_group": self.space_group, "above_hull_eV_per_atom": self.above_hull}
        energy = len(self.crystal) * self.enthalpy_per_atom
        return ComputedStructureEntry(self.structure, energy, data=data, entry_id=self.name)


@dataclass(frozen=True, eq=False)
class Phases:
    """Phases whose enthalpies are of one method and one pressure, nearest to their hull first.

    Parameters
    ----------
    method : str
        ``potential`` or ``dft``.
    pressure_GPa : float
    phases : tuple of Phase
    """

    method: str
    pressure_GPa: float
    phases: tuple[Phase, ...]

    def phase_diagram(self) -> PhaseDiagram:
        """Return pymatgen's phase diagram of the enthalpies; the endpoints of the run must be elements."""
        from pymatgen.analysis.phase_diagram import PhaseDiagram

        return PhaseDiagram([phase.entry for phase in self.phases])


def load_run(path: Path | str) -> Phases:
    """Return the phases on and near the hull that a search has found with its potential; the run may be going on.

    Phases about which a committee of potentials disagrees are left out.

    Raises
    ------
    RunDirectoryError
        If there is no run, or it has not come to a hull yet.
    """
    directory = existing_run(Path(path))
    document, found = hull_snapshot(directory), ArchiveStore(directory.archive).crystals()
    phases = (_phase(phase, phase, found[phase["candidate"]], phase["candidate"]) for phase in undoubted(document))
    return Phases("potential", document["pressure_GPa"], tuple(phases))


def load_refined(path: Path | str) -> Phases:
    """Return the phases of a run as DFT has relaxed them.

    Raises
    ------
    RunDirectoryError
        If there is no run, or DFT has not relaxed a phase of every endpoint.
    """
    document = dft_hull_snapshot(existing_run(Path(path)))
    phases = (_phase(p, p["dft"], structure_from(p["structure"]), p["name"]) for p in document["phases"])
    return Phases("dft", document["pressure_GPa"], tuple(phases))


def _phase(phase: Mapping[str, Any], values: Mapping[str, Any], crystal: Crystal, name: object) -> Phase:
    return Phase(
        formula=phase["formula"],
        space_group=phase["space_group"],
        enthalpy_per_atom=values["enthalpy_eV_per_atom"],
        above_hull=values["above_hull_eV_per_atom"],
        crystal=crystal,
        name=str(name),
    )

"""What a run is to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from gasearch.crystal.composition import CompositionSpace
from gasearch.espresso.settings import ExportSettings, RefineSettings
from gasearch.evolution.search import SearchSettings
from gasearch.parallel.settings import ClusterSettings
from gasearch.phonon.phonons import PhononSettings
from gasearch.potential.relaxation import RelaxationSettings
from gasearch.potential.settings import PotentialSettings
from gasearch.workflow.record.run_directory import RunDirectory


@dataclass(frozen=True)
class Plan:
    """Everything that determines a run.

    Parameters
    ----------
    space : CompositionSpace
    pressure : float
        eV/Å³.
    potential : PotentialSettings
    seed : int
    relaxation : RelaxationSettings
    search : SearchSettings
    prototypes : bool
        Whether known structure types with the elements substituted come first.
    seeds : tuple of Path
        Structure files that come first.
    refine : RefineSettings or None
        What DFT refines when the search is done; None for nothing.
    phonons : PhononSettings or None
        For which of it the potential computes phonons; None for nothing.
    export : ExportSettings or None
        What of it is exported; None for nothing.
    cluster : ClusterSettings or None
        Where the refinement runs as jobs; None for here.
    """

    space: CompositionSpace
    pressure: float
    potential: PotentialSettings
    seed: int
    relaxation: RelaxationSettings
    search: SearchSettings
    prototypes: bool
    seeds: tuple[Path, ...]
    refine: RefineSettings | None = None
    phonons: PhononSettings | None = None
    export: ExportSettings | None = None
    cluster: ClusterSettings | None = None

    def in_epoch(self, directory: RunDirectory) -> Plan:
        """Return the plan with the potential of an epoch, which in a later one has learnt from the search."""
        if directory.potential is None:
            return self
        return replace(self, potential=replace(self.potential, path=directory.potential))

"""What DFT refines and what of it is exported: sections of the input, and options of the commands."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from gasearch.espresso.protocol import PROTOCOLS, DftProtocol
from gasearch.schema import setting


@dataclass(frozen=True)
class RefineSettings:
    """What DFT refines, and how.

    Parameters
    ----------
    window : float
        Enthalpy per atom above the potential's hull up to which phases are refined at first.
    budget : int
        Candidates at most; each may have several symmetrized variants.
    protocol : str
        How accurate: fast has the settings of the potentials' labels, standard and precise are for results.
    known : bool
        Whether the known phases of the elements at the pressure are refined, too.
    references : tuple of Path
        Files of known structures, which are refined, too.
    ecutwfc : float or None
        Cutoff of the wavefunctions, Ry, instead of the protocol's; the density gets four times it.
    k_spacing : float or None
        Spacing of the k-points, 1/Å with 2π, instead of the protocol's.
    degauss : float or None
        Smearing, Ry, instead of the protocol's.
    pseudo_dir : Path or None
        Folder that holds X.UPF for each element X; None for those of PseudoDojo (PBE).
    launcher : str
        What starts pw.x on several ranks, such as mpirun -n 4; empty for one.
    workers : int
        Calculations at the same time, where there is no MPI.
    timeout : float
        Wall-clock limit of one program.
    ase_calculator : str or None
        Import path of an ASE calculator that relaxes instead of Quantum ESPRESSO; it gives no density of states.
    ase_arguments : mapping
        Its keyword arguments.
    """

    window: float = setting(0.05, above=0, unit="meV")
    budget: int = setting(40, at_least=1)
    protocol: Literal["fast", "standard", "precise"] = "fast"
    known: bool = True
    references: tuple[Path, ...] = ()
    ecutwfc: float | None = setting(None, above=0)
    k_spacing: float | None = setting(None, above=0)
    degauss: float | None = setting(None, above=0)
    pseudo_dir: Path | None = None
    launcher: str = ""
    workers: int = setting(1, at_least=1)
    timeout: float = setting(6 * 3600.0, above=0, unit="s")
    ase_calculator: str | None = None
    ase_arguments: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _ = self.launch  # ValueError if it is no command line

    @property
    def launch(self) -> tuple[str, ...]:
        """The words of the launcher."""
        try:
            return tuple(shlex.split(self.launcher))
        except ValueError as error:
            raise ValueError(f"launcher: {self.launcher!r} is no command line ({error}); close its quotes") from error

    @property
    def dft(self) -> DftProtocol:
        """The protocol, with the user's settings in place of its own."""
        return PROTOCOLS[self.protocol].with_settings(self.ecutwfc, self.k_spacing, self.degauss)


@dataclass(frozen=True)
class ExportSettings:
    """What is exported for other programs.

    Parameters
    ----------
    to : Path or None
        Folder that gets a folder for each phase; None for ``candidates`` in the run directory.
    window : float
        Enthalpy per atom above the DFT hull up to which metals are exported.
    all : bool
        Whether what has a gap, or no density of states, is exported, too.
    vasp : bool
        Whether inputs of VASP (INCAR, KPOINTS, POSCAR; no POTCAR) are written, too.
    """

    to: Path | None = None
    window: float = setting(0.05, above=0, unit="meV")
    all: bool = False
    vasp: bool = False

"""Candidates as `gasearch.workflow.dft.export` wrote them, read back for the calculations that follow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gasearch.crystal.crystal import Crystal
from gasearch.errors import InputError
from gasearch.units import pressure_from_GPa
from gasearch.workflow.dft.export import FORMAT
from gasearch.workflow.dft.refined_document import aligned_in, structure_from

FILE = "candidate.json"


@dataclass(frozen=True, eq=False)
class ExportedCandidate:
    """A relaxed phase in its folder.

    Parameters
    ----------
    folder : Path
    crystal : Crystal
    pressure : float
        eV/Å³.
    space_group : str
    dos_at_fermi : float or None
        States per eV and cell, both spins, by tetrahedra; None where it is not known.
    aligned : bool
        Whether spins begin aligned, if an element asks for spins.
    """

    folder: Path
    crystal: Crystal
    pressure: float
    space_group: str
    dos_at_fermi: float | None
    aligned: bool = True

    @property
    def results(self) -> Path:
        """Where what is computed for it is kept: beside the folder, which an export may replace."""
        return results_of(self.folder) / self.folder.name

    @property
    def documents(self) -> list[Path]:
        """What was found for it, a file for each grid of q-points."""
        return sorted(self.results.glob("q-*/electron-phonon.json"))


def results_of(path: Path) -> Path:
    """Return where results of a candidate, or of the candidates in a folder, are kept."""
    path = path.resolve()
    return (path.parent if (path / FILE).is_file() else path) / "tc"


def candidate_folders(path: Path) -> list[Path]:
    """Return the folder of a candidate, or those of the candidates in it, by name; `InputError` if there is none."""
    folders = [path] if (path / FILE).is_file() else sorted(file.parent for file in path.glob(f"*/{FILE}"))
    if not folders:
        raise InputError(f"{path} holds no {FILE}: give a folder that `gasearch export DIR --to {path}` wrote")
    return folders


def read_candidates(path: Path) -> list[ExportedCandidate]:
    """Return the candidate of a folder, or those of the folders in it, by name.

    Raises
    ------
    InputError
        Naming each ``candidate.json`` that cannot be used; also if there is none.
    """
    candidates, problems = [], []
    for folder in candidate_folders(path):
        try:
            candidates.append(_candidate(folder.resolve(), json.loads((folder / FILE).read_text(encoding="utf-8"))))
        except (OSError, ValueError, KeyError, TypeError) as error:
            problems.append(f"{folder / FILE} cannot be used ({type(error).__name__}: {error}); export it again")
    if problems:
        raise InputError(problems)
    return candidates


def _candidate(folder: Path, document: dict[str, Any]) -> ExportedCandidate:
    if document["format"] != FORMAT:
        raise ValueError(f"found format {document['format']}; allowed is {FORMAT}")
    electrons = document["electrons"]
    if electrons and not electrons["metal"]:
        raise ValueError(f"it has a gap of {electrons['gap_eV']} eV and is no superconductor; remove the folder")
    return ExportedCandidate(
        folder=folder,
        crystal=structure_from(document["structure"]),
        pressure=pressure_from_GPa(document["pressure_GPa"]),
        space_group=document["space_group"]["symbol"],
        dos_at_fermi=electrons["dos_at_fermi_per_eV"]["cell"] if electrons else None,
        aligned=aligned_in(document),
    )

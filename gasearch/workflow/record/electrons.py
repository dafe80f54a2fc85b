"""Electronic structures as plain data, a file for each phase of which one was computed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.outcomes import ElectronicStructure
from gasearch.report.electrons import ElectronPicture
from gasearch.workflow.record.run_directory import RunDirectory


def electrons_file(directory: RunDirectory, name: str) -> Path:
    """Return the file of the phase with this name."""
    return directory.electrons / f"{file_name(name)}.json"


def has_electrons(phase: Mapping[str, Any]) -> bool:
    """Whether a phase of ``refined.json`` has bands and densities of states, as it stands there."""
    return "metal" in (phase["electrons"] or {})


def file_name(name: str) -> str:
    """Return the name of a phase as a file may have it."""
    return re.sub(r"[^\w.+-]+", "_", name)


def electrons_document(electrons: ElectronicStructure) -> dict[str, Any]:
    """Return densities of states and bands; energies in eV from the Fermi energy, or from the middle of the gap."""
    path = electrons.path
    return {
        "energies_eV": (electrons.energies - electrons.fermi_energy).tolist(),
        "dos_per_eV_and_cell": electrons.dos.tolist(),
        "projections": {f"{SYMBOLS[z]}-{orbital}": dos.tolist() for (z, orbital), dos in electrons.projections.items()},
        "bands_eV": (electrons.bands - electrons.fermi_energy).tolist(),
        "path_points": path.points.tolist() if path else [],
        "path_distances_per_A": path.distances.tolist() if path else [],
        "path_ticks": [list(tick) for tick in path.ticks] if path else [],
    }


def electron_picture(document: Mapping[str, Any]) -> ElectronPicture:
    """Return what the figure of `electrons_document` shows."""
    bands = np.array(document["bands_eV"])
    return ElectronPicture(
        energies=np.array(document["energies_eV"]),
        dos=np.array(document["dos_per_eV_and_cell"]),
        projections={name: np.array(dos) for name, dos in document["projections"].items()},
        distances=np.array(document["path_distances_per_A"])[: len(bands)],
        bands=bands,
        ticks=[(place, name) for place, name in document["path_ticks"]],
    )

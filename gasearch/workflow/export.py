"""Refined phases for other programs: one folder each, with structure files, inputs and everything that is known."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from gasearch.crystal.convert import to_ase
from gasearch.crystal.crystal import Crystal
from gasearch.errors import RunDirectoryError
from gasearch.espresso.pw import PwSettings, write_scf
from gasearch.files import replace_text, replacing, writing_to
from gasearch.potential.card import sha256_of
from gasearch.workflow.pictures import snapshot
from gasearch.workflow.refined_document import structure_from
from gasearch.workflow.run_directory import existing_run

#: Raised by one whenever readers of an older ``candidate.json`` could misread a new one.
FORMAT: Final = 1
SCHEMA: Final = f"candidate-{FORMAT}.schema.json"


def export(path: Path, to: Path, window: float, *, all_phases: bool = False) -> list[Path]:
    """Write a folder for each refined metal at most ``window`` (eV per atom) above the DFT hull; return them.

    ``all_phases`` writes those with a gap, or without a density of states, too. Twins and references, which the search
    did not find, are left out. An older folder of the same phase is replaced.

    Raises
    ------
    RunDirectoryError
        If the run has not been refined to its end, or the DFT hull is not complete.
    """
    directory = existing_run(path)
    if not directory.refined_phases.exists():
        raise RunDirectoryError(f"{path} was not refined: run `gasearch refine {path}` first")
    document = snapshot(directory.refined_phases)
    if not document["complete"]:
        raise RunDirectoryError(f"{path} has no DFT hull: an endpoint has no refined phase; see its failures")
    if not any(phase["electrons"] for phase in document["phases"]):
        raise RunDirectoryError(f"{path} has no density of states yet: run `gasearch refine {path}` to its end first")
    chosen = [phase for phase in document["phases"] if _is_wanted(phase, window, all_phases)]
    return [write_candidate(phase, document, to) for phase in chosen]


def schema() -> dict[str, Any]:
    """Return the JSON Schema of ``candidate.json``."""
    return json.loads((files("gasearch.workflow") / "schemas" / SCHEMA).read_text(encoding="utf-8"))


def candidate_document(phase: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what ``candidate.json`` says of a phase of ``refined.json``."""
    electrons = phase["electrons"]
    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "formula": phase["formula"],
        "space_group": {"symbol": phase["space_group"], "number": phase["space_group_number"]},
        "pressure_GPa": document["pressure_GPa"],
        "structure": phase["structure"],
        "dft": phase["dft"],
        "mlip": phase["mlip"],
        "electrons": electrons if electrons and "failure" not in electrons else None,
        "provenance": {
            **document["provenance"],
            "candidate": phase["name"],
            "endpoints": document["endpoints"],
            "dft_settings": document["settings"],
            "hull_closed": document["window"]["closed"],
        },
    }


def _is_wanted(phase: Mapping[str, Any], window: float, all_phases: bool) -> bool:
    metal = (phase["electrons"] or {}).get("metal", False)
    near = phase["dft"]["above_hull_eV_per_atom"] <= window
    return near and (metal or all_phases) and phase["same_as"] is None and phase["origin"] == "search"


def write_candidate(phase: Mapping[str, Any], document: Mapping[str, Any], to: Path) -> Path:
    """Write a folder in one go: a reader finds it complete or not at all."""
    folder = to / f"{phase['formula']}-{phase['space_group'].replace('/', '_')}-{phase['name']}"
    part = to / f".{folder.name}.part"
    crystal = structure_from(phase["structure"])
    settings = {name: value for name, value in document["settings"].items() if name != "dos_k_spacing"}
    with writing_to(folder):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _write_structures(crystal, part)
        replace_text(part / "scf.in", write_scf(crystal, PwSettings(**settings), "./"))
        digests = {file.name: sha256_of(file) for file in sorted(part.iterdir())}
        described = candidate_document(phase, document) | {"files_sha256": digests}
        replace_text(part / "candidate.json", json.dumps(described, indent=1) + "\n")
        shutil.rmtree(folder, ignore_errors=True)
        part.rename(folder)
    return folder


def _write_structures(crystal: Crystal, folder: Path) -> None:
    from ase.io import write

    # POSCAR wants each element once.
    atoms = to_ase(crystal)
    atoms = atoms[atoms.numbers.argsort(kind="stable")]
    for name, settings in {"structure.cif": {"format": "cif"}, "POSCAR": {"format": "vasp", "direct": True}}.items():
        with replacing(folder / name) as path:
            write(path, atoms, parallel=False, **settings)

"""Refined phases for other programs: one folder each, with structure files, inputs and everything that is known."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from gasearch.crystal.convert import masses_of_elements, to_ase
from gasearch.crystal.crystal import Crystal
from gasearch.errors import RunDirectoryError
from gasearch.espresso.ph import inputs
from gasearch.espresso.protocol import PHONON_PROTOCOLS
from gasearch.espresso.pw import starting_spins
from gasearch.espresso.settings import ExportSettings
from gasearch.files import replace_text, replacing, writing_to
from gasearch.potential.card import sha256_of
from gasearch.units import MEV_PER_EV
from gasearch.workflow.dft.phonons import verdict_of
from gasearch.workflow.dft.refined_document import aligned_in, structure_from
from gasearch.workflow.dft.vasp import vasp_inputs
from gasearch.workflow.record.electrons import electrons_file, file_name, has_electrons
from gasearch.workflow.record.run_directory import RunDirectory, existing_run
from gasearch.workflow.record.snapshots import dft_hull_snapshot, snapshot

#: Raised by one whenever readers of an older ``candidate.json`` could misread a new one.
FORMAT: Final = 1
SCHEMA: Final = f"candidate-{FORMAT}.schema.json"
#: What in a candidate's provenance names the phase and its run.
_IDENTITY: Final = ("candidate", "input_sha256", "potential_sha256")


def export(settings: ExportSettings, path: Path) -> list[Path]:
    """Write a folder for each refined metal near the DFT hull; return them.

    Of twins one is written; references that the search did not find are written as well. Older folders of the same
    phase of the same run are replaced, also where it had another space group.

    Raises
    ------
    RunDirectoryError
        If the run has not been refined to its end, or the DFT hull is not complete.
    """
    directory = existing_run(path)
    document = dft_hull_snapshot(directory)
    if not settings.all and not any(phase["electrons"] for phase in document["phases"]):
        raise RunDirectoryError(
            f"{path} has no density of states: run `gasearch refine {path}` to its end first, or export all phases "
            "(--all, or all: true)"
        )
    to = settings.to or path / "candidates"
    chosen = [phase for phase in document["phases"] if _is_wanted(phase, settings)]
    written = [_write(phase, document, directory, to, settings.vasp) for phase in chosen]
    _remove_others(written, directory, to)
    return written


def unknown(settings: ExportSettings, path: Path) -> list[str]:
    """Return what is to be said of phases near the DFT hull of which it is not known whether they are metals."""
    phases = dft_hull_snapshot(existing_run(path))["phases"]
    names = [phase["name"] for phase in phases if _is_near(phase, settings) and not has_electrons(phase)]
    if settings.all or not names:
        return []
    return [
        f"{len(names)} phases up to {MEV_PER_EV * settings.window:g} meV/atom above the DFT hull have no density of "
        f"states, and are not exported: {', '.join(names)}; refine with a window as wide as that"
    ]


def schema() -> dict[str, Any]:
    """Return the JSON Schema of ``candidate.json``."""
    return json.loads((files("gasearch.workflow") / "schemas" / SCHEMA).read_text(encoding="utf-8"))


def candidate_document(
    phase: Mapping[str, Any], document: Mapping[str, Any], verdict: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return what ``candidate.json`` says of a phase of ``refined.json``; ``verdict`` is that of its phonons."""
    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "origin": phase["origin"],
        "formula": phase["formula"],
        "space_group": {"symbol": phase["space_group"], "number": phase["space_group_number"]},
        "pressure_GPa": document["pressure_GPa"],
        "structure": phase["structure"],
        "dft": phase["dft"],
        "mlip": phase["mlip"],
        "electrons": phase["electrons"] if has_electrons(phase) else None,
        "phonons": verdict,
        "provenance": {
            **document["provenance"],
            "candidate": phase["name"],
            "endpoints": document["endpoints"],
            "dft_settings": document["settings"],
            "dft_cutoffs": document.get("cutoffs", {}),
            "hull_closed": document["window"]["closed"],
        },
    }


def _is_near(phase: Mapping[str, Any], settings: ExportSettings) -> bool:
    return phase["dft"]["above_hull_eV_per_atom"] <= settings.window and phase["same_as"] is None


def _is_wanted(phase: Mapping[str, Any], settings: ExportSettings) -> bool:
    metal = (phase["electrons"] or {}).get("metal", False)
    return _is_near(phase, settings) and (metal or settings.all)


def _remove_others(written: Sequence[Path], directory: RunDirectory, to: Path) -> None:
    """Remove from a run's own folder what earlier exports of it have left there and is not exported any more.

    A folder elsewhere may hold candidates of several runs, and what others have put beside them.
    """
    if to.resolve().is_relative_to(directory.path.resolve()):
        for file in to.glob("[!.]*/candidate.json"):
            if file.parent not in written:
                shutil.rmtree(file.parent)


def _write(
    phase: Mapping[str, Any], document: Mapping[str, Any], directory: RunDirectory, to: Path, vasp: bool
) -> Path:
    """Write a folder in one go: a reader finds it complete or not at all."""
    name = phase["name"] if phase["origin"] == "search" else f"reference-{_place(phase['name'])}"
    folder = to / file_name(f"{phase['formula']}-{phase['space_group'].replace('/', '_')}-{name}")
    part = to / f".{folder.name}.part"
    with writing_to(folder):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _write_files(phase, document, directory, part, vasp)
        digests = {str(file.relative_to(part)): sha256_of(file) for file in sorted(part.rglob("*")) if file.is_file()}
        described = candidate_document(phase, document, verdict_of(directory, phase)) | {"files_sha256": digests}
        replace_text(part / "candidate.json", json.dumps(described, indent=1) + "\n")
        for older in _folders_of(described, to) | {folder}:
            shutil.rmtree(older, ignore_errors=True)
        part.rename(folder)
    return folder


def _place(reference: str) -> str:
    """Return what tells references apart: the name of a known phase, or of a file and the place in it."""
    return Path(reference.partition(", doi:")[0].removesuffix("#0")).name


def _folders_of(described: Mapping[str, Any], to: Path) -> set[Path]:
    """Return the folders that hold the same phase of the same run at the same pressure."""
    same = [described["pressure_GPa"], *(described["provenance"][key] for key in _IDENTITY)]
    found = set()
    for file in to.glob("[!.]*/candidate.json"):
        other = snapshot(file)
        provenance = other.get("provenance", {})
        if [other.get("pressure_GPa"), *(provenance.get(key) for key in _IDENTITY)] == same:
            found.add(file.parent)
    return found


def _write_files(
    phase: Mapping[str, Any], document: Mapping[str, Any], directory: RunDirectory, folder: Path, vasp: bool
) -> None:
    crystal, settings = structure_from(phase["structure"]), document["settings"]
    _write_structures(crystal, folder)
    if "ecutwfc" in settings:
        for name, text in _coupling_inputs(crystal, settings, aligned_in(phase)).items():
            replace_text(folder / name, text)
    if vasp:
        (folder / "vasp").mkdir()
        shutil.copy(folder / "POSCAR", folder / "vasp" / "POSCAR")
        for name, text in vasp_inputs(crystal, document["pressure_GPa"], settings, aligned_in(phase)).items():
            replace_text(folder / "vasp" / name, text)
    data, known = electrons_file(directory, phase["name"]), has_electrons(phase)
    for file in (data, data.with_suffix(".png")):
        if known and file.exists():
            shutil.copy(file, folder / f"electrons{file.suffix}")


def _coupling_inputs(crystal: Crystal, settings: Mapping[str, Any], aligned: bool) -> dict[str, str]:
    """Return inputs of an electron–phonon run, with no lower cutoffs than those that the crystal was relaxed with."""
    protocol = PHONON_PROTOCOLS["standard"]
    cutoffs = {name: max(settings[name], getattr(protocol.pw, name)) for name in ("ecutwfc", "ecutrho")}
    how = replace(
        replace(protocol, pw=replace(protocol.pw, **cutoffs)).settings(crystal), spins=starting_spins(aligned)
    )
    return inputs(crystal, how, "./", masses_of_elements(crystal))


def _write_structures(crystal: Crystal, folder: Path) -> None:
    from ase.io import write

    # POSCAR wants each element once.
    atoms = to_ase(crystal)
    atoms = atoms[atoms.numbers.argsort(kind="stable")]
    for name, settings in {"structure.cif": {"format": "cif"}, "POSCAR": {"format": "vasp", "direct": True}}.items():
        with replacing(folder / name) as path:
            write(path, atoms, parallel=False, **settings)

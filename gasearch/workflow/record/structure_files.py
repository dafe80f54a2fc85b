"""Structure files: seeds read, best structures written."""

from __future__ import annotations

import math
import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from gasearch.crystal.convert import from_ase, to_ase
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.formats import from_json, from_poscars, from_res
from gasearch.errors import InputError
from gasearch.evolution.candidate import Individual
from gasearch.files import replacing

if TYPE_CHECKING:
    from ase import Atoms


def read_structures(paths: Iterable[Path]) -> list[Crystal]:
    """Read every structure in files of ours and of others, or in folders of them.

    Known are POSCARs (one or many, as of USPEX and CrySPY), res (AIRSS), JSON (pymatgen, OPTIMADE, ours), databases of
    ASE, and whatever else ASE reads (CIF, extxyz …). Of a folder all files with such names are read, by name.

    Raises
    ------
    InputError
        Naming each file that holds no structure that is periodic and ordered.
    """
    crystals, problems = [], []
    for path in paths:
        try:
            crystals += [crystal for file in _files(path) for crystal in _read(file)]
        except _Unreadable as error:
            problems.append(str(error))
    if problems:
        raise InputError(problems)
    return crystals


class _Unreadable(Exception):
    """A file, and why it cannot be read."""


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    if (path / "archive.db").is_file() and (path / "input.yaml").is_file():
        raise _Unreadable(f"{path} is a run: give what `gasearch hull {path} --write FILE.extxyz` writes")
    found = sorted(file for file in path.iterdir() if file.is_file() and _is_structure_file(file))
    if not found:
        raise _Unreadable(f"{path} holds no structure file; known are {', '.join(_SUFFIXES)} and POSCARs")
    return found


#: What is read of a folder.
_SUFFIXES: Final = (".cif", ".db", ".extxyz", ".json", ".jsonl", ".res", ".vasp", ".xyz")


def _is_structure_file(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES or _is_poscar(path)


def _is_poscar(path: Path) -> bool:
    name = path.name.upper()
    return "POSCAR" in name or "CONTCAR" in name or path.suffix.lower() == ".vasp"


def _read(path: Path) -> list[Crystal]:
    if advice := _ADVICE.get(path.suffix.lower()) or _ADVICE.get(path.name):
        raise _Unreadable(f"{path} is not read: {advice}")
    try:
        if _is_poscar(path):
            return from_poscars(path.read_text(encoding="utf-8"))
        if path.suffix.lower() == ".res":
            return from_res(path.read_text(encoding="utf-8"))
        if path.suffix.lower() in (".json", ".jsonl"):
            return _read_json(path)
        return _read_database(path, "db") if path.suffix.lower() == ".db" else _read_by_ase(path)
    except Exception as error:  # ASE's readers raise whatever they meet; the file is the user's
        raise _Unreadable(f"{path} cannot be read as structures: {error}") from error


#: What holds no structures, or holds them so that reading would be running a program.
_ADVICE: Final = {
    **dict.fromkeys(
        (".pkl", ".pickle", ".pckl"), "a pickle is code when it is loaded; of CrySPY give data/opt_POSCARS"
    ),
    "Individuals": "it holds no structures; give gatheredPOSCARS or BESTgatheredPOSCARS, which lie beside it",
}


def _read_json(path: Path) -> list[Crystal]:
    text = path.read_text(encoding="utf-8")
    return _read_database(path, "json") if '"nextid"' in text else from_json(text)


def _read_by_ase(path: Path) -> list[Crystal]:
    from ase.io import read

    images = read(path, index=":", parallel=False)
    if any(_is_disordered(atoms) for atoms in images):
        raise ValueError("it has partially occupied sites; only ordered structures can be used")
    return [from_ase(atoms) for atoms in images]


def _is_disordered(atoms: Atoms) -> bool:
    """Tell whether a CIF has a site that is not full, or shared: ASE takes the commonest element, full."""
    sites = (atoms.info.get("occupancy") or {}).values()
    return any(len(site) != 1 or abs(sum(site.values()) - 1.0) > 1e-3 for site in sites)


def _read_database(path: Path, kind: str) -> list[Crystal]:
    """Read a database of ASE; of an archive of ours what was relaxed, and not what was known for a twin."""
    from ase.db import connect

    if kind == "db":  # ASE would make its tables in whatever database it is given
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)) as connection:
            connection.execute("SELECT id FROM systems LIMIT 1")
    rows = connect(path, type=kind, serial=True, use_lock_file=False).select()
    kept = [row for row in rows if row.natoms and not {"reason", "twin"} & set(row.key_value_pairs)]
    if not kept:
        raise ValueError("there is no structure in it")
    return [from_ase(row.toatoms()) for row in kept]


def write_best(folder: Path, best: Sequence[tuple[Individual, float]]) -> None:
    """Write the best structures as CIF, one a file, and as one extxyz; an older folder is replaced."""
    from ase.io import write

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    frames = []
    for rank, (individual, above) in enumerate(best):
        atoms = to_ase(individual.crystal)
        formula = individual.crystal.composition.reduced.formula
        with replacing(folder / f"{rank:02d}-{formula}-{individual.id}.cif") as path:
            write(path, atoms, format="cif", parallel=False)
        atoms.info = {
            "candidate": individual.id,
            "enthalpy_eV_per_atom": individual.enthalpy_per_atom,
            "above_hull_eV_per_atom": above,
        }
        if math.isfinite(individual.spread):
            atoms.info["spread_eV_per_atom"] = individual.spread
        frames.append(atoms)
    with replacing(folder / "best.extxyz") as path:
        write(path, frames, format="extxyz", parallel=False)

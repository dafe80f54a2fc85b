"""Structure files: seeds read, best structures written."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path

from gasearch.crystal.convert import from_ase, to_ase
from gasearch.crystal.crystal import Crystal
from gasearch.errors import InputError
from gasearch.evolution.candidate import Individual
from gasearch.files import replacing


def read_structures(paths: Iterable[Path]) -> list[Crystal]:
    """Read every structure in files that ASE knows (CIF, POSCAR, extxyz …).

    Raises
    ------
    InputError
        Naming each file that holds no periodic structure.
    """
    from ase.io import read

    crystals, problems = [], []
    for path in paths:
        try:
            crystals += [from_ase(atoms) for atoms in read(path, index=":", parallel=False)]
        except Exception as error:  # ASE's readers raise whatever they meet; the file is the user's
            problems.append(f"{path} cannot be read as structures: {error}")
    if problems:
        raise InputError(problems)
    return crystals


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

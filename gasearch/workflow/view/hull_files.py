"""The phases on and near a hull in one file for other programs, each with its enthalpy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gasearch.crystal.composition import SYMBOLS
from gasearch.errors import InputError
from gasearch.files import replace_text, replacing
from gasearch.quiet import ignoring
from gasearch.workflow.view.results import Phase, Phases

if TYPE_CHECKING:
    from pymatgen.entries.computed_entries import ComputedStructureEntry


def write_phases(phases: Phases, path: Path) -> None:
    """Write phases in the format that the suffix of ``path`` names; `read_structures` reads them back.

    ``.json``: a list of pymatgen's ``ComputedStructureEntry``, whose energies are enthalpies; ``.res``: AIRSS's, one
    after the other, as its cryan takes them; ``.extxyz``: ASE's.

    Raises
    ------
    InputError
        If the suffix is another.
    RunDirectoryError
        If the file cannot be written.
    """
    if path.suffix not in _WRITERS:
        raise InputError(f"{path} has the suffix {path.suffix!r}; known are {', '.join(_WRITERS)}")
    _WRITERS[path.suffix](phases, path)


def _write_json(phases: Phases, path: Path) -> None:
    with ignoring(message="No Pauling electronegativity"):  # of noble gases
        entries = [_entry(phase, phases).as_dict() for phase in phases.phases]
    replace_text(path, json.dumps(entries, indent=1, default=_as_number) + "\n")


def _entry(phase: Phase, phases: Phases) -> ComputedStructureEntry:
    entry = phase.entry
    entry.data |= {"pressure_GPa": phases.pressure_GPa, "method": phases.method}
    return entry


def _as_number(value: Any) -> Any:
    """Return a number of numpy as Python's."""
    return value.item()


def _write_res(phases: Phases, path: Path) -> None:
    replace_text(path, "".join(res_text(phase, phases.pressure_GPa) for phase in phases.phases))


def res_text(phase: Phase, pressure_GPa: float) -> str:
    """Return a phase as AIRSS writes it; lengths in Å, volume and enthalpy (eV) of the cell.

    The title: name, pressure (GPa), volume, enthalpy, spin, modulus of the spin, number of atoms, space group, and how
    often it was found. Potentials and plane waves without spin leave both spins 0.
    """
    from ase.geometry import cell_to_cellpar

    crystal = phase.crystal
    name = "-".join(f"{phase.formula}-{phase.name}".split())
    enthalpy = len(crystal) * phase.enthalpy_per_atom
    elements = [SYMBOLS[z] for z in crystal.composition.elements]
    group = phase.space_group.replace("_", "")
    lines = [
        f"TITL {name} {pressure_GPa:.4f} {crystal.volume:.6f} {enthalpy:.8f} 0 0 {len(crystal)} ({group}) n - 1",
        f"CELL 1.54180 {_row(cell_to_cellpar(crystal.cell))}",
        "LATT -1",
        f"SFAC {' '.join(elements)}",
    ]
    symbols = [SYMBOLS[z] for z in crystal.numbers.tolist()]
    lines += [f"{s} {elements.index(s) + 1} {_row(x)} 1.0" for s, x in zip(symbols, crystal.frac, strict=True)]
    return "\n".join([*lines, "END", ""])


def _row(numbers: Any) -> str:
    return " ".join(f"{number:.12f}" for number in numbers)


def _write_extxyz(phases: Phases, path: Path) -> None:
    from ase.io import write

    frames = []
    for phase in phases.phases:
        atoms = phase.atoms
        atoms.info = {
            "name": phase.name,
            "space_group": phase.space_group,
            "pressure_GPa": phases.pressure_GPa,
            "enthalpy_eV_per_atom": phase.enthalpy_per_atom,
            "above_hull_eV_per_atom": phase.above_hull,
            "method": phases.method,
        }
        frames.append(atoms)
    with replacing(path) as temporary:
        write(temporary, frames, format="extxyz", parallel=False)


_WRITERS: Final[dict[str, Callable[[Phases, Path], None]]] = {
    ".json": _write_json,
    ".res": _write_res,
    ".extxyz": _write_extxyz,
}

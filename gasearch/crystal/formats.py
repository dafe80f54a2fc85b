"""Structures in the text formats of other programs: POSCARs one after the other, AIRSS's res, three kinds of JSON.

Each function takes a text and returns its crystals; ValueError says what is wrong with it, and where.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import StringIO
from itertools import pairwise
from typing import Any, Final

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.convert import from_ase, from_pymatgen
from gasearch.crystal.crystal import Crystal

#: Tolerance of an occupancy that should be 1.
_FULL: Final = 1e-3


def from_poscars(text: str) -> list[Crystal]:
    """Read POSCARs (VASP 5) one after the other, as USPEX gathers them and CrySPY lists them; or a single one.

    What VASP writes below the positions of a CONTCAR, such as velocities, is left out.
    """
    lines = text.splitlines()
    crystals: list[Crystal] = []
    start = 0
    while start < len(lines) and not (crystals and _is_tail(lines[start:])):
        end = start + _poscar_length(lines[start:], f"the structure at line {start + 1}")
        crystals.append(_poscar(lines[start:end], start + 1))
        start = end
    return _some(crystals)


def _is_tail(lines: Sequence[str]) -> bool:
    """Tell whether what follows a POSCAR is blank, or velocities, and not one more POSCAR."""
    words = [line.split() for line in lines[:2]]
    return not any(words) or lines[0].strip().startswith("Lattice velocities") or (not words[0] and len(words[1]) == 3)


def _poscar_length(lines: Sequence[str], where: str) -> int:
    """Return the number of lines from the title to the last position."""
    if len(lines) < 8:
        raise ValueError(f"{where} ends before its positions")
    if not lines[5].split() or not lines[5].split()[0][0].isalpha():
        raise ValueError(f"{where} names no elements: write their symbols above the numbers of atoms")
    try:
        counts = [int(word) for word in lines[6].split()]
    except ValueError as error:
        raise ValueError(f"{where} has {lines[6].strip()!r} where the numbers of atoms should be") from error
    selective = lines[7].strip()[:1].lower() == "s"
    length = 8 + selective + sum(counts)
    if min(counts, default=-1) < 0 or length > len(lines):
        raise ValueError(f"{where} should have {sum(counts)} positions, but ends before")
    return length


def _poscar(lines: Sequence[str], number: int) -> Crystal:
    from ase.io.vasp import read_vasp

    try:
        return from_ase(read_vasp(StringIO("\n".join(["-", *lines[1:], ""]))))
    except Exception as error:  # ASE's reader raises whatever it meets
        raise ValueError(f"the structure at line {number} is no POSCAR: {error}") from error


def from_res(text: str) -> list[Crystal]:
    """Read SHELX res as AIRSS writes it, one structure or several: all atoms are listed, without symmetry."""
    lines = text.splitlines()
    ends = [number for number, line in enumerate(lines) if line.strip().upper() == "END"]
    if not ends or any(line.strip() for line in lines[ends[-1] + 1 :]):
        raise ValueError("a structure in it has no END")
    return [_res(lines[before + 1 : end], before + 2) for before, end in pairwise([-1, *ends])]


def _res(lines: Sequence[str], number: int) -> Crystal:
    from ase.geometry import cellpar_to_cell

    where = f"the structure at line {number}"
    words = [line.split() for line in lines if line.split()]
    by_key = {word[0].upper(): word[1:] for word in words}
    if "SYMM" in by_key or by_key.get("LATT", ["-1"]) != ["-1"]:
        raise ValueError(f"{where} has symmetry (LATT or SYMM); only structures with all atoms listed can be read")
    if missing := [key for key in ("CELL", "SFAC") if key not in by_key]:
        raise ValueError(f"{where} has no {missing[0]}")
    first = next(place for place, word in enumerate(words) if word[0].upper() == "SFAC") + 1
    try:
        cell = cellpar_to_cell([float(word) for word in by_key["CELL"][1:7]])
        atoms = [_res_atom(word, by_key["SFAC"]) for word in words[first:] if word[0].upper() not in _RES_OTHERS]
        return Crystal(cell, [frac for _, frac in atoms], [number for number, _ in atoms])
    except AssertionError as error:  # ASE's, of angles
        raise ValueError(f"{where} has a CELL that closes no volume") from error
    except (ValueError, IndexError) as error:
        raise ValueError(f"{where} cannot be read: {error}") from error


#: What may stand among the atoms and says nothing of them.
_RES_OTHERS: Final = ("REM", "UNIT", "ZERR")


def _res_atom(words: Sequence[str], elements: Sequence[str]) -> tuple[int, list[float]]:
    """Read an atom: label, number of the element in SFAC, three coordinates, occupancy, perhaps a spin."""
    place = int(words[1])
    if not 1 <= place <= len(elements):
        raise ValueError(f"{' '.join(words)!r}: SFAC names {len(elements)} elements")
    if len(words) > 5 and abs(float(words[5]) - 1.0) > _FULL:
        raise ValueError(f"{' '.join(words)!r} is partially occupied")
    return _number(elements[place - 1]), [float(word) for word in words[2:5]]


def from_json(text: str) -> list[Crystal]:
    """Read JSON of pymatgen, OPTIMADE or gasearch: a structure, or whatever lists of structures they make of them.

    Known are pymatgen's ``Structure``, ``ComputedStructureEntry`` and ``PhaseDiagram``; OPTIMADE's entries, responses
    and JSON lines; our own candidate.json and refined.json.
    """
    found = enumerate(_structures(_parsed(text)), start=1)
    return _some([_checked(read, document, number) for number, (read, document) in found])


def _checked(read: Callable[[Any], Crystal], document: Mapping[str, Any], number: int) -> Crystal:
    try:
        return read(document)
    except Exception as error:  # the keys and types of a document may be anything
        raise ValueError(f"structure {number} in it cannot be read: {type(error).__name__}: {error}") from error


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1 and lines[0].strip().endswith("}"):
            return [json.loads(line) for line in lines]
        raise ValueError(f"it is not JSON: {error}") from error


def _structures(document: Any) -> Iterator[tuple[Callable[[Any], Crystal], Any]]:
    """Yield each structure below a document, with what reads it."""
    if isinstance(document, list):
        for one in document:
            yield from _structures(one)
    if not isinstance(document, dict):
        return
    if "lattice" in document and "sites" in document:
        yield _pymatgen, document
    elif "lattice_vectors" in document:
        yield _optimade, document
    elif "cell_A" in document and "fractional" in document:
        yield _plain, document
    else:
        for key in _CONTAINERS:
            yield from _structures(document.get(key))


#: Keys below which structures lie: pymatgen's entries and diagrams, OPTIMADE's responses, our refined phases.
_CONTAINERS: Final = ("structure", "computed_data", "all_entries", "data", "attributes", "phases")


def _pymatgen(document: Mapping[str, Any]) -> Crystal:
    from pymatgen.core import Structure

    # Properties may name classes, which pymatgen would import and call; all that is wanted is where the atoms are.
    sites = [{"species": site["species"], "abc": site["abc"], "properties": {}} for site in document["sites"]]
    bare = {"lattice": {"matrix": document["lattice"]["matrix"]}, "sites": sites}
    return from_pymatgen(Structure.from_dict(bare))


def _optimade(document: Mapping[str, Any]) -> Crystal:
    if any(kind != 1 for kind in document.get("dimension_types") or ()):
        raise ValueError("an entry is not periodic in three directions")
    numbers = {species["name"]: _optimade_number(species) for species in document.get("species") or ()}
    names = document["species_at_sites"]
    cell = np.array(document["lattice_vectors"], dtype=float)
    frac = np.array(document["cartesian_site_positions"], dtype=float) @ np.linalg.inv(cell)
    return Crystal(cell, frac, [numbers[name] if numbers else _number(name) for name in names])


def _optimade_number(species: Mapping[str, Any]) -> int:
    symbols, shares = species["chemical_symbols"], species["concentration"]
    if len(symbols) != 1 or abs(shares[0] - 1.0) > _FULL or species.get("attached"):
        raise ValueError(f"species {species['name']!r} is no single element on a full site")
    return _number(symbols[0])


def _plain(document: Mapping[str, Any]) -> Crystal:
    return Crystal(document["cell_A"], document["fractional"], [_number(symbol) for symbol in document["symbols"]])


def _number(symbol: str) -> int:
    if symbol not in SYMBOLS[1:]:
        raise ValueError(f"{symbol!r} is no element")
    return SYMBOLS.index(symbol)


def _some(crystals: list[Crystal]) -> list[Crystal]:
    if not crystals:
        raise ValueError("there is no structure in it")
    return crystals

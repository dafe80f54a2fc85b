"""Tables of superconductors that others measured or computed, read strictly: what a row lacks is found or left out."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gasearch.errors import InputError
from gasearch.learning.descriptors import Amounts

#: λ of a computed crystal beyond which its phonons are not to be trusted.
_LARGEST_LAMBDA = 4.0
_NUMBERS = ("Tc", "tc_K", "pressure_GPa", "lambda", "dos_ef", "debye_temp")
_TC = ("Tc", "tc_K")
_ENTRY = re.compile(r"JVASP-\d+")


@dataclass(frozen=True, eq=False)
class Superconductors:
    """Compositions with Tc.

    Parameters
    ----------
    formula : tuple of str
    tc : (n,) array
        K.
    pressure_GPa : (n,) array or None
        None where the table knows none.
    split : (n,) array of str or None
        The published split: train, val, test.
    left_out : int
        Rows that could not be used.
    dos, debye : (n,) arrays or None
        Density of states at the Fermi energy, per eV and atom (both spins), and Debye temperature, K; None where the
        table knows none.
    lam : (n,) array or None
        λ.
    """

    formula: tuple[str, ...]
    tc: np.ndarray
    pressure_GPa: np.ndarray | None
    split: np.ndarray | None
    left_out: int
    dos: np.ndarray | None = None
    debye: np.ndarray | None = None
    lam: np.ndarray | None = None

    @property
    def systems(self) -> np.ndarray:
        """Chemical system (n,) of each row."""
        return np.array([Amounts.from_formula(formula).system for formula in self.formula])


def read_supercon(path: Path) -> Superconductors:
    """Read measured Tc (columns ``name``, ``Tc``); rows without Tc (0 means that none was reported) are left out.

    References
    ----------
    Stanev, Oses, Kusne, Rodriguez, Paglione, Curtarolo and Takeuchi, npj Comput. Mater. 4, 29 (2018),
    doi:10.1038/s41524-018-0085-8.
    """
    rows = _rows(path, ("name", "Tc"))
    known = [(row["name"], float(row["Tc"])) for row in rows if _is_known(row["name"]) and float(row["Tc"]) > 0]
    if not known:
        raise InputError(f"{path}: found no row with a formula and Tc")
    formula, tc = zip(*known, strict=True)
    return Superconductors(formula, np.array(tc), None, None, len(rows) - len(known))


def read_hydrides(path: Path) -> Superconductors:
    """Read Tc computed at pressures (``source_id``, ``pressure_GPa``, ``formula``, ``tc_K``, ``split``).

    Rows without pressure are those at ambient pressure; their formula is that of the same entry at other pressures.

    References
    ----------
    Wines and Choudhary, Mater. Futures 3, 025602 (2024), doi:10.1088/2752-5724/ad4a94.
    """
    rows = _rows(path, ("source_id", "pressure_GPa", "formula", "tc_K", "split"))
    by_entry = {_entry(row): row["formula"] for row in rows if row["formula"] and _entry(row)}
    formula = [row["formula"] or by_entry.get(_entry(row), "") for row in rows]
    used = [i for i, one in enumerate(formula) if _is_known(one)]
    if not used:
        raise InputError(f"{path}: found no row with a formula")
    return Superconductors(
        tuple(formula[i] for i in used),
        np.array([float(rows[i]["tc_K"]) for i in used]),
        np.array([float(rows[i]["pressure_GPa"] or 0) for i in used]),
        np.array([rows[i]["split"] for i in used]),
        len(rows) - len(used),
    )


def read_electronic(path: Path) -> Superconductors:
    """Read computed Tc and λ with what electrons say: ``formula``, ``Tc``, ``lambda``, ``dos_ef``, ``debye_temp``.

    Used are rows that have all of it, with λ between 0 and `_LARGEST_LAMBDA`: others belong to unstable crystals. The
    density of states is taken as that of one formula unit.
    """
    names = ("Tc", "lambda", "dos_ef", "debye_temp")
    rows = _rows(path, ("formula", *names))
    known = [row for row in rows if _is_known(row["formula"]) and all(row[name] for name in names)]
    values = np.array([[float(row[name]) for name in names] for row in known]).reshape(-1, 4)
    used = (values > 0).all(1) & (values[:, 1] < _LARGEST_LAMBDA)
    if not used.any():
        raise InputError(f"{path}: found no row with a formula, Tc, λ, N(E_F) and a Debye temperature")
    formula = tuple(row["formula"] for row, one in zip(known, used, strict=True) if one)
    tc, lam, states, debye = values[used].T
    atoms = np.array([sum(Amounts.of_elements(one).values()) for one in formula])
    return Superconductors(formula, tc, None, None, len(rows) - len(tc), states / atoms, debye, lam)


def _entry(row: Mapping[str, str]) -> str:
    found = _ENTRY.search(row["source_id"])
    return found[0] if found else ""


def _check_number(name: str, value: float) -> None:
    if not np.isfinite(value) or (name in _TC and value < 0):
        raise ValueError(f"found {value:g}")


def _is_known(formula: str) -> bool:
    try:
        Amounts.from_formula(formula)
    except ValueError:
        return False
    return True


def _rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as a table ({error}); give a CSV file") from error
    missing = [name for name in columns if name not in (reader.fieldnames or ())]
    if missing:
        raise InputError(f"{path}: found no column {', '.join(missing)}; needed are {', '.join(columns)}")
    try:
        for row in rows:
            for name in columns:
                if name in _NUMBERS and (row[name] or name in _TC):
                    _check_number(name, float(row[name]))
    except (TypeError, ValueError) as error:
        columns = ", ".join(name for name in columns if name in _NUMBERS)
        raise InputError(f"{path}: a value of {columns} is no number that it can be ({error}); correct it") from error
    return rows

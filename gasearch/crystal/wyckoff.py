"""Wyckoff positions of the 230 space groups, in primitive cells.

Standard settings of International Tables A: unique axis b, hexagonal axes for rhombohedral groups, origin choice 2.
"""

from __future__ import annotations

import ast
import csv
import importlib.util
import itertools
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

_TERM = re.compile(r"([+-]?)(?:(\d*)([xyz])|(\d+)(?:/(\d+))?)")


@dataclass(frozen=True, eq=False)
class WyckoffPosition:
    """A set of symmetry-equivalent points.

    Parameters
    ----------
    letter : str
        Wyckoff letter.
    linear : (m, 3, 3) array
    constant : (m, 3) array
        The m points of the primitive cell, in its fractional coordinates, are ``linear @ (x, y, z) + constant``.
    freedom : int
        Number of free parameters, 0 to 3; a position without any can be occupied once only.
    """

    letter: str
    linear: np.ndarray
    constant: np.ndarray
    freedom: int

    @property
    def multiplicity(self) -> int:
        """Points in the primitive cell."""
        return len(self.constant)

    def points(self, parameters: np.ndarray) -> np.ndarray:
        """Return the fractional points (..., m, 3) for parameters x, y, z (..., 3)."""
        return np.einsum("mij,...j->...mi", self.linear, parameters) + self.constant


@dataclass(frozen=True, eq=False)
class WyckoffTable:
    """The Wyckoff positions of one space group.

    Parameters
    ----------
    number : int
        1 to 230.
    to_primitive : (3, 3) array
        The primitive cell's rows are ``to_primitive @ conventional cell``.
    positions : tuple of WyckoffPosition
        The general position first, then to position a.
    """

    number: int
    to_primitive: np.ndarray
    positions: tuple[WyckoffPosition, ...]

    def __getitem__(self, letter: str) -> WyckoffPosition:
        """Return the position of that letter."""
        return next(p for p in self.positions if p.letter == letter)


@cache
def wyckoff_table(number: int) -> WyckoffTable:
    """Return the Wyckoff positions of space group 1 to 230."""
    rows = [[_affine(point) for point in position] for position in ast.literal_eval(_rows()[number])]
    to_primitive = _primitive_basis(rows[0])
    letters = "abcdefghijklmnopqrstuvwxyzA"[: len(rows)][::-1]
    positions = tuple(_position(x, np.array(row), to_primitive) for x, row in zip(letters, rows, strict=True))
    return WyckoffTable(number, to_primitive, positions)


@cache
def _rows() -> dict[int, str]:
    # PyXtal's table is read as the file it is: importing PyXtal takes seconds.
    package = importlib.util.find_spec("pyxtal")
    if package is None or package.origin is None:
        raise ImportError("pyxtal is not installed; it holds the table of Wyckoff positions")
    with (Path(package.origin).parent / "database/wyckoff_list.csv").open(newline="") as file:
        return {int(number): text for number, text in itertools.islice(csv.reader(file), 2, None)}


@cache
def _coordinate(text: str) -> np.ndarray:
    """Read one coordinate such as ``-2x+1/3`` as coefficients of x, y, z and 1."""
    row = np.zeros(4)
    for sign, factor, variable, numerator, denominator in _TERM.findall(text):
        size = int(factor or 1) if variable else int(numerator) / int(denominator or 1)
        row["xyz".index(variable) if variable else 3] += -size if sign == "-" else size
    return row


def _affine(point: str) -> np.ndarray:
    return np.array([_coordinate(text.strip()) for text in point.split(",")])


def _primitive_basis(general: list[np.ndarray]) -> np.ndarray:
    """Choose three lattice vectors that span the primitive cell, from the translations in the general position."""
    translations = [row[:, 3] % 1 for row in general if np.array_equal(row[:, :3], np.eye(3))]
    vectors = [*np.eye(3), *(t for t in translations if t.any())]
    bases = (np.array(rows) for rows in itertools.combinations(vectors, 3))
    return next(b for b in bases if abs(abs(np.linalg.det(b)) * len(translations) - 1) < 1e-9)


def _position(letter: str, row: np.ndarray, to_primitive: np.ndarray) -> WyckoffPosition:
    """Express the points (m, 3, 4) in the primitive basis; those that a centring translation repeats are dropped."""
    primitive = np.linalg.inv(to_primitive).T @ row
    primitive[:, :, 3] -= np.floor(primitive[:, :, 3] + 1e-9)
    keys = np.rint(primitive.reshape(len(row), 12) * 24).astype(int)
    kept = primitive[np.sort(np.unique(keys, axis=0, return_index=True)[1])]
    return WyckoffPosition(letter, kept[:, :, :3], kept[:, :, 3], int(np.linalg.matrix_rank(row[0, :, :3])))

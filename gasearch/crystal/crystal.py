"""The one structural type: a periodic arrangement of atoms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gasearch.crystal.composition import Composition


@dataclass(frozen=True, eq=False)
class Crystal:
    """A periodic structure; immutable, compared by identity.

    Parameters
    ----------
    cell : (3, 3) array
        Lattice vectors as rows, Å; not singular.
    frac : (n, 3) array
        Fractional coordinates; wrapped into [0, 1).
    numbers : (n,) array of int
        Atomic numbers.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, or the cell has no volume.
    """

    cell: np.ndarray
    frac: np.ndarray
    numbers: np.ndarray

    def __post_init__(self) -> None:
        cell = np.array(self.cell, dtype=float)
        frac = np.array(self.frac, dtype=float)
        numbers = np.array(self.numbers, dtype=int)
        if cell.shape != (3, 3) or frac.shape != (numbers.size, 3) or numbers.ndim != 1:
            raise ValueError(f"shapes do not fit: cell {cell.shape}, frac {frac.shape}, numbers {numbers.shape}")
        if not (np.isfinite(cell).all() and np.isfinite(frac).all()):
            raise ValueError("the cell or the coordinates are not finite")
        frac -= np.floor(frac)
        frac[frac >= 1.0] = 0.0
        for name, value in (("cell", cell), ("frac", frac), ("numbers", numbers)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        if numbers.size == 0 or self.volume < 1e-12:
            raise ValueError("a crystal needs at least one atom and a cell with volume")

    def __reduce__(self) -> tuple[type[Crystal], tuple[np.ndarray, np.ndarray, np.ndarray]]:
        # Arrays that are unpickled can be written to; a new crystal's cannot.
        return Crystal, (self.cell, self.frac, self.numbers)

    def __len__(self) -> int:
        return self.numbers.size

    @cached_property
    def volume(self) -> float:
        """Cell volume, Å³."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def positions(self) -> np.ndarray:
        """Cartesian positions (n, 3), Å."""
        return self.frac @ self.cell

    @cached_property
    def composition(self) -> Composition:
        """How many atoms of each element."""
        return Composition.from_numbers(self.numbers)

    def scaled_to(self, volume: float) -> Crystal:
        """Return the same fractional structure at another cell volume, Å³."""
        return Crystal(self.cell * (volume / self.volume) ** (1 / 3), self.frac, self.numbers)

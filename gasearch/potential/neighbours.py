"""Pairs of atoms within a cutoff, in small periodic cells, kept while atoms and cell move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gasearch.potential.potential import Batch


@dataclass(frozen=True, eq=False)
class Pairs:
    """Every pair of atoms of one crystal within ``cutoff + skin``, each pair once; an atom and its image are a pair.

    Pairs are grouped: couple ``c`` are the atoms ``first[c]`` ≤ ``second[c]``, and has ``counts[c]`` pairs, which join
    the first atom to the image of the second that is ``translations[:, translation] - wraps[c]`` cells away.

    Parameters
    ----------
    cell, positions : arrays
        Where the list was made, Å.
    reach : float
        Largest cutoff + skin, Å.
    first, second, counts : (n_couples,) arrays of int
        ``counts`` are positive.
    wraps : (n_couples, 3) array
        Cells that bring the second atom near the first.
    translations : (3, n_translations) array
        Lattice translations in cells.
    translation : (n_pairs,) array of int
        Couple by couple.
    """

    cell: np.ndarray
    positions: np.ndarray
    reach: float
    first: np.ndarray
    second: np.ndarray
    counts: np.ndarray
    wraps: np.ndarray
    translations: np.ndarray
    translation: np.ndarray

    @cached_property
    def starts(self) -> np.ndarray:
        """Index of each couple's first pair (n_couples,)."""
        return np.cumsum(self.counts) - self.counts

    def vectors(self, cell: np.ndarray, positions: np.ndarray) -> np.ndarray:
        """Return the vectors (3, n_pairs), Å, from each first atom to its partner, with atoms and cell as they are now."""
        between = positions[self.second] - positions[self.first] - self.wraps @ cell
        vectors = np.take(cell.T @ self.translations, self.translation, axis=1)
        vectors += np.repeat(between.T, self.counts, axis=1)
        return vectors

    def complete(self, cell: np.ndarray, positions: np.ndarray, skin: float) -> bool:
        """Whether no pair can have come within the cutoff that was beyond cutoff + skin.

        With the deformation gradient F and displacements u beside it, a distance changes from d to at least
        (1 - ‖F - 1‖) d - 2 max|u|.
        """
        gradient = np.linalg.solve(self.cell, cell)
        moved = positions - self.positions @ gradient
        strain = np.sqrt(((gradient - np.eye(3)) ** 2).sum())
        return bool(strain * self.reach + 2 * np.sqrt((moved**2).sum(axis=1).max()) < skin)


def find_pairs(cell: np.ndarray, positions: np.ndarray, cutoffs: np.ndarray, skin: float) -> Pairs:
    """Find the pairs of a crystal.

    Parameters
    ----------
    cell : (3, 3) array
        Å, rows; not singular.
    positions : (n, 3) array
        Å; anywhere.
    cutoffs : (n, n) array
        Cutoff for each two atoms, Å.
    skin : float
        Added to each cutoff, Å.
    """
    first, second = np.triu_indices(len(positions))
    reach = cutoffs[first, second] + skin
    inverse = np.linalg.inv(cell)
    frac = (positions[second] - positions[first]) @ inverse
    wraps = np.rint(frac)
    between = (frac - wraps) @ cell
    translations = _translations(inverse, reach.max())
    images = translations @ cell
    squares = (between**2).sum(axis=1)[:, None] + 2 * between @ images.T + (images**2).sum(axis=1)
    within = squares < reach[:, None] ** 2
    within[first == second, : len(translations) // 2 + 1] = False  # of an atom's images T and -T one, and not itself
    counts = np.count_nonzero(within, axis=1)
    some = counts > 0
    return Pairs(
        cell,
        positions,
        reach.max(),
        first[some],
        second[some],
        counts[some],
        wraps[some],
        translations.T.copy(),
        np.nonzero(within)[1],
    )


def _translations(inverse: np.ndarray, reach: float) -> np.ndarray:
    """Translations that can bring together atoms that are at most half a cell apart; T and -T mirror each other."""
    counts = np.floor(reach * np.linalg.norm(inverse, axis=0) + 0.5).astype(int)
    grid = np.meshgrid(*(np.arange(-c, c + 1.0) for c in counts), indexing="ij")
    return np.stack(grid, axis=-1).reshape(-1, 3)


class PairCache:
    """The pairs of every system of the last batch, made anew only where atoms or cell moved beyond the skin."""

    def __init__(self, skin: float):
        self.skin = skin
        self._pairs: dict[object, Pairs] = {}

    def lookup(self, batch: Batch, cutoffs: Callable[[np.ndarray], np.ndarray]) -> list[Pairs]:
        """Return each system's pairs; ``cutoffs`` gives the (n, n) cutoffs from atomic numbers (n,)."""
        found = list(self._lookup(batch, cutoffs))
        self._pairs = dict(zip(batch.labels, found, strict=True)) if batch.labels else {}
        return found

    def _lookup(self, batch: Batch, cutoffs: Callable[[np.ndarray], np.ndarray]) -> Iterator[Pairs]:
        labels = batch.labels or (None,) * len(batch)
        for label, cell, atoms in zip(labels, batch.cells, batch.slices, strict=True):
            pairs, positions = self._pairs.get(label), batch.positions[atoms]
            if pairs is None or not pairs.complete(cell, positions, self.skin):
                pairs = find_pairs(cell, positions, cutoffs(batch.numbers[atoms]), self.skin)
            yield pairs

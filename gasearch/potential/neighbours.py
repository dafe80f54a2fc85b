"""Pairs of atoms within a cutoff, in small periodic cells, kept while atoms and cells move."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from gasearch.potential.potential import Batch


@dataclass(frozen=True, eq=False)
class Pairs:
    """Every pair of atoms of one system within ``cutoff + skin``, each pair once; an atom and its image are a pair.

    Pairs are grouped: couple ``c`` are the atoms ``first[c]`` ≤ ``second[c]``, and has ``counts[c]`` pairs, which join
    the first atom to the image of the second that is ``translations[translation] - wraps[c]`` cells away.

    Parameters
    ----------
    inverse, positions : arrays
        Inverse of the cell, 1/Å, and positions, Å, where the list was made.
    reach : float
        Largest cutoff + skin, Å.
    first, second, counts : (n_couples,) arrays of int
        ``counts`` are positive.
    wraps : (n_couples, 3) array
        Cells that bring the second atom near the first.
    translations : (n_translations, 3) array
        Lattice translations in cells.
    translation : (n_pairs,) array of int
        Couple by couple.
    """

    inverse: np.ndarray
    positions: np.ndarray
    reach: float
    first: np.ndarray
    second: np.ndarray
    counts: np.ndarray
    wraps: np.ndarray
    translations: np.ndarray
    translation: np.ndarray

    def complete(self, cell: np.ndarray, positions: np.ndarray, skin: float) -> bool:
        """Whether no pair can have come within the cutoff that was beyond cutoff + skin.

        With the deformation gradient F and displacements u beside it, a distance changes from d to at least
        (1 - ‖F - 1‖) d - 2 max|u|.
        """
        gradient = self.inverse @ cell
        moved = positions - self.positions @ gradient
        strain = (gradient - np.eye(3)).ravel()
        return bool(np.sqrt(strain @ strain) * self.reach + 2 * np.sqrt((moved * moved).sum(axis=1).max()) < skin)


def find_pairs(cell: np.ndarray, positions: np.ndarray, cutoffs: np.ndarray, skin: float) -> Pairs:
    """Find the pairs of a system.

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
    # Atoms that are at most half a cell apart along each vector meet within these translations.
    translations = _translations(*np.floor(reach.max() * np.linalg.norm(inverse, axis=0) + 0.5).astype(int).tolist())
    images, distances2 = translations @ cell, (between * between).sum(axis=1)
    norms2 = (images * images).sum(axis=1)
    near = norms2 < (reach.max() + np.sqrt(distances2.max())) ** 2
    translations, images, norms2 = translations[near], images[near], norms2[near]
    # |b + t|² < r² as b·2t + |t|² < r² - |b|²
    within = between @ (2 * images.T) + norms2 < (reach**2 - distances2)[:, None]
    within[first == second, : len(translations) // 2 + 1] = False  # of an atom's images T and -T one, and not itself
    counts = np.count_nonzero(within, axis=1)
    met = counts > 0
    translation = np.flatnonzero(within) % len(translations)
    return Pairs(
        inverse, positions, reach.max(), first[met], second[met], counts[met], wraps[met], translations, translation
    )


@cache
def _translations(a: int, b: int, c: int) -> np.ndarray:
    """All translations of up to a, b and c cells, in an order that T and -T mirror."""
    grid = np.indices((2 * a + 1, 2 * b + 1, 2 * c + 1)).reshape(3, -1).T - (a, b, c)
    return grid.astype(float)


@dataclass(frozen=True, eq=False)
class BatchPairs:
    """The pairs of every system of a batch, one system after the other; fields as in `Pairs`, atoms as in `Batch`.

    ``couple_system`` (n_couples,) says to which system a couple belongs, ``translation_counts`` (n_sys,) how many
    translations each system has, ``slices`` which pairs.
    """

    first: np.ndarray
    second: np.ndarray
    counts: np.ndarray
    couple_system: np.ndarray
    wraps: np.ndarray
    translations: np.ndarray
    translation_counts: np.ndarray
    translation: np.ndarray
    slices: list[slice]

    @staticmethod
    def of(systems: list[Pairs], offsets: np.ndarray) -> BatchPairs:
        """Concatenate; ``offsets`` as in `Batch`."""
        couples, translations = [len(p.counts) for p in systems], [len(p.translations) for p in systems]
        skipped, pairs = np.cumsum([0, *translations]), np.cumsum([0, *(len(p.translation) for p in systems)])
        return BatchPairs(
            first=np.concatenate([p.first + o for p, o in zip(systems, offsets, strict=False)]),
            second=np.concatenate([p.second + o for p, o in zip(systems, offsets, strict=False)]),
            counts=np.concatenate([p.counts for p in systems]),
            couple_system=np.repeat(np.arange(len(systems)), couples),
            wraps=np.concatenate([p.wraps for p in systems]),
            translations=np.concatenate([p.translations for p in systems]),
            translation_counts=np.array(translations),
            translation=np.concatenate([p.translation + o for p, o in zip(systems, skipped, strict=False)]),
            slices=[slice(a, b) for a, b in itertools.pairwise(pairs.tolist())],
        )

    def vectors(self, batch: Batch) -> np.ndarray:
        """Return the vectors (3, n_pairs), Å, from each first atom to its partner as they are now."""
        between = batch.positions[self.second] - batch.positions[self.first]
        between -= np.einsum("cj,cjk->ck", self.wraps, batch.cells[self.couple_system])
        cells = np.repeat(batch.cells.T, self.translation_counts, axis=2)
        images = (cells * self.translations.T).sum(axis=1)
        vectors = np.take(images, self.translation, axis=1)
        vectors += np.repeat(between.T, self.counts, axis=1)
        return vectors

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sum values (…, n_pairs) over the pairs of each couple: (…, n_couples)."""
        return np.add.reduceat(values, np.cumsum(self.counts) - self.counts, axis=-1)

    def energies(self, energy: np.ndarray) -> np.ndarray:
        """Sum energies (n_pairs,) of the pairs of each system: (n_sys,)."""
        return _scattered(self.couple_system, self.sums(energy)[None], len(self.slices))[:, 0]

    def forces_and_stress(self, batch: Batch, vectors: np.ndarray, pull: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return forces (n_atoms, 3) and stress (n_sys, 3, 3) from dE/d(vector) of each pair, ``pull`` (3, n_pairs)."""
        on_first = self.sums(pull)
        forces = _scattered(self.first, on_first, len(batch.numbers))
        forces -= _scattered(self.second, on_first, len(batch.numbers))
        virial = np.array([pull[:, own] @ vectors[:, own].T for own in self.slices])
        virial = (virial + virial.transpose(0, 2, 1)) / 2
        return forces, virial / batch.volumes[:, None, None]


def _scattered(index: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """Add values (k, n) at index (n,) into an array (size, k)."""
    return np.stack([np.bincount(index, row, size) for row in values], axis=1).astype(float)


class PairCache:
    """The pairs of the last batch, found anew only for systems that moved beyond the skin.

    Parameters
    ----------
    cutoffs : callable
        Atomic numbers (n,) → cutoffs (n, n), Å.
    skin : float
        Å.
    """

    def __init__(self, cutoffs: Callable[[np.ndarray], np.ndarray], skin: float):
        self._cutoffs = cutoffs
        self._skin = skin
        self._known: dict[object, Pairs] = {}

    def pairs(self, batch: Batch) -> BatchPairs:
        """Return all pairs within the cutoff, and some within the skin."""
        labels = batch.labels or tuple(object() for _ in range(len(batch)))
        found = [self._pairs(batch, s, label) for s, label in enumerate(labels)]
        self._known = dict(zip(labels, found, strict=True))
        return BatchPairs.of(found, batch.offsets)

    def _pairs(self, batch: Batch, system: int, label: object) -> Pairs:
        atoms = slice(batch.offsets[system], batch.offsets[system + 1])
        known, cell, positions = self._known.get(label), batch.cells[system], batch.positions[atoms]
        if known is not None and known.complete(cell, positions, self._skin):
            return known
        return find_pairs(cell, positions, self._cutoffs(batch.numbers[atoms]), self._skin)

"""Crystals on their way to a minimum of enthalpy: atoms and cells move together, many structures at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import reduced, reduced_cell
from gasearch.potential.lbfgs import Minimiser
from gasearch.potential.potential import Batch, BatchResult

_Table = TypeVar("_Table")

#: How slowly the cell moves beside the atoms. On 40 random H-S crystals at 200 GPa, 0.6, 0.35 and 0.17 need some 45, 36
#: and 29 evaluations, and 80, 65 and 60 % end in the minimum that FIRE finds in the same variables as ASE's filter.
_STRAIN_WEIGHT = 0.35
#: Volume over product of edges below which a cell is reduced again, lest its neighbour list grow.
_SKEWED = 0.2
#: Steps over which the recent gain is taken.
_HISTORY = 10


@dataclass(frozen=True, eq=False)
class Ensemble:
    """S structures, padded to N atoms; the leading axis of every array counts them.

    The variables of a minimisation are the rows of an (N + 3, 3) array: displacements of the atoms, then the
    symmetric strain times ``strain_scale``, both from wherever the structure is now: no reference cell is kept, and
    the choice of lattice vectors does not matter.

    Parameters
    ----------
    index : (S,) array of int
        Place in the list that was given.
    label : (S,) array of object
        See `Batch`.
    cell : (S, 3, 3) array
    positions : (S, N, 3) array
        Cartesian, Å, not wrapped.
    numbers : (S, N) array of int
    present : (S, N) array of bool
        False where there is only padding.
    strain_scale : (S,) array
        Å; makes the curvatures along strain and along displacements alike.
    start_volume : (S,) array
        Å³.
    steps : (S,) array of int
        Evaluations so far.
    energy, max_force, max_stress : (S,) arrays
        Of the structure as it is now; eV, eV/Å, eV/Å³ (of stress + pressure·1).
    history : (S, 11) array
        Enthalpies after the last steps, the newest last; inf before the first.
    minimiser : Minimiser
        Of the enthalpy, eV.
    """

    index: np.ndarray
    label: np.ndarray
    cell: np.ndarray
    positions: np.ndarray
    numbers: np.ndarray
    present: np.ndarray
    strain_scale: np.ndarray
    start_volume: np.ndarray
    steps: np.ndarray
    energy: np.ndarray
    max_force: np.ndarray
    max_stress: np.ndarray
    history: np.ndarray
    minimiser: Minimiser

    @staticmethod
    def of(crystals: Sequence[Crystal], indices: Sequence[int], largest: int) -> Ensemble:
        """Begin with these structures in their reduced cells, padded to ``largest`` atoms."""
        crystals = [reduced(c) for c in crystals]
        count, n_atoms = len(crystals), np.array([len(c) for c in crystals], dtype=int)
        present = np.arange(largest) < n_atoms[:, None]
        positions, numbers = np.zeros((count, largest, 3)), np.zeros((count, largest), dtype=int)
        for row, crystal in enumerate(crystals):
            positions[row, : len(crystal)], numbers[row, : len(crystal)] = crystal.positions, crystal.numbers
        volume = np.array([c.volume for c in crystals])
        return Ensemble(
            index=np.array(indices, dtype=int),
            label=np.array([object() for _ in crystals], dtype=object),
            cell=np.array([c.cell for c in crystals]).reshape(count, 3, 3),
            positions=positions,
            numbers=numbers,
            present=present,
            strain_scale=_STRAIN_WEIGHT * np.cbrt(volume / n_atoms) * n_atoms,
            start_volume=volume,
            steps=np.zeros(count, dtype=int),
            energy=np.full(count, np.nan),
            max_force=np.full(count, np.inf),
            max_stress=np.full(count, np.inf),
            history=np.full((count, _HISTORY + 1), np.inf),
            minimiser=Minimiser.new(count, 3 * (largest + 3)),
        )

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def n_atoms(self) -> np.ndarray:
        """Atoms of each structure (S,)."""
        return self.present.sum(axis=1)

    @cached_property
    def volume(self) -> np.ndarray:
        """Cell volumes (S,), Å³."""
        return np.abs(np.linalg.det(self.cell))

    @property
    def enthalpy(self) -> np.ndarray:
        """Enthalpies (S,), eV; inf before the first evaluation."""
        return self.minimiser.value

    @property
    def stalled(self) -> np.ndarray:
        """Whether the enthalpy has been the same, to all digits, for ten steps (S,)."""
        return np.isfinite(self.history[:, 0]) & (self.history == self.history[:, -1:]).all(axis=1)

    @property
    def recent_gain(self) -> np.ndarray:
        """What the last ten steps gained (S,), eV; inf before there were ten."""
        before, now = self.history[:, 0], self.history[:, -1]
        return np.subtract(before, now, out=np.full_like(now, np.inf), where=np.isfinite(before))

    def batch(self) -> Batch:
        """Return what a potential needs."""
        return Batch(
            cells=self.cell,
            positions=self.positions[self.present],
            numbers=self.numbers[self.present],
            offsets=np.concatenate([[0], np.cumsum(self.n_atoms)]),
            labels=tuple(self.label),
        )

    def crystal(self, row: int) -> Crystal:
        """Return one structure as it is now."""
        here = self.present[row]
        frac = self.positions[row, here] @ np.linalg.inv(self.cell[row])
        return Crystal(self.cell[row], frac, self.numbers[row, here])

    def next_step(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the step (S, N + 3, 3), within the trust radius, and its length (S,).

        The length is that of the largest displacement of an atom, or of neighbours against each other by strain, Å.
        """
        step = self.minimiser.direction.reshape(len(self), -1, 3)
        strain = np.linalg.norm(step[:, -3:], axis=(1, 2)) / (_STRAIN_WEIGHT * self.n_atoms)
        length = np.maximum(np.linalg.norm(step[:, :-3], axis=2).max(axis=1), strain)
        shrink = np.minimum(1.0, self.minimiser.radius / np.maximum(length, 1e-300))
        return step * shrink[:, None, None], length * shrink

    def displaced(self, step: np.ndarray) -> Ensemble:
        """Return the structures after the step; what was known of the potential is that of before."""
        deformation = np.eye(3) + step[:, -3:] / self.strain_scale[:, None, None]
        return replace(self, cell=self.cell @ deformation, positions=self.positions @ deformation + step[:, :-3])

    def told(
        self, there: Ensemble, step: np.ndarray, length: np.ndarray, result: BatchResult, pressure: float, noise: float
    ) -> Ensemble:
        """Return the structures after a step to ``there`` and what the potential said.

        One uphill by more than the noise, eV per atom, is undone.
        """
        forces = np.zeros_like(self.positions)
        forces[self.present] = result.forces
        stress = result.stress + pressure * np.eye(3)
        minimiser, moved = self.minimiser.told(
            step.reshape(len(self), -1),
            length,
            result.energy + pressure * there.volume,
            there._gradient(forces, stress),
            noise * self.n_atoms,
        )
        return replace(
            self,
            cell=_where(moved, there.cell, self.cell),
            positions=_where(moved, there.positions, self.positions),
            steps=self.steps + 1,
            energy=_where(moved, result.energy, self.energy),
            max_force=_where(moved, np.abs(forces).max(axis=(1, 2)), self.max_force),
            max_stress=_where(moved, np.abs(stress).max(axis=(1, 2)), self.max_stress),
            history=np.column_stack([self.history[:, 1:], minimiser.value]),
            minimiser=minimiser,
        )

    def _gradient(self, forces: np.ndarray, stress: np.ndarray) -> np.ndarray:
        """Gradient (S, D) of the enthalpy; none along the centre of mass."""
        drift = forces.sum(axis=1, keepdims=True) / self.n_atoms[:, None, None] * self.present[..., None]
        strain = stress * (self.volume / self.strain_scale)[:, None, None]
        return np.concatenate([drift - forces, strain], axis=1).reshape(len(self), -1)

    def reduced(self) -> Ensemble:
        """Return the same structures with new lattice vectors where the cells were skewed."""
        skewed = np.flatnonzero(self.volume < _SKEWED * np.linalg.norm(self.cell, axis=2).prod(axis=1))
        if not skewed.size:
            return self
        cell = self.cell.copy()
        for row in skewed:
            cell[row], _ = reduced_cell(cell[row])
        return replace(self, cell=cell)


def _where(choose: np.ndarray, new: np.ndarray, old: np.ndarray) -> np.ndarray:
    return np.where(choose.reshape(-1, *(1,) * (new.ndim - 1)), new, old)


def selected(table: _Table, keep: np.ndarray) -> _Table:
    """Keep some rows (boolean mask) of a dataclass of arrays."""
    return table if keep.all() else _map(lambda array: array[keep], table)


def joined(table: _Table, other: _Table) -> _Table:
    """Append the rows of one dataclass of arrays to another."""
    return _map(lambda a, b: np.concatenate([a, b]), table, other)


def _map(function: Callable[..., np.ndarray], *tables: _Table) -> _Table:
    columns = {f.name: [getattr(table, f.name) for table in tables] for f in fields(tables[0])}
    return type(tables[0])(
        **{name: _map(function, *c) if is_dataclass(c[0]) else function(*c) for name, c in columns.items()}
    )

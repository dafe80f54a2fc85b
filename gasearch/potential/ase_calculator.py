"""Any ASE calculator as a potential."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gasearch.crystal.convert import to_ase
from gasearch.crystal.crystal import Crystal
from gasearch.errors import PotentialError
from gasearch.potential.potential import Batch, BatchResult

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator


class AseCalculator:
    """An ASE calculator, called for one crystal after the other.

    What the calculator raises becomes the error of that crystal alone.

    Parameters
    ----------
    path : str
        Import path of its class, or of a function that returns a calculator: ``ase.calculators.emt.EMT``.
    arguments : mapping
        Its keyword arguments.
    moments : (n,) array or None
        Bohr magnetons that each evaluation of a crystal of n atoms begins with; None for the calculator's own.

    Raises
    ------
    PotentialError
        If it cannot be imported or built, or does not give stress; with moments, also if it does not give those.
    """

    elements = None  # a calculator does not say what it knows

    def __init__(self, path: str, arguments: Mapping[str, Any] | None = None, moments: np.ndarray | None = None):
        self.name = path
        self.shortest_distances: dict[tuple[int, int], float] = {}
        self._calculator = _built(path, arguments or {})
        self._moments = moments
        if moments is not None and "magmoms" not in self._calculator.implemented_properties:
            raise PotentialError(f"{path} gives no magnetic moments (magmoms); choose a calculator that does")

    def compute(self, batch: Batch) -> BatchResult:
        """Return energies, forces and stresses; NaN where the calculator failed."""
        energy, errors = np.full(len(batch), np.nan), {}
        forces, stress = np.full_like(batch.positions, np.nan), np.full_like(batch.cells, np.nan)
        for s, atoms in enumerate(batch.slices):
            frac = batch.positions[atoms] @ np.linalg.inv(batch.cells[s])
            try:
                energy[s], forces[atoms], stress[s] = self._one(Crystal(batch.cells[s], frac, batch.numbers[atoms]))
            except Exception as error:  # calculators raise what they like
                errors[s] = f"{type(error).__name__}: {error}"
        return BatchResult(energy, forces, stress, errors)

    def _one(self, crystal: Crystal) -> tuple[float, np.ndarray, np.ndarray]:
        atoms = self._atoms(crystal)
        return atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress(voigt=False)

    def magnetic_moments(self, crystal: Crystal) -> np.ndarray:
        """Return the moment of each atom (n,), Bohr magnetons."""
        return np.array(self._atoms(crystal).get_magnetic_moments(), float)

    def _atoms(self, crystal: Crystal) -> Atoms:
        atoms = to_ase(crystal)
        if self._moments is not None:
            atoms.set_initial_magnetic_moments(self._moments)
        atoms.calc = self._calculator
        return atoms


def _built(path: str, arguments: Mapping[str, Any]) -> Calculator:
    """Import and build a calculator."""
    module, _, name = path.rpartition(".")
    try:
        calculator = getattr(importlib.import_module(module), name)(**arguments)
    except (ImportError, AttributeError, ValueError) as error:
        raise PotentialError(
            f"{path} cannot be imported ({error}); give the import path of an ASE calculator"
        ) from error
    except (TypeError, OSError, RuntimeError) as error:
        raise PotentialError(f"{path} cannot be built with {dict(arguments)} ({error})") from error
    if "stress" not in getattr(calculator, "implemented_properties", ()):
        raise PotentialError(f"{path} gives no stress, which relaxing a cell needs; choose a calculator that does")
    return calculator

"""Any ASE calculator as a potential, and any potential as an ASE calculator."""

from __future__ import annotations

import importlib
import shutil
import weakref
from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

import numpy as np

from gasearch.crystal.convert import to_ase, voigt
from gasearch.crystal.crystal import Crystal
from gasearch.errors import GasearchError, PotentialError
from gasearch.files import writing_to
from gasearch.outcomes import Reason
from gasearch.potential.potential import Batch, BatchResult, Potential

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import Calculator


class AseCalculator:
    """An ASE calculator, called for one crystal after the other.

    What the calculator raises becomes the error of that crystal alone. One that works with files does so in a folder
    that no other one has, inside its own ``directory`` if it was given one.

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
        if (folder := _own_folder(self._calculator, (arguments or {}).get("directory"))) is not None:
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
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
            except GasearchError:
                raise  # what a user can put right is no property of the crystal
            except Exception as error:  # calculators raise what they like
                errors[s] = f"{type(error).__name__}: {error}"
        return BatchResult(energy, forces, stress, errors)

    def _one(self, crystal: Crystal) -> tuple[float, np.ndarray, np.ndarray]:
        atoms = self._atoms(crystal)
        return atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress(voigt=False)

    def magnetic_moments(self, crystal: Crystal) -> np.ndarray:
        """Return the moment of each atom (n,), Bohr magnetons."""
        try:
            return np.array(self._atoms(crystal).get_magnetic_moments(), float)
        except NotImplementedError as error:
            raise PotentialError(f"{self.name} gives no magnetic moments (magmoms); choose one that does") from error

    def _atoms(self, crystal: Crystal) -> Atoms:
        atoms = to_ase(crystal)
        if self._moments is not None:
            atoms.set_initial_magnetic_moments(self._moments)
        atoms.calc = self._calculator
        return atoms


class NoAnswer(Exception):
    """A potential gives no finite energy, forces and stress for some atoms, or was not asked for them."""

    def __init__(self, reason: Reason, detail: str = ""):
        self.reason, self.detail = reason, detail
        super().__init__(f"{reason} {detail}".strip())


class PotentialCalculator:
    """A potential, as a calculator for one set of ASE atoms that move.

    To ASE, what has these methods is a calculator: it need not inherit from anything. The last answer is kept, and with
    it the potential's neighbour list.

    Parameters
    ----------
    potential : Potential
    volumes : (float, float)
        Smallest and largest cell that the potential is asked about, Å³.

    Raises
    ------
    NoAnswer
        By each method, where there is no finite answer or the cell is beyond these bounds.
    """

    def __init__(self, potential: Potential, volumes: tuple[float, float] = (0.0, np.inf)):
        self._potential = potential
        self._volumes = volumes
        self._label = object()
        self._asked: tuple[np.ndarray, ...] = ()
        self._result: BatchResult | None = None

    def get_potential_energy(self, atoms: Atoms | None = None, force_consistent: bool = False) -> float:
        """Return the energy, eV; there is no other that forces would be consistent with."""
        return float(self._answer(atoms).energy[0])

    def get_forces(self, atoms: Atoms | None = None) -> np.ndarray:
        """Return the forces (n, 3), eV/Å."""
        return self._answer(atoms).forces.copy()

    def get_stress(self, atoms: Atoms | None = None) -> np.ndarray:
        """Return the stress (6,), eV/Å³, in Voigt's order xx, yy, zz, yz, xz, xy."""
        return voigt(self._answer(atoms).stress[0])

    def _answer(self, atoms: Atoms | None) -> BatchResult:
        if atoms is not None:
            asked = atoms.cell.array.copy(), atoms.positions.copy(), atoms.numbers.copy()
            if not (self._asked and all(map(np.array_equal, asked, self._asked))):
                self._result = self._computed(*asked)
                self._asked = asked
        if self._result is None:
            raise NoAnswer(Reason.CALCULATOR, "it was asked about no atoms")
        return self._result

    def _computed(self, cell: np.ndarray, positions: np.ndarray, numbers: np.ndarray) -> BatchResult:
        if not (np.isfinite(cell).all() and np.isfinite(positions).all()):
            raise NoAnswer(Reason.NOT_FINITE)
        smallest, largest = self._volumes
        if not smallest <= abs(np.linalg.det(cell)) <= largest:
            raise NoAnswer(Reason.EXPLODED)
        batch = Batch(cell[None], positions, numbers, np.array([0, len(numbers)]), (self._label,))
        result = self._potential.compute(batch)
        if result.errors:
            raise NoAnswer(Reason.CALCULATOR, result.errors[0])
        if not all(np.isfinite(values).all() for values in (result.energy, result.forces, result.stress)):
            raise NoAnswer(Reason.NOT_FINITE)
        return result


def _own_folder(calculator: Calculator, parent: str | None) -> str | None:
    """Have a calculator write into a folder of its own, and return it; None if it has none.

    In one that several share, each would read what another has written.
    """
    if not hasattr(calculator, "directory"):
        return None
    with writing_to(Path(parent or ".")):
        if parent:
            Path(parent).mkdir(parents=True, exist_ok=True)
        folder = mkdtemp(prefix="gasearch-", dir=parent)
    calculator.directory = type(calculator.directory)(folder)
    return folder


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

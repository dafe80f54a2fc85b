"""Structures labelled by any program, from the files that hold them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gasearch.crystal.convert import from_ase
from gasearch.errors import InputError
from gasearch.espresso.pw import ScfResult
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.sampling import Kind, Sample
from gasearch.pretrain.training_set import ENERGY, FORCES, STRESS

if TYPE_CHECKING:
    from ase import Atoms


def read_references(path: Path) -> list[Label]:
    """Read structures with energy (eV), forces (eV/Å) and stress (eV/Å³, ASE's sign) from a file that ASE knows.

    Each label may stand under ASE's own name or that of our training sets, which comes first; what is missing is NaN.

    Raises
    ------
    InputError
        If the file cannot be read, or no structure in it has a label.
    """
    from ase.io import read

    try:
        references = list(_references(path, read(path, index=":", parallel=False)))
    except Exception as error:  # ASE's readers raise whatever they meet; the file is the user's
        raise InputError(
            f"{path} cannot be read as labelled structures ({error}); give an extended XYZ file, or another that ASE "
            "reads, with energies, forces and stresses"
        ) from error
    if not any(np.isfinite(label.result.energy) or np.isfinite(label.result.forces).any() for label in references):
        raise InputError(
            f"{path} has neither energies nor forces: write them as energy and forces, or as {ENERGY} and {FORCES}"
        )
    return references


def _references(path: Path, images: list[Atoms]) -> Iterator[Label]:
    for i, atoms in enumerate(images):
        results = atoms.calc.results if atoms.calc else {}
        energy = atoms.info.get(ENERGY, results.get("energy", np.nan))
        forces = atoms.arrays.get(FORCES, results.get("forces", np.full((len(atoms), 3), np.nan)))
        stress = atoms.info.get(STRESS, results.get("stress", np.full(9, np.nan)))
        sample = Sample(from_ase(atoms), f"{path.name}:{i}", Kind.RANDOM)
        yield Label(sample, ScfResult(float(energy), np.asarray(forces), _matrix(np.asarray(stress)), 0, 0))


def _matrix(stress: np.ndarray) -> np.ndarray:
    """Return a stress as (3, 3), from that or from Voigt's six components."""
    from ase.stress import voigt_6_to_full_3x3_stress

    return voigt_6_to_full_3x3_stress(stress) if stress.shape == (6,) else stress.reshape(3, 3)

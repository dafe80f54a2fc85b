"""The training set as a file: extended XYZ with each label's origin, kind and split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gasearch.crystal.convert import from_ase, to_ase
from gasearch.espresso.pw import ScfResult
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.sampling import Kind, Sample, split_of

if TYPE_CHECKING:
    from ase import Atoms

#: The names under which mace-torch looks for labels.
ENERGY, FORCES, STRESS = "REF_energy", "REF_forces", "REF_stress"


def write_training_set(path: Path, labels: Sequence[Label], weights: Iterable[float]) -> None:
    """Write labels with the weight that each has in the training; energies in eV, forces eV/Å, stresses eV/Å³."""
    from ase.io import write

    images = [_atoms(label, weight) for label, weight in zip(labels, weights, strict=True)]
    write(path, images, format="extxyz", parallel=False)


def read_training_set(path: Path) -> list[Label]:
    """Read what `write_training_set` wrote; the weights are not kept."""
    from ase.io import read

    return [_label(atoms) for atoms in read(path, index=":", format="extxyz", parallel=False)]


def _atoms(label: Label, weight: float) -> Atoms:
    atoms = to_ase(label.sample.crystal)
    atoms.info = {
        ENERGY: label.result.energy,
        STRESS: label.result.stress,
        "k_points": label.result.k_points,
        "iterations": label.result.iterations,
        "origin": label.sample.origin,
        "kind": str(label.sample.kind),
        "split": str(split_of(label.sample.origin)),
        "config_weight": float(weight),
    }
    atoms.arrays[FORCES] = label.result.forces
    return atoms


def _label(atoms: Atoms) -> Label:
    info = atoms.info
    result = ScfResult(
        info[ENERGY], atoms.arrays[FORCES], np.reshape(info[STRESS], (3, 3)), info["k_points"], info["iterations"]
    )
    return Label(Sample(from_ase(atoms), info["origin"], Kind(info["kind"])), result)

"""How wrong a potential is on labelled cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gasearch.crystal.composition import CompositionSpace
from gasearch.potential.card import RmsErrors
from gasearch.potential.potential import Batch, Potential
from gasearch.pretrain.labelling import Label
from gasearch.thermodynamics.hull import above_own_hull
from gasearch.units import GPA_PER_EV_PER_A3, MEV_PER_EV


def above_hull(labels: Sequence[Label], compositions: CompositionSpace, pressure: float) -> np.ndarray:
    """Return each labelled cell's enthalpy E + PV (n,) above the hull of all of them, eV/atom.

    Cells are taken as they are, not relaxed: the pressure (eV/Å³) is what their volumes are judged by.
    """
    crystals = [label.sample.crystal for label in labels]
    energies = np.array([label.result.energy for label in labels])
    sizes = np.array([len(crystal) for crystal in crystals])
    enthalpies = (energies + pressure * np.array([crystal.volume for crystal in crystals])) / sizes
    shares = np.array([compositions.fractions(crystal.composition) for crystal in crystals])
    return above_own_hull(shares, enthalpies)


def rms_errors(potential: Potential, labels: Sequence[Label]) -> RmsErrors:
    """Return the root mean square errors of a potential on labelled cells."""
    result = potential.compute(Batch.from_crystals([label.sample.crystal for label in labels]))
    sizes = np.array([len(label.sample.crystal) for label in labels])
    energy = (result.energy - [label.result.energy for label in labels]) / sizes
    forces = result.forces - np.concatenate([label.result.forces for label in labels])
    stress = result.stress - np.array([label.result.stress for label in labels])
    return RmsErrors(
        cells=len(labels),
        rmse_energy_meV_per_atom=_rms(energy) * MEV_PER_EV,
        rmse_force_meV_per_A=_rms(forces) * MEV_PER_EV,
        rmse_stress_GPa=_rms(stress) * GPA_PER_EV_PER_A3,
    )


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(values))))

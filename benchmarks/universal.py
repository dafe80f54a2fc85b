"""A potential pretrained for its pressures, and universal ones, on the cells held out from its training.

    pip install chgnet sevenn
    python benchmarks/universal.py

Energies are compared after the energy of each element that fits best, for every potential; those cells count that lie
at most 1 eV/atom above the hull. A model that is not installed says so. Releases of sevenn need another e3nn than
mace-torch: run this once in an environment for each, and a table of both is the one that you put together.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from training_cells import POTENTIAL, near_hull, training_cells

from gasearch.errors import GasearchError
from gasearch.potential.load import load_potential
from gasearch.potential.settings import UNIVERSAL, AseSettings, MaceSettings, PotentialSettings
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.validation import rms_errors


def row(name: str, settings: PotentialSettings, labels: list[Label]) -> str:
    """Return a line of the table."""
    try:
        potential = load_potential(settings)
    except GasearchError as error:
        return f"{name:<16}{error}"
    began = time.perf_counter()
    errors = rms_errors(potential, labels, shifted=True)
    atoms = sum(len(label.sample.crystal) for label in labels)
    return (
        f"{name:<16}{errors.rmse_energy_meV_per_atom:>10.0f} meV/atom{errors.rmse_force_meV_per_A:>10.0f} meV/Å"
        f"{errors.rmse_stress_GPa:>10.1f} GPa{1000 * (time.perf_counter() - began) / atoms:>10.1f} ms per atom"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--potential", type=Path, default=POTENTIAL)
    options = parser.parse_args()
    labels = near_hull(training_cells(options.potential))
    forces = np.concatenate([label.result.forces for label in labels])
    print(f"{len(labels)} cells; forces {1000 * np.sqrt(np.mean(forces**2)):.0f} meV/Å rms", flush=True)
    print(row(options.potential.name, MaceSettings("mace", options.potential), labels), flush=True)
    for name in UNIVERSAL:
        print(row(name, AseSettings("ase", name), labels), flush=True)


if __name__ == "__main__":
    main()

"""Errors of a potential on cells larger than all that it was trained on, labelled with pw.x for this test.

    python benchmarks/larger_cells.py --cells 24 --workers 1

Random crystals of 12 to 24 atoms are relaxed with the potential at the middle of its pressures. The lowest of each
composition, if it is at most 0.5 eV/atom above the potential's own hull and no supercell, is labelled with the settings
of its card, the cheapest first (by size and k-points). Every other one is strained and rattled before, as what is
relaxed has hardly any forces. End it whenever you like: labels that were made are kept in ``--folder`` and not made
again, and the errors printed are those of the labels that are there.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from gasearch.crystal.composition import SYMBOLS, Composition, CompositionSpace, SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.symmetry import primitive, symmetrized
from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.pw import PwSettings, k_grid
from gasearch.espresso.runner import PwRunner
from gasearch.outcomes import Relaxed
from gasearch.parallel.executor import run_on_all_ranks
from gasearch.potential.calibration import calibrate
from gasearch.potential.card import read_card
from gasearch.potential.load import load_potential
from gasearch.potential.potential import Potential
from gasearch.potential.relaxation import BatchRelaxer
from gasearch.potential.settings import MaceSettings
from gasearch.pretrain.labelling import Label, label_all, read_labels
from gasearch.pretrain.predecessor import basis_of, label_settings
from gasearch.pretrain.sampling import Sample, SamplingSettings, lattice, random_samples, rattled, search_space
from gasearch.pretrain.training_set import write_training_set
from gasearch.pretrain.validation import rms_errors
from gasearch.thermodynamics.hull import above_own_hull
from gasearch.units import pressure_from_GPa

POTENTIAL = Path(__file__).parent.parent / "potentials" / "h-s-200gpa"
#: Enthalpy above hull, eV/atom, and number of atoms of the cells that are labelled.
WINDOW, SIZES = 0.5, (12, 24)


def relaxed(potential: Potential, space: SearchSpace, pressure: float, count: int) -> list[tuple[Sample, float]]:
    """Relax random crystals; return the lowest of each composition with its enthalpy above hull, eV/atom."""
    starts = list(random_samples(space, SamplingSettings(rattled_share=0.0), 7, 0, count))
    ends = [Sample(crystal, f"end-{SYMBOLS[crystal.numbers[0]]}", starts[0].kind) for crystal in endpoints(space)]
    outcomes = BatchRelaxer(potential).relax([s.crystal for s in (*starts, *ends)], pressure)
    good = [(s, o) for s, o in zip((*starts, *ends), outcomes, strict=True) if isinstance(o, Relaxed)]
    shares = np.array([space.compositions.fractions(o.crystal.composition) for _, o in good])
    above = above_own_hull(shares, np.array([o.enthalpy_per_atom for _, o in good]))
    lowest: dict[str, tuple[Sample, float]] = {}
    for i in np.argsort(above):
        start, outcome = good[i]
        if len(outcome.crystal) >= SIZES[0] and above[i] < WINDOW:
            crystal = symmetrized(outcome.crystal, 0.02)
            name = crystal.composition.formula
            lowest.setdefault(name, (Sample(crystal, start.origin, start.kind), float(above[i])))
    return list(lowest.values())


def endpoints(space: SearchSpace) -> Iterator[Crystal]:
    """Yield a simple cell of each element, so that there is a hull."""
    for number, volume in space.atomic_volumes.items():
        yield lattice("fcc", number, volume)


def chosen(found: Sequence[tuple[Sample, float]], space: SearchSpace, settings: PwSettings, count: int) -> list[Sample]:
    """Rattle every other cell, and take the cheapest."""
    rng, near = np.random.default_rng(0), search_space(space.compositions, space.atomic_volumes)
    gentle = SamplingSettings(strain=0.02, rattle=0.03)
    samples = [s if i % 2 else rattled(s, near, gentle, rng) or s for i, (s, _) in enumerate(found)]
    large = [s for s in samples if len(primitive(s.crystal)) >= SIZES[0]]
    return sorted(large, key=lambda s: cost(s.crystal, settings))[:count]


def cost(crystal: Crystal, settings: PwSettings) -> float:
    """Estimate the time of an SCF, up to a factor: by the cube of the atoms and the k-points."""
    return len(crystal) ** 2.5 * float(np.prod(k_grid(crystal, settings.k_spacing)))


def report(potential: Potential, labels: Sequence[Label]) -> None:
    """Print errors on the labels there are."""
    errors = rms_errors(potential, labels)
    sizes = [len(label.sample.crystal) for label in labels]
    print(
        f"{errors.cells} cells of {min(sizes)} to {max(sizes)} atoms: {errors.rmse_energy_meV_per_atom:.1f} meV/atom, "
        f"{errors.rmse_force_meV_per_A:.0f} meV/Å, {errors.rmse_stress_GPa:.2f} GPa rms",
        flush=True,
    )


def main() -> None:
    """Make the set, or go on with it, and print the errors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--potential", type=Path, default=POTENTIAL)
    parser.add_argument("--cells", type=int, default=24)
    parser.add_argument("--random", type=int, default=120, help="crystals that are relaxed")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("runs", "larger-cells"))
    parser.add_argument("--output", type=Path, help="an extended XYZ file of all labels")
    parser.add_argument("--only-report", action="store_true", help="label nothing more")
    options = parser.parse_args()
    card, potential = read_card(options.potential), load_potential(MaceSettings("mace", options.potential))
    runner = PwRunner(label_settings(card), default_pseudo_dir(), timeout=6 * 3600.0)
    elements = tuple(Composition.from_formula(symbol) for symbol in card.elements)
    pressure = pressure_from_GPa(sum(card.pressure_GPa) / 2)
    if not options.only_report:
        lengths = calibrate(potential, [e.elements[0] for e in elements], pressure)
        space = SearchSpace(CompositionSpace(elements, *SIZES), lengths.atomic_volumes, lengths.minimum_distances)
        found = relaxed(potential, space, pressure, options.random)
        samples = chosen(found, space, runner.settings, options.cells)
        print(f"{len(found)} compositions within {WINDOW} eV/atom; {len(samples)} cells to label", flush=True)
        run_on_all_ranks(
            lambda executor: label_all(samples, runner, options.folder, executor, lambda s: print(s, flush=True)),
            threads=options.workers,
        )
    large = [label for label in read_labels(options.folder) if len(label.sample.crystal) >= SIZES[0]]
    labels = basis_of(card).completed(large)
    report(potential, labels)
    if options.output:
        write_training_set(options.output, labels, np.ones(len(labels)))


if __name__ == "__main__":
    main()

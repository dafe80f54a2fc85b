"""Structures relaxed per second: the batched relaxer against ASE's FIRE with FrechetCellFilter, one at a time.

    python benchmarks/relaxation.py --model potentials/h-s-200gpa --structures 20

Both have the same model, starts, pressure, thread and convergence test (largest force component and largest component
by which the stress misses the pressure); each is given the precision that is faster for it. The test is applied once
more to every result, in double precision. Rattled minima must lead both to the same enthalpies; random starts may lead
to different minima: how often FIRE leads to another one with half the longest step is printed beside it. On a CPU the
time is that of the one core used; on a GPU it is the wall clock.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gasearch.crystal.composition import Composition
from gasearch.crystal.convert import from_ase, to_ase
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.random_crystal import random_crystal
from gasearch.outcomes import Relaxed
from gasearch.potential.calibration import calibrate
from gasearch.potential.card import find_model
from gasearch.potential.mace import Mace
from gasearch.potential.potential import Batch
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings
from gasearch.units import pressure_from_GPa

DTYPES = ("float32", "float64")
AGREEMENT = 1e-3  # eV per atom


@dataclass(frozen=True)
class Bench:
    """What is relaxed, with what, to which end."""

    model: Path
    device: str
    pressure: float
    settings: RelaxationSettings

    def clock(self) -> float:
        """Seconds of this process on a CPU, of the wall on a GPU."""
        return time.process_time() if self.device == "cpu" else time.perf_counter()


@dataclass(frozen=True)
class Run:
    """What a relaxer made of some starts: crystals (None where it failed), evaluations and seconds."""

    name: str
    crystals: list[Crystal | None]
    evaluations: int
    seconds: float

    def rate(self) -> float:
        """Structures per second."""
        return len(self.crystals) / self.seconds


def ours(bench: Bench, starts: Sequence[Crystal], dtype: str = "float32", batch_size: int | None = None) -> Run:
    """Relax in batches."""
    settings = replace(bench.settings, batch_size=batch_size or bench.settings.batch_size)
    relaxer = BatchRelaxer(Mace(bench.model, dtype=dtype, device=bench.device), settings)
    relaxer.potential.compute(Batch.from_crystals(starts))  # the first calls compile
    start = bench.clock()
    outcomes = relaxer.relax(starts, bench.pressure)
    seconds = bench.clock() - start
    crystals = [o.crystal if isinstance(o, Relaxed) else None for o in outcomes]
    return Run(f"batched, {dtype}", crystals, sum(o.steps for o in outcomes), seconds)


def ase(bench: Bench, starts: Sequence[Crystal], dtype: str = "float32", longest_step: float = 0.2) -> Run:
    """Relax one after the other with ASE; its default for the longest step is 0.2 Å."""
    from ase.filters import FrechetCellFilter
    from ase.optimize import FIRE
    from mace.calculators import MACECalculator

    file, _ = find_model(bench.model)
    calculator = MACECalculator(model_paths=str(file), device=bench.device, default_dtype=dtype)
    crystals, evaluations, seconds = [], 0, 0.0
    for crystal in starts:
        atoms = to_ase(crystal)
        atoms.calc = calculator
        start = bench.clock()
        optimizer = FIRE(FrechetCellFilter(atoms, scalar_pressure=bench.pressure), logfile=None, maxstep=longest_step)
        converged = False
        for _ in optimizer.irun(fmax=0.0, steps=10 * bench.settings.max_steps):
            force, stress = atoms.get_forces(), atoms.get_stress(voigt=False) + bench.pressure * np.eye(3)
            converged = np.abs(force).max() < bench.settings.max_force
            converged &= np.abs(stress).max() < bench.settings.max_stress
            if converged:
                break
        seconds += bench.clock() - start
        evaluations += optimizer.nsteps + 1
        crystals.append(from_ase(atoms) if converged else None)
    return Run(f"ASE FIRE to {longest_step:g} Å, {dtype}", crystals, evaluations, seconds)


def judged(bench: Bench, run: Run) -> np.ndarray:
    """Enthalpies per atom (n,) in double precision; NaN where forces or stress are not converged after all."""
    model = Mace(bench.model, dtype="float64", device=bench.device)
    enthalpies = np.full(len(run.crystals), np.nan)
    for i, crystal in enumerate(run.crystals):
        if crystal is None:
            continue
        result = model.compute(Batch.from_crystals([crystal]))
        miss = np.abs(result.stress[0] + bench.pressure * np.eye(3)).max()
        # Single precision may be off by a little more than the limit.
        if np.abs(result.forces).max() < 1.1 * bench.settings.max_force and miss < 1.1 * bench.settings.max_stress:
            enthalpies[i] = (result.energy[0] + bench.pressure * crystal.volume) / len(crystal)
    return enthalpies


def random_starts(bench: Bench, count: int, max_atoms: int, rng: np.random.Generator) -> list[Crystal]:
    """Symmetric random crystals of random composition, as a search makes them."""
    model = Mace(bench.model, dtype="float64", device=bench.device)
    found = calibrate(model, model.elements, bench.pressure)
    starts: list[Crystal] = []
    while len(starts) < count:
        composition = Composition.from_numbers(rng.choice(model.elements, rng.integers(2, max_atoms + 1)))
        volume = sum(n * found.atomic_volumes[z] for z, n in composition.counts)
        crystal = random_crystal(composition, volume, found.minimum_distances, rng)
        starts += [crystal] if crystal else []
    return starts


def minima(bench: Bench, starts: Sequence[Crystal], rng: np.random.Generator) -> list[Crystal]:
    """Relax, rattle and relax again, as what is relaxed with its symmetry may be a saddle point."""
    relaxed = [crystal for crystal in ours(bench, starts, "float64").crystals if crystal]
    again = ours(bench, [rattled(crystal, rng) for crystal in relaxed], "float64").crystals
    return [crystal for crystal in again if crystal]


def rattled(crystal: Crystal, rng: np.random.Generator) -> Crystal:
    """Displace atoms by 0.05 Å and strain the cell by 1 %."""
    strain = 0.01 * rng.standard_normal((3, 3))
    cell = crystal.cell @ (np.eye(3) + (strain + strain.T) / 2)
    displacement = 0.05 * rng.standard_normal(crystal.frac.shape) @ np.linalg.inv(cell)
    return Crystal(cell, crystal.frac + displacement, crystal.numbers)


def fastest(relax: Callable[[Bench, Sequence[Crystal], str], Run], bench: Bench, starts: Sequence[Crystal]) -> str:
    """Precision that relaxes a few starts fastest."""
    rates = {dtype: relax(bench, starts, dtype).rate() for dtype in DTYPES}
    return max(rates, key=rates.__getitem__)


def compare(title: str, bench: Bench, starts: Sequence[Crystal], theirs: Run, mine: Run) -> None:
    """Print how two ways to relax the same starts compare."""
    print(f"\n{title}: {len(starts)} structures, {sum(map(len, starts)) / len(starts):.1f} atoms on average")
    enthalpies = [judged(bench, run) for run in (theirs, mine)]
    for run, found in zip((theirs, mine), enthalpies, strict=True):
        print(
            f"  {run.name:28s} {run.rate():8.3f} structures/s  {run.evaluations / len(starts):6.1f} evaluations each, "
            f"{np.isfinite(found).sum()} converged"
        )
    both = np.isfinite(enthalpies).all(axis=0)
    difference = (enthalpies[1] - enthalpies[0])[both]
    print(f"  ratio {mine.rate() / theirs.rate():.2f}")
    print(
        f"  enthalpies agree within 1 meV/atom in {np.mean(np.abs(difference) < AGREEMENT):.0%} of {both.sum()}, "
        f"the second are lower in {np.mean(difference < -AGREEMENT):.0%}"
    )
    mean, largest = 1e3 * difference.mean(), 1e3 * np.abs(difference).max()
    print(f"  second less first: mean {mean:+.2f}, largest {largest:.2f} meV/atom", flush=True)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("potentials/h-s-200gpa"), help="model file or its folder")
    parser.add_argument("--structures", type=int, default=20, help="random starts (default 20)")
    parser.add_argument("--max-atoms", type=int, default=12, help="atoms a cell at most (default 12)")
    parser.add_argument("--pressure", type=float, default=200.0, help="GPa (default 200)")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--batch-sizes", type=int, nargs="*", default=[1, 4, 8, 16, 32])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # of every model that is loaded
    bench = Bench(arguments.model, arguments.device, pressure_from_GPa(arguments.pressure), RelaxationSettings())
    rng = np.random.default_rng(arguments.seed)
    starts = random_starts(bench, arguments.structures, arguments.max_atoms, rng)
    dtypes = fastest(ase, bench, starts[:2]), fastest(ours, bench, starts)

    shaken = [rattled(crystal, rng) for crystal in minima(bench, starts, rng)]
    compare("rattled minima", bench, shaken, ase(bench, shaken, dtypes[0]), ours(bench, shaken, dtypes[1]))
    fire = ase(bench, starts, dtypes[0])
    compare("random starts", bench, starts, fire, ours(bench, starts, dtypes[1]))
    compare("random starts, FIRE with itself", bench, starts, fire, ase(bench, starts, dtypes[0], longest_step=0.1))
    print("\nbatched, random starts, structures/s")
    for dtype in DTYPES:
        rates = (f"{size}: {ours(bench, starts, dtype, size).rate():.3f}" for size in arguments.batch_sizes)
        print(f"  {dtype}, batch size", *rates, sep="   ", flush=True)


if __name__ == "__main__":
    main()

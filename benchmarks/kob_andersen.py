"""Relaxations until the Kob–Andersen hull is complete: the search against symmetric random search.

    python benchmarks/kob_andersen.py --seeds 20 --processes 2

Both use the same relaxer, volumes and random crystals. Every relaxation that was started counts (failed, stopped,
duplicate), and so do the scans that calibrate volumes. A phase is reached when its enthalpy is within 0.5 meV per
formula unit of the published one with the published space group, or lower than that.
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import json
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from gasearch.config import load
from gasearch.crystal.composition import Composition, CompositionSpace, SearchSpace
from gasearch.crystal.symmetry import space_group
from gasearch.evolution.candidate import Outcome
from gasearch.evolution.operators import RANDOM
from gasearch.evolution.search import Search, SearchSettings
from gasearch.evolution.termination import Termination
from gasearch.outcomes import Relaxed
from gasearch.parallel.executor import serial_executor
from gasearch.potential.calibration import calibrate
from gasearch.potential.load import load_potential
from gasearch.potential.relaxation import BatchRelaxer
from gasearch.workflow.search.evaluation import Evaluation
from gasearch.workflow.search.steady_state import run_search

INPUT = Path(__file__).parent.parent / "inputs" / "kob-andersen.yaml"
#: Enthalpy, eV per formula unit, and space-group number; A is Ni and B is P in the input.
PUBLISHED = {
    "Ni": (-8.356, 194),
    "P": (-4.178, 194),
    "NiP": (-21.276, 221),
    "Ni3P5": (-76.365, 65),
    "NiP2": (-27.218, 12),
    "NiP3": (-32.238, 194),
}
TARGETS = {Composition.from_formula(formula): formula for formula in PUBLISHED}
TOLERANCE = 0.0005


class UntilComplete(Search):
    """A search that ends when every published phase is reached."""

    def __init__(self, space: CompositionSpace, settings: SearchSettings, seed: int):
        super().__init__(space, settings, seed)
        self.reached: dict[str, int] = {}
        self.lowest: dict[str, float] = {}

    def tell(self, outcome: Outcome) -> None:
        """Take an outcome, and note which phase it reaches."""
        super().tell(outcome)
        reduced = None if outcome.start is None else outcome.start.composition.reduced
        if isinstance(outcome.result, Relaxed) and reduced in TARGETS:
            self._note(outcome.result, TARGETS[reduced])

    def _note(self, relaxed: Relaxed, formula: str) -> None:
        enthalpy, number = PUBLISHED[formula]
        excess = relaxed.enthalpy_per_atom * Composition.from_formula(formula).n_atoms - enthalpy
        self.lowest[formula] = min(excess, self.lowest.get(formula, np.inf))
        same = abs(excess) <= TOLERANCE and space_group(relaxed.crystal, 0.05).number == number
        if same or excess < -TOLERANCE:
            self.reached.setdefault(formula, self.relaxations)

    def stop_reason(self, next_id: int) -> str | None:
        """Stop when all are reached."""
        return "complete" if len(self.reached) == len(PUBLISHED) else super().stop_reason(next_id)


def one_seed(settings: SearchSettings, seed: int) -> dict:
    """Search with one seed; return what was reached after how many relaxations."""
    config = load(INPUT)
    potential = load_potential(config.potential)
    calibration = calibrate(potential, config.space.elements, config.pressure)
    space = SearchSpace(config.space, calibration.atomic_volumes, calibration.minimum_distances)
    search = UntilComplete(config.space, settings, seed)
    evaluate = Evaluation(
        space,
        partial(BatchRelaxer, potential, config.relaxation),
        config.pressure,
        seed,
        settings.twins,
        settings.stop_above,
    )
    began, executor = time.perf_counter(), serial_executor()
    run_search(search, evaluate, executor)
    executor.shutdown()
    return {
        "seed": seed,
        "complete": len(search.reached) == len(PUBLISHED),
        "relaxations": search.relaxations + calibration.scans,
        "reached": search.reached,
        "lowest": search.lowest,
        "candidates": search.told,
        "seconds": round(time.perf_counter() - began, 1),
        "duplicates": search.twins,
    }


def report(name: str, results: list[dict]) -> None:
    """Print what a method needed."""
    needed = [r["relaxations"] if r["complete"] else np.inf for r in results]
    complete = sum(r["complete"] for r in results)
    seconds = np.mean([r["seconds"] for r in results])
    print(
        f"{name}: complete {complete}/{len(results)}, median {np.median(needed):.0f}, "
        f"largest {max(needed):.0f} relaxations; {seconds:.0f} s a seed"
    )
    for formula in PUBLISHED:
        at = [r["reached"].get(formula, np.inf) for r in results]
        lowest = 1000 * min(r["lowest"].get(formula, np.inf) for r in results)
        print(
            f"  {formula:6s} median {np.median(at):6.0f}  largest {max(at):6.0f}  lowest − published {lowest:8.2f} meV"
        )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--candidates", type=int, default=2000)
    parser.add_argument("--block", type=int)
    parser.add_argument("--lag", type=int)
    parser.add_argument("--random", action="store_true", help="symmetric random search instead")
    arguments = parser.parse_args()
    settings = load(INPUT).search
    settings = replace(
        settings,
        block=arguments.block or settings.block,
        lag=settings.lag if arguments.lag is None else arguments.lag,
        termination=Termination(arguments.candidates),
    )
    if arguments.random:
        settings = replace(settings, operators={RANDOM: 1.0}, first_generation=arguments.candidates)
    seeds = range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    with ProcessPoolExecutor(arguments.processes) as pool:
        results = []
        for future in as_completed([pool.submit(one_seed, settings, seed) for seed in seeds]):
            results.append(future.result())
            print(json.dumps(results[-1]), flush=True)
    report(f"{'random' if arguments.random else 'search'}, block {settings.block}, lag {settings.lag}", results)


if __name__ == "__main__":
    main()

"""What the first rank spends on a candidate, and how that grows with the archive.

    python benchmarks/overhead.py --individuals 20000

Structures are random and enthalpies made up; nothing is relaxed. Times are CPU time of the thread that drives.
"""

from __future__ import annotations

import argparse
import os
import pickle
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from gasearch.crystal.composition import Composition, CompositionSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import fingerprint
from gasearch.evolution.candidate import Block, Outcome
from gasearch.evolution.search import Search, SearchSettings
from gasearch.evolution.termination import Termination
from gasearch.outcomes import Relaxed
from gasearch.workflow.record.archive_store import ArchiveMetadata, open_archive


def outcome(search: Search, id: int, block: Block, rng: np.random.Generator, template: np.ndarray) -> Outcome:
    """Make up what became of a candidate."""
    candidate = block.candidates[id - block.candidates[0].id]
    composition = candidate.composition or candidate.parents[0].crystal.composition
    n = composition.n_atoms
    cell = (5.0 * n) ** (1 / 3) * (np.eye(3) + 0.2 * rng.normal(size=(3, 3)))
    crystal = Crystal(cell, rng.random((n, 3)), composition.numbers())
    x = float(search.space.fractions(composition)[0])
    enthalpy = n * (-x * (1 - x) + 0.3 * rng.random())
    relaxed = Relaxed(crystal, enthalpy, enthalpy, 40, 0.0, 0.0)
    mine = template * (1 + 0.1 * rng.normal(size=template.shape))
    return Outcome(id, candidate.operator, tuple(p.id for p in candidate.parents), crystal, relaxed, mine)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--individuals", type=int, default=20000)
    parser.add_argument("--endpoints", nargs="+", default=["H", "S"])
    parser.add_argument("--max-atoms", type=int, default=16)
    parser.add_argument("--block", type=int, default=8)
    arguments = parser.parse_args()
    endpoints = tuple(Composition.from_formula(f) for f in arguments.endpoints)
    space = CompositionSpace(endpoints, 1, arguments.max_atoms)
    settings = SearchSettings(block=arguments.block, lag=0, termination=Termination(10 * arguments.individuals))
    search, rng = Search(space, settings, seed=1), np.random.default_rng(0)
    example = Crystal(4 * np.eye(3), rng.random((len(space.elements), 3)), space.elements)
    template = fingerprint(example, space.elements)
    print(f"{'archive':>8} {'ask':>8} {'send':>8} {'tell':>8} {'write':>8} {'sum':>8}   ms a candidate")
    with tempfile.TemporaryDirectory() as folder:
        store = open_archive(Path(folder) / "archive.db", ArchiveMetadata("", 0.0, space.elements))
        seconds, first, count = np.zeros(4), 0, 0
        while len(search.archive) < arguments.individuals:
            at = [time.thread_time()]
            block = search.ask(first)
            at.append(time.thread_time())
            pickle.dumps(block)
            at.append(time.thread_time())
            outcomes = [outcome(search, id, block, rng, template) for id in search.ids(first)]
            began = time.thread_time()
            for one in outcomes:
                search.tell(one)
            told = time.thread_time()
            store.append(outcomes)
            seconds += [at[1] - at[0], at[2] - at[1], told - began, time.thread_time() - told]
            first, count = first + len(outcomes), count + len(outcomes)
            if count >= max(arguments.individuals // 8, 1):
                each = 1000 * seconds / count
                print(f"{len(search.archive):8d} " + " ".join(f"{x:8.3f}" for x in [*each, each.sum()]), flush=True)
                seconds, count = np.zeros(4), 0


if __name__ == "__main__":
    main()

"""How much faster are two ranks than one, and how much faster could they be on this machine?

    python benchmarks/scaling.py --candidates 300

The same search runs on one rank, on two ranks, and as two separate one-rank searches at the same time: those share
nothing but the machine (its memory, caches and clock), so they are the most that two ranks can reach on it. Each way
runs once in every repetition. Throughput is evaluations of the potential a second, from the first candidate that
is written to the last: imports and calibration do not count.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from ase.db import connect
from ase.db.core import YEAR
from command_line import INPUT, changed, search_command

from gasearch.workflow.record.archive_store import ArchiveStore
from gasearch.workflow.record.run_directory import RunDirectory


def start(path: Path, directory: Path, ranks: int) -> subprocess.Popen:
    """Start a search from its beginning."""
    shutil.rmtree(directory, ignore_errors=True)
    return subprocess.Popen(search_command(path, directory, ranks), stdout=subprocess.DEVNULL)


def throughput(path: Path, folder: Path, ranks: int, copies: int) -> float:
    """Run copies of a search at the same time; return evaluations a second, of all together."""
    runs = [RunDirectory(folder / f"run-{i}") for i in range(copies)]
    for process in [start(path, run.path, ranks) for run in runs]:
        if process.wait():
            raise SystemExit(f"a search ended with code {process.returncode}")
    return sum(evaluation_rate(run) for run in runs)


def evaluation_rate(run: RunDirectory) -> float:
    """Return evaluations a second between the first and the last writing into the archive."""
    outcomes = {outcome.id: outcome for outcome in ArchiveStore(run.archive).outcomes()}
    written = {row.candidate: row.ctime * YEAR for row in connect(run.archive, type="db", serial=True).select()}
    first, last = min(written.values()), max(written.values())
    counted = (outcomes[id].result.steps for id, when in written.items() if when > first)
    return sum(counted) / (last - first)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, default=INPUT)
    parser.add_argument("--candidates", type=int, default=300)
    parser.add_argument("--repetitions", type=int, default=2)
    options = parser.parse_args()
    ways = {"one rank": (1, 1), "two ranks": (2, 1), "two separate searches": (1, 2)}
    rates: dict[str, list[float]] = {way: [] for way in ways}
    with tempfile.TemporaryDirectory() as folder:
        limits = {"candidates": options.candidates}
        path = changed(options.input, lambda s: s["search"]["termination"].update(limits), Path(folder, "input.yaml"))
        for _ in range(options.repetitions):
            for way, (ranks, copies) in ways.items():
                rates[way].append(throughput(path, Path(folder), ranks, copies))
    alone = statistics.median(rates["one rank"])
    for way, measured in rates.items():
        rate = statistics.median(measured)
        print(f"{way:22} {rate:7.1f} evaluations/s   {rate / alone:.2f}")


if __name__ == "__main__":
    main()

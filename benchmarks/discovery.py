"""Time until a search finds a known phase that it was not told of: H3S Im-3m at 200 GPa, seed by seed.

    python benchmarks/discovery.py --seeds 5 --ranks 2

Each seed is a run of the command line, one after the other. The time counts from the start of the command, imports
and calibration included, to the moment when the candidate was written into the archive. A phase counts as found when
a relaxed candidate has its formula and its space group (to 0.1 Å); at the end it must lie on the hull.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from ase.db import connect
from ase.db.core import T2000, YEAR
from command_line import INPUT, changed, search_command

from gasearch.crystal.convert import from_ase
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.symmetry import space_group
from gasearch.workflow.record.run_directory import RunDirectory
from gasearch.workflow.record.snapshots import snapshot
from gasearch.workflow.record.summary import SYMMETRY_TOLERANCES


def search(path: Path, directory: Path, ranks: int) -> tuple[float, float]:
    """Run a search from its beginning; return when it began and how long it took, s."""
    shutil.rmtree(directory, ignore_errors=True)
    began = time.time()
    subprocess.run(search_command(path, directory, ranks), check=True, stdout=subprocess.DEVNULL)
    return began, time.time() - began


def is_phase(crystal: Crystal, formula: str, symbol: str | None) -> bool:
    """Tell whether a crystal has a reduced formula, and a space group to 0.1 Å if one is given."""
    if crystal.composition.reduced.formula != formula:
        return False
    return symbol is None or space_group(crystal, max(SYMMETRY_TOLERANCES)).symbol == symbol


def found(run: RunDirectory, formula: str, symbol: str) -> Iterator[tuple[int, float]]:
    """Yield the id, and the time of writing (s since 1970), of each candidate that is the phase."""
    for row in connect(run.archive, type="db", serial=True).select("enthalpy_per_atom"):
        if is_phase(from_ase(row.toatoms()), formula, symbol):
            yield row.candidate, row.ctime * YEAR + T2000


def report(seed: int, began: float, took: float, run: RunDirectory, formula: str, symbol: str) -> float | None:
    """Print a line; return the seconds until the phase was found, None if it is not on the hull at the end."""
    summary, hull = snapshot(run.summary), snapshot(run.hull)
    stable = [f"{p['formula']} {p['space_group']}" for p in hull["phases"] if p["on_hull"]]
    first = min(found(run, formula, symbol), default=None)
    on_hull = f"{formula} {symbol}" in stable
    when = f"candidate {first[0]:4d} after {first[1] - began:5.0f} s" if first else "not found"
    print(
        f"seed {seed}: {when}, {'on' if on_hull else 'NOT on'} the hull; {summary['relaxations']} relaxations, "
        f"{took:.0f} s in all; hull: {', '.join(stable)}",
        flush=True,
    )
    return first[1] - began if first and on_hull else None


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, default=INPUT)
    parser.add_argument("--potential", type=Path, help="another than that of the input")
    parser.add_argument("--phase", nargs=2, default=("H3S", "Im-3m"), metavar=("FORMULA", "SPACE_GROUP"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("runs", "discovery"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    times = []
    for seed in range(1, options.seeds + 1):
        run = RunDirectory(options.folder / f"seed-{seed}")
        path = changed(options.input, lambda s, seed=seed: s.update(seed=seed), options.folder / f"seed-{seed}.yaml")
        if options.potential:
            path = changed(path, lambda s: s["potential"].update(path=str(options.potential.resolve())), path)
        began, took = search(path, run.path, options.ranks)
        times.append(report(seed, began, took, run, *options.phase))
    reached = [t for t in times if t is not None]
    median = f"; median {statistics.median(reached):.0f} s" if reached else ""
    print(f"{' '.join(options.phase)} found and on the hull: {len(reached)} of {options.seeds}{median}")


if __name__ == "__main__":
    main()

"""How busy are the ranks of a search, by its lag?

    mpirun --oversubscribe -n 64 python benchmarks/parallel.py   # measured with tasks that sleep
    python benchmarks/parallel.py                                # simulated for 1,024 workers

A task stands for a block of candidates that are relaxed together. As in a search, block b is submitted when all blocks
below b - lag are done. Its time is the sum of eight log-normal ones, each cut off at four times the median, as a step
limit does. Busy is the share of all ranks' time that is in tasks, from the first full load to the last submission.
"""

from __future__ import annotations

import argparse
import heapq
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np

from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks

#: Lags, in blocks for each worker.
LAGS = (1.0, 1.5, 2.0, 3.0, 4.0)
#: Assumed in the simulation: rank 0's time for a task (a real run prints it), and a worker's wait for one that was not
#: sent ahead, s.
COST, LATENCY = 0.5e-3, 5e-3


def draw_durations(n: int, mean: float, seed: int = 1) -> np.ndarray:
    """Return times of blocks (n,), s."""
    members = np.minimum(np.random.default_rng(seed).lognormal(0.0, 0.75, (n, 8)), 4.0)
    times = members.sum(axis=1)
    return times * mean / times.mean()


def busy_fraction(spans: np.ndarray, workers: int) -> float:
    """Return the share of the time in tasks, from their begins and ends (n, 2) in order of submission."""
    begin, end = np.sort(spans[:, 0])[[workers, -workers]]
    inside = np.clip(spans, begin, end)
    return float((inside[:, 1] - inside[:, 0]).sum() / (workers * (end - begin)))


def sleep(seconds: float) -> tuple[float, float]:
    """Stand in for a task; return when it began and ended."""
    begin = time.monotonic()
    time.sleep(seconds)
    return begin, time.monotonic()


def measure(executor: QueueExecutor, durations: np.ndarray, lag: int) -> np.ndarray:
    """Run the blocks with a lag, and return begins and ends (n, 2), s."""
    done: SimpleQueue[tuple[int, Future]] = SimpleQueue()
    spans: list[tuple[float, float] | None] = [None] * len(durations)
    submitted = told = 0
    while told < len(durations):
        while submitted <= min(told + lag, len(durations) - 1):
            future = executor.submit(sleep, durations[submitted])
            future.add_done_callback(lambda future, block=submitted: done.put((block, future)))
            submitted += 1
        block, future = done.get()
        spans[block] = future.result()
        while told < len(durations) and spans[told] is not None:
            told += 1
    return np.array(spans)


def echo(array: np.ndarray) -> np.ndarray:
    """Stand in for a task of no length."""
    return array


def print_overhead(executor: QueueExecutor, n: int = 2000, seconds: float = 2.0) -> None:
    """Print rank 0's CPU time to pass a task of 40 kB there and back, and to wait."""
    begin = time.process_time()
    for future in [executor.submit(echo, np.zeros(5000)) for _ in range(n)]:
        future.result()
    print(f"rank 0 takes {1e3 * (time.process_time() - begin) / n:.2f} ms for a task of 40 kB", end=", ")
    begin = time.process_time()
    time.sleep(seconds)
    print(f"and {(time.process_time() - begin) / seconds:.1%} of a core to wait")


@dataclass
class Simulation:
    """The same with simulated workers, which are fed as `gasearch.parallel.mpi.Dispatcher` does."""

    workers: int
    durations: np.ndarray
    lag: int
    ahead: int
    submitted: int = 0
    told: int = 0
    clock: float = 0.0

    def run(self) -> np.ndarray:
        """Return begins and ends (n, 2), s."""
        self.spans = np.full((len(self.durations), 2), np.inf)
        self.held: list[deque[int]] = [deque() for _ in range(self.workers)]
        self.by_load = [set(range(self.workers)), *(set() for _ in range(self.ahead + 1))]
        self.ends: list[tuple[float, int]] = []
        self.finished = np.zeros(len(self.durations) + 1, bool)
        self.feed()
        while self.ends:
            self.reply(*heapq.heappop(self.ends))
            self.feed()
        return self.spans

    def feed(self) -> None:
        """Give what may be submitted to the least loaded workers, ahead only while there is plenty."""
        while (queued := min(self.told + self.lag + 1, len(self.durations)) - self.submitted) > 0:
            load = next((load for load, workers in enumerate(self.by_load[:-1]) if workers), None)
            if load is None or (load and queued <= self.workers):
                return
            worker = self.by_load[load].pop()
            self.by_load[load + 1].add(worker)
            self.held[worker].append(self.submitted)
            self.submitted += 1
            self.clock += COST
            if load == 0:
                self.begin(worker, self.clock + LATENCY)

    def begin(self, worker: int, now: float) -> None:
        """Begin the first block that a worker holds."""
        block = self.held[worker][0]
        self.spans[block] = now, now + self.durations[block]
        heapq.heappush(self.ends, (self.spans[block, 1], worker))

    def reply(self, now: float, worker: int) -> None:
        """Finish a worker's block."""
        self.clock = max(self.clock, now)
        load = len(self.held[worker])
        self.finished[self.held[worker].popleft()] = True
        self.by_load[load].remove(worker)
        self.by_load[load - 1].add(worker)
        if self.held[worker]:
            self.begin(worker, now)
        while self.finished[self.told]:
            self.told += 1


def measured(executor: QueueExecutor, blocks: int, mean: float, ahead: int) -> None:
    """Print the table of a real run."""
    print(f"{executor.description}, {ahead} ahead, {blocks} blocks a rank of {mean:g} s")
    print_overhead(executor)
    print("lag (blocks a rank)   busy")
    durations = draw_durations(blocks * executor.workers, mean)
    for lag in LAGS:
        spans = measure(executor, durations, round(lag * executor.workers))
        print(f"{lag:19.1f} {busy_fraction(spans, executor.workers):6.1%}", flush=True)


def simulated(workers: int, blocks: int, mean: float) -> None:
    """Print the table of the simulation."""
    print(f"{workers} workers simulated, {blocks} blocks each of {mean:g} s, rank 0 takes {1e3 * COST:g} ms a block")
    print("lag (blocks a worker)   lag (candidates, blocks of 8)   busy, 0 ahead   1 ahead   2 ahead")
    durations = draw_durations(blocks * workers, mean)
    for lag in LAGS:
        n = round(lag * workers)
        busy = [busy_fraction(Simulation(workers, durations, n, ahead).run(), workers) for ahead in range(3)]
        print(f"{lag:21.1f} {8 * n:31d} {busy[0]:15.1%} {busy[1]:9.1%} {busy[2]:9.1%}", flush=True)


def main() -> None:
    """Measure under mpirun, simulate without."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, default=1024, help="to simulate")
    parser.add_argument("--blocks", type=int, default=12, help="for each worker")
    parser.add_argument("--mean", type=float, default=1.0, help="time of a block, s")
    parser.add_argument("--ahead", type=int, default=1, help="blocks that wait at a rank while it works")
    options = parser.parse_args()

    def driver(executor: QueueExecutor) -> None:
        if executor.workers > 1:
            measured(executor, options.blocks, options.mean, options.ahead)
        else:
            simulated(options.workers, options.blocks, options.mean)

    run_on_all_ranks(driver, options.ahead)


if __name__ == "__main__":
    main()

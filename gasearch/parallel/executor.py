"""Tasks on every rank, seen as `concurrent.futures.Executor`.

The driver submits tasks to one queue. A thread of its own process takes from it; under MPI another thread passes tasks
on to the other ranks (`gasearch.parallel.mpi`). So the first rank works like any other, and without MPI it works alone.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NoReturn, TypeVar

from gasearch.errors import MissingProgramError

T = TypeVar("T")

#: How launchers tell a process the number of ranks and its own. (SLURM_NTASKS is also set where nothing was launched.)
_SIZES: Final = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "MV2_COMM_WORLD_SIZE", "SLURM_STEP_NUM_TASKS")
_RANKS: Final = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "MV2_COMM_WORLD_RANK", "SLURM_PROCID")


@dataclass(frozen=True, eq=False)
class Task:
    """A pickled call, and the future that waits for it."""

    payload: bytes
    future: Future


@dataclass(frozen=True, eq=False)
class Reply:
    """What a call returned, or what it raised."""

    value: Any = None
    error: BaseException | None = None

    def deliver(self, future: Future) -> None:
        """Give it to those who wait."""
        if self.error is None:
            future.set_result(self.value)
        else:
            future.set_exception(self.error)


def call(payload: bytes) -> Reply:
    """Do a pickled call; what it raises has, as a note, the traceback of the rank where it happened."""
    try:
        function, arguments, keywords = pickle.loads(payload)
        return Reply(value=function(*arguments, **keywords))
    except BaseException as error:
        error.add_note(traceback.format_exc())
        return Reply(error=error)


class TaskQueue:
    """Tasks in the order of their submission, for several threads."""

    def __init__(self) -> None:
        self._tasks: deque[Task] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self.cancelled = False

    def __len__(self) -> int:
        return len(self._tasks)

    @property
    def exhausted(self) -> bool:
        """Whether it is empty and will stay so."""
        with self._changed:
            return self._closed and not self._tasks

    def put(self, task: Task) -> None:
        """Append a task; RuntimeError after `close`."""
        with self._changed:
            if self._closed:
                raise RuntimeError("a task was submitted after shutdown")
            self._tasks.append(task)
            self._changed.notify()

    def take(self) -> Task | None:
        """Take the first task that its submitter has not cancelled; None if there is none now."""
        with self._changed:
            while self._tasks:
                task = self._tasks.popleft()
                if task.future.set_running_or_notify_cancel():
                    return task
        return None

    def next(self) -> Task | None:
        """Take the first task as soon as there is one; None when there will be none."""
        while not self.exhausted:
            if (task := self.take()) is not None:
                return task
            with self._changed:
                self._changed.wait_for(lambda: self._tasks or self._closed)
        return None

    def close(self, cancel: bool) -> None:
        """Let no more tasks in, and cancel those that nobody has taken if asked to."""
        with self._changed:
            self._closed = True
            self.cancelled |= cancel
            while cancel and self._tasks:
                self._tasks.popleft().future.cancel()
            self._changed.notify_all()


class QueueExecutor(Executor):
    """An executor whose tasks are done by whoever takes from its queue.

    Parameters
    ----------
    queue : TaskQueue
    takers : sequence of callables
        Each gets a thread; each returns when the queue is exhausted.
    workers : int
        How many tasks can be done at the same time.
    description : str
        How they are done, for the log.
    abort : callable
        Ends the whole job at once with an exit code; called if a taker fails, as its tasks would be waited for forever.
    """

    def __init__(
        self,
        queue: TaskQueue,
        takers: tuple[Callable[[], None], ...],
        workers: int,
        description: str,
        abort: Callable[[int], NoReturn],
    ):
        self.workers = workers
        self.description = description
        self._queue = queue
        self._abort = abort
        self._threads = [threading.Thread(target=self._guarded, args=(taker,), daemon=True) for taker in takers]
        for thread in self._threads:
            thread.start()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Submit the call of a function of a module; it gets copies of its arguments on whatever rank it runs."""
        future: Future[T] = Future()
        self._queue.put(Task(pickle.dumps((fn, args, kwargs), pickle.HIGHEST_PROTOCOL), future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks; if asked to, cancel those that have not begun and wait for the rest."""
        self._queue.close(cancel_futures)
        for thread in self._threads if wait else ():
            thread.join()

    def _guarded(self, taker: Callable[[], None]) -> None:
        try:
            taker()
        except BaseException as error:
            leave(error, self._abort)


def work(queue: TaskQueue) -> None:
    """Do the tasks of a queue, one after the other, until it is exhausted."""
    while (task := queue.next()) is not None:
        call(task.payload).deliver(task.future)


def serial_executor(reason: str = "no mpirun", threads: int = 1) -> QueueExecutor:
    """Return an executor whose workers are threads of this process."""
    queue = TaskQueue()
    description = f"1 rank ({reason})" if threads == 1 else f"1 rank ({reason}), {threads} threads"
    return QueueExecutor(queue, (lambda: work(queue),) * threads, threads, description, os._exit)


def drive(driver: Callable[[QueueExecutor], T], executor: QueueExecutor, orderly: type[Exception] | tuple[()]) -> T:
    """Call the driver and shut down; tasks that were not begun are cancelled.

    Those that were begun are waited for, unless the driver ends with an exception that is not ``orderly``.
    """
    wait = True
    try:
        return driver(executor)
    except BaseException as error:
        wait = isinstance(error, orderly)
        raise
    finally:
        executor.shutdown(wait=wait, cancel_futures=True)


def leave(error: BaseException, abort: Callable[[int], NoReturn]) -> NoReturn:
    """End without a look at other threads, which may compute; an interruption is no bug and needs no traceback."""
    interrupted = isinstance(error, SystemExit | KeyboardInterrupt)
    if not interrupted:
        traceback.print_exception(error)
    sys.stdout.flush()
    sys.stderr.flush()
    abort(128 + signal.SIGTERM if interrupted else 1)


def run_on_all_ranks(driver: Callable[[QueueExecutor], T], ahead: int = 1, threads: int = 1) -> T | None:
    """Call the driver on the first rank, with an executor that all ranks work for; the main program of each rank.

    Parameters
    ----------
    driver : callable
        Gets the executor: `concurrent.futures.Executor` with ``workers`` and ``description``.
    ahead : int
        How many tasks may wait at each rank while it works; they do while more wait at the first rank than there are
        ranks.
    threads : int
        Workers where there is no MPI: for tasks that wait for other programs. Each rank of MPI has one.

    Returns
    -------
    T or None
        What the driver returned; None on the other ranks, when the driver is done.

    Raises
    ------
    GasearchError
        On the first rank, as the driver raised it. Any other exception on any rank ends all of them.
    """
    with _terminated_by_exception():
        if launched_ranks() == 1:
            return _run_alone(driver, serial_executor(threads=threads))
        from gasearch.parallel import mpi

        try:
            world = mpi.world()
        except MissingProgramError as error:
            return _run_alone(driver, serial_executor(str(error), threads)) if is_first_rank() else None
        return mpi.run(world, driver, ahead)


def launched_ranks() -> int:
    """Return how many processes a launcher started, this one among them; 1 without a launcher. MPI is not asked."""
    return _first_in(_SIZES, os.environ, 1)


def is_first_rank() -> bool:
    """Return whether this is the only process, or the first of those that a launcher started; MPI is not asked."""
    return _first_in(_RANKS, os.environ, 0) == 0


def _run_alone(driver: Callable[[QueueExecutor], T], executor: QueueExecutor) -> T:
    try:
        return drive(driver, executor, orderly=Exception)
    except (SystemExit, KeyboardInterrupt) as error:
        leave(error, os._exit)


def _first_in(names: tuple[str, ...], environment: Mapping[str, str], default: int) -> int:
    return next((int(environment[name]) for name in names if name in environment), default)


@contextmanager
def _terminated_by_exception() -> Iterator[None]:
    """Let SIGTERM raise SystemExit, so that what is open gets closed."""

    def terminate(number: int, frame: object) -> NoReturn:
        sys.exit(128 + number)

    earlier = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, earlier)

"""Tasks on the other ranks; the only importer of mpi4py.

Rank 0 sends pickled calls, the others send pickled replies in the same order; an empty message ends a rank, and is its
last reply. Blocking calls of MPI spin, so whoever waits polls, and sleeps longer and longer in between.
"""

from __future__ import annotations

import pickle
import sys
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Final, TypeVar

from gasearch.errors import GasearchError, MissingProgramError
from gasearch.parallel.executor import QueueExecutor, Reply, TaskQueue, call, drive, leave, work

if TYPE_CHECKING:
    from mpi4py import MPI

T = TypeVar("T")

_END: Final = b""
#: Pauses between polls, s. At the longest, waiting costs 1 % of a core (a wake-up takes some 40 µs).
_SHORTEST_PAUSE: Final = 20e-6
_LONGEST_PAUSE: Final = 4e-3
#: How long rank 0's task may keep the interpreter from the thread that feeds the others, s; Python's 5 ms are too long.
_SWITCH_INTERVAL: Final = 5e-4


def world() -> MPI.Comm:
    """Return all ranks.

    Raises
    ------
    MissingProgramError
        If there is no MPI library, or it does not let a second thread call it.
    """
    try:
        import mpi4py

        mpi4py.rc.thread_level = "serialized"
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise MissingProgramError(f"no MPI: {error}") from error
    if MPI.Query_thread() < MPI.THREAD_SERIALIZED:
        raise MissingProgramError("no MPI: the library does not support threads (MPI_THREAD_SERIALIZED)")
    return MPI.COMM_WORLD


def run(comm: MPI.Comm, driver: Callable[[QueueExecutor], T], ahead: int) -> T | None:
    """Drive on rank 0 and serve on the others; see `gasearch.parallel.executor.run_on_all_ranks`."""
    try:
        if comm.rank > 0:
            return serve(comm)
        sys.setswitchinterval(_SWITCH_INTERVAL)
        queue = TaskQueue()
        takers = (lambda: work(queue), Dispatcher(comm, queue, ahead).run)
        executor = QueueExecutor(queue, takers, comm.size, f"{comm.size} ranks (MPI)", comm.Abort)
        return drive(driver, executor, orderly=GasearchError)
    except GasearchError:
        raise
    except BaseException as error:
        leave(error, comm.Abort)


def serve(comm: MPI.Comm) -> None:
    """Do what rank 0 sends until it sends the end; what came before the end and was not begun is dropped."""
    inbox: deque[bytes] = deque()
    pause = _SHORTEST_PAUSE
    while _END not in inbox:
        if inbox:
            _send(comm, _packed(call(inbox.popleft())))
            pause = _SHORTEST_PAUSE
        else:
            pause = _rest(pause)
        inbox.extend(message for _, message in _arrived(comm))
    _send(comm, _END)


class Dispatcher:
    """Rank 0's side: passes tasks of a queue to the other ranks, and their replies to the futures.

    Parameters
    ----------
    comm : MPI.Comm
    queue : TaskQueue
    ahead : int
        How many tasks may wait at a rank while it works.
    """

    def __init__(self, comm: MPI.Comm, queue: TaskQueue, ahead: int):
        self._comm = comm
        self._queue = queue
        self._futures: dict[int, deque[Future]] = {rank: deque() for rank in range(1, comm.size)}
        self._by_load: list[set[int]] = [set(self._futures), *(set() for _ in range(ahead + 1))]
        self._sends: list[MPI.Request] = []

    def run(self) -> None:
        """Dispatch until the queue is exhausted and all is replied to, or cancelled; then end the other ranks."""
        pause = _SHORTEST_PAUSE
        while not self._finished():
            pause = _SHORTEST_PAUSE if self._receive() + self._feed() else _rest(pause)
        for rank in self._futures:
            self._sends.append(_start_sending(self._comm, _END, rank))
        while self._futures or self._sends:
            pause = _SHORTEST_PAUSE if self._receive() else _rest(pause)

    def _finished(self) -> bool:
        return self._queue.exhausted and (self._queue.cancelled or not any(self._futures.values()))

    def _feed(self) -> int:
        """Send what there is to whoever has room; return how many tasks."""
        fed = 0
        while (load := self._least_load()) is not None and (task := self._queue.take()) is not None:
            rank = self._by_load[load].pop()
            self._by_load[load + 1].add(rank)
            self._futures[rank].append(task.future)
            self._sends.append(_start_sending(self._comm, task.payload, rank))
            fed += 1
        return fed

    def _least_load(self) -> int | None:
        """Return the load of the ranks that should get the next task; None if it should wait here.

        A rank that works gets one ahead only while there are plenty: behind a slow task no other rank can take it, and
        with the lag of a search all would soon wait.
        """
        load = next((load for load, ranks in enumerate(self._by_load[:-1]) if ranks), None)
        return None if load and len(self._queue) <= self._comm.size else load

    def _receive(self) -> int:
        """Deliver the replies that have come; return how many messages."""
        self._sends = [send for send in self._sends if not send.Test()]
        received = 0
        for rank, message in _arrived(self._comm):
            received += 1
            load = len(self._futures[rank])
            if message == _END:
                for future in self._futures.pop(rank):
                    future.set_exception(CancelledError())
            else:
                self._by_load[load].remove(rank)
                self._by_load[load - 1].add(rank)
                pickle.loads(message).deliver(self._futures[rank].popleft())
        return received


def _arrived(comm: MPI.Comm) -> Iterator[tuple[int, bytes]]:
    """Yield all messages that have come, with the rank that sent each."""
    from mpi4py import MPI

    status = MPI.Status()
    while (message := comm.improbe(status=status)) is not None:
        buffer = bytearray(status.Get_count(MPI.BYTE))
        message.Recv([buffer, MPI.BYTE])
        yield status.source, bytes(buffer)


def _start_sending(comm: MPI.Comm, data: bytes, rank: int) -> MPI.Request:
    from mpi4py import MPI

    return comm.Isend([data, MPI.BYTE], rank)


def _send(comm: MPI.Comm, data: bytes) -> None:
    """Send to rank 0 and wait until it has arrived: MPI makes no progress while the next task computes."""
    request = _start_sending(comm, data, 0)
    pause = _SHORTEST_PAUSE
    while not request.Test():
        pause = _rest(pause)


def _packed(reply: Reply) -> bytes:
    """Pickle a reply; where that cannot be done, pickle why not."""
    try:
        packed = pickle.dumps(reply, pickle.HIGHEST_PROTOCOL)
        if reply.error is not None:
            pickle.loads(packed)
        return packed
    except Exception:
        text = f"the reply of a task cannot be pickled: {traceback.format_exc()}"
        return pickle.dumps(Reply(error=RuntimeError(text)))


def _rest(pause: float) -> float:
    """Sleep, and return how long to sleep the next time."""
    time.sleep(pause)
    return min(2 * pause, _LONGEST_PAUSE)

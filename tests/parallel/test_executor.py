import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError, wait

import numpy as np
import pytest

from gasearch.errors import RunDirectoryError
from gasearch.parallel.executor import drive, run_on_all_ranks, serial_executor


def square(x):
    return x * x


def ratio(a, b):
    return a / b


def change(array):
    array[:] = 0
    return array


COMPANY = threading.Barrier(2)


def wait_for_company() -> bool:
    """Return only when two calls wait."""
    COMPANY.wait(timeout=10.0)
    return True


@pytest.fixture
def executor():
    with serial_executor() as executor:
        yield executor


def test_results_come_in_the_order_of_the_arguments(executor):
    assert list(executor.map(square, range(20))) == [x * x for x in range(20)]
    assert executor.submit(ratio, 1, b=4).result() == 0.25


def test_it_works_beside_the_driver(executor):
    assert executor.submit(threading.get_ident).result() != threading.get_ident()
    assert executor.submit(os.getpid).result() == os.getpid()
    assert executor.workers == 1


def test_an_exception_of_a_task_reaches_who_waits_with_its_traceback(executor):
    with pytest.raises(ZeroDivisionError) as caught:
        executor.submit(ratio, 1, 0).result()
    assert "return a / b" in caught.value.__notes__[0]
    assert executor.submit(square, 3).result() == 9


def test_even_an_exit_in_a_task_does_not_end_the_worker(executor):
    assert isinstance(executor.submit(sys.exit, 3).exception(), SystemExit)
    assert executor.submit(square, 3).result() == 9


def test_a_task_gets_copies(executor):
    array = np.ones(3)
    assert not executor.submit(change, array).result().any()
    assert array.all()


def test_what_cannot_be_pickled_is_refused_at_once(executor):
    with pytest.raises(AttributeError, match="local"):
        executor.submit(lambda: 0)


def test_a_waiting_task_can_be_cancelled(executor):
    first, second, third = executor.submit(time.sleep, 0.2), executor.submit(square, 2), executor.submit(square, 3)
    assert second.cancel()
    assert third.result() == 9 and first.done()
    with pytest.raises(CancelledError):
        second.result()


def test_shutdown_does_what_was_submitted_and_takes_no_more(executor):
    futures = [executor.submit(square, x) for x in range(20)]
    executor.shutdown()
    assert all(future.done() for future in futures)
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(square, 1)


def test_what_a_driver_did_not_wait_for_is_cancelled():
    def driver(executor):
        running = executor.submit(time.sleep, 0.2)
        futures.extend(executor.submit(square, x) for x in range(20))
        while not running.running():
            time.sleep(0.01)
        return executor.workers

    futures = []
    assert drive(driver, serial_executor(), orderly=Exception) == 1
    assert all(future.cancelled() for future in futures)


def test_a_user_s_error_passes_through():
    def driver(executor):
        raise RunDirectoryError("full")

    with pytest.raises(RunDirectoryError, match="full"):
        run_on_all_ranks(driver)


def test_threads_work_at_the_same_time():
    def driver(executor):
        first = executor.submit(wait_for_company)
        second = executor.submit(wait_for_company)
        return first.result(), second.result(), executor.workers, executor.description

    assert run_on_all_ranks(driver, threads=2) == (True, True, 2, "1 rank (no mpirun), 2 threads")


def test_one_rank_needs_no_mpi(monkeypatch):
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "1")
    monkeypatch.setenv("SLURM_NTASKS", "64")
    assert run_on_all_ranks(lambda executor: executor.description) == "1 rank (no mpirun)"


@pytest.mark.parametrize("rank", [0, 1])
def test_without_mpi4py_the_first_rank_works_alone_and_says_so(monkeypatch, rank):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", str(rank))
    description = run_on_all_ranks(lambda executor: executor.description)
    assert description is None if rank else description.startswith("1 rank (no MPI")


BROKEN_TAKER = """
from gasearch.parallel import executor
executor.call = None
with executor.serial_executor() as e:
    e.submit(print).result()
"""


def test_a_worker_that_breaks_ends_the_process():
    done = subprocess.run([sys.executable, "-c", BROKEN_TAKER], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "TypeError" in done.stderr


def test_a_bug_in_the_driver_passes_through_when_the_running_task_is_done():
    def driver(executor):
        futures.append(executor.submit(time.sleep, 0.2))
        while not futures[0].running():
            time.sleep(0.01)
        raise AssertionError("a bug")

    futures = []
    with pytest.raises(AssertionError, match="a bug"):
        run_on_all_ranks(driver)
    assert futures[0].done()


TERMINATED = """
import signal
import numpy as np
from gasearch.parallel.executor import run_on_all_ranks
def compute():
    a = np.ones((300, 300)) / 300
    while True:
        a = a @ a
def driver(executor):
    try:
        future = executor.submit(compute)
        print("waiting", flush=True)
        future.result()
    finally:
        print("closed", flush=True)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
run_on_all_ranks(driver)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_what_is_open_and_ends_at_once(number):
    process = subprocess.Popen(
        [sys.executable, "-c", TERMINATED], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(number)
        assert process.communicate(timeout=30)[0] == "closed\n"
        assert process.returncode == 128 + signal.SIGTERM
    finally:
        process.kill()


def test_futures_can_be_waited_for_together(executor):
    done, pending = wait([executor.submit(square, x) for x in range(5)])
    assert len(done) == 5 and not pending

"""The executor under a real mpirun."""

import pytest

HEAD = """
import os, sys, time
import numpy as np
from gasearch.errors import RunDirectoryError
from gasearch.parallel.executor import run_on_all_ranks

def rank():
    return int(os.environ["OMPI_COMM_WORLD_RANK"])

def draw(key, seconds=0.0):
    time.sleep(seconds)
    return np.random.default_rng(key).normal(size=3).tobytes().hex()

def doubled(array):
    return 2 * array

def visit(seconds):
    time.sleep(seconds)
    return rank(), time.process_time()

def fail(x):
    raise ValueError(f"no {x}")

class Stubborn(Exception):
    def __init__(self, a, b):
        super().__init__(a)

def fail_stubbornly():
    raise Stubborn(1, 2)

def break_worker():
    from gasearch.parallel import executor, mpi
    executor.call = mpi.call = None

def visit_all(executor, seconds=0.2):
    return [f.result() for f in [executor.submit(visit, seconds) for _ in range(executor.workers)]]
"""


@pytest.fixture
def printed(mpirun):
    """Run a driver on n ranks and return what it printed; the script must succeed."""

    def run(n, driver):
        done = mpirun(n, f"{HEAD}\n{driver}\nrun_on_all_ranks(driver)\n")
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def failed(mpirun):
    """Run a driver on n ranks and return the completed process; the script must fail, and not hang."""

    def run(n, driver):
        done = mpirun(n, f"{HEAD}\n{driver}\nrun_on_all_ranks(driver)\n")
        assert done.returncode != 0
        return done

    return run


def test_results_and_their_order_do_not_depend_on_the_number_of_ranks(printed):
    driver = """
def driver(executor):
    futures = [executor.submit(draw, key, 0.001 * (key * 7 % 5)) for key in range(60)]
    print([future.result() for future in futures])
"""
    outputs = {printed(n, driver) for n in (1, 2, 4)}
    assert len(outputs) == 1


def test_every_rank_works_the_first_one_too(printed):
    driver = """
def driver(executor):
    print(executor.description, sorted({rank for rank, _ in visit_all(executor)}))
"""
    assert printed(4, driver) == "4 ranks (MPI) [0, 1, 2, 3]\n"


def test_the_main_program_goes_on_everywhere(mpirun):
    done = mpirun(3, f"{HEAD}\nprint(run_on_all_ranks(lambda executor: executor.workers))")
    assert sorted(done.stdout.split()) == ["3", "None", "None"]


def test_exceptions_of_tasks_reach_the_driver_from_any_rank(printed):
    driver = """
def driver(executor):
    errors = [f.exception() for f in [executor.submit(fail, x) for x in range(9)]]
    assert all("in fail" in e.__notes__[0] for e in errors)
    print({(type(e).__name__, str(e)) for e in errors} == {("ValueError", f"no {x}") for x in range(9)})
    print(draw(1) == executor.submit(draw, 1).result())
"""
    assert printed(3, driver) == "True\nTrue\n"


def test_an_exception_that_cannot_be_pickled_is_told_as_text(printed):
    driver = """
def driver(executor):
    errors = [f.exception() for f in [executor.submit(fail_stubbornly) for _ in range(20)]]
    print({type(e).__name__ for e in errors} <= {"Stubborn", "RuntimeError"}, len(errors))
"""
    assert printed(3, driver) == "True 20\n"


def test_large_messages_pass_both_ways_at_once(printed):
    driver = """
def driver(executor):
    arrays = [np.full(2_500_000, float(i)) for i in range(9)]
    futures = [executor.submit(doubled, array) for array in arrays]
    print(all((f.result() == 2 * a).all() for f, a in zip(futures, arrays)))
"""
    assert printed(3, driver) == "True\n"


def test_waiting_ranks_sleep(printed):
    driver = """
def driver(executor):
    before = dict(visit_all(executor))
    time.sleep(2.0)
    after = dict(visit_all(executor))
    print(max(after[rank] - before[rank] for rank in before))
"""
    assert float(printed(3, driver)) < 0.5


def test_what_the_driver_did_not_wait_for_is_dropped(printed):
    driver = """
def driver(executor):
    visit_all(executor)
    for _ in range(1000):
        executor.submit(visit, 1.0)
    print("enough")
"""
    assert printed(2, driver) == "enough\n"


def test_shutdown_by_the_driver_finishes_what_was_submitted(printed):
    driver = """
def driver(executor):
    futures = [executor.submit(draw, key, 0.01) for key in range(40)]
    executor.shutdown()
    print(all(f.done() for f in futures))
"""
    assert printed(3, driver) == "True\n"


def test_a_user_s_error_ends_all_ranks_in_order(failed):
    driver = """
def driver(executor):
    visit_all(executor)
    raise RunDirectoryError("the disk is full")
"""
    done = failed(2, driver)
    assert "the disk is full" in done.stderr and "MPI_ABORT" not in done.stderr


def test_a_bug_in_the_driver_ends_all_ranks(failed):
    done = failed(3, "def driver(executor):\n    executor.submit(visit, 100.0)\n    1 / 0")
    assert "ZeroDivisionError" in done.stderr


@pytest.mark.parametrize("before", ["executor.submit(visit, 0.3)", "visit_all(executor)"])
def test_a_bug_in_any_rank_ends_all_ranks(failed, before):
    driver = f"""
def driver(executor):
    {before}
    executor.submit(break_worker)
    while True:
        visit_all(executor)
"""
    assert "'NoneType' object is not callable" in failed(2, driver).stderr


def test_a_killed_rank_ends_all_ranks(failed):
    driver = """
def kill_rank_1():
    if rank() == 1:
        os.kill(os.getpid(), 9)
    time.sleep(100.0)

def driver(executor):
    [f.result() for f in [executor.submit(kill_rank_1) for _ in range(executor.workers)]]
"""
    failed(2, driver)


def test_sigterm_closes_what_is_open(failed, tmp_path):
    driver = f"""
import signal
def driver(executor):
    try:
        executor.submit(visit, 100.0)
        executor.submit(visit, 100.0)
        signal.raise_signal(signal.SIGTERM)
    finally:
        open({str(tmp_path / "closed")!r}, "w").close()
"""
    done = failed(2, driver)
    assert (tmp_path / "closed").exists() and "Traceback" not in done.stderr


def test_one_rank_alone_may_call_ase(printed, tmp_path):
    driver = f"""
from pathlib import Path
def driver(executor):
    import ase.build, ase.io
    from gasearch.evolution.candidate import Outcome
    from gasearch.outcomes import Failure, Reason
    from gasearch.workflow.record.archive_store import ArchiveMetadata, open_archive
    visit_all(executor)
    assert "mpi4py" in sys.modules
    store = open_archive(Path({str(tmp_path)!r}) / "archive.db", ArchiveMetadata("0", 0.0, (1,)))
    store.append([Outcome(0, "random", (), None, Failure(Reason.NOT_BUILT))])
    ase.io.write({str(tmp_path)!r} + "/cu.cif", ase.build.bulk("Cu"), parallel=False)
    print(len(store.outcomes()), len(ase.io.read({str(tmp_path)!r} + "/cu.cif", parallel=False)))
"""
    assert printed(2, driver) == "1 1\n"

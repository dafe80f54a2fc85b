"""Where tasks that wait for other programs are done: on the ranks of MPI, in threads, or as jobs of a cluster."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from gasearch.errors import GasearchError
from gasearch.files import writing_to
from gasearch.parallel.cluster import cluster_executor, jobs_left
from gasearch.parallel.executor import QueueExecutor, drive, serial_executor
from gasearch.parallel.settings import ClusterSettings

T = TypeVar("T")

#: Name of the folder, beside results, of the jobs of a cluster.
JOBS: Final = "jobs"


def drive_programs(
    driver: Callable[[QueueExecutor], T],
    executor: QueueExecutor,
    threads: int,
    cluster: ClusterSettings | None = None,
    jobs: Path | None = None,
) -> T:
    """Call a driver whose tasks wait for other programs.

    An error is not kept back until programs that run have ended, which may take hours: they die with this process, and
    what they have finished is kept. Other ranks finish theirs; that they are waited for is logged. Jobs of a cluster
    run on, and are found again.

    Parameters
    ----------
    driver : callable
        Gets the executor.
    executor : QueueExecutor
        Does the tasks if it has more than one rank.
    threads : int
        Programs at a time where there are no other ranks.
    cluster : ClusterSettings or None
        The tasks are jobs of this cluster instead.
    jobs : Path or None
        Folder of these jobs.
    """
    if cluster is not None and jobs is not None:
        return drive(driver, cluster_executor(cluster, jobs), orderly=())
    if executor.workers > 1:
        return _on_ranks(driver, executor)
    return drive(driver, serial_executor(threads=threads), orderly=())


def _on_ranks(driver: Callable[[QueueExecutor], T], executor: QueueExecutor) -> T:
    try:
        return driver(executor)
    except GasearchError as error:
        message = "%s (now programs that run on other ranks are waited for; end this if you like, nothing is lost)"
        logging.getLogger(__name__).error(message, error)
        raise


def prepare_scratch(scratch: Path, jobs: Path) -> None:
    """Make a folder for programs to work in, empty unless ``jobs`` holds some that may still compute there."""
    with writing_to(scratch.parent):
        if not jobs_left(jobs):
            shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True, exist_ok=True)

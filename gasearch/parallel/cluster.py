"""Tasks as jobs of Slurm; the only importer of submitit.

A job reads a pickled call from a folder that all nodes see, and leaves the reply there. It outlives the program that
submitted it: beside each job lies a file, named after its call, that leads whoever makes the same call to it.
"""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import threading
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gasearch.errors import CalculationError, MissingProgramError
from gasearch.files import replace_text, writing_to
from gasearch.parallel.executor import QueueExecutor, Reply, TaskQueue, call
from gasearch.parallel.settings import ClusterSettings

if TYPE_CHECKING:
    from submitit import SlurmExecutor, SlurmJob

#: Without them jobs cannot be submitted, or nothing is learned of those that died.
_PROGRAMS: Final = ("sbatch", "sacct", "srun")
#: How often it is asked whether a reply is there, s; Slurm itself is asked much more seldom (see submitit).
_POLL: Final = 2.0
#: Ends of a job that are not its own fault: it is submitted again, and goes on from what its programs have finished.
_CUT_SHORT: Final = ("TIMEOUT", "NODE_FAIL", "BOOT_FAIL", "PREEMPTED")
#: How often a task is submitted at most.
_SUBMISSIONS: Final = 4
#: How much of what a dead job said is told.
_TAIL: Final = 1500


def cluster_executor(settings: ClusterSettings, folder: Path) -> QueueExecutor:
    """Return an executor whose tasks are jobs of Slurm, kept in a folder that all nodes see.

    Raises
    ------
    MissingProgramError
        If Slurm's programs or submitit are missing.
    """
    jobs = Jobs(settings, folder)
    queue = TaskQueue()
    description = f"jobs of Slurm, {settings.jobs} at a time"
    return QueueExecutor(queue, (partial(_take, queue, jobs),) * settings.jobs, settings.jobs, description, os._exit)


def jobs_left(folder: Path) -> bool:
    """Return whether jobs whose replies nobody has fetched are kept in a folder; they may still compute."""
    return any(folder.glob("*.job"))


def _take(queue: TaskQueue, jobs: Jobs) -> None:
    while (task := queue.next()) is not None:
        jobs.reply(task.payload).deliver(task.future)


class Jobs:
    """Submits calls as jobs and fetches their replies, from several threads.

    Parameters
    ----------
    settings : ClusterSettings
    folder : Path
        Of calls, replies and what the jobs print.
    """

    def __init__(self, settings: ClusterSettings, folder: Path):
        self._folder = folder.resolve()
        self._executor = _submitit_executor(settings, self._folder)
        # Neither submitting nor asking Slurm is safe in several threads.
        self._lock = threading.Lock()

    def reply(self, payload: bytes) -> Reply:
        """Wait for the reply of a pickled call, be it of a job that another program submitted."""
        # Another version may do something else when it is called in the same way.
        name = hashlib.sha256(version("gasearch").encode() + payload).hexdigest()[:20]
        mark, told = self._folder / f"{name}.job", ""
        for _ in range(_SUBMISSIONS):
            try:
                job = self._job(payload, mark)
            except Exception as error:
                return Reply(error=CalculationError(f"Slurm takes no job: {error}; see the settings of the cluster"))
            self._wait(job)
            mark.unlink(missing_ok=True)
            if job.paths.result_pickle.exists():
                return self._fetched(job)
            told = f"job {job.job_id} ended as {job.state}: {_end_of(job)}"
            if job.state not in _CUT_SHORT:
                break
        return Reply(error=CalculationError(f"{told}; what was finished is kept, and the same command goes on with it"))

    def _job(self, payload: bytes, mark: Path) -> SlurmJob:
        from submitit import SlurmJob

        with self._lock:
            if mark.exists():
                job = SlurmJob(self._folder, mark.read_text())
                # Slurm forgets jobs, some day.
                if job.paths.result_pickle.exists() or job.get_info():
                    return job
            job = self._executor.submit(call, payload)
            replace_text(mark, job.job_id)
            return job

    def _wait(self, job: SlurmJob) -> None:
        while True:
            with self._lock:
                if job.done():
                    return
            time.sleep(_POLL)

    def _fetched(self, job: SlurmJob) -> Reply:
        try:
            reply = job.result()
        except Exception as error:
            return Reply(error=CalculationError(f"job {job.job_id} could not do its work: {str(error)[-_TAIL:]}"))
        # submitit leaves a link from where the script was to where it is.
        scripts = (
            path for path in self._folder.glob(".submission_file_*") if path.resolve().name.startswith(job.job_id)
        )
        for path in [*scripts, *self._folder.glob(f"{job.job_id}_*")]:
            path.unlink(missing_ok=True)
        return reply


def _submitit_executor(settings: ClusterSettings, folder: Path) -> SlurmExecutor:
    try:
        from submitit import SlurmExecutor
    except ImportError as error:
        raise MissingProgramError("jobs of Slurm need submitit: pip install 'gasearch[cluster]'") from error
    if missing := [name for name in _PROGRAMS if shutil.which(name) is None]:
        raise MissingProgramError(f"{', '.join(missing)} not on the PATH: is this a node of a cluster with Slurm?")
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
    executor = SlurmExecutor(folder)
    executor.update_parameters(**_parameters(settings))
    return executor


def _parameters(settings: ClusterSettings) -> dict[str, Any]:
    """Return what submitit writes into the script of a job.

    The job is one process of ours, which starts programs on all ranks: srun must not start it once a rank.
    """
    return {
        "job_name": "gasearch",
        "time": math.ceil(settings.wall_time / 60),
        "setup": list(settings.setup),
        "use_srun": False,
        "additional_parameters": {"nodes": settings.nodes, "ntasks": settings.ranks, **settings.options},
    } | ({"partition": settings.partition} if settings.partition else {})


def _end_of(job: SlurmJob) -> str:
    said = "".join(path.read_text(errors="replace") for path in (job.paths.stdout, job.paths.stderr) if path.exists())
    return said[-_TAIL:].strip() or "it said nothing"

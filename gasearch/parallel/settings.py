"""What a cluster's scheduler is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gasearch.schema import setting

#: Share of a job's time that one program may take, so that its record is kept before the scheduler ends the job.
_SHARE = 0.9


@dataclass(frozen=True)
class ClusterSettings:
    """Where calculations by DFT run as jobs of Slurm, and what each job asks for.

    Parameters
    ----------
    partition : str or None
        Queue of the jobs; None for the cluster's default.
    nodes : int
        Nodes of a job.
    ranks : int
        MPI ranks of a job, on all its nodes.
    wall_time : float
        How long a job may run. One that needs longer is submitted again, and goes on from what it has finished.
    jobs : int
        Jobs at the same time, waiting ones included.
    options : mapping
        More options of sbatch, without dashes: {account: physics, mem: 16G}.
    setup : tuple of str
        Lines of shell that each job begins with, such as module load quantum-espresso.
    """

    partition: str | None = None
    nodes: int = setting(1, at_least=1)
    ranks: int = setting(1, at_least=1)
    wall_time: float = setting(24 * 3600.0, at_least=60, unit="s")
    jobs: int = setting(16, at_least=1, at_most=1000)
    options: Mapping[str, str] = field(default_factory=dict)
    setup: tuple[str, ...] = ()

    def launch(self, own: tuple[str, ...]) -> tuple[str, ...]:
        """Return what starts a program on all ranks of a job: a user's ``own`` launcher, or srun for several ranks."""
        return own or (("srun", "-n", str(self.ranks)) if self.ranks > 1 else ())

    def timeout(self, own: float) -> float:
        """Return the wall-clock limit of one program, s: a user's ``own``, or less where the job ends before."""
        return min(own, _SHARE * self.wall_time)

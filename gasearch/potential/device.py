"""Where a process evaluates its model: on a processor, or on one of the GPUs of its node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Device = Literal["auto", "cpu", "cuda"]

#: How launchers tell a process its place among those of its node.
_LOCAL_RANKS: Final = (
    "OMPI_COMM_WORLD_LOCAL_RANK",
    "MPI_LOCALRANKID",
    "MV2_COMM_WORLD_LOCAL_RANK",
    "SLURM_LOCALID",
)


def device_name(asked: Device, gpus: int, environment: Mapping[str, str]) -> str:
    """Return torch's name of the device: ranks of one node take its GPUs in turn.

    Parameters
    ----------
    asked : str
        ``auto`` takes a GPU where there is one.
    gpus : int
        How many the process sees.
    environment : mapping
        In which launchers tell a process its place.
    """
    if asked == "cpu" or (asked == "auto" and not gpus):
        return "cpu"
    place = next((int(environment[name]) for name in _LOCAL_RANKS if name in environment), 0)
    return f"cuda:{place % max(gpus, 1)}"

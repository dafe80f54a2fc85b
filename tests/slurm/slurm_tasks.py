"""Calls that jobs of the tests make."""

import os
import time
from pathlib import Path


def die_at_first(folder: str, state: str) -> str:
    """Be ended by Slurm when called for the first time; what a job has kept tells the second one."""
    kept = Path(folder, "kept")
    if kept.exists():
        return "went on"
    kept.write_text("")
    Path(os.environ["SLURM_STAND_IN"], f"{os.environ['SLURM_JOB_ID']}.state").write_text(state)
    print("this is the end", flush=True)
    os._exit(1)


def slow(seconds: float) -> str:
    """Return which job it was, after a while."""
    time.sleep(seconds)
    return os.environ["SLURM_JOB_ID"]

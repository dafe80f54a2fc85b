import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def mpi_environment():
    """The environment in which mpirun takes any number of ranks from anyone; skips where there is no mpirun."""
    if shutil.which("mpirun") is None or find_spec("mpi4py") is None:
        pytest.skip("there is no mpirun, or no mpi4py")
    return os.environ | {
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "OMP_NUM_THREADS": "1",
    }


@pytest.fixture(scope="session")
def command():
    """The search of a folder's input on some ranks, or with 0 without mpirun: ``command(ranks, folder, name)``."""

    def build(ranks: int, folder: Path, name: str) -> list[str]:
        launcher = ["mpirun", "-n", str(ranks)] if ranks else []
        program = [sys.executable, "-c", "from gasearch.cli import entry; entry()"]
        return [*launcher, *program, "run", str(folder / "input.yaml"), "--run-dir", str(folder / name)]

    return build


@pytest.fixture
def mpirun(tmp_path, mpi_environment):
    """Run a Python script on n ranks: ``mpirun(n, script, *arguments)`` returns the completed process."""
    environment = mpi_environment | {"PYTHONPATH": str(tmp_path)}

    def run(n, script, *arguments, timeout=60):
        (tmp_path / "script.py").write_text(script)
        command = ["mpirun", "-n", str(n), sys.executable, str(tmp_path / "script.py"), *map(str, arguments)]
        return subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=timeout)

    return run

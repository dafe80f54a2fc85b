import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gasearch.parallel.process import TimeLimitError, clean_environment, run_command


def test_environment_loses_what_mpirun_put_there_and_nothing_else():
    found = clean_environment(
        {"OMPI_COMM_WORLD_RANK": "1", "PMIX_RANK": "1", "PRTE_X": "", "PMI_RANK": "0", "HOME": "/h"}
        | {"OMPI_MCA_orte_hnp_uri": "u", "OMPI_MCA_ess": "pmi", "OMPI_UNIVERSE_SIZE": "2"}
        | {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_MCA_btl": "self,tcp", "OMPI_MCA_rmaps_base_oversubscribe": "1"}
    )
    assert found == {
        "HOME": "/h",
        "OMP_NUM_THREADS": "1",
        "OMPI_MCA_ess_singleton_isolated": "1",
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_MCA_btl": "self,tcp",
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
    }


def test_a_command_runs_in_its_folder_and_what_it_prints_comes_back(tmp_path):
    assert run_command(["sh", "-c", "pwd; echo complaint >&2"], tmp_path).split() == [str(tmp_path), "complaint"]


def test_what_was_printed_before_the_time_limit_is_not_lost(tmp_path):
    with pytest.raises(TimeLimitError) as caught:
        run_command(["sh", "-c", "echo half; sleep 60"], tmp_path, 0.5)
    assert caught.value.printed == "half\n"


@pytest.fixture
def sleeper(tmp_path) -> Path:
    """A program that writes its process id into a file and sleeps."""
    program = tmp_path / "sleeper"
    program.write_text("#!/bin/sh\necho $$ > pid\nexec sleep 60\n")
    program.chmod(0o755)
    return program


def ends(pid: int) -> bool:
    """Whether a process ends within some seconds."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="there is no /proc")
def test_the_ranks_of_a_launcher_end_with_it_at_the_time_limit(sleeper, tmp_path):
    with pytest.raises(TimeLimitError):
        run_command(["sh", "-c", '"$@"; true', "launcher", str(sleeper)], tmp_path, 0.5)
    assert ends(int((tmp_path / "pid").read_text()))


_PARENT = """
import sys
from pathlib import Path
from gasearch.parallel.process import run_command
run_command([sys.argv[1]], Path(sys.argv[1]).parent, 60.0)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it is Linux that kills it")
@pytest.mark.parametrize("old", [False, True], ids=["setpriv", "a setpriv that is too old"])
def test_a_program_dies_with_a_parent_that_is_killed(sleeper, tmp_path, monkeypatch, old: bool):
    if old:
        stand_in = tmp_path / "old" / "setpriv"
        stand_in.parent.mkdir()
        stand_in.write_text("#!/bin/sh\necho \"setpriv: unrecognized option '--pdeathsig'\" >&2\nexit 1\n")
        stand_in.chmod(0o755)
        monkeypatch.setenv("PATH", f"{stand_in.parent}:{os.environ['PATH']}")
    with subprocess.Popen([sys.executable, "-c", _PARENT, str(sleeper)]) as parent:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.05)
        parent.kill()
    assert ends(int((tmp_path / "pid").read_text()))

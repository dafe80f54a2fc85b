import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gasearch.errors import InputError, RunDirectoryError
from gasearch.workflow.record.run_directory import existing_run, open_run

INPUT = "search:\n  lag: 16\n  seed: 1\n"


def test_a_run_is_created_and_resumed(tmp_path):
    path = tmp_path / "runs" / "h-s"
    with open_run(path, INPUT) as run:
        run.log.write_text("first\n")
    with open_run(path, INPUT) as run:
        assert run.log.read_text() == "first\n"
    assert existing_run(path).input.read_text() == INPUT


def test_another_input_is_refused_and_what_differs_is_said(tmp_path):
    with open_run(tmp_path, INPUT):
        pass
    expected = r"another input.*\n  -  lag: 16\n  \+  lag: 32\n.*choose another directory"
    with pytest.raises(RunDirectoryError, match=expected), open_run(tmp_path, INPUT.replace("16", "32")):
        pass
    assert existing_run(tmp_path).input.read_text() == INPUT


def test_what_may_change_is_taken_from_the_new_input(tmp_path):
    with open_run(tmp_path, INPUT):
        pass
    longer = INPUT.replace("16", "32")
    with open_run(tmp_path, longer, may_change=("lag",)):
        pass
    assert existing_run(tmp_path).input.read_text() == longer
    with (
        pytest.raises(RunDirectoryError, match="another input"),
        open_run(tmp_path, longer.replace("seed: 1", "seed: 2"), may_change=("lag",)),
    ):
        pass


def test_an_archive_without_its_input_is_not_taken_for_a_new_run(tmp_path):
    (tmp_path / "archive.db").touch()
    with pytest.raises(RunDirectoryError, match=r"no input\.yaml"), open_run(tmp_path, INPUT):
        pass


def test_a_folder_without_a_run_is_none(tmp_path):
    with pytest.raises(RunDirectoryError, match="holds no run"):
        existing_run(tmp_path)


HOLDER = """
import sys, time
from pathlib import Path
from gasearch.workflow.record.run_directory import open_run
with open_run(Path(sys.argv[1]), sys.argv[2]):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_one_run_at_a_time_and_a_killed_one_leaves_no_lock(tmp_path):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, tmp_path, INPUT], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "locked\n"
    expected = f"in use by process {holder.pid} on "
    with pytest.raises(RunDirectoryError, match=expected), open_run(tmp_path, INPUT, patience=0.2):
        pass
    existing_run(tmp_path)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with open_run(tmp_path, INPUT, patience=0.2):
        pass


def test_a_place_that_is_no_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunDirectoryError, match="cannot write"), open_run(tmp_path / "file" / "run", INPUT):
        pass


def test_a_setting_that_is_new_in_this_version_does_not_make_another_input(tmp_path):
    """What there was no word for then has today's default."""
    with open_run(tmp_path, INPUT):
        pass
    newer = INPUT + "novelty: 1\n"
    with open_run(tmp_path, newer, renewed=lambda path: path.read_text() + "novelty: 1\n") as run:
        assert run.input.read_text() == newer
    with (
        pytest.raises(RunDirectoryError, match=r"\+novelty: 2"),
        open_run(tmp_path, INPUT + "novelty: 2\n", renewed=Path.read_text),
    ):
        pass


def test_an_input_that_this_version_cannot_read_is_said_to_be_that(tmp_path):
    def unreadable(path: Path) -> str:
        raise InputError("oldness: unknown key")

    with open_run(tmp_path, INPUT):
        pass
    expected = "another version of gasearch.*oldness: unknown key"
    with pytest.raises(RunDirectoryError, match=expected), open_run(tmp_path, INPUT + "a: 1\n", renewed=unreadable):
        pass


def test_a_run_is_not_begun_where_a_series_is(tmp_path):
    (tmp_path / "series.json").write_text("{}")
    with pytest.raises(RunDirectoryError, match="holds a series of runs"), open_run(tmp_path, INPUT):
        pass

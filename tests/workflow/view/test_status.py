import io
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from gasearch.cli import main
from gasearch.cli.watch import _picture, follow
from gasearch.errors import RunDirectoryError
from gasearch.files import replace_text
from gasearch.workflow.series.directory import FORMAT, SeriesDirectory
from gasearch.workflow.view.status import status_document, status_lines

SUMMARY = {
    "finished": None,
    "candidates": 60,
    "relaxations": 50,
    "individuals": 20,
    "doubtful": 1,
    "duplicates": 9,
    "failures": {"not_built": 2, "collapsed": 1},
    "hull_deficit": [{}, {}],
    "elapsed_s": 10.0,
    "resumed_from": 20,
    "ranks": 2,
    "limit": 100,
}
HULL = {
    "phases": [
        {"formula": "S", "space_group": "R-3m", "on_hull": True, "shares": [0.0, 1.0]},
        {"formula": "H", "space_group": "Cmce", "on_hull": True, "shares": [1.0, 0.0]},
        {"formula": "H3S", "space_group": "R3m", "on_hull": False, "shares": [0.75, 0.25]},
    ]
}
HOLD = """
import sys
from pathlib import Path
from gasearch.folder import locked
with locked(Path(sys.argv[1]) / "lock"):
    print(flush=True)
    input()
"""


def write(path: Path, **values) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    (path / "input.yaml").write_text("endpoints: [H, S]\n")
    replace_text(path / "summary.json", json.dumps(SUMMARY | values))
    replace_text(path / "hull.json", json.dumps(HULL))
    return path


@pytest.fixture
def held():
    """Locks directories, as a run does: ``held(path)``; ``release()`` ends it, and at the latest the test."""
    processes: list[subprocess.Popen] = []

    def hold(path: Path):
        process = subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        process.stdout.readline()
        processes.append(process)
        return lambda: process.communicate(b"\n")

    yield hold
    for process in processes:
        with process:
            if process.poll() is None:
                process.communicate(b"\n")


def test_of_a_running_run_rate_and_time_left_are_told(tmp_path: Path, held):
    path = write(tmp_path / "run")
    held(path)
    document = status_document(path)
    assert (document["rate_per_s"], document["left_s"]) == (4.0, 10.0)
    lines = list(status_lines(document))
    assert "candidates   60 of 100, of which 50 were relaxed" in lines
    assert "rate         4.00 candidates/s on 2 ranks; 10 s left at most" in lines
    assert "failures     2 not built, 1 collapsed" in lines
    assert lines[-1] == "hull         H S"


def test_of_a_run_that_does_not_run_no_rate_is_told(tmp_path: Path):
    document = status_document(write(tmp_path / "run"))
    assert document["rate_per_s"] is None and document["left_s"] is None
    assert not any(line.startswith("rate") for line in status_lines(document))


def test_status_is_told_to_programs(tmp_path: Path, capsys):
    path = write(tmp_path / "run", finished="all 100 candidates were tried")
    assert main(["status", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == status_document(path)


def test_what_follows_without_a_terminal_gets_lines_until_the_run_ends(tmp_path: Path, held, capsys):
    path = write(tmp_path / "run")
    release = held(path)

    def go_on() -> None:
        write(path, candidates=80)
        while "80 of 100" not in told.getvalue():
            time.sleep(0.01)
        write(path, candidates=100, finished="all 100 candidates were tried")
        release()

    told = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gasearch.cli.watch.say", lambda text: told.write(text + "\n"))
        thread = threading.Thread(target=go_on)
        thread.start()
        follow(path, Console(file=io.StringIO()), interval=0.02)
        thread.join()
    states = re.findall(r"^state +(.*)", told.getvalue(), re.M)
    assert states[0] == "running" and states[-1] == "all 100 candidates were tried"
    assert "\x1b" not in told.getvalue()


def test_no_color_is_respected(tmp_path: Path, monkeypatch):
    path, colour = write(tmp_path / "run", finished="done"), re.compile(r"\x1b\[[0-9;]*3[0-9]m|\x1b\[9[0-9]m")

    def shown() -> str:
        output = io.StringIO()
        follow(path, Console(file=output, force_terminal=True, width=100, _environ={"TERM": "xterm", **environment}))
        return output.getvalue()

    environment = {}
    assert colour.search(shown())
    environment = {"NO_COLOR": "1"}
    text = shown()
    assert not colour.search(text)
    assert "done" in text and "H3S" not in text and "Cmce" in text


def test_of_a_series_each_run_is_told(tmp_path: Path, held, capsys):
    series = SeriesDirectory(tmp_path / "series")
    write(series.path / "1GPa", finished="all 100 candidates were tried")
    write(series.path / "2GPa")
    about = {"problem": None, "input_sha256": None, "endpoints": ["H", "S"], "candidates": None}
    states = {"1GPa": "done", "2GPa": "waiting", "3GPa": "waiting", "4GPa": "failed"}
    rows = [about | {"run": run, "state": state, "pressure_GPa": 1.0} for run, state in states.items()]
    rows[3]["problem"] = "no potential:\nmake one"
    series.write({"format": FORMAT, "models": [], "runs": rows})
    held(series.path)
    held(series.path / "2GPa")
    assert main(["status", str(series.path)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "1 of 4 runs done, running",
        "1GPa  done: 60 of 100; H S",
        "2GPa  running: 60 of 100; H S",
        "3GPa  waiting",
        "4GPa  failed: no potential:",
    ]
    output = io.StringIO()
    console = Console(file=output, force_terminal=True, width=100)
    console.print(_picture(status_document(series.path)))
    assert "4GPa" in output.getvalue() and "no potential" in output.getvalue()


def test_a_live_report_is_written_until_the_run_ends(tmp_path: Path, held, capsys, monkeypatch):
    path, written = write(tmp_path / "run"), []
    release = held(path)

    def page(paths: list[Path], file: Path, refresh_s: float | None = None) -> Path:
        written.append(refresh_s)
        if len(written) == 1:
            raise RunDirectoryError("no hull yet")
        write(path, candidates=60 + len(written))
        if len(written) == 4:
            release()
        return file

    monkeypatch.setattr("gasearch.cli.watch._written", page)
    monkeypatch.setattr("gasearch.cli.watch._INTERVAL", 0.02)
    threading.Timer(0.2, lambda: write(path, candidates=61)).start()
    assert main(["report", str(path), "--live"]) == 0
    assert written[:4] == [5, 5, 5, 5] and written[-1] is None
    told = capsys.readouterr().out.splitlines()
    assert told == [f"{path / 'report.html'} follows the run; open it in a browser", str(path / "report.html")]

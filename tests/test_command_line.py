"""What every subcommand has in common: help, loudness, exit codes, completion, a line that shows that it is alive."""

import io
import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from argparse import ArgumentParser
from pathlib import Path

import pytest

from gasearch.cli import main, voice
from gasearch.cli.program import _parser
from gasearch.errors import GasearchError, InputError


def leaves(parser: ArgumentParser, words: tuple[str, ...] = ()) -> dict[tuple[str, ...], ArgumentParser]:
    """Every subcommand that does something, by its words."""
    below = [a.choices for a in parser._actions if isinstance(a.choices, dict)]
    if not below:
        return {words: parser}
    return {k: v for name, child in below[0].items() for k, v in leaves(child, (*words, name)).items()}


COMMANDS = leaves(_parser())
#: What each needs besides a path, to be complete.
NEEDED = {
    ("init",): ["H", "--pressure", "1", "--output", "/nonexistent/x.yaml"],
    ("diagram",): ["--from", "1", "--to", "2"],
    ("export",): ["--to", "candidates"],
    ("potential", "validate"): ["--structures", "/nonexistent.extxyz"],
    ("tc", "alpha2f"): ["--format", "columns", "--unit", "THz"],
    ("barrier",): ["/nonexistent.cif", "--potential", "/nonexistent"],
    ("amorphous",): ["--formula", "H3S"],
    ("screen", "magnetism"): ["--pressures", "0", "10"],
    ("tc", "collect"): ["--to", "/nonexistent/spectra"],
    ("tc", "train"): ["--model", "hydrides", "--output", "model"],
    ("tc", "rank"): ["--model", "/nonexistent"],
}
#: Those that take no path that could be wrong.
PATHLESS = {("completion",), *(words for words in COMMANDS if words[0] == "figure")}


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_help_is_short_with_an_example_and_exit_codes(words: tuple[str, ...], capsys):
    with pytest.raises(SystemExit) as left:
        main([*words, "--help"])
    text = capsys.readouterr().out
    assert left.value.code == 0
    assert "examples:\n  " in text
    assert f"gasearch {' '.join(words)}" in text.partition("examples:")[2] or words == ("tc", "run")
    assert "130 Interrupted." in text
    assert len(text.splitlines()) < 60


@pytest.mark.parametrize("group", ["potential", "tc", "figure"])
def test_groups_have_an_example_too(group: str, capsys):
    with pytest.raises(SystemExit):
        main([group, "--help"])
    assert "examples:\n  " in capsys.readouterr().out


@pytest.mark.parametrize("words", sorted(set(COMMANDS) - PATHLESS), ids=" ".join)
@pytest.mark.parametrize("wrong", ["nothing", "a folder", "nonsense"])
def test_a_wrong_path_is_said_without_a_traceback(words: tuple[str, ...], wrong: str, tmp_path: Path, capsys):
    path = tmp_path / "thing"
    if wrong == "a folder":
        path.mkdir()
    elif wrong == "nonsense":
        path.write_bytes(b"\x80\x04 nonsense \xff\n")
    given = [] if words == ("init",) else [str(path)]
    code = main([*words, *given, *NEEDED.get(words, [])])
    assert code in {kind.exit_code for kind in GasearchError.__subclasses__()}
    err = capsys.readouterr().err
    assert err.startswith("gasearch: ")
    assert "Traceback" not in err


@pytest.fixture
def input_file(tmp_path: Path) -> Path:
    path = tmp_path / "argon.yaml"
    path.write_text("endpoints: [Ar]\npressure_GPa: 1\npotential: {kind: mace, path: none}\n")
    return path


def test_verbose_shows_where_an_error_comes_from(input_file: Path, capsys):
    assert main(["check", str(input_file), "--verbose"]) == InputError.exit_code
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert err.splitlines()[-1].startswith("gasearch: potential.path: there is no file or folder")


def test_progress_is_said_aloud_quietly_or_with_the_time(tmp_path: Path, capsys):
    for options, shown in (([], r"wrote .*"), (["-q"], ""), (["-v"], r" +\d\.\d s  wrote .*")):
        path = tmp_path / f"{len(options)}{shown[:2].strip()}.yaml"
        assert main(["init", "H", "--pressure", "1", "-o", str(path), *options]) == 0
        assert re.fullmatch(shown, capsys.readouterr().out.strip("\n"))
    with pytest.raises(SystemExit):
        main(["init", "H", "--pressure", "1", "-q", "-v"])


def test_with_json_progress_does_not_mix_with_it(tmp_path: Path, capsys):
    table = tmp_path / "table.csv"
    named = [(i, formula) for i in range(40) for formula in ("H3S", "LaH10", "CaH6")]
    rows = [f"{i},{100 + i},{formula},{10 + i % 7},{'train' if i % 4 else 'test'}" for i, formula in named]
    table.write_text("source_id,pressure_GPa,formula,tc_K,split\n" + "\n".join(rows) + "\n")
    command = ["tc", "train", str(table), "--model", "hydrides", "--output", str(tmp_path / "m"), "--trees", "2"]
    assert main([*command, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)
    assert "rows" in err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_are_told_every_command(shell: str, capsys):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for words in COMMANDS:
        assert words[-1] in script
    assert "--window" in script or "window" in script


def test_bash_completes_what_is_typed(tmp_path: Path):
    script = tmp_path / "gasearch"
    completion = [sys.executable, "-m", "gasearch", "completion", "bash"]
    script.write_text(subprocess.run(completion, capture_output=True, text=True, check=True).stdout)
    ask = f"""
source {script}
COMP_WORDS=(gasearch hull --wr); COMP_CWORD=2
$(complete -p gasearch | sed 's/.*-F \\([^ ]*\\).*/\\1/') gasearch --wr hull
echo "${{COMPREPLY[@]}}"
"""
    answer = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["--write"]


def test_a_line_shows_that_a_command_is_alive_and_leaves_no_trace(monkeypatch):
    monkeypatch.setattr(voice, "_PATIENCE", 0.0)
    monkeypatch.setattr(voice, "_INTERVAL", 0.001)
    terminal, output = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stdout", output)
    with voice.waiting_line(terminal):
        while "0:00" not in terminal.getvalue():
            time.sleep(0.001)
        print("a result")
    assert output.getvalue() == "a result\n"
    assert terminal.getvalue().endswith("\r\x1b[K")
    assert sys.stdout is output


@pytest.mark.parametrize(
    ("said", "drawn"),
    [
        ("40/160 candidates, 38 relaxations", "[#######                       ] 40/160"),
        ("  8/8: q = (1/2 0 0)", "[##############################] 8/8"),
        ("labels: 3/90, 0 failed", "[#                             ] 3/90"),
        ("runs/1/2/hull.png P6_3/mmc 5/0 7/2", "0:00"),
    ],
)
def test_the_line_shows_how_far_the_last_one_said(said: str, drawn: str, monkeypatch):
    monkeypatch.setattr(voice, "_PATIENCE", 0.0)
    monkeypatch.setattr(voice, "_INTERVAL", 0.001)
    terminal = io.StringIO()
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with voice.waiting_line(terminal):
        print(said)
        before = len(terminal.getvalue())
        while drawn not in terminal.getvalue()[before:]:
            time.sleep(0.001)
    assert ("[" in terminal.getvalue().replace("\x1b[K", "")) == ("[" in drawn)


SLEEPER = """
import time
from gasearch.cli import program, voice
voice._PATIENCE = 0.0
from gasearch.cli import search
search._check = lambda options: time.sleep(0.7)
raise SystemExit(program.main(["check", "x", *{options}]))
"""


@pytest.mark.parametrize(("options", "ranks", "drawn"), [([], "1", True), (["-q"], "1", False), ([], "2", False)])
def test_only_a_terminal_of_one_rank_is_drawn_on(options: list[str], ranks: str, drawn: bool):
    ours, theirs = pty.openpty()
    environment = os.environ | {"OMPI_COMM_WORLD_SIZE": ranks, "NO_COLOR": "1"}
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER.format(options=options)], stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    assert process.wait() == 0
    seen = b""
    while select.select([ours], [], [], 0.1)[0]:
        try:
            seen += os.read(ours, 1000)
        except OSError:  # the other end is closed
            break
    os.close(ours)
    assert (b"0:00" in seen) == drawn
    assert b"\x1b[3" not in seen, "there is no colour"

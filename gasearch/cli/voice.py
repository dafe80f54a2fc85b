"""What a command says while it works: aloud, quietly or in detail, and a line that shows that it is alive."""

from __future__ import annotations

import itertools
import re
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import Any, Final, TextIO

from gasearch.parallel.executor import launched_ranks

#: Seconds before there is a line, and between two of its pictures.
_PATIENCE: Final = 2.0
_INTERVAL: Final = 0.2
_ERASE: Final = "\r\x1b[K"
#: How progress is said in lines: 40/160 candidates.
_SHARE: Final = re.compile(r"(?<!\S)(\d+)/(\d+)(?=[\s:,;]|$)")
_BAR: Final = 30


@dataclass(frozen=True)
class Voice:
    """How progress is said.

    Parameters
    ----------
    quiet : bool
        Not at all.
    verbose : bool
        With the time since the beginning.
    aside : bool
        To stderr, as stdout is for programs to read.
    """

    quiet: bool = False
    verbose: bool = False
    aside: bool = False
    began: float = field(default_factory=time.monotonic)

    def say(self, line: str) -> None:
        """Print a line of progress at once."""
        if self.quiet:
            return
        shown = f"{time.monotonic() - self.began:8.1f} s  {line}" if self.verbose else line
        print(shown, file=sys.stderr if self.aside else sys.stdout, flush=True)


_voice = Voice()


def say(line: str) -> None:
    """Print a line of progress as the command line asks for it."""
    _voice.say(line)


@contextmanager
def speaking(options: Namespace) -> Iterator[None]:
    """Let `say` speak as the options of a command ask for it, until it ends."""
    global _voice
    earlier = _voice
    _voice = Voice(options.quiet, options.verbose, getattr(options, "json", False))
    try:
        follows = getattr(options, "follow", False)  # draws itself
        if options.quiet or follows or not sys.stderr.isatty() or launched_ranks() > 1:
            yield
        else:
            with waiting_line(sys.stderr):
                yield
    finally:
        _voice = earlier


@contextmanager
def waiting_line(terminal: TextIO) -> Iterator[None]:
    """Show, at the bottom of a terminal, for how long a command has been working, and how far the last line says it is.

    There is no colour in it.
    """
    line = _WaitingLine(terminal)
    with redirect_stdout(_Wiping(sys.stdout, line)), redirect_stderr(_Wiping(sys.stderr, line)):
        thread = threading.Thread(target=line.draw_until_done, daemon=True)
        thread.start()
        try:
            yield
        finally:
            line.end()
            thread.join()


class _WaitingLine:
    """A line that is drawn while nothing else is written, and wiped before anything is."""

    def __init__(self, terminal: TextIO):
        self.lock = threading.RLock()
        self.at_line_start = True
        self._terminal = terminal
        self._drawn = False
        self._share: tuple[int, int] | None = None
        self._done = threading.Event()
        self._began = time.monotonic()

    def draw_until_done(self) -> None:
        """Draw it again and again; for a thread."""
        pictures = itertools.cycle("|/-\\")
        wait = _PATIENCE
        while not self._done.wait(wait):
            wait = _INTERVAL
            minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
            with self.lock:
                if self.at_line_start:
                    self._terminal.write(f"{_ERASE}{next(pictures)} {minutes}:{seconds:02}{self._bar()}")
                    self._terminal.flush()
                    self._drawn = True

    def _bar(self) -> str:
        if self._share is None:
            return ""
        done, total = self._share
        return f" [{'#' * (_BAR * done // total):<{_BAR}}] {done}/{total}"

    def hear(self, text: str) -> None:
        """Take from what is written how far the work is; what says nothing of it changes nothing."""
        for done, total in _SHARE.findall(text):
            if 0 < int(total) >= int(done):
                self._share = int(done), int(total)
        self.at_line_start = text.endswith("\n") if text else self.at_line_start

    def wipe(self) -> None:
        """Remove it from the terminal."""
        if self._drawn:
            self._terminal.write(_ERASE)
            self._terminal.flush()
            self._drawn = False

    def end(self) -> None:
        """Remove it for good."""
        self._done.set()
        with self.lock:
            self.wipe()


class _Wiping:
    """A stream that wipes the waiting line before it writes."""

    def __init__(self, stream: TextIO, line: _WaitingLine):
        self._stream = stream
        self._line = line

    def write(self, text: str) -> int:
        """Write as the stream does."""
        with self._line.lock:
            self._line.wipe()
            self._line.hear(text)
            return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

"""A folder that one process at a time writes to, for one input."""

from __future__ import annotations

import difflib
import errno
import fcntl
import os
import socket
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from gasearch.errors import InputError, RunDirectoryError
from gasearch.files import replace_text, writing_to

#: What the operating system says of a lock that another process holds.
LOCKED_ERRNOS = (errno.EACCES, errno.EAGAIN)
_MAX_DIFFERENCES = 20


def keep_input(
    path: Path, text: str, may_change: Collection[str] = (), renewed: Callable[[Path], str] = Path.read_text
) -> None:
    """Keep the input of a folder, as what is in the folder belongs to it.

    Parameters
    ----------
    path : Path
        The file; its folder is there.
    text : str
        The resolved input, a key a line.
    may_change : collection of str
        Keys whose values may be others than in the file that is there.
    renewed : callable
        Returns what is in the file with the defaults of settings that there were none of when it was written;
        InputError if it cannot be read any more.

    Raises
    ------
    RunDirectoryError
        If there is another input already, or it cannot be written.
    """
    check_input(path, text, may_change, renewed)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        replace_text(path, text)


def check_input(
    path: Path, text: str, may_change: Collection[str] = (), renewed: Callable[[Path], str] = Path.read_text
) -> None:
    """Raise `RunDirectoryError` if there is another input already, and write nothing; arguments as of `keep_input`."""
    if not path.exists() or path.read_text(encoding="utf-8") == text:
        return
    try:
        earlier = renewed(path)
    except InputError as error:
        raise RunDirectoryError(
            f"{path} is damaged, or was written by another version of gasearch, as this one cannot read it "
            f"({error}): restore it, go on with that version, or choose another directory"
        ) from error
    _check_same(path.parent, earlier, text, may_change)


def _check_same(folder: Path, earlier: str, text: str, may_change: Collection[str]) -> None:
    lines = difflib.unified_diff(earlier.splitlines(), text.splitlines(), n=0, lineterm="")
    changes = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
    if all(line[1:].partition(":")[0].strip() in may_change for line in changes):
        return
    shown = "\n".join(f"  {line}" for line in changes[:_MAX_DIFFERENCES])
    raise RunDirectoryError(
        f"{folder} belongs to another input; what differs (- there, + here):\n{shown}\n"
        "Go on with the input it was begun with, or choose another directory"
    )


@contextmanager
def locked(path: Path, patience: float = 5.0) -> Iterator[None]:
    """Hold a POSIX record lock: NFS knows it, the kernel frees it however we end, and no child inherits it.

    Raises
    ------
    RunDirectoryError
        If another process holds it for longer than ``patience`` (s), or it cannot be held.
    """
    with writing_to(path):
        file = path.open("a+", encoding="utf-8")
    with file:
        _acquire(file.fileno(), path, patience)
        with writing_to(path):
            file.truncate(0)
            file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
            file.flush()
        yield


def _acquire(descriptor: int, path: Path, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            return fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in LOCKED_ERRNOS:
                raise RunDirectoryError(
                    f"{path.parent} is on a file system without locks ({error.strerror}): choose another directory"
                ) from error
        if time.monotonic() > deadline:
            holder = path.read_text(encoding="utf-8").strip() or "another process"
            raise RunDirectoryError(f"{path.parent} is in use by {holder}: wait for it, or choose another directory")
        time.sleep(0.1)

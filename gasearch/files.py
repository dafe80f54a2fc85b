"""Writing files so that a crash cannot tear them."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gasearch.errors import RunDirectoryError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path to write, which replaces ``path`` at once when all is on the disk.

    Readers see the old file or the new one, never a part; nor is the temporary one found by the suffix of ``path``,
    even if a killed process left it.

    Raises
    ------
    RunDirectoryError
        If it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.part")
    with writing_to(path):
        try:
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Write a small file at once; errors as of `replacing`."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Turn the operating system's errors on writing into `RunDirectoryError`."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        advice = "free some space" if full else "put that right"
        raise RunDirectoryError(
            f"cannot write {path}: {error.strerror or error}; what was written before is kept: {advice} and run again"
        ) from error

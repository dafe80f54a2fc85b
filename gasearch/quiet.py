"""Warnings of libraries that matter to no one here."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

#: What is ignored belongs to all threads of a process: one that leaves would give the others back its own state.
_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def ignoring(category: type[Warning] = Warning, message: str = "") -> Iterator[None]:
    """Ignore warnings of a category that begin with a message (a regular expression); one thread at a time."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message, category)
        yield

"""Text files of numbers, with errors that say where."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np

from gasearch.errors import SpectrumError

#: A number as Fortran or C write it, as a regular expression.
NUMBER: Final = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][-+]?\d+)?"


def read_text(path: Path) -> str:
    """Return a text file; what cannot be read is a `SpectrumError`."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SpectrumError(f"{path} cannot be read: {reason}") from error


def numbers(path: Path, text: str, line: int | None = None) -> list[float]:
    """Return the finite numbers that a text consists of."""
    values = []
    for word in text.split():
        try:
            values.append(float(word.replace("D", "E").replace("d", "e")))
        except ValueError:
            values.append(np.nan)
        if not np.isfinite(values[-1]):
            raise SpectrumError(f"{path}{_line(line)}: found {word[:40]!r}; allowed is a finite number")
    return values


def table(path: Path, lines: Iterable[tuple[int, str]], columns: int) -> np.ndarray:
    """Return rows (n, columns) of numbers from lines with their numbers in the file; empty ones are left out."""
    rows = []
    for line, text in lines:
        row = numbers(path, text, line)
        if row and len(row) != columns:
            raise SpectrumError(f"{path}{_line(line)}: found {len(row)} numbers; needed are {columns}")
        if row:
            rows.append(row)
    if len(rows) < 2:
        raise SpectrumError(f"{path}: found {len(rows)} rows of numbers; needed are two or more")
    return np.array(rows)


def _line(line: int | None) -> str:
    return "" if line is None else f", line {line}"

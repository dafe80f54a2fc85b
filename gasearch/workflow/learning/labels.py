"""Labels of synthetic spectra, kept in pieces: more are added to what there is, and what is killed goes on."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Final

import numpy as np

from gasearch.errors import RunDirectoryError
from gasearch.files import replacing
from gasearch.learning.synthetic import MATERIALS, Group, Table, joined, labelled

#: Raised by one whenever labels of an older version would be misread.
VERSION: Final = 2
#: Problems in a file.
PIECE: Final = 2000


def kept_labels(
    folder: Path, name: str, seed: int, count: int, executor: Executor, groups: Sequence[Group] = MATERIALS
) -> Table:
    """Return the labels of problems 0 to count, those that the folder has and, added to it, the others.

    Raises
    ------
    RunDirectoryError
        If a file of labels is damaged or cannot be written.
    """
    pieces = []
    for first in range(0, count, PIECE):
        path = folder / f"labels-{VERSION}-{name}-{seed}-{first}.npz"
        numbers = range(first, min(first + PIECE, count))
        piece = _read(path) if path.exists() else None
        if piece is None or len(piece) < len(numbers):
            piece = labelled(seed, numbers, executor, groups)
            _write(piece, path)
        pieces.append(piece[: len(numbers)])
    return joined(pieces)


def _read(path: Path) -> Table:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Table(**arrays)
    except (OSError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise RunDirectoryError(f"{path} is no file of labels ({error}): remove it, and run again") from error


def _write(piece: Table, path: Path) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **vars(piece))

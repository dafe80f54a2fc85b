"""The archive on disk: every candidate, good or failed, in ASE's SQLite format."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.errors import RunDirectoryError
from gasearch.evolution.candidate import Outcome
from gasearch.files import replacing
from gasearch.outcomes import Failure, Reason, Relaxed

if TYPE_CHECKING:
    from ase.db.sqlite import SQLite3Database

#: Raised by one whenever older archives can no longer be read.
FORMAT: Final = 1
_TIMEOUT = 20.0

_DAMAGED = "it is damaged: restore a copy, or move it away to start again"
_UNWRITABLE = "what was written before is kept: put that right and run again"
_ADVICE: Final = {
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_ERROR: _DAMAGED,
    sqlite3.SQLITE_FULL: "what was written before is kept: free some space and run again",
    sqlite3.SQLITE_IOERR: _UNWRITABLE,
    sqlite3.SQLITE_READONLY: _UNWRITABLE,
    sqlite3.SQLITE_CANTOPEN: _UNWRITABLE,
    sqlite3.SQLITE_BUSY: "another process holds it: end that one and run again",
}


@dataclass(frozen=True)
class ArchiveMetadata:
    """What all candidates of an archive have in common.

    Parameters
    ----------
    potential : str
        The sha256 of the potential.
    pressure : float
        eV/Å³.
    elements : tuple of int
        Atomic numbers, ascending.
    """

    potential: str
    pressure: float
    elements: tuple[int, ...]


@dataclass(frozen=True)
class ArchiveStore:
    """An archive in a file; see `open_archive`.

    Each candidate is one row: the relaxed crystal (for a failure the last one, or the start, or no atoms at all) with
    what one may want to select by, and the complete outcome, bit for bit, in the row's data.
    """

    path: Path

    def append(self, outcomes: Sequence[Outcome]) -> None:
        """Write outcomes in one transaction; on return they are on the disk.

        Raises
        ------
        RunDirectoryError
            If it cannot be written; then none of them is, and the earlier ones are kept.
        """
        from ase.db.row import AtomsRow

        with _explained(self.path), self._database as database:
            for outcome in outcomes:
                database.write(AtomsRow(_columns(outcome)), _keys(outcome), data=_packed(outcome))

    @cached_property
    def _database(self) -> SQLite3Database:
        return _connect(self.path)

    def outcomes(self) -> list[Outcome]:
        """Read all outcomes, in order of id; a run that is writing is not disturbed.

        Raises
        ------
        RunDirectoryError
            If there is no archive, or it is damaged.
        """
        from ase.db.core import bytes_to_object

        with _reading(self.path) as connection:
            rows = connection.execute("SELECT data FROM systems").fetchall()
        try:
            outcomes = [_unpacked(bytes_to_object(data)) for (data,) in rows]
        except (ValueError, KeyError, TypeError) as error:
            raise RunDirectoryError(f"{self.path}: a row cannot be read ({error!r}): {_DAMAGED}") from error
        return sorted(outcomes, key=lambda outcome: outcome.id)

    def crystals(self) -> dict[int, Crystal | None]:
        """Read each candidate's crystal as its relaxation left it, by id; errors as of `outcomes`."""
        return {outcome.id: outcome.result.crystal for outcome in self.outcomes()}

    def metadata(self) -> ArchiveMetadata:
        """Read what all candidates have in common.

        Raises
        ------
        RunDirectoryError
            If there is no archive, it is damaged, or of another format.
        """
        with _reading(self.path) as connection:
            found = connection.execute("SELECT value FROM information WHERE name = 'metadata'").fetchone()
        values = json.loads(found[0]) if found else {}
        if values.pop("format", None) != FORMAT:
            raise RunDirectoryError(f"{self.path} is not an archive of this version: move it away, or use that version")
        return ArchiveMetadata(values["potential"], values["pressure"], tuple(values["elements"]))

    def check(self) -> None:
        """Raise `RunDirectoryError` if the file is damaged."""
        with _reading(self.path) as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise RunDirectoryError(f"{self.path}: {' '.join(verdict.split())}: {_DAMAGED}")


def open_archive(path: Path, metadata: ArchiveMetadata) -> ArchiveStore:
    """Open an archive to write, creating it where there is none; the caller holds the run's lock.

    Raises
    ------
    RunDirectoryError
        If it is damaged, belongs to another potential, pressure or elements, or cannot be created.
    """
    store = ArchiveStore(path)
    if not path.exists():
        _create(path, metadata)
    store.check()
    if (found := store.metadata()) != metadata:
        raise RunDirectoryError(f"{path} was written with {found}, but now there is {metadata}: use another directory")
    return store


def _create(path: Path, metadata: ArchiveMetadata) -> None:
    """Create it complete and then rename it: a process killed meanwhile leaves no half of a schema."""
    with replacing(path) as temporary, _explained(path):
        temporary.unlink(missing_ok=True)
        with _connect(temporary) as database:
            database.metadata = {"format": FORMAT, **asdict(metadata)}


def _connect(path: Path) -> SQLite3Database:
    from ase.db import connect

    # The lock files of ASE outlive a killed process; SQLite's own locks do not. Indices double the time to write.
    return connect(path, type="db", serial=True, use_lock_file=False, create_indices=False)


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """Connect to read only. Not ``mode=ro``: that cannot roll back what a killed writer left behind."""
    with (
        _explained(path),
        closing(sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=_TIMEOUT)) as connection,
    ):
        connection.execute("PRAGMA query_only = ON")
        yield connection


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        advice = _ADVICE.get(getattr(error, "sqlite_errorcode", 0) & 0xFF)
        if advice is None:
            raise
        raise RunDirectoryError(f"{path}: {error}: {advice}") from error


def _columns(outcome: Outcome) -> dict[str, Any]:
    """Return what ASE wants to know of a structure; `ase.Atoms` would take three times as long."""
    from ase.db.core import now

    crystal = outcome.result.crystal or outcome.start
    columns = {"unique_id": uuid.uuid4().hex, "ctime": now(), "user": None}
    if crystal is None:
        return columns | {"numbers": np.zeros(0, int), "positions": np.zeros((0, 3))}
    columns |= {
        "numbers": crystal.numbers,
        "positions": crystal.positions,
        "cell": crystal.cell,
        "pbc": np.ones(3, bool),
    }
    if isinstance(outcome.result, Relaxed):
        columns |= {"energy": outcome.result.energy, "calculator": "unknown", "calculator_parameters": {}}
    return columns


def _keys(outcome: Outcome) -> dict[str, Any]:
    """Return what one may want to select by."""
    keys: dict[str, Any] = {"candidate": outcome.id, "operator": outcome.operator, "steps": outcome.result.steps}
    if isinstance(outcome.result, Relaxed):
        keys["enthalpy_per_atom"] = outcome.result.enthalpy_per_atom
        if np.isfinite(outcome.result.spread):
            keys["spread"] = outcome.result.spread
    else:
        keys["reason"] = outcome.result.reason.name.lower()
    if outcome.twin is not None:
        keys["twin"] = outcome.twin
    return keys


def _packed(outcome: Outcome) -> dict[str, Any]:
    """Return the complete outcome in types that ASE writes without loss."""
    return {
        "id": int(outcome.id),
        "operator": outcome.operator,
        "parents": [int(parent) for parent in outcome.parents],
        "start": _packed_crystal(outcome.start),
        "result": _packed_result(outcome.result),
        "fingerprint": outcome.fingerprint,
        "twin": None if outcome.twin is None else int(outcome.twin),
        "seconds": {part: float(value) for part, value in outcome.seconds.items()},
    }


def _packed_result(result: Relaxed | Failure) -> dict[str, Any]:
    common = {"crystal": _packed_crystal(result.crystal), "steps": int(result.steps)}
    if isinstance(result, Failure):
        return common | {"reason": result.reason.name, "detail": result.detail}
    floats = ("energy", "enthalpy", "max_force", "max_stress", "spread")
    return common | {name: float(getattr(result, name)) for name in floats}


def _packed_crystal(crystal: Crystal | None) -> list[np.ndarray] | None:
    return None if crystal is None else [crystal.cell, crystal.frac, crystal.numbers]


def _unpacked(packed: Mapping[str, Any]) -> Outcome:
    return Outcome(
        id=packed["id"],
        operator=packed["operator"],
        parents=tuple(packed["parents"]),
        start=_unpacked_crystal(packed["start"]),
        result=_unpacked_result(packed["result"]),
        fingerprint=packed["fingerprint"],
        twin=packed["twin"],
        seconds=packed["seconds"],
    )


def _unpacked_result(packed: Mapping[str, Any]) -> Relaxed | Failure:
    values = dict(packed) | {"crystal": _unpacked_crystal(packed["crystal"])}
    if "reason" in values:
        return Failure(**(values | {"reason": Reason[values["reason"]]}))
    return Relaxed(**values)


def _unpacked_crystal(packed: Sequence[np.ndarray] | None) -> Crystal | None:
    return None if packed is None else Crystal(*packed)

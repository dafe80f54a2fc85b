import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import fields, is_dataclass, replace

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.errors import RunDirectoryError
from gasearch.evolution.candidate import Outcome
from gasearch.outcomes import Failure, Reason, Relaxed
from gasearch.workflow.record.archive_store import ArchiveStore, open_archive


@pytest.fixture
def store(tmp_path, metadata):
    return open_archive(tmp_path / "archive.db", metadata)


def identical(a, b):
    """Whether two values are equal to the last bit, field by field."""
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if is_dataclass(a):
        return type(a) is type(b) and all(identical(getattr(a, f.name), getattr(b, f.name)) for f in fields(a))
    return a == b


def test_every_kind_of_outcome_comes_back_bit_for_bit(store, make_outcome):
    written = [make_outcome(id) for id in range(60)]
    assert {type(o.result) for o in written} == {Relaxed, Failure}
    assert any(o.start is None for o in written) and any(o.twin is not None for o in written)
    store.append(written)
    assert all(identical(a, b) for a, b in zip(written, store.outcomes(), strict=True))


def test_fractional_coordinates_do_not_pass_through_cartesian_ones(store):
    frac = np.array([[0.1, np.nextafter(1.0, 0.0), 5e-324], [1 / 3, 2 / 3, 0.7]])
    cell = np.array([[3.1, 0, 0], [1e-9, 2.9, 0], [7.3, 1.1, 4.4]])
    crystal = Crystal(cell, frac, [1, 16])
    store.append([Outcome(0, "seed", (), crystal, Relaxed(crystal, 0.1 + 0.2, 1e-17, 1, 0.0, 0.0))])
    (read,) = store.outcomes()
    assert identical(read.start, crystal) and identical(read.result.crystal, crystal)
    assert (read.result.energy, read.result.enthalpy) == (0.1 + 0.2, 1e-17)


def test_outcomes_written_as_they_arrive_are_read_in_order_of_id(store, make_outcome):
    for block in ([5, 4], [], [1, 0, 2], [3]):
        store.append([make_outcome(id) for id in block])
    assert [o.id for o in store.outcomes()] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_kept(store, reason):
    store.append([Outcome(0, "random", (), None, Failure(reason, 3, None, "1e10"))])
    (read,) = store.outcomes()
    assert read.result.reason is reason and read.result.detail == "1e10"


def test_ase_reads_it(store, make_outcome):
    from ase.db import connect

    written = [make_outcome(id) for id in range(40)]
    store.append(written)
    database = connect(store.path, serial=True)
    good = [o for o in written if isinstance(o.result, Relaxed)]
    assert database.count() == 40
    assert {row.candidate for row in database.select("enthalpy_per_atom")} == {o.id for o in good}
    assert database.count(reason="not_built") == sum(o.start is None for o in written)
    row = database.get(candidate=good[0].id)
    atoms = row.toatoms()
    assert atoms.pbc.all() and np.allclose(atoms.get_scaled_positions(), good[0].result.crystal.frac)
    assert row.energy == atoms.get_potential_energy() == good[0].result.energy
    assert database.get(candidate=next(o.id for o in written if o.start is None)).natoms == 0


def test_it_reopens_only_for_what_it_was_made_for(store, metadata):
    assert open_archive(store.path, metadata).metadata() == metadata
    with pytest.raises(RunDirectoryError, match=r"pressure=1\.24.*use another directory"):
        open_archive(store.path, replace(metadata, pressure=0.0))


def damage_nothing_left(path):
    path.write_bytes(b"")


def damage_other_file(path):
    path.write_text("no database, but as long as the header of one: " * 10)


def damage_cut(path):
    path.write_bytes(path.read_bytes()[:20000])


def damage_middle(path):
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(len(content) - 4096)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [damage_nothing_left, damage_other_file, damage_cut, damage_middle])
def test_a_damaged_file_is_named_with_what_to_do(store, metadata, make_outcome, damage):
    store.append([make_outcome(id) for id in range(40)])
    damage(store.path)
    with pytest.raises(RunDirectoryError, match=r"archive\.db.*move it away"):
        open_archive(store.path, metadata)


def test_a_row_that_makes_no_sense_is_damage(store, make_outcome):
    store.append([make_outcome(0)])
    with sqlite3.connect(store.path) as connection:
        connection.execute("UPDATE systems SET data = ?", (b"12345678{}",))
    connection.close()
    with pytest.raises(RunDirectoryError, match="row cannot be read"):
        store.outcomes()


def test_reading_needs_an_archive(tmp_path):
    with pytest.raises(RunDirectoryError, match="unable to open"):
        ArchiveStore(tmp_path / "archive.db").outcomes()
    assert not (tmp_path / "archive.db").exists()


def test_a_block_is_written_whole_or_not_at_all(store, make_outcome):
    store.append([make_outcome(0)])
    with pytest.raises(AttributeError):
        store.append([make_outcome(1), None])
    assert [o.id for o in store.outcomes()] == [0]


def test_a_reader_sees_the_last_whole_block_while_another_is_written(store, make_outcome):
    store.append([make_outcome(0)])
    writer = sqlite3.connect(store.path)
    writer.execute("DELETE FROM systems")
    assert [o.id for o in store.outcomes()] == [0]
    writer.commit()
    assert store.outcomes() == []
    writer.close()


LIMITED_WRITER = """
import resource, sys
from pathlib import Path
from gasearch.errors import RunDirectoryError
from gasearch.evolution.candidate import Outcome
from gasearch.outcomes import Failure, Reason
from gasearch.workflow.record.archive_store import ArchiveStore
store = ArchiveStore(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000))
for id in range(1000):
    try:
        store.append([Outcome(id, "random", (), None, Failure(Reason.NOT_BUILT, detail="x" * 500))])
    except RunDirectoryError as error:
        sys.exit(f"{id} {error}")
"""


def test_a_file_that_cannot_grow_loses_nothing(store, metadata):
    done = subprocess.run([sys.executable, "-c", LIMITED_WRITER, store.path], capture_output=True, text=True)
    written, message = done.stderr.split(" ", 1)
    assert "what was written before is kept" in message
    assert [o.id for o in open_archive(store.path, metadata).outcomes()] == list(range(int(written)))


KILLED_WRITER = """
import sys
from pathlib import Path
from gasearch.evolution.candidate import Outcome
from gasearch.outcomes import Failure, Reason
from gasearch.workflow.record.archive_store import ArchiveMetadata, open_archive
store = open_archive(Path(sys.argv[1]), ArchiveMetadata("0" * 64, 1.2483018, (1, 16)))
id = len(store.outcomes())
while True:
    failure = Failure(Reason.NOT_BUILT, detail="x" * 5000)
    store.append([Outcome(i, "random", (), None, failure) for i in range(id, id + 8)])
    id += 8
    print(id, flush=True)
"""


def test_what_was_acknowledged_survives_kill_9(tmp_path, metadata):
    path = tmp_path / "archive.db"
    rng = np.random.default_rng(0)
    acknowledged = 0
    for _ in range(10):
        writer = subprocess.Popen([sys.executable, "-c", KILLED_WRITER, path], stdout=subprocess.PIPE, text=True)
        first = writer.stdout.readline()
        time.sleep(rng.uniform(0.0, 0.1))
        writer.send_signal(signal.SIGKILL)
        acknowledged = int([first, *writer.communicate()[0].splitlines()][-1])
        ids = [o.id for o in open_archive(path, metadata).outcomes()]
        assert ids == list(range(len(ids))) and len(ids) % 8 == 0 and len(ids) >= acknowledged
    assert acknowledged >= 80


def test_a_journal_left_by_a_killed_writer_is_rolled_back_by_any_reader(store, make_outcome, tmp_path):
    store.append([make_outcome(0)])
    writer = sqlite3.connect(store.path)
    writer.execute("PRAGMA cache_size = 1")
    writer.execute("UPDATE systems SET data = zeroblob(100000)")
    copy = tmp_path / "copy.db"
    shutil.copy(store.path, copy)
    shutil.copy(f"{store.path}-journal", f"{copy}-journal")
    writer.rollback()
    writer.close()
    assert [o.id for o in ArchiveStore(copy).outcomes()] == [0]

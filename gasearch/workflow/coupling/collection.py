"""Finished spectra of electron–phonon coupling gathered into a folder to learn from, so that it grows with use."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

import numpy as np

from gasearch.errors import InputError, SpectrumError
from gasearch.learning.spectra import Collected, add, formula_in
from gasearch.potential.card import sha256_of
from gasearch.superconductivity.alpha2f import Alpha2F
from gasearch.superconductivity.electron_phonon import Q_TOLERANCE, plateau
from gasearch.superconductivity.modes import Modes
from gasearch.superconductivity.moments import Moments
from gasearch.superconductivity.readers import Spectra, read
from gasearch.workflow.coupling.tc_document import FORMAT

#: Names under which codes write α²F, and the format that each has. Others must be given one by one, with a format.
NAMES: Final = {
    "alpha2F.dat": "qe-alpha2f",
    "a2F.dos*": "qe-a2fdos",
    "lambda.in": "qe-lambda",
    "*.a2f": "epw",
    "*A2F.nc": "abinit",
    "ALPHA2F.OUT": "elk",
}
#: Of our own documents.
_OURS: Final = "electron-phonon"
#: Of the folders above a file, those whose names may begin with its formula.
_FOLDERS: Final = 3
#: Smearings among which a plateau is looked for; of fewer, the one in the middle is taken.
_FOR_A_PLATEAU: Final = 3


@dataclass(frozen=True)
class Tally:
    """What became of the files that were found.

    Parameters
    ----------
    added, present, refused : int
        New in the folder, there already, without a spectrum that can be used.
    """

    added: int
    present: int
    refused: int


def collect(
    paths: Sequence[Path], folder: Path, say: Callable[[str], None], format: str | None = None, unit: str | None = None
) -> Tally:
    """Add the spectra of files, and of all files in directories that have a known name, to a folder.

    Parameters
    ----------
    paths : sequence of Path
    folder : Path
    say : callable
    format, unit : str or None
        Of files that are given by themselves; without, what their names say.

    Raises
    ------
    InputError
        If a path does not exist, or nothing was found.
    """
    missing = [f"{path} does not exist" for path in paths if not path.exists()]
    if missing:
        raise InputError(missing)
    counts = {"added": 0, "present": 0, "refused": 0}
    for path, known in _files(paths, format):
        try:
            one = _ours(path) if known == _OURS else _theirs(path, known, unit if known == "columns" else None)
        except SpectrumError as error:
            counts["refused"] += 1
            say(f"refused  {error}")
            continue
        if one is None:
            continue
        new = add(one, folder)
        counts["added" if new else "present"] += 1
        say(
            f"{'added' if new else 'present':<8} {one.name}: {one.material}, λ = {one.spectrum.moments().lam:.3f}  "
            f"({'; '.join([one.source, *one.warnings])})"
        )
    if not any(counts.values()):
        raise InputError(
            f"no spectrum was found: looked for {', '.join(NAMES)} and {_OURS}.json; give other files with --format"
        )
    return Tally(**counts)


def _files(paths: Sequence[Path], format: str | None) -> Iterator[tuple[Path, str]]:
    """Find files, each once, and their formats."""
    seen = set()
    for path in paths:
        inside = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        for one in inside:
            known = _format(one) if path.is_dir() else format or _format(one)
            if known is None and not path.is_dir():
                raise InputError(f"{path}: its name does not say which format it has; give it with --format")
            if known is not None and one.resolve() not in seen:
                seen.add(one.resolve())
                yield one, known


def _format(path: Path) -> str | None:
    if path.suffix == ".json":
        return _OURS
    return next((format for pattern, format in NAMES.items() if fnmatch(path.name, pattern)), None)


def _ours(path: Path) -> Collected | None:
    """Read what ``gasearch tc`` wrote; None for JSON that is something else, and for calculations that failed."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict) or not str(document.get("schema", "")).startswith(_OURS):
            return None
        if document["format"] != FORMAT:
            raise SpectrumError(f"{path}: found format {document['format']}; allowed is {FORMAT}")
        result = document["result"]
        if result is None:
            return None
        grid = "×".join(map(str, result["q_grid"]))
        return Collected(
            name=f"{document['formula']} {document['space_group']} {document['pressure_GPa']:.4g} GPa, q {grid}",
            material=document["formula"],
            spectrum=_spectrum(result, path),
            source=_place(path),
            sha256=sha256_of(path),
            format=_OURS,
            smearing=result["tc"]["smearing"],
            converged=result["converged_in_q"],
            settings=document["settings"],
            provenance=document["provenance"],
            warnings=tuple(result["warnings"]),
        )
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise SpectrumError(f"{path} is no whole document of electron-phonon coupling ({error!r})") from error


def _spectrum(result: dict[str, Any], path: Path) -> Alpha2F | Modes:
    """Return the interpolated α²F; where there is none, or it contradicts the grid's, the modes of the grid."""
    points = result["q_points"]
    stars = np.array([point["star"] for point in points], float)
    omega = np.array([point["frequencies_THz"] for point in points])
    couplings = np.array([point["lambda"] for point in points]) * stars[:, None] / stars.sum()
    used = (omega > 0) & (couplings > 0)
    grid = Modes(omega[used], couplings[used])
    if (found := result["interpolated"]) is None:
        return grid
    fine = Alpha2F.from_samples(np.array(found["omega_THz"]), np.array(found["alpha2F"]), str(path))
    here, there = grid.moments(), fine.moments()
    ratios = there.lam / here.lam, there.omega_log / here.omega_log
    return fine if all(abs(ratio - 1) <= Q_TOLERANCE for ratio in ratios) else grid


def _theirs(path: Path, format: str, unit: str | None) -> Collected:
    """Read a file of a code; of several smearings the middle of the plateau of λ."""
    smearing, spectrum = _quoted(read(path, format, unit), path)
    folders = path.resolve().parents[:_FOLDERS]
    material = next((found for folder in folders if (found := formula_in(folder.name))), None)
    at = "" if smearing is None else f", smearing {smearing:g}"
    return Collected(
        name=f"{folders[0].name}/{path.name}{at}",
        material=material or folders[0].name,
        spectrum=spectrum,
        source=_place(path),
        sha256=sha256_of(path),
        format=format,
        smearing=smearing,
        warnings=() if material else ("no folder above it says which material it is",),
    )


def _quoted(spectra: Spectra, path: Path) -> tuple[float | None, Alpha2F | Modes]:
    known = {at: one for at, one in spectra.items() if not isinstance(one, Moments)}
    if not known:
        raise SpectrumError(f"{path} holds moments alone, no spectrum")
    smearings = sorted(known, key=lambda at: -1.0 if at is None else at)
    if len(smearings) < _FOR_A_PLATEAU:
        chosen = smearings[len(smearings) // 2]
        return chosen, known[chosen]
    lambdas = np.array([known[at].moments().lam for at in smearings])
    chosen = smearings[plateau(np.array(smearings), lambdas, np.ones(len(smearings), bool)).middle]
    return chosen, known[chosen]


def _place(path: Path) -> str:
    """Return the last parts of a path: what is above tells of a machine, not of a spectrum."""
    return "/".join(path.resolve().parts[-3:])

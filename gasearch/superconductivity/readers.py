"""Files of α²F as electronic-structure codes write them. Units follow from the format; nothing is guessed.

A file may hold one spectrum for each of several electronic smearings: every reader returns all of them, by smearing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from gasearch.errors import SpectrumError
from gasearch.superconductivity.alpha2f import TOLERANCE, Alpha2F
from gasearch.superconductivity.lambda_files import LAMBDA_TOLERANCE, read_lambda
from gasearch.superconductivity.modes import Modes
from gasearch.superconductivity.moments import Moments, moments_of_samples
from gasearch.superconductivity.text import NUMBER, numbers, read_text, table
from gasearch.units import K_PER_THZ, MEV_PER_EV, MEV_PER_THZ, THZ_PER_INVERSE_CM, THZ_PER_RYDBERG

#: Units of frequency or energy in files, in THz.
UNITS: Final[Mapping[str, float]] = {
    "THz": 1.0,
    "meV": 1 / MEV_PER_THZ,
    "eV": MEV_PER_EV / MEV_PER_THZ,
    "cm-1": THZ_PER_INVERSE_CM,
    "K": 1 / K_PER_THZ,
    "Ry": THZ_PER_RYDBERG,
    "Ha": 2 * THZ_PER_RYDBERG,
}

#: THz between which phonons of crystals end: from those of the heaviest metals to beyond the vibron of hydrogen.
ENDS: Final = (0.3, 200.0)

#: Spectra of one file by electronic smearing, in the file's unit; None where it names none.
Spectra = Mapping[float | None, Alpha2F | Modes | Moments]


def read(path: Path, format: str, unit: str | None = None, tolerance: float = TOLERANCE) -> Spectra:
    """Read all spectra of a file.

    Parameters
    ----------
    path : Path
    format : str
        One of `FORMATS`.
    unit : str or None
        One of `UNITS`, for the format ``columns``, and for it alone.
    tolerance : float
        Largest share of λ that may be negative or at imaginary frequencies.

    Raises
    ------
    SpectrumError
        If the file cannot be read, is not of the format, ends early, states another λ than its spectrum has, or holds a
        spectrum that `Alpha2F.from_samples` refuses.
    """
    if format not in FORMATS:
        raise SpectrumError(f"format: found {format!r}; allowed is one of {', '.join(FORMATS)}")
    if format != "columns" and unit is not None:
        raise SpectrumError(f"the format {format} has its own unit; give one with the format columns alone")
    if format == "columns" and unit not in UNITS:
        raise SpectrumError(f"the unit of columns must be said: found {unit!r}; allowed is one of {', '.join(UNITS)}")
    # What overflows is not a number, and is refused as such.
    with np.errstate(all="ignore"):
        found = _two_columns(path, UNITS[unit], tolerance) if format == "columns" else _READERS[format](path, tolerance)
    for one in found.values():
        _check_end(one, path, unit or f"that of {format}")
    return found


def _check_end(spectrum: Alpha2F | Modes | Moments, path: Path, unit: str) -> None:
    """λ does not depend on the unit, so that a wrong one would show in Tc alone."""
    end = spectrum.omega_log if isinstance(spectrum, Moments) else spectrum.omega_ph
    if not ENDS[0] <= end <= ENDS[1]:
        raise SpectrumError(
            f"{path}: found phonons up to {end:.3g} THz; those of crystals end between {ENDS[0]:g} and {ENDS[1]:g}: "
            f"is its unit, {unit}, right?"
        )


def at_smearing(spectra: Spectra, smearing: float | None, path: Path) -> Alpha2F | Modes | Moments:
    """Return the spectrum at a smearing, in the file's unit, or the only one; none is chosen silently.

    Raises
    ------
    SpectrumError
        If there is no such smearing, or none was asked for where there are several.
    """
    if smearing is None and len(spectra) == 1:
        return next(iter(spectra.values()))
    known = [one for one in spectra if smearing is not None and one is not None and np.isclose(one, smearing)]
    if known:
        return spectra[known[0]]
    lambdas = {one: s.lam if isinstance(s, Moments) else s.moments().lam for one, s in spectra.items()}
    listed = ", ".join("none" if one is None else f"{one:g} (λ = {lam:.4f})" for one, lam in lambdas.items())
    raise SpectrumError(f"{path}: found the smearing {smearing}; give one of {listed}")


def _elk(path: Path, tolerance: float) -> Spectra:
    """Read ALPHA2F.OUT of Elk: two columns, the first in Ha, and no header."""
    return _two_columns(path, UNITS["Ha"], tolerance)


def _two_columns(path: Path, unit: float, tolerance: float) -> Spectra:
    """Read frequency and α²F; lines that begin with # are left out."""
    lines = [(i, line) for i, line in enumerate(read_text(path).splitlines(), 1) if not line.lstrip().startswith("#")]
    samples = table(path, lines, columns=2)
    return {None: Alpha2F.from_samples(unit * samples[:, 0], samples[:, 1], str(path), tolerance=tolerance)}


def _qe_alpha2f(path: Path, tolerance: float) -> Spectra:
    """Read alpha2F.dat of lambda.x: THz, and one column for each smearing, in Ry, that the first line names."""
    head, *lines = read_text(path).splitlines() or [""]
    match = re.fullmatch(rf"\s*#\s*E\s*\(THz\)((?:\s+{NUMBER})+)\s*", head)
    if not match:
        raise SpectrumError(f"{path}: the first line must be `# E(THz)` and the smearings, found {head[:60]!r}")
    smearings = numbers(path, match[1])
    samples = table(path, list(enumerate(lines, 2)), columns=1 + len(smearings))
    return _by_smearing(path, samples[:, 0], samples[:, 1:].T, smearings, tolerance)


def _qe_a2fdos(path: Path, tolerance: float) -> Spectra:
    """Read a2F.dosN of matdyn.x: Ry, the total, and the modes, in lines that old versions wrapped."""
    return {None: a2fdos_of(read_text(path), path, tolerance)}


def a2fdos_of(text: str, path: Path, tolerance: float) -> Alpha2F:
    """Read the text of an a2F.dosN of matdyn.x; the path is for errors."""
    match = re.fullmatch(rf"((?:\s*#[^\n]*\n)+)(.*?)\n\s*lambda\s*=\s*({NUMBER})\s+Delta\s*=\s*{NUMBER}\s*", text, re.S)
    if not match or "Rydberg" not in match[1]:
        raise SpectrumError(f"{path}: needed are comments that name Rydberg, numbers, and at the end `lambda = …`")
    samples = _records(path, np.array(numbers(path, match[2])))
    omega = THZ_PER_RYDBERG * samples[:, 0]
    _check_lambda(path, omega, samples[:, 1], float(match[3]))
    return Alpha2F.from_samples(omega, samples[:, 1], str(path), parts=samples[:, 2:].T, tolerance=tolerance)


def _records(path: Path, values: np.ndarray) -> np.ndarray:
    """Return records (n, 2 + modes) of frequency, total and modes; there are as many modes as sum up to the total."""
    for modes in range(3, len(values) // 2, 3):
        if len(values) % (2 + modes) == 0:
            records = values.reshape(-1, 2 + modes)
            missing = records[:, 2:].sum(axis=1) - records[:, 1]
            if (np.abs(missing) <= 1e-5 * modes + 1e-4 * np.abs(records[:, 1])).all():
                return records
    raise SpectrumError(
        f"{path}: {len(values)} numbers are no records of frequency, total, and modes that sum up to it"
    )


def _epw(path: Path, tolerance: float) -> Spectra:
    """Read prefix.a2f of EPW: meV, α²F and, in newer versions, its integral, for each phonon smearing (meV)."""
    match = re.fullmatch(
        r"(?P<head>\s*w\[meV\][^\n]*\n)?(?P<rows>.*?)\n\s*Integrated el-ph coupling\s*\n\s*#(?P<couplings>[^\n]*)\n"
        r"\s*Phonon smearing \(meV\)\s*\n\s*#(?P<smearings>[^\n]*)\n.*Summed el-ph coupling[^\n]*\n?",
        read_text(path),
        re.S,
    )
    if not match:
        raise SpectrumError(
            f"{path}: needed are rows of numbers, then `Integrated el-ph coupling`, `Phonon smearing (meV)` and, at "
            "the end, `Summed el-ph coupling`"
        )
    couplings, smearings = numbers(path, match["couplings"]), numbers(path, match["smearings"])
    if len(couplings) != len(smearings):
        raise SpectrumError(f"{path}: found {len(couplings)} couplings for {len(smearings)} phonon smearings")
    first = 2 if match["head"] else 1
    width = 1 + len(smearings) * (2 if match["head"] else 1)
    samples = table(path, list(enumerate(match["rows"].splitlines(), first)), columns=width)
    omega, values = samples[:, 0] / MEV_PER_THZ, samples[:, 1 : 1 + len(smearings)].T
    for one, coupling in zip(values, couplings, strict=True):
        _check_lambda(path, omega, one, coupling)
    return _by_smearing(path, omega, values, smearings, tolerance)


def _abinit(path: Path, tolerance: float) -> Spectra:
    """Read the α²F on interpolated q-points of an _A2F.nc of ABINIT: Ha, the total and the modes.

    The file states ∫ α²F/ω dω, which is half of λ.
    """
    from scipy.io import netcdf_file

    try:
        with netcdf_file(path, "r", mmap=False) as file:
            mesh, values, stated = (
                np.array(file.variables[f"a2f_{name}_qintp"][:], float) for name in ("mesh", "values", "lambdaw")
            )
    except OSError as error:
        raise SpectrumError(f"{path} cannot be read: {error.strerror or error}") from error
    # What scipy raises for a file that is no NetCDF, or ends early, depends on where it ends.
    except (TypeError, ValueError, KeyError, IndexError, AssertionError, OverflowError, MemoryError) as error:
        raise SpectrumError(
            f"{path} is not a whole A2F.nc in the classic NetCDF format ({error}); "
            "one in the format NetCDF-4 is converted by `nccopy -k classic`"
        ) from error
    if values.ndim != 3 or len(values) != 1 or stated.shape != values.shape:
        raise SpectrumError(f"{path}: found α²F of shape {values.shape}; allowed is one spin, with its modes")
    total, parts = values[0, 0], values[0, 1:]
    omega = UNITS["Ha"] * mesh
    _check_lambda(path, omega, total, 2 * float(stated[0, 0, -1]))
    source = f"{path} (interpolated q-points)"
    return {None: Alpha2F.from_samples(omega, total, source, parts=parts, tolerance=tolerance)}


def _by_smearing(
    path: Path, omega: np.ndarray, values: np.ndarray, smearings: Sequence[float], tolerance: float
) -> Spectra:
    return {
        smearing: Alpha2F.from_samples(omega, one, f"{path}, smearing {smearing:g}", smearing, tolerance=tolerance)
        for smearing, one in zip(smearings, values, strict=True)
    }


def _check_lambda(path: Path, omega: np.ndarray, values: np.ndarray, stated: float) -> None:
    """Compare λ of samples, as they stand in the file, with what the file states."""
    positive = omega > 0
    if positive.sum() < 2 or not values[positive].any() or (np.diff(omega) <= 0).any():
        return  # Alpha2F says what is wrong with such samples
    found = moments_of_samples(omega[positive], values[positive]).lam
    if not abs(found - stated) <= LAMBDA_TOLERANCE * abs(stated):
        raise SpectrumError(
            f"{path}: λ of the spectrum is {found:.4f}, but the file states {stated:.4f}: it is damaged, or the "
            "spectrum is sampled too coarsely"
        )


_READERS: Final[Mapping[str, Callable[[Path, float], Spectra]]] = {
    "qe-alpha2f": _qe_alpha2f,
    "qe-a2fdos": _qe_a2fdos,
    "qe-lambda": read_lambda,
    "epw": _epw,
    "abinit": _abinit,
    "elk": _elk,
}
#: Names of the formats.
FORMATS: Final = (*_READERS, "columns")

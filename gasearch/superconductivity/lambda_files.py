"""What Quantum ESPRESSO sums up over q-points: lambda.dat, and the elph.inp_lambda files of a lambda.in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from gasearch.errors import SpectrumError
from gasearch.superconductivity.modes import Modes
from gasearch.superconductivity.moments import Moments
from gasearch.superconductivity.text import NUMBER, numbers, read_text, table
from gasearch.units import K_PER_THZ, THZ_PER_RYDBERG

#: Largest relative difference between two values of λ in one file, or in the file and as it follows from the spectrum.
LAMBDA_TOLERANCE: Final = 0.01


@dataclass(frozen=True, eq=False)
class QPointCouplings:
    """Couplings of the modes at one q-point, as ph.x writes them into elph.inp_lambda.N.

    Parameters
    ----------
    q : (3,) array
        2π/a.
    squared : (modes,) array
        ω², Ry²; negative ones stand for imaginary frequencies.
    smearings : tuple of float
        Ry.
    couplings : (smearings, modes) array
        λ_qν.
    dos : tuple of float
        States per spin, Ry and cell at the Fermi energy, for each smearing.
    """

    q: np.ndarray
    squared: np.ndarray
    smearings: tuple[float, ...]
    couplings: np.ndarray
    dos: tuple[float, ...] = ()


def read_lambda(path: Path, tolerance: float) -> Mapping[float | None, Modes | Moments]:
    """Read lambda.dat, which knows λ and ω_log, or lambda.in with its elph.inp_lambda files, which know the modes.

    Raises
    ------
    SpectrumError
        Also for an elph.inp_lambda file by itself: of one q-point, and without weights, nothing follows.
    """
    text = read_text(path)
    if re.match(r"\s*#\s*degauss\s+lambda\s+int alpha2F\s+<log w>", text):
        return _lambda_dat(path, text)
    if "Gaussian Broadening" in text:
        raise SpectrumError(
            f"{path} holds the couplings at one q-point, and no weights: give the lambda.in that lists all of them"
        )
    return _lambda_in(path, text, tolerance)


def _lambda_dat(path: Path, text: str) -> Mapping[float | None, Moments]:
    rows = table(path, list(enumerate(text.splitlines()[1:], 2)), columns=5)
    for smearing, summed, integrated, _, _ in rows:
        if not (summed > 0 and abs(summed - integrated) <= LAMBDA_TOLERANCE * summed):
            raise SpectrumError(f"{path}: at the smearing {smearing:g} λ is {summed:g}, but ∫ α²F gives {integrated:g}")
    if (rows[:, 3] <= 0).any():
        raise SpectrumError(f"{path}: <log w> must be positive")
    return {float(row[0]): Moments(float(row[1]), float(row[3]) / K_PER_THZ) for row in rows}


def _lambda_in(path: Path, text: str, tolerance: float) -> Mapping[float | None, Modes]:
    """Read what lambda.x reads: a line of settings, the number of q-points, q-points with weights, files, and μ*."""
    lines = [line.split("!")[0].split() for line in text.splitlines()]
    lines = [words for words in lines if words]
    if len(lines) < 3 or len(lines[1]) != 1 or not lines[1][0].isdigit():
        raise SpectrumError(
            f"{path} is neither lambda.dat nor lambda.in: found no number of q-points in its second line"
        )
    count = int(lines[1][0])
    if count < 1 or len(lines) < 2 + 2 * count:
        raise SpectrumError(f"{path}: found {len(lines)} lines; {count} q-points need {2 + 2 * count} or more")
    points = np.array([numbers(path, " ".join(words)) for words in lines[2 : 2 + count] if len(words) == 4])
    if len(points) < count or (points[:, 3] <= 0).any():
        raise SpectrumError(f"{path}: each q-point needs three coordinates and a positive weight")
    files = [_beside(path, " ".join(words)) for words in lines[2 + count : 2 + 2 * count]]
    return summed([read_couplings(file) for file in files], points[:, 3], tolerance, str(path))


def _beside(path: Path, name: str) -> Path:
    """Return where a file that lambda.in names is: as it says, or in the same folder."""
    named = path.parent / name
    return named if named.exists() else path.parent / Path(name).name


def read_couplings(path: Path) -> QPointCouplings:
    """Read one elph.inp_lambda file."""
    return couplings_of(read_text(path), path)


def couplings_of(text: str, path: Path) -> QPointCouplings:
    """Read the text of an elph.inp_lambda file; the path is for errors."""
    head, *lines = text.splitlines() or [""]
    q = numbers(path, head, 1)
    if len(q) != 5 or not (q[3].is_integer() and q[4].is_integer() and min(q[3:]) > 0):
        raise SpectrumError(f"{path}: the first line must be q, and the numbers of smearings and modes")
    smearings, modes = int(q[3]), int(q[4])
    squares, blocks = _until_first_block(lines)
    squared = numbers(path, " ".join(squares))
    found = [float(value) for value in re.findall(rf"Gaussian Broadening:\s*({NUMBER})\s*Ry", blocks)]
    couplings = re.findall(rf"lambda\(\s*\d+\)=\s*({NUMBER})\s+gamma=\s*{NUMBER}\s*GHz", blocks)
    if (len(squared), len(found), len(couplings)) != (modes, smearings, modes * smearings):
        raise SpectrumError(
            f"{path}: found {len(squared)} frequencies, {len(found)} smearings and {len(couplings)} couplings; needed "
            f"are {modes}, {smearings} and {modes * smearings}: it ends early, or numbers overflowed"
        )
    values = np.array([float(value) for value in couplings]).reshape(smearings, modes)
    dos = tuple(float(value) for value in re.findall(rf"DOS =\s*({NUMBER})\s+states/spin/Ry", blocks))
    return QPointCouplings(np.array(q[:3]), np.array(squared), tuple(found), values, dos)


def _until_first_block(lines: Sequence[str]) -> tuple[Sequence[str], str]:
    first = next((i for i, line in enumerate(lines) if "Gaussian" in line), len(lines))
    return lines[:first], "\n".join(lines[first:])


def summed(
    couplings: Sequence[QPointCouplings], weights: np.ndarray, tolerance: float, source: str
) -> Mapping[float | None, Modes]:
    """Return the modes of all q-points, weighted, for each smearing (Ry); no broadening in ω is needed.

    Parameters
    ----------
    couplings : sequence of QPointCouplings
    weights : (n,) array
        In the same order, in any normalisation: as in lambda.in, or the sizes of the stars. Whether they belong to the
        q-points is not checked: another point of a star, or one a reciprocal lattice vector away, serves as well.
    tolerance : float
        Largest share of Σ |λ_qν| that may be negative or at imaginary frequencies.
    source : str
        For errors.
    """
    if any(one.smearings != couplings[0].smearings for one in couplings):
        raise SpectrumError(f"{source}: the smearings are not the same at all q-points")
    squared = np.concatenate([one.squared for one in couplings])
    shares = np.repeat(weights / weights.sum(), [len(one.squared) for one in couplings])
    result = {}
    for i, smearing in enumerate(couplings[0].smearings):
        values = shares * np.concatenate([one.couplings[i] for one in couplings])
        good = (squared > 0) & (values > 0)
        bad = np.abs(values[~good]).sum() / max(np.abs(values).sum(), 1e-300)
        if bad > tolerance or not good.any():
            raise SpectrumError(
                f"{source}: at the smearing {smearing:g} Ry, {bad:.1%} of λ is negative or of imaginary modes; at most "
                f"{tolerance:.1%} is allowed"
            )
        result[smearing] = Modes(THZ_PER_RYDBERG * np.sqrt(squared[good]), values[good])
    return result

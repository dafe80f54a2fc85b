"""A folder of spectra that were computed for real crystals: a file each, with where it comes from, and no two alike."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.errors import InputError, SpectrumError
from gasearch.files import replace_text, writing_to
from gasearch.learning.descriptors import Amounts
from gasearch.superconductivity.alpha2f import Alpha2F
from gasearch.superconductivity.modes import Modes

#: Raised by one whenever readers of an older file could misread a new one.
FORMAT: Final = 1
_SUFFIX: Final = ".spectrum.json"
#: Significant digits to which spectra are compared.
_DIGITS: Final = 5


@dataclass(frozen=True, eq=False)
class Collected:
    """A spectrum and its provenance.

    Parameters
    ----------
    name : str
        What it is called in tables.
    material : str
        Its formula, or a name: what must not be on both sides of a split.
    spectrum : Alpha2F or Modes
    source : str
        Where it was found, relative to what was searched.
    sha256 : str
        Of that file.
    format : str
        One of `gasearch.superconductivity.readers.FORMATS`, or ``electron-phonon``.
    smearing : float or None
        In the unit of the file; None where it names none.
    converged : bool or None
        In the q-points; None where the file does not say.
    settings, provenance : mapping
        As the file says.
    warnings : tuple of str
    """

    name: str
    material: str
    spectrum: Alpha2F | Modes
    source: str
    sha256: str
    format: str
    smearing: float | None = None
    converged: bool | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What two copies of a spectrum share, whatever their files are called: 16 hexadecimal digits."""
        kind, omega, values = _samples(self.spectrum)
        text = " ".join([kind, *(f"{x:.{_DIGITS}g}" for x in (*omega.tolist(), *values.tolist()))])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def formula_in(name: str) -> str | None:
    """Return the formula with which a name begins, such as ``MgB2`` of ``MgB2_epw``; None where there is none."""
    first = re.split(r"[^A-Za-z0-9]", name)[0]
    try:
        Amounts.from_formula(first)
    except ValueError:
        return None
    return first


def material_key(material: str) -> str:
    """Return what all spellings of a formula share (Ni3Al, AlNi3); a name that is no formula is itself."""
    try:
        shares = Amounts.from_formula(material).shares
    except ValueError:
        return material
    return " ".join(f"{SYMBOLS[number]}{share:.4f}" for number, share in shares.items())


def add(one: Collected, folder: Path) -> bool:
    """Write a spectrum into the folder; return whether it is new there."""
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{one.key}{_SUFFIX}"
    if path.exists():
        return False
    replace_text(path, json.dumps(_document(one), indent=1, ensure_ascii=False) + "\n")
    return True


def read_spectra(folder: Path) -> list[Collected]:
    """Return what is in a folder, by name; no two have the same.

    Raises
    ------
    InputError
        If it holds nothing, or something damaged.
    """
    paths = sorted(folder.glob(f"*{_SUFFIX}"))
    if not paths:
        raise InputError(f"{folder} holds no spectra: fill it with `gasearch tc collect DIRS --to {folder}`")
    found, problems = [], []
    for path in paths:
        try:
            found.append(_read(json.loads(path.read_text(encoding="utf-8")), path))
        except (OSError, ValueError, KeyError, TypeError, SpectrumError) as error:
            problems.append(f"{path} is no spectrum ({error}); remove it and collect it again")
    if problems:
        raise InputError(problems)
    return _told_apart(sorted(found, key=lambda one: (one.name, one.key)))


def _told_apart(spectra: Sequence[Collected]) -> list[Collected]:
    """Return spectra with different names: those that share one get the beginning of their key."""
    count = Counter(one.name for one in spectra)
    return [replace(one, name=f"{one.name} ({one.key[:6]})") if count[one.name] > 1 else one for one in spectra]


def _samples(spectrum: Alpha2F | Modes) -> tuple[str, np.ndarray, np.ndarray]:
    if isinstance(spectrum, Alpha2F):
        return "alpha2F", spectrum.omega, spectrum.values
    return "modes", spectrum.omega, spectrum.couplings


def _document(one: Collected) -> dict[str, Any]:
    kind, omega, values = _samples(one.spectrum)
    about = {name: value for name, value in vars(one).items() if name != "spectrum"}
    return {"file": FORMAT, **about, "kind": kind, "omega_THz": omega.tolist(), "values": values.tolist()}


def _read(document: dict[str, Any], path: Path) -> Collected:
    if (version := document.pop("file")) != FORMAT:
        raise ValueError(f"found format {version}; allowed is {FORMAT}")
    kind = {"alpha2F": Alpha2F, "modes": Modes}[document.pop("kind")]
    spectrum = kind(np.array(document.pop("omega_THz"), float), np.array(document.pop("values"), float))
    one = Collected(spectrum=spectrum, **document | {"warnings": tuple(document["warnings"])})
    if path.name != f"{one.key}{_SUFFIX}":
        raise ValueError("its spectrum is not the one that its name stands for")
    return one

"""Metal or not: the density of states on a dense grid, by optimized tetrahedra (doi:10.1103/PhysRevB.89.094515).

pw.x (self-consistent, along a path, then on the dense grid), dos.x and projwfc.x run one after the other in one folder.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from xml.etree import ElementTree

import numpy as np

from gasearch.crystal.band_path import BandPath, band_path
from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.espresso.pw import (
    PwSettings,
    ScfResult,
    cards,
    control_lines,
    electrons_lines,
    joined,
    row,
    smeared,
    structure_cards,
    system_lines,
)
from gasearch.espresso.record import ScfFailure, ScfProblem, Step, failure
from gasearch.espresso.runner import PwRunner, safer
from gasearch.outcomes import ElectronicStructure
from gasearch.units import EV_PER_RYDBERG

#: Energies at which densities of states are computed, eV from the Fermi energy, and their spacing: each takes its time.
_BELOW, _ABOVE, _SPACING = 6.0, 4.0, 0.05
#: By how much a number of electrons may miss a whole one that it stands for; moments are summed on a grid.
_WHOLE = 1e-3
_EV_PER_HARTREE = 2 * EV_PER_RYDBERG
#: Where pw.x writes what it knows of a calculation.
XML = "data-file-schema.xml"
#: Points of the path along which bands are computed.
_PATH_POINTS = 80
_BANDS = re.compile(r"bands \(ev\):\s*\n\s*\n((?:[ \t]+-?\d.*\n)+)")
_NUMBER = re.compile(r"-?\d+\.\d+")
_PROJECTION = re.compile(r"pdos_atm#\d+\((\w+)\)_wfc#\d+\(([spdf])\)$")


@dataclass(frozen=True, eq=False)
class Bands:
    """What pw.x writes of its bands: energies in eV, eigenvalues (spins, k, bands), one spin if both are alike."""

    fermi_energy: float
    electrons: float
    eigenvalues: np.ndarray


def electronic_structure(runner: PwRunner, crystal: Crystal, k_spacing: float) -> ElectronicStructure | ScfFailure:
    """Return the density of states on a grid of this spacing (Å⁻¹); the density is that of the runner's settings."""
    scf = runner.scf(crystal)
    if isinstance(scf, ScfFailure):
        return scf
    found = _electronic_structure(runner, runner.settings, crystal, k_spacing, scf)
    if isinstance(found, ScfFailure) and found.problem is ScfProblem.NOT_CONVERGED:
        found = _electronic_structure(runner, safer(runner.settings), crystal, k_spacing, scf)
    return found


def _electronic_structure(
    runner: PwRunner, settings: PwSettings, crystal: Crystal, k_spacing: float, scf: ScfResult
) -> ElectronicStructure | ScfFailure:
    path = band_path(crystal, _PATH_POINTS)
    chain = steps(crystal, settings, k_spacing, str(runner.pseudo_dir), scf.fermi_energy, path, runner.spins)
    record = runner.run(chain, crystal, _RESULTS)
    if "dos" not in record.files or not any(map(_PROJECTION.search, record.files)):
        return failure(record)
    bands = read_path(record.printed[1], len(path.points))
    return replace(read_electronic(record.files, crystal, scf.magnetization), bands=bands, path=path)


_RESULTS = ("dos", "pdos.*", f"pwscf.save/{XML}")


def steps(
    crystal: Crystal,
    settings: PwSettings,
    k_spacing: float,
    pseudo_dir: str,
    fermi_energy: float,
    path: BandPath,
    spins: Sequence[float] | None = None,
) -> list[Step]:
    """Return the programs and their inputs; the Fermi energy (eV) need only be near."""
    energies = f"Emin = {fermi_energy - _BELOW:.3f}, Emax = {fermi_energy + _ABOVE:.3f}, DeltaE = {_SPACING}"
    metallic, dense = smeared(settings), "occupations = 'tetrahedra_opt'"
    grid, dense_grid = cards(crystal, settings.k_spacing), cards(crystal, k_spacing)
    return [
        Step("pw.x", _pw("scf", crystal, settings, metallic, pseudo_dir, grid, spins)),
        Step("pw.x", _pw("bands", crystal, settings, metallic, pseudo_dir, _path_cards(crystal, path), spins)),
        Step("pw.x", _pw("nscf", crystal, settings, dense, pseudo_dir, dense_grid, spins)),
        Step("dos.x", f"&DOS\n  outdir = './', fildos = 'dos', {energies}\n/\n"),
        Step("projwfc.x", f"&PROJWFC\n  outdir = './', filpdos = 'pdos', {energies}\n/\n"),
    ]


def _pw(
    calculation: str,
    crystal: Crystal,
    settings: PwSettings,
    occupations: str,
    pseudo_dir: str,
    structure_and_points: list[str],
    spins: Sequence[float] | None,
) -> str:
    # With little to say, pw.x keeps to itself what it finds at more than a hundred points.
    return joined(
        control_lines(f"calculation = '{calculation}', verbosity = 'high'", pseudo_dir, disk_io="low"),
        system_lines(crystal, settings, occupations, spins),
        electrons_lines(settings),
        structure_and_points,
    )


def _path_cards(crystal: Crystal, path: BandPath) -> list[str]:
    points = [f"{row(point)} 1.0" for point in path.points]
    return [*structure_cards(crystal), "K_POINTS crystal", str(len(points)), *points]


def read_path(printed: str, points: int) -> np.ndarray:
    """Read what pw.x printed of bands along a path: energies (points, bands), eV; first those of one spin, if two."""
    blocks = [[float(x) for x in _NUMBER.findall(block)] for block in _BANDS.findall(printed)]
    return np.hstack(np.split(np.array(blocks), len(blocks) // points)) if blocks else np.zeros((0, 0))


def read_electronic(files: Mapping[str, str], crystal: Crystal, magnetization: float = 0.0) -> ElectronicStructure:
    """Read what the programs wrote: the density of states, its projections, and the bands on the dense grid.

    The magnetization (Bohr magnetons per cell) is that of the SCF: without it the number of electrons of each spin is
    not known.
    """
    bands = read_bands(files[XML])
    energies, dos = _columns(files["dos"])
    projections: dict[tuple[int, str], np.ndarray] = defaultdict(lambda: np.zeros_like(dos))
    for name, text in files.items():
        if found := _PROJECTION.search(name):
            # dos.x and projwfc.x round the number of energies differently.
            projections[SYMBOLS.index(found[1]), found[2]] += np.interp(energies, *_columns(text))
    gap, middle = gap_of(bands, magnetization)
    return ElectronicStructure(
        crystal=crystal,
        fermi_energy=middle if gap > 0 else bands.fermi_energy,
        gap=gap,
        valence_electrons=bands.electrons,
        energies=energies,
        dos=dos,
        projections=dict(projections),
        k_points=bands.eigenvalues.shape[1],
        magnetization=magnetization,
    )


def _columns(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Return energies, eV, and states per eV: the first two columns, or with spins the first three."""
    header, *lines = text.splitlines()
    rows = np.array([[_number(word) for word in line.split()[: 3 if "dw" in header else 2]] for line in lines])
    return rows[:, 0], rows[:, 1:].sum(axis=1)


def _number(word: str) -> float:
    """Read a number; Fortran leaves out the E of an exponent with three digits: 0.1-100, which is nothing."""
    return float(word) if "E" in word or "-" not in word[1:] else 0.0


def read_bands(xml: str) -> Bands:
    """Read pw.x's XML; its energies are in hartree."""
    found = ElementTree.fromstring(xml).find("output/band_structure")
    rows = np.array([entry.findtext("eigenvalues").split() for entry in found.findall("ks_energies")], dtype=float)
    spins = 2 if found.findtext("lsda", "false").strip() == "true" else 1
    return Bands(
        fermi_energy=float(found.findtext("fermi_energy")) * _EV_PER_HARTREE,
        electrons=float(found.findtext("nelec")),
        eigenvalues=np.array(np.split(rows, spins, axis=1)) * _EV_PER_HARTREE,
    )


def gap_of(bands: Bands, magnetization: float) -> tuple[float, float]:
    """Return the gap, eV, of bands and its middle; 0 where bands overlap or one is partly filled."""
    signs = np.array([1.0, -1.0] if len(bands.eigenvalues) == 2 else [0.0])
    filled = (bands.electrons + signs * magnetization) / 2
    occupied = np.rint(filled).astype(int)
    if np.abs(filled - occupied).max() > _WHOLE or occupied.max() == bands.eigenvalues.shape[2]:
        return 0.0, bands.fermi_energy
    highest = max(e[:, n - 1].max() for e, n in zip(bands.eigenvalues, occupied, strict=True) if n > 0)
    lowest = min(e[:, n].min() for e, n in zip(bands.eigenvalues, occupied, strict=True))
    return max(0.0, float(lowest - highest)), float(lowest + highest) / 2

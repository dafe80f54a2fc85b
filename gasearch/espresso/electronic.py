"""Metal or not: the density of states on a dense grid, by optimized tetrahedra (doi:10.1103/PhysRevB.89.094515).

pw.x (self-consistent, along a path, then on the dense grid), dos.x and projwfc.x run one after the other in one folder.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from xml.etree import ElementTree

import numpy as np

from gasearch.crystal.band_path import BandPath, band_path
from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.espresso.pw import (
    PwSettings,
    cards,
    control_lines,
    electrons_lines,
    joined,
    row,
    smeared,
    structure_cards,
    system_lines,
)
from gasearch.espresso.runner import PwRunner, ScfFailure, ScfProblem, Step, failure, safer
from gasearch.outcomes import ElectronicStructure
from gasearch.units import EV_PER_RYDBERG

#: Energies at which densities of states are computed, eV from the Fermi energy, and their spacing: each takes its time.
_BELOW, _ABOVE, _SPACING = 6.0, 4.0, 0.05
_EV_PER_HARTREE = 2 * EV_PER_RYDBERG
_XML = "data-file-schema.xml"
#: Points of the path along which bands are computed.
_PATH_POINTS = 80
_BANDS = re.compile(r"bands \(ev\):\s*\n\s*\n((?:[ \t]+-?\d.*\n)+)")
_NUMBER = re.compile(r"-?\d+\.\d+")
_PROJECTION = re.compile(r"pdos_atm#\d+\((\w+)\)_wfc#\d+\(([spdf])\)$")


@dataclass(frozen=True, eq=False)
class _Bands:
    """What pw.x writes of its bands: energies in eV, eigenvalues (k, bands)."""

    fermi_energy: float
    electrons: float
    eigenvalues: np.ndarray


def electronic_structure(runner: PwRunner, crystal: Crystal, k_spacing: float) -> ElectronicStructure | ScfFailure:
    """Return the density of states on a grid of this spacing (Å⁻¹); the density is that of the runner's settings."""
    scf = runner.scf(crystal)
    if isinstance(scf, ScfFailure):
        return scf
    found = _electronic_structure(runner, runner.settings, crystal, k_spacing, scf.fermi_energy)
    if isinstance(found, ScfFailure) and found.problem is ScfProblem.NOT_CONVERGED:
        found = _electronic_structure(runner, safer(runner.settings), crystal, k_spacing, scf.fermi_energy)
    return found


def _electronic_structure(
    runner: PwRunner, settings: PwSettings, crystal: Crystal, k_spacing: float, fermi_energy: float
) -> ElectronicStructure | ScfFailure:
    path = band_path(crystal, _PATH_POINTS)
    chain = steps(crystal, settings, k_spacing, str(runner.pseudo_dir), fermi_energy, path)
    record = runner.run(chain, crystal, _RESULTS)
    if "dos" not in record.files or not any(map(_PROJECTION.search, record.files)):
        return failure(record)
    return replace(read_electronic(record.files, crystal), bands=read_path(record.printed[1]), path=path)


_RESULTS = ("dos", "pdos.*", f"pwscf.save/{_XML}")


def steps(
    crystal: Crystal, settings: PwSettings, k_spacing: float, pseudo_dir: str, fermi_energy: float, path: BandPath
) -> list[Step]:
    """Return the programs and their inputs; the Fermi energy (eV) need only be near."""
    energies = f"Emin = {fermi_energy - _BELOW:.3f}, Emax = {fermi_energy + _ABOVE:.3f}, DeltaE = {_SPACING}"
    metallic, dense = smeared(settings), "occupations = 'tetrahedra_opt'"
    grid, dense_grid = cards(crystal, settings.k_spacing), cards(crystal, k_spacing)
    return [
        Step("pw.x", _pw("scf", crystal, settings, metallic, pseudo_dir, grid)),
        Step("pw.x", _pw("bands", crystal, settings, metallic, pseudo_dir, _path_cards(crystal, path))),
        Step("pw.x", _pw("nscf", crystal, settings, dense, pseudo_dir, dense_grid)),
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
) -> str:
    # With little to say, pw.x keeps to itself what it finds at more than a hundred points.
    return joined(
        control_lines(f"calculation = '{calculation}', verbosity = 'high'", pseudo_dir, disk_io="low"),
        system_lines(crystal, settings, occupations),
        electrons_lines(settings),
        structure_and_points,
    )


def _path_cards(crystal: Crystal, path: BandPath) -> list[str]:
    points = [f"{row(point)} 1.0" for point in path.points]
    return [*structure_cards(crystal), "K_POINTS crystal", str(len(points)), *points]


def read_path(printed: str) -> np.ndarray:
    """Read what pw.x printed of bands along a path: energies (points, bands), eV."""
    blocks = [[float(x) for x in _NUMBER.findall(block)] for block in _BANDS.findall(printed)]
    return np.array(blocks) if blocks else np.zeros((0, 0))


def read_electronic(files: Mapping[str, str], crystal: Crystal) -> ElectronicStructure:
    """Read what the programs wrote: the density of states, its projections, and the bands on the dense grid."""
    bands = _read_bands(files[_XML])
    energies, dos = _columns(files["dos"])
    projections: dict[tuple[int, str], np.ndarray] = defaultdict(lambda: np.zeros_like(dos))
    for name, text in files.items():
        if found := _PROJECTION.search(name):
            # dos.x and projwfc.x round the number of energies differently.
            projections[SYMBOLS.index(found[1]), found[2]] += np.interp(energies, *_columns(text))
    gap, middle = _gap(bands)
    return ElectronicStructure(
        crystal=crystal,
        fermi_energy=middle if gap > 0 else bands.fermi_energy,
        gap=gap,
        valence_electrons=bands.electrons,
        energies=energies,
        dos=dos,
        projections=dict(projections),
        k_points=len(bands.eigenvalues),
    )


def _columns(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the first two columns: energies, eV, and states per eV."""
    # Fortran leaves out the E of an exponent with three digits: 0.1-100, which is nothing.
    rows = [line.split()[:2] for line in text.splitlines()[1:]]
    values = [(float(e), float(d) if "E" in d or d.count("-") == 0 else 0.0) for e, d in rows]
    return tuple(np.array(values).T)


def _read_bands(xml: str) -> _Bands:
    """Read pw.x's XML; its energies are in hartree."""
    found = ElementTree.fromstring(xml).find("output/band_structure")
    rows = [entry.findtext("eigenvalues").split() for entry in found.findall("ks_energies")]
    return _Bands(
        fermi_energy=float(found.findtext("fermi_energy")) * _EV_PER_HARTREE,
        electrons=float(found.findtext("nelec")),
        eigenvalues=np.array(rows, dtype=float) * _EV_PER_HARTREE,
    )


def _gap(bands: _Bands) -> tuple[float, float]:
    """Return the gap, eV, and its middle; 0 where bands overlap or one is half filled."""
    filled = bands.electrons / 2
    occupied = round(filled)
    if abs(filled - occupied) > 1e-6 or occupied == bands.eigenvalues.shape[1]:
        return 0.0, bands.fermi_energy
    highest, lowest = bands.eigenvalues[:, occupied - 1].max(), bands.eigenvalues[:, occupied].min()
    return max(0.0, float(lowest - highest)), float(lowest + highest) / 2

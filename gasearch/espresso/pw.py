"""Input and output of pw.x as text: no file is touched and nothing is run here."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.schema import setting
from gasearch.units import A_PER_BOHR, EV_PER_RYDBERG

#: Divisions along the three reciprocal vectors of a Γ-centred grid.
Grid = tuple[int, int, int]

#: Any positive mass: nothing that is computed here depends on it, and pw.x wants one.
_MASS = 1.0
_NUMBER = r"(-?\d+\.\d*(?:[eE][-+]?\d+)?)"
ENERGY = re.compile(rf"^!\s+total energy\s+=\s+{_NUMBER} Ry", re.MULTILINE)
_FORCE = re.compile(rf"^\s+atom\s+\d+ type\s+\d+\s+force =\s+{_NUMBER}\s+{_NUMBER}\s+{_NUMBER}", re.MULTILINE)
_STRESS = re.compile(r"total\s+stress\s+\(Ry/bohr\*\*3\).*\n((?:.*\n){3})")
_K_POINTS = re.compile(r"number of k points=\s*(\d+)")
_FERMI = re.compile(rf"the Fermi energy is\s+{_NUMBER} ev")
_MAGNETIZATION = re.compile(rf"^\s+total magnetization\s+=\s+{_NUMBER} Bohr", re.MULTILINE)
_SITE_MOMENT = re.compile(rf"^\s+atom:?\s+\d+.*\bcharge\s*[:=]\s*{_NUMBER}\s+magn\s*[:=]\s*{_NUMBER}", re.MULTILINE)
#: Elements whose crystals may be magnetic: each crystal with one is computed with spins, that of others needs none.
MAGNETIC = frozenset(
    SYMBOLS.index(symbol) for symbol in "V Cr Mn Fe Co Ni Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb U Np Pu".split()
)
#: How no crystal starts with spins, whatever its elements.
NO_SPINS: Final = ()
#: Share of an atom's valence electrons that is aligned at the start where only its element is known.
_ALIGNED = 0.5
#: Decimals of such shares: atoms that differ by less are of one kind, and may be equivalent.
_SHARE_DECIMALS = 3
_CONVERGED = re.compile(r"convergence has been achieved in\s+(\d+) iterations")


@dataclass(frozen=True)
class PwSettings:
    """What decides the energy of a crystal in pw.x, and how it is converged.

    Parameters
    ----------
    ecutwfc : float
        Cutoff of the wavefunctions, Ry.
    ecutrho : float
        Cutoff of the density, Ry. Norm-conserving pseudopotentials need four times ``ecutwfc`` to be exact, but with
        three times H and S at 200 GPa differ by less than 0.1 meV/atom and 0.01 GPa, at a third less time.
    k_spacing : float
        Largest distance of neighbouring k-points along a reciprocal vector, Å⁻¹, the factor 2π included:
        the grid is Γ-centred with nᵢ = ceil(|bᵢ| / k_spacing), bᵢ·aⱼ = 2π δᵢⱼ.
    degauss : float
        Width of the Marzari–Vanderbilt smearing, Ry (doi:10.1103/PhysRevLett.82.3296).
    conv_thr : float
        Estimated energy error per cell at which the SCF is converged, Ry.
    mixing_beta : float
        Share of the new density in the mixing.
    max_iterations : int
        SCF iterations before it is called not converged.
    diagonalization : "david" or "cg"
        Davidson's method is quick; conjugate gradients are slow and seldom fail.
    """

    ecutwfc: float = setting(50.0, above=0)
    ecutrho: float = setting(150.0, above=0)
    k_spacing: float = setting(0.40, above=0)
    degauss: float = setting(0.02, above=0)
    conv_thr: float = setting(1e-7, above=0)
    mixing_beta: float = setting(0.7, above=0, at_most=1)
    max_iterations: int = setting(60, at_least=1)
    diagonalization: Literal["david", "cg"] = "david"

    def with_cutoff(self, ecutwfc: float) -> PwSettings:
        """Return them with another cutoff of the wavefunctions, Ry; the density gets four times it."""
        return replace(self, ecutwfc=ecutwfc, ecutrho=4 * ecutwfc)


@dataclass(frozen=True, eq=False)
class ScfResult:
    """A converged SCF.

    Parameters
    ----------
    energy : float
        eV per cell: the free energy E − TS of the smeared electrons, whose derivatives forces and stress are.
    forces : (n, 3) array
        eV/Å.
    stress : (3, 3) array
        dE/dε / V, eV/Å³ (ASE's sign: negative when the crystal wants to expand).
    k_points : int
        Irreducible k-points.
    iterations : int
        SCF iterations.
    fermi_energy : float
        eV, on the scale of pw.x's eigenvalues; NaN where it is not known.
    magnetization : float
        Bohr magnetons per cell; 0 without spins.
    moments : (n,) array
        Bohr magnetons in a sphere around each atom, which miss what is between them; empty without spins.
    """

    energy: float
    forces: np.ndarray
    stress: np.ndarray
    k_points: int
    iterations: int
    fermi_energy: float = np.nan
    magnetization: float = 0.0
    moments: np.ndarray = field(default_factory=lambda: np.zeros(0))


def k_grid(crystal: Crystal, spacing: float) -> Grid:
    """Return the divisions of each reciprocal vector for a spacing in Å⁻¹ (with 2π); at least one each."""
    lengths = 2 * np.pi * np.linalg.norm(np.linalg.inv(crystal.cell), axis=0)
    # A grid must not jump because a length misses a multiple of the spacing by rounding.
    first, second, third = np.maximum(1, np.ceil(lengths / spacing - 1e-6)).astype(int).tolist()
    return first, second, third


def write_scf(
    crystal: Crystal,
    settings: PwSettings,
    pseudo_dir: str,
    spins: Sequence[float] | None = None,
    disk_io: Literal["none", "low"] = "none",
    grid: Grid | None = None,
) -> str:
    """Return the input of an SCF with forces and stress; the pseudopotential of X is ``X.UPF``.

    Parameters
    ----------
    crystal : Crystal
    settings : PwSettings
    pseudo_dir : str
    spins : sequence of float or None
        Share (−1 to 1) of each atom's valence electrons whose spins are aligned at the start; without spins if all are
        0, or with `NO_SPINS`; None to start by the elements.
    disk_io : "none" or "low"
        As of `control_lines`.
    grid : Grid or None
        k-points instead of those that the spacing gives.
    """
    control = "calculation = 'scf', tprnfor = .true., tstress = .true."
    return joined(
        control_lines(control, pseudo_dir, disk_io),
        system_lines(crystal, settings, smeared(settings), spins),
        electrons_lines(settings),
        cards(crystal, grid or settings.k_spacing, spins),
    )


def joined(*parts: list[str]) -> str:
    """Return an input from the lines of its parts."""
    return "\n".join(line for part in parts for line in part) + "\n"


def control_lines(control: str, pseudo_dir: str, disk_io: Literal["none", "low"]) -> list[str]:
    """Return &CONTROL; ``low`` keeps density and wavefunctions for the next program, ``none`` nothing."""
    return ["&CONTROL", f"  {control}", f"  outdir = './', pseudo_dir = '{pseudo_dir}', disk_io = '{disk_io}'", "/"]


def system_lines(
    crystal: Crystal, settings: PwSettings, occupations: str, spins: Sequence[float] | None = None
) -> list[str]:
    """Return &SYSTEM; ``spins`` as of `write_scf`."""
    kinds = list(dict.fromkeys(_kinds(crystal, spins)))
    return [
        "&SYSTEM",
        f"  ibrav = 0, nat = {len(crystal)}, ntyp = {len(kinds)}",
        f"  ecutwfc = {settings.ecutwfc}, ecutrho = {settings.ecutrho}",
        f"  {occupations}",
        *_spin_lines(kinds),
        "/",
    ]


def may_be_magnetic(crystal: Crystal) -> bool:
    """Return whether an element asks for spins."""
    return not MAGNETIC.isdisjoint(crystal.composition.elements)


def starting_spins(aligned: bool) -> tuple[()] | None:
    """Return how spins start: aligned where an element asks for it, or none at all."""
    return None if aligned else NO_SPINS


def _kinds(crystal: Crystal, spins: Sequence[float] | None) -> list[tuple[int, float]]:
    """Return the element of each atom and how its spins start: atoms of one kind may be equivalent for pw.x."""
    numbers = crystal.numbers.tolist()
    if spins is not None and not len(spins):
        return [(z, 0.0) for z in numbers]
    if spins is None:
        return [(z, _ALIGNED if z in MAGNETIC else 0.0) for z in numbers]
    # A rounded −0 is no other start than 0.
    return [(z, round(float(spin), _SHARE_DECIMALS) + 0.0) for z, spin in zip(numbers, spins, strict=True)]


def _labels(kinds: Sequence[tuple[int, float]]) -> dict[tuple[int, float], str]:
    """Return the name of each kind: the element's, with a number if there are several of it."""
    of_element: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for kind in dict.fromkeys(kinds):
        of_element[kind[0]].append(kind)
    return {
        kind: f"{SYMBOLS[z]}{number if len(same) > 1 else ''}"
        for z, same in of_element.items()
        for number, kind in enumerate(same, 1)
    }


def _spin_lines(kinds: Sequence[tuple[int, float]]) -> list[str]:
    """Return the start of each kind (none twice) that has spins; the SCF may well end without any."""
    starts = [f"starting_magnetization({i}) = {spin}" for i, (_, spin) in enumerate(kinds, 1) if spin]
    return [f"  nspin = 2, {', '.join(starts)}"] if starts else []


def smeared(settings: PwSettings) -> str:
    """Return the occupations of a metal with smeared electrons."""
    return f"occupations = 'smearing', smearing = 'mv', degauss = {settings.degauss}"


def electrons_lines(settings: PwSettings) -> list[str]:
    """Return &ELECTRONS."""
    cautious = [] if settings.diagonalization == "david" else [f"  diagonalization = '{settings.diagonalization}'"]
    return [
        "&ELECTRONS",
        f"  conv_thr = {settings.conv_thr}, mixing_beta = {settings.mixing_beta}",
        f"  electron_maxstep = {settings.max_iterations}",
        *cautious,
        "/",
    ]


def cards(
    crystal: Crystal,
    k_points: float | Grid,
    spins: Sequence[float] | None = None,
    masses: Mapping[int, float] = MappingProxyType({}),
) -> list[str]:
    """Return what follows the namelists: species, cell, positions and k-points, as a spacing (Å⁻¹) or a grid."""
    grid = k_points if isinstance(k_points, tuple) else k_grid(crystal, k_points)
    return [*structure_cards(crystal, spins, masses), "K_POINTS automatic", " ".join(map(str, grid)) + " 0 0 0"]


def structure_cards(
    crystal: Crystal, spins: Sequence[float] | None = None, masses: Mapping[int, float] = MappingProxyType({})
) -> list[str]:
    """Return species, cell and positions; ``spins`` as of `write_scf`.

    ``masses`` are in u, by atomic number; an element that is not named has that of which nothing depends on it.
    """
    kinds = _kinds(crystal, spins)
    labels = _labels(kinds)
    return [
        "ATOMIC_SPECIES",
        *(f"{labels[kind]} {masses.get(kind[0], _MASS)} {SYMBOLS[kind[0]]}.UPF" for kind in dict.fromkeys(kinds)),
        "CELL_PARAMETERS angstrom",
        *(row(vector) for vector in crystal.cell),
        "ATOMIC_POSITIONS crystal",
        *(f"{labels[kind]} {row(f)}" for kind, f in zip(kinds, crystal.frac, strict=True)),
    ]


def row(values: np.ndarray) -> str:
    """Return numbers as they stand on a line of a card."""
    return " ".join(f"{x:.12f}" for x in values)


def read_scf(text: str, n_atoms: int) -> ScfResult | None:
    """Read the output of `write_scf`'s input; None if the SCF did not converge or the output breaks off."""
    energy, k_points, converged = ENERGY.search(text), _K_POINTS.search(text), _CONVERGED.search(text)
    forces, stress = _FORCE.findall(text)[:n_atoms], _STRESS.search(text)
    if not (energy and k_points and converged and stress) or len(forces) < n_atoms:
        return None
    fermi_energy = _FERMI.search(text)
    # pw.x prints the pressure tensor, of the opposite sign, in Ry/bohr³ and, on the same lines, in kbar.
    pressure = np.array([line.split()[:3] for line in stress.group(1).splitlines()], dtype=float)
    return ScfResult(
        energy=float(energy.group(1)) * EV_PER_RYDBERG,
        forces=np.array(forces, dtype=float) * (EV_PER_RYDBERG / A_PER_BOHR),
        stress=-pressure * (EV_PER_RYDBERG / A_PER_BOHR**3),
        k_points=int(k_points.group(1)),
        iterations=int(converged.group(1)),
        fermi_energy=float(fermi_energy.group(1)) if fermi_energy else np.nan,
        magnetization=float([0.0, *_MAGNETIZATION.findall(text)][-1]),
        moments=np.array([float(magnetic) for _, magnetic in _SITE_MOMENT.findall(text)[-n_atoms:]]),
    )

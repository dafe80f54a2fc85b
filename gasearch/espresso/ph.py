"""Electron–phonon coupling with ph.x: its inputs, and what it writes at a q-point, as text.

The coupling at each smearing of the Fermi surface is interpolated from a coarse grid of k-points to a dense one
(Wierzbowska, de Gironcoli and Giannozzi, arXiv:cond-mat/0504077). The dense grid's eigenvalues are computed once and
kept as text; each q-point is a calculation of its own, which begins with the self-consistent field on the coarse grid.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.pw import Grid, PwSettings, cards, control_lines, electrons_lines, joined, smeared, system_lines
from gasearch.espresso.record import Step

PROGRAMS: Final = ("pw.x", "ph.x", "q2r.x", "matdyn.x")
#: The file with the eigenvalues on the dense grid.
DENSE: Final = "pwscf.a2Fsave"
#: Smearings: q2r.x and matdyn.x want as many as that, no more and no less.
SMEARINGS: Final = 10
_Q_LINE = re.compile(r"^\s+q = \(\s*(\S+)\s+(\S+)\s+(\S+)\s*\)", re.MULTILINE)
_MODE = re.compile(r"^\s+freq \(\s*\d+\) =\s*(\S+) \[THz\].*\n((?:\s*\(.*\)\s*\n)+)", re.MULTILINE)


@dataclass(frozen=True)
class PhSettings:
    """What decides the electron–phonon coupling of a crystal.

    Parameters
    ----------
    pw : PwSettings
        Its ``k_spacing`` is not used.
    q_grid, k_grid, dense_grid : Grid
        Phonons; electrons that respond to them; electrons of the Fermi surface. The dense grid is an integer multiple
        of both others.
    smearing_step : float
        The smearings of the Fermi surface are the first ten multiples of it, Ry.
    threshold : float
        Of the squared change of the potential at which the response is converged (ph.x's tr2_ph).
    mixing : float
        Share of the new potential in the mixing.
    spins : tuple of float or None
        How spins start, as of `gasearch.espresso.pw.write_scf`.

    Raises
    ------
    ValueError
        If the grids do not fit.
    """

    pw: PwSettings
    q_grid: Grid
    k_grid: Grid
    dense_grid: Grid
    smearing_step: float = 0.005
    threshold: float = 1e-14
    mixing: float = 0.7
    spins: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        for name, grid in (("k_grid", self.k_grid), ("q_grid", self.q_grid)):
            if min(grid) < 1 or any(dense % n for dense, n in zip(self.dense_grid, grid, strict=True)):
                raise ValueError(
                    f"dense_grid: found {shown(self.dense_grid)}; each number must be a multiple of those of {name}, "
                    f"{shown(grid)}"
                )


def shown(grid: Grid) -> str:
    """Return a grid as users write it: 4x4x4."""
    return "x".join(map(str, grid))


def dense_step(crystal: Crystal, settings: PhSettings, pseudo_dir: str) -> Step:
    """Return the SCF on the dense grid, which writes its eigenvalues into `DENSE`."""
    return Step("pw.x", _scf(crystal, settings, settings.dense_grid, pseudo_dir, ", la2F = .true."))


def inputs(crystal: Crystal, settings: PhSettings, pseudo_dir: str, masses: Mapping[int, float]) -> dict[str, str]:
    """Return file name → input of what is run by hand, in this order: two SCFs of pw.x, then all q-points by ph.x."""
    dense, coarse = settings.dense_grid, settings.k_grid
    return {
        "scf-dense.in": _scf(crystal, settings, dense, pseudo_dir, ", la2F = .true.", masses),
        "scf.in": _scf(crystal, settings, coarse, pseudo_dir, masses=masses),
        "ph.in": _ph(crystal, settings, masses, _coupled(settings)),
    }


def _scf(
    crystal: Crystal,
    settings: PhSettings,
    grid: Grid,
    pseudo_dir: str,
    also: str = "",
    masses: Mapping[int, float] = MappingProxyType({}),
) -> str:
    return joined(
        control_lines("calculation = 'scf', tprnfor = .true., tstress = .true.", pseudo_dir, disk_io="low"),
        system_lines(crystal, settings.pw, smeared(settings.pw) + also, settings.spins),
        electrons_lines(settings.pw),
        cards(crystal, grid, masses=masses),
    )


def listing_steps(crystal: Crystal, settings: PhSettings, pseudo_dir: str, masses: Mapping[int, float]) -> list[Step]:
    """Return the steps that find the irreducible q-points, ``dyn0``, without computing a phonon."""
    # With start_irr = 0 ph.x would end before it says that its job is done.
    nothing = "start_q = 1, last_q = 1, start_irr = 1, last_irr = 0"
    scf = _scf(crystal, settings, settings.k_grid, pseudo_dir)
    return [Step("pw.x", scf), Step("ph.x", _ph(crystal, settings, masses, nothing))]


def q_point_steps(
    crystal: Crystal, settings: PhSettings, pseudo_dir: str, masses: Mapping[int, float], index: int
) -> list[Step]:
    """Return the steps to the phonons and couplings at an irreducible q-point, counted from 1; `DENSE` must be there.

    ``masses`` are in u, by atomic number.
    """
    coupled = f"start_q = {index}, last_q = {index}, {_coupled(settings)}"
    scf = _scf(crystal, settings, settings.k_grid, pseudo_dir)
    return [Step("pw.x", scf), Step("ph.x", _ph(crystal, settings, masses, coupled))]


def _coupled(settings: PhSettings) -> str:
    return (
        "electron_phonon = 'interpolated', fildvscf = 'dv',\n"
        f"  el_ph_sigma = {settings.smearing_step}, el_ph_nsigma = {SMEARINGS}"
    )


def results(index: int) -> tuple[str, ...]:
    """Return the patterns of what a q-point leaves."""
    return f"dyn{index}", f"elph_dir/elph.inp_lambda.{index}", f"elph_dir/a2Fq2r.*.{index}"


def _ph(crystal: Crystal, settings: PhSettings, masses: Mapping[int, float], what: str) -> str:
    first, second, third = settings.q_grid
    return (
        "electrons and phonons\n&INPUTPH\n"
        f"  outdir = './', fildyn = 'dyn', {mass_settings(crystal, masses)}\n"
        f"  tr2_ph = {settings.threshold}, alpha_mix(1) = {settings.mixing}\n"
        f"  ldisp = .true., nq1 = {first}, nq2 = {second}, nq3 = {third}\n"
        f"  {what}\n/\n"
    )


def mass_settings(crystal: Crystal, masses: Mapping[int, float]) -> str:
    """Return the masses of a crystal's species in the order in which pw.x is told of them."""
    species = dict.fromkeys(crystal.numbers.tolist())
    return ", ".join(f"amass({place}) = {masses[z]:.6f}" for place, z in enumerate(species, 1))


def read_q_points(text: str) -> np.ndarray:
    """Read ``dyn0``: the irreducible q-points (n, 3), 2π/alat, where alat is the length of the first cell vector."""
    numbers = [float(word) for word in text.split()]
    return np.array(numbers[4:]).reshape(int(numbers[3]), 3)


def fractional(q: np.ndarray, crystal: Crystal) -> np.ndarray:
    """Return q-points (..., 3) in units of the reciprocal vectors, from those in 2π/alat."""
    return q @ crystal.cell.T / np.linalg.norm(crystal.cell[0])


@dataclass(frozen=True, eq=False)
class Phonons:
    """Phonons at one irreducible q-point.

    Parameters
    ----------
    q : (3,) array
        2π/alat.
    star : int
        How many q-points of the grid are equivalent to it, time reversal included.
    frequencies : (modes,) array
        THz, ascending; negative ones stand for imaginary frequencies.
    displacements : (modes, atoms, 3) complex array
        Each mode's, normalized.
    """

    q: np.ndarray
    star: int
    frequencies: np.ndarray
    displacements: np.ndarray

    def acoustic(self, masses: np.ndarray) -> np.ndarray:
        """Return which modes (modes,) are the three translations of all atoms (masses (atoms,)), if q is Γ."""
        if np.abs(self.q).max() > 1e-8:
            return np.zeros(len(self.frequencies), bool)
        weighted = self.displacements * np.sqrt(masses)[:, None]
        norms = np.sqrt((np.abs(weighted) ** 2).sum(axis=(1, 2)))
        translation = np.sqrt(masses / masses.sum())
        share = (np.abs(np.einsum("mai,a->mi", weighted, translation)) ** 2).sum(axis=1) / norms**2
        chosen = np.zeros(len(share), bool)
        chosen[np.argsort(-share, kind="stable")[:3]] = True
        return chosen


def read_dynamical(text: str) -> Phonons:
    """Read a ``dyn`` file of ph.x.

    Raises
    ------
    ValueError
        If it ends early.
    """
    listed, _, diagonal = text.partition("Diagonalizing the dynamical matrix")
    modes = _MODE.findall(diagonal)
    star = _Q_LINE.findall(listed)
    if not star or not modes or len(modes) % 3 or "****" not in diagonal.rstrip()[-80:]:
        raise ValueError("a dyn file ends before its last mode")
    rows = [[line.strip(" ()").split() for line in block.splitlines()] for _, block in modes]
    values = np.array(rows, float)
    return Phonons(
        q=np.array(star[0], float),
        star=len(star),
        frequencies=np.array([float(frequency) for frequency, _ in modes]),
        displacements=values[..., 0::2] + 1j * values[..., 1::2],
    )

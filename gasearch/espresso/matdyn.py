"""From the q-points of a grid to all others: q2r.x and matdyn.x, their inputs and what they write, as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.ph import SMEARINGS, PhSettings, mass_settings
from gasearch.espresso.record import Step
from gasearch.units import THZ_PER_INVERSE_CM, THZ_PER_RYDBERG

#: How many times finer than the grid of ph.x the grid of the densities of states is, and its divisions at most.
_FINER: Final = 8
_FINEST: Final = 20
#: Frequencies of the densities of states.
_SAMPLES: Final = 300
_THZ_PER_GHZ: Final = 1e-3
#: Numbers in a line, and their columns.
_A_LINE, _WIDTH = 6, 10
#: What matdyn.x leaves: α²F at each smearing, the density of states, and along the path frequencies and linewidths.
RESULTS: Final = ("a2F.dos*", "phonon-dos", "path.freq", "elph.gamma.*")


@dataclass(frozen=True, eq=False)
class PhononBands:
    """Phonons along a path, by Fourier interpolation.

    Parameters
    ----------
    frequencies : (n, modes) array
        THz; negative ones stand for imaginary frequencies.
    linewidths : (smearings, n, modes) array
        γ_qν, THz, half width at half maximum.
    """

    frequencies: np.ndarray
    linewidths: np.ndarray

    def couplings(self, smearing: int, dos: float) -> np.ndarray:
        """Return λ_qν (n, modes) at the ``smearing``-th smearing, where N(E_F) is ``dos``, states per spin and Ry.

        λ_qν = γ_qν/(π N(E_F) ω²); zero where ω is not positive.
        """
        width = self.linewidths[smearing] / THZ_PER_RYDBERG
        squared = (self.frequencies / THZ_PER_RYDBERG) ** 2
        # Near Γ it is the ratio of two small numbers.
        known = self.frequencies > 0.02 * self.frequencies.max()
        return np.where(known, width / (np.pi * dos * np.where(known, squared, 1.0)), 0.0)


def steps(crystal: Crystal, settings: PhSettings, masses: Mapping[int, float], path: np.ndarray) -> list[Step]:
    """Return the steps to densities of states and bands, on a path (n, 3) in units of the reciprocal vectors.

    The files of ph.x must be there: ``dyn0``, ``dyn1`` … and in ``elph_dir`` what the q-points left.
    """
    common = f"asr = 'crystal', flfrc = 'fc', la2F = .true., {mass_settings(crystal, masses)}"
    first, second, third = (max(n, min(_FINER * n, _FINEST)) for n in settings.q_grid)
    grid = f"dos = .true., fldos = 'phonon-dos', nk1 = {first}, nk2 = {second}, nk3 = {third}, ndos = {_SAMPLES}"
    points = "".join(" ".join(f"{x:.10f}" for x in q) + "\n" for q in path)
    return [
        Step("q2r.x", "&INPUT\n  zasr = 'crystal', fildyn = 'dyn', flfrc = 'fc', la2F = .true.\n/\n"),
        Step("matdyn.x", f"&INPUT\n  {common}\n  {grid}, flfrq = 'grid.freq'\n/\n"),
        Step(
            "matdyn.x",
            f"&INPUT\n  {common}\n  dos = .false., q_in_cryst_coord = .true., flfrq = 'path.freq'\n/\n"
            f"{len(path)}\n{points}",
        ),
    ]


def read_bands(files: Mapping[str, str]) -> PhononBands:
    """Read frequencies and linewidths along the path.

    Raises
    ------
    ValueError
        If a file ends early, or numbers overflowed.
    """
    widths = [_modes(files[f"elph.gamma.{n}"]) for n in range(1, SMEARINGS + 1)]
    frequencies = THZ_PER_INVERSE_CM * _modes(files["path.freq"])
    return PhononBands(frequencies, _THZ_PER_GHZ * np.array(widths))


def _modes(text: str) -> np.ndarray:
    """Return the numbers (n, modes) of a file that lists them after each q-point, six a line in ten columns each."""
    head = re.match(r"\s*&plot nbnd=\s*(\d+), nks=\s*(\d+)\s*/\s*\n", text)
    if not head:
        raise ValueError("the first line must be &plot, and the numbers of modes and q-points")
    modes, points = int(head[1]), int(head[2])
    rows = np.array(text[head.end() :].splitlines()).reshape(points, 1 + -(-modes // _A_LINE))[:, 1:]
    # Large numbers touch.
    fields = [[line[i : i + _WIDTH] for line in lines for i in range(0, len(line), _WIDTH)] for lines in rows]
    return np.array(fields, float).reshape(points, modes)


def read_phonon_dos(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Read the density of states of phonons: frequencies (n,), THz, and states per THz and cell (n,)."""
    rows = np.array([line.split()[:2] for line in text.splitlines()[1:]], float)
    return THZ_PER_INVERSE_CM * rows[:, 0], rows[:, 1] / THZ_PER_INVERSE_CM

"""How long pw.x and ph.x will take: pw.x from the crystal, ph.x from the self-consistent field before it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.symmetry import irreducible
from gasearch.espresso.pw import k_grid

#: Time of ph.x for a mode and a k-point, over that of an SCF iteration for a k-point: measured for Al and H3S (Debian's
#: 6.7, one core). The iterations of the response differ from crystal to crystal, so that it may be off by two.
_RESPONSE: Final = 12.0
_TIME = re.compile(r"^\s+(?:PWSCF|PHONON)\s+:\s+(.+?) CPU", re.MULTILINE)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([dhms])")
_SECONDS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_K_POINTS = re.compile(r"number of k points=\s*(\d+)")
_ITERATIONS = re.compile(r"convergence has been achieved in\s+(\d+) iterations")


def relative_scf_time(crystal: Crystal, k_spacing: float) -> float:
    """Return how long an SCF takes, in a unit of its own: k-points times bands times plane waves.

    Bands and plane waves go with the volume of the cell; it compares crystals of one space at similar pressures.
    """
    return len(irreducible(crystal, k_grid(crystal, k_spacing))) * crystal.volume**2


def cpu_seconds(text: str) -> float:
    """Return the processor time that pw.x or ph.x says it took, s; ValueError if it did not come to its end."""
    found = _TIME.findall(text)
    if not found:
        raise ValueError("the output ends before the time that it took")
    return sum(float(value) * _SECONDS[unit] for value, unit in _PART.findall(found[-1]))


def predicted(scf: str, modes: int, k_points: Sequence[int], dense_k_points: int) -> float:
    """Return the processor time, s, of an electron–phonon calculation.

    Parameters
    ----------
    scf : str
        What pw.x printed on the coarse grid.
    modes : int
        Phonons at a q-point.
    k_points : sequence of int
        For each irreducible q-point, the irreducible k-points of the coarse grid under the symmetries that keep q.
    dense_k_points : int
        Irreducible k-points of the dense grid.
    """
    k, iterations = int(_K_POINTS.search(scf)[1]), int(_ITERATIONS.search(scf)[1])
    unit = cpu_seconds(scf) / (k * iterations)
    return unit * (dense_k_points * iterations + _RESPONSE * modes * sum(k_points))

"""What the couplings on a grid of q-points amount to: λ at every smearing, its plateau, and whether that is enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from gasearch.superconductivity.alpha2f import TOLERANCE
from gasearch.superconductivity.eliashberg import Coulomb
from gasearch.superconductivity.estimate import TcEstimate, estimate
from gasearch.superconductivity.lambda_files import QPointCouplings, couplings_of, summed
from gasearch.superconductivity.modes import Modes
from gasearch.units import EV_PER_RYDBERG, K_PER_THZ

Grid = tuple[int, int, int]

#: By how much N(E_F) of a smearing may miss that of the tetrahedra.
DOS_TOLERANCE: Final = 0.10
#: By how much λ may differ between two q-grids, or between the grid and its interpolation, and be converged.
Q_TOLERANCE: Final = 0.05
#: Smearings of a plateau.
_PLATEAU: Final = 3
#: |Δ ln λ/Δ ln σ| up to which λ is said not to depend on the smearing.
_FLAT: Final = 0.15


@dataclass(frozen=True, eq=False)
class QPoint:
    """An irreducible point of a grid of phonons.

    Parameters
    ----------
    place : (3,) array of int
        q times the divisions of the grid, in units of the reciprocal vectors.
    star : int
        How many points of the grid are equivalent to it.
    acoustic : (modes,) array of bool
        Which modes are translations of all atoms at Γ; they do not couple.
    couplings : QPointCouplings
    """

    place: np.ndarray
    star: int
    acoustic: np.ndarray
    couplings: QPointCouplings

    @staticmethod
    def of(text: str, q: np.ndarray, grid: Grid, star: int, acoustic: np.ndarray) -> QPoint:
        """Read elph.inp_lambda's text at q (3,), in units of the reciprocal vectors."""
        place = np.rint(q * grid).astype(int)
        return QPoint(place, star, acoustic, couplings_of(text, Path(f"elph.inp_lambda at {place}/{grid}")))

    @property
    def internal(self) -> QPointCouplings:
        """The couplings without those of translations."""
        return replace(self.couplings, couplings=np.where(self.acoustic, 0.0, self.couplings.couplings))


@dataclass(frozen=True)
class Plateau:
    """Neighbouring smearings between which λ depends little on the smearing.

    Parameters
    ----------
    first, last : int
        Their places.
    spread : float
        Largest minus smallest λ on it, over the one in the middle.
    slope : float
        The same over the difference of ln σ between its ends.
    """

    first: int
    last: int
    spread: float
    slope: float

    @property
    def middle(self) -> int:
        """The place of the smearing that is quoted."""
        return (self.first + self.last) // 2

    @property
    def flat(self) -> bool:
        """Whether it deserves its name."""
        return self.slope <= _FLAT


def plateau(smearings: np.ndarray, lambdas: np.ndarray, allowed: np.ndarray) -> Plateau:
    """Return the first three neighbours on which λ is flat, or those on which it is flattest.

    The sharpest smearing is the best that the dense grid is fine enough for: where it is not, λ depends on it.

    Parameters
    ----------
    smearings, lambdas : (n,) array
        Smearings increase.
    allowed : (n,) array of bool
        Others are taken only where there are no three of these.
    """
    starts = range(len(smearings) - _PLATEAU + 1)
    wanted = [i for i in starts if allowed[i : i + _PLATEAU].all()] or list(starts)
    found = [_window(smearings, lambdas, start) for start in wanted]
    return next((one for one in found if one.flat), min(found, key=lambda one: one.slope))


def _window(smearings: np.ndarray, lambdas: np.ndarray, start: int) -> Plateau:
    place = slice(start, start + _PLATEAU)
    spread = float(np.ptp(lambdas[place]) / lambdas[start + _PLATEAU // 2])
    return Plateau(start, start + _PLATEAU - 1, spread, float(spread / np.ptp(np.log(smearings[place]))))


@dataclass(frozen=True)
class OtherGrid:
    """λ by other phonons at the smearing that is quoted: of a coarser q-grid, or interpolated to a finer one.

    Parameters
    ----------
    q_grid : Grid
    lam : float
    omega_log : float
        THz.
    """

    q_grid: Grid
    lam: float
    omega_log: float


@dataclass(frozen=True, eq=False)
class ElectronPhonon:
    """Electron–phonon coupling of a crystal by linear response.

    Parameters
    ----------
    q_grid, k_grid, dense_grid : Grid
        Phonons; electrons that respond; electrons of the Fermi surface.
    smearings : (n,) array
        Of the Fermi surface, Ry.
    spectra : tuple of Modes
        The modes of all q-points of the grid, at each smearing.
    dos : (n,) array
        N(E_F) at each smearing, states per eV and cell, both spins: what λ is divided by.
    reference_dos : float or None
        The same by tetrahedra.
    plateau : Plateau
    coarser : OtherGrid or None
        The coarser grid whose points are among these.
    tc : TcEstimate
        At the middle of the plateau.
    warnings : tuple of str
        Sentences, those of ``tc`` included.
    """

    q_grid: Grid
    k_grid: Grid
    dense_grid: Grid
    smearings: np.ndarray
    spectra: tuple[Modes, ...]
    dos: np.ndarray
    reference_dos: float | None
    plateau: Plateau
    coarser: OtherGrid | None
    tc: TcEstimate
    warnings: tuple[str, ...]

    @property
    def converged_in_q(self) -> bool:
        """Whether a coarser grid gives nearly the same λ; not if there is none to compare with."""
        return self.coarser is not None and abs(self.coarser.lam / self.tc.moments.lam - 1) <= Q_TOLERANCE

    def to_dict(self) -> dict[str, Any]:
        """Return what is written as JSON; each key names its unit."""
        return {
            "q_grid": list(self.q_grid),
            "k_grid": list(self.k_grid),
            "dense_k_grid": list(self.dense_grid),
            "converged_in_q": self.converged_in_q,
            "coarser_q_grid": None if self.coarser is None else grid_document(self.coarser),
            "dos_tetrahedra_per_eV_and_cell": self.reference_dos,
            "by_smearing": [
                {
                    "smearing_Ry": float(smearing),
                    "lambda": spectrum.moments().lam,
                    "omega_log_K": K_PER_THZ * spectrum.moments().omega_log,
                    "dos_per_eV_and_cell": float(dos),
                }
                for smearing, spectrum, dos in zip(self.smearings, self.spectra, self.dos, strict=True)
            ],
            "plateau": {
                "smearings_Ry": [float(self.smearings[place]) for place in (self.plateau.first, self.plateau.last)],
                "spread": self.plateau.spread,
                "slope": self.plateau.slope,
            },
            "tc": self.tc.to_dict(),
            "warnings": list(self.warnings),
        }


def grid_document(other: OtherGrid) -> dict[str, Any]:
    """Return another grid as plain data."""
    return {"q_grid": list(other.q_grid), "lambda": other.lam, "omega_log_K": K_PER_THZ * other.omega_log}


def electron_phonon(
    points: Sequence[QPoint],
    grids: tuple[Grid, Grid, Grid],
    reference_dos: float | None,
    coulomb: Coulomb,
    tolerance: float = TOLERANCE,
) -> ElectronPhonon:
    """Sum up the irreducible points of a q-grid.

    Parameters
    ----------
    points : sequence of QPoint
        All of them.
    grids : tuple of Grid
        Of phonons, of electrons that respond, and of the Fermi surface.
    reference_dos : float or None
        States per eV and cell, both spins, by tetrahedra.
    coulomb : Coulomb
    tolerance : float
        As of `gasearch.superconductivity.lambda_files.summed`.

    Raises
    ------
    SpectrumError
        If more than the tolerance of λ is negative or at imaginary frequencies.
    ValueError
        If the stars do not make up the grid.
    """
    q_grid, k_grid, dense_grid = grids
    if sum(point.star for point in points) != np.prod(q_grid):
        raise ValueError(f"stars of {[point.star for point in points]} points do not make up the grid {q_grid}")
    spectra = _summed(points, tolerance)
    smearings = np.array(list(spectra), float)
    lambdas = np.array([spectrum.moments().lam for spectrum in spectra.values()])
    dos = 2 * np.array(points[0].couplings.dos) / EV_PER_RYDBERG
    allowed = np.ones(len(dos), bool) if reference_dos is None else np.abs(dos / reference_dos - 1) <= DOS_TOLERANCE
    flat = plateau(smearings, lambdas, allowed)
    quoted = float(smearings[flat.middle])
    coarser = _coarser(points, q_grid, quoted, tolerance)
    source = f"ph.x, q-grid {q_grid}"
    tc = estimate(spectra[quoted], coulomb, source=source, smearing=quoted)
    about = _about(flat, lambdas, dos, reference_dos) + _about_q(q_grid, tc.moments.lam, coarser)
    return ElectronPhonon(
        *(q_grid, k_grid, dense_grid, smearings, tuple(spectra.values()), dos, reference_dos, flat, coarser, tc),
        warnings=(*about, *tc.warnings),
    )


def _summed(points: Sequence[QPoint], tolerance: float) -> Mapping[float, Modes]:
    stars = np.array([point.star for point in points])
    return summed([point.internal for point in points], stars, tolerance, "ph.x")


def _coarser(points: Sequence[QPoint], q_grid: Grid, smearing: float, tolerance: float) -> OtherGrid | None:
    """Return what the finest grid gives whose points are among these; None where that is Γ alone."""
    for factor in range(2, max(q_grid) + 1):
        if all(n % factor == 0 for n in q_grid) and max(q_grid) > factor:
            inside = [point for point in points if not (point.place % factor).any()]
            found = _summed(inside, tolerance)[smearing].moments()
            first, second, third = (n // factor for n in q_grid)
            return OtherGrid((first, second, third), found.lam, found.omega_log)
    return None


def _about(flat: Plateau, lambdas: np.ndarray, dos: np.ndarray, reference: float | None) -> list[str]:
    warnings = []
    if not flat.flat:
        warnings.append(
            f"λ has no plateau: over the three smearings where it is flattest, it varies by {flat.spread:.0%}"
        )
    if reference is None:
        return [*warnings, "N(E_F) by tetrahedra is not known: that of the smearing could not be compared with it"]
    miss = dos[flat.middle] / reference - 1
    if abs(miss) > DOS_TOLERANCE:
        warnings.append(
            f"N(E_F) of the smearing is {dos[flat.middle]:.3f} states per eV and cell, by tetrahedra {reference:.3f} "
            f"({miss:+.0%}): λ is divided by the first, and was not rescaled"
        )
    return warnings


def _about_q(q_grid: Grid, lam: float, coarser: OtherGrid | None) -> list[str]:
    if coarser is None:
        return ["unconverged in q: there is one grid, and none to compare with"]
    change = lam / coarser.lam - 1
    if abs(coarser.lam / lam - 1) <= Q_TOLERANCE:
        return []
    shown = " to ".join("x".join(map(str, grid)) for grid in (coarser.q_grid, q_grid))
    return [f"unconverged in q: from the grid {shown}, λ changes by {change:+.0%}"]

"""How a magnetic moment goes with pressure: where it collapses, how softly, and which magnets are soft.

Pure functions of tables of pressure, moment and enthalpy; who computed them does not matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from gasearch.units import pressure_from_GPa

#: Σ|mᵢ| per magnetic atom, Bohr magnetons, from which on a state is magnetic: less is what an SCF leaves.
MAGNETIC = 0.1
#: A moment that would still have this share of itself, squared, at the pressure where it is gone, fell abruptly.
_ABRUPT = 0.25


class Collapse(StrEnum):
    """How a moment is lost; each value is what a user reads."""

    CONTINUOUS = "continuous"
    ABRUPT = "abrupt"
    NONE = "none in the range"
    NEVER_MAGNETIC = "not magnetic at any of the pressures"


@dataclass(frozen=True, eq=False)
class MagneticCurve:
    """A start that was followed in pressure, in one direction.

    Parameters
    ----------
    start : str
        ``FM``, ``AFM1`` …
    upwards : bool
        Whether pressure grew.
    pressures : (n,) array
        eV/Å³, growing, whatever the direction was.
    moments : (n,) array
        Σ|mᵢ| per magnetic atom, Bohr magnetons; NaN where the calculation failed.
    enthalpies : (n,) array
        eV per atom.
    """

    start: str
    upwards: bool
    pressures: np.ndarray
    moments: np.ndarray
    enthalpies: np.ndarray


@dataclass(frozen=True)
class Softness:
    """What a curve says.

    Parameters
    ----------
    kind : Collapse
    low, high : float
        The last pressure with a moment and the first without, eV/Å³; NaN where there is none.
    pressure : float
        Where between them the moment vanishes, eV/Å³. If continuously, m² goes down linearly from the last two moments,
        as in Landau's expansion; if abruptly, the middle is as good as any. NaN without a collapse.
    slope : float
        −d ln m/dP from the first to the last magnetic pressure, Å³/eV; NaN with fewer than two.
    steepest : float
        The largest −d(m²)/dP between neighbouring magnetic pressures, over twice the largest m². It is −d ln m/dP where
        the moment is at its largest, and remains finite where the moment vanishes like a square root: it does not
        depend on how near to its end a pressure happens to be.
    """

    kind: Collapse
    low: float = np.nan
    high: float = np.nan
    pressure: float = np.nan
    slope: float = np.nan
    steepest: float = np.nan


def softness(pressures: np.ndarray, moments: np.ndarray) -> Softness:
    """Return how a moment (n,) goes with pressure (n,), growing, eV/Å³; failed points are NaN and left out.

    A moment that comes back at higher pressure has not collapsed: what counts is the last pressure with one.
    """
    known = np.isfinite(moments)
    p, m = np.asarray(pressures, float)[known], np.abs(np.asarray(moments, float)[known])
    magnetic = np.flatnonzero(m > MAGNETIC)
    if not len(magnetic):
        return Softness(Collapse.NEVER_MAGNETIC)
    last = int(magnetic[-1])
    squares = m[magnetic] ** 2
    slopes = -np.diff(squares) / np.diff(p[magnetic]) / (2 * squares.max())
    whole = -np.log(m[last] / m[magnetic[0]]) / (p[last] - p[magnetic[0]]) if len(slopes) else np.nan
    soft = {"slope": float(whole), "steepest": float(slopes.max()) if len(slopes) else np.nan}
    if last == len(p) - 1:
        return Softness(Collapse.NONE, low=float(p[last]), **soft)
    low, high = float(p[last]), float(p[last + 1])
    expected = _expected_square(p[magnetic], m[magnetic], high)
    if expected > max(_ABRUPT * m[last] ** 2, MAGNETIC**2):
        return Softness(Collapse.ABRUPT, low, high, (low + high) / 2, **soft)
    vanishing = low + (high - low) * m[last] ** 2 / (m[last] ** 2 - expected)
    return Softness(Collapse.CONTINUOUS, low, high, min(float(vanishing), high), **soft)


def _expected_square(pressures: np.ndarray, moments: np.ndarray, at: float) -> float:
    """Return m² at a pressure, on a straight line through the last two points; inf where there is one only."""
    if len(pressures) < 2:
        return np.inf
    (p1, p2), (s1, s2) = pressures[-2:], moments[-2:] ** 2
    return float(s2 + (s2 - s1) * (at - p2) / (p2 - p1))


def hysteresis(up: Softness, down: Softness) -> float | None:
    """Return by how much higher (eV/Å³) the moment goes on the way up than it returns on the way down, if known.

    The brackets of both must not touch; a transition of first order shows it where the steps are fine enough.
    """
    lost = (Collapse.CONTINUOUS, Collapse.ABRUPT)
    if up.kind not in lost or down.kind not in lost or up.low < down.high:
        return None
    return up.low - down.high


def _known_enthalpies(curves: Sequence[MagneticCurve]) -> np.ndarray:
    """Return the enthalpies of curves with the same pressures (curves, n), inf where they are not known."""
    return np.array([np.where(np.isfinite(c.enthalpies), c.enthalpies, np.inf) for c in curves])


def lowest(curves: Sequence[MagneticCurve]) -> MagneticCurve:
    """Return the curve along which the enthalpy is lowest at each pressure, of curves with the same pressures.

    Its start names those that are taken, in order of pressure.
    """
    enthalpies = _known_enthalpies(curves)
    best = enthalpies.argmin(axis=0)
    points = np.arange(len(best))
    taken = dict.fromkeys(curves[i].start for i in best.tolist())
    return MagneticCurve(
        start=", ".join(taken),
        upwards=True,
        pressures=curves[0].pressures,
        moments=np.array([c.moments for c in curves])[best, points],
        enthalpies=enthalpies[best, points],
    )


@dataclass(frozen=True)
class Transition:
    """A change of the lowest curve with growing pressure.

    Parameters
    ----------
    before, after : str
        Their starts.
    pressure : float
        Where their enthalpies cross, eV/Å³, if both go straight from one pressure to the next.
    """

    before: str
    after: str
    pressure: float


def transitions(curves: Sequence[MagneticCurve]) -> list[Transition]:
    """Return where another curve becomes the lowest, of curves with the same pressures."""
    enthalpies = _known_enthalpies(curves)
    best, pressures = enthalpies.argmin(axis=0), curves[0].pressures
    found = []
    for k in np.flatnonzero(np.diff(best)).tolist():
        one, other = best[k : k + 2].tolist()
        gap = enthalpies[other, k : k + 2] - enthalpies[one, k : k + 2]
        # Where one of them is not known at both pressures, the middle is as good as any.
        share = float(gap[0] / (gap[0] - gap[1])) if np.isfinite(gap).all() else 0.5
        crossing = float(pressures[k] + share * (pressures[k + 1] - pressures[k]))
        found.append(Transition(curves[one].start, curves[other].start, crossing))
    return found


def ranked(found: Mapping[str, Softness]) -> list[str]:
    """Return the names of materials, the softest magnets first.

    First those whose moment goes continuously within the range, where spin fluctuations have no first-order transition
    to cut them off, then those that lose it abruptly, then those that keep it; among these, by the steepest loss.
    """
    order = [Collapse.CONTINUOUS, Collapse.ABRUPT, Collapse.NONE, Collapse.NEVER_MAGNETIC]

    def key(name: str) -> tuple[int, float, str]:
        one = found[name]
        return order.index(one.kind), -one.steepest if np.isfinite(one.steepest) else np.inf, name

    return sorted(found, key=key)


def per_GPa(slope: float) -> float:
    """Return a slope over pressure in 1/GPa, from Å³/eV."""
    return slope * pressure_from_GPa(1.0)

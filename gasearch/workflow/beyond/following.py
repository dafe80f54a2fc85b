"""A magnetic start followed in pressure, up and down, each time from where the last one ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.pw import MAGNETIC as MAGNETIC_ELEMENTS
from gasearch.outcomes import Failure
from gasearch.screening.magnetism import MagneticCurve
from gasearch.screening.orderings import NONMAGNETIC, Ordering
from gasearch.units import pressure_from_GPa
from gasearch.workflow.beyond.magnets import Magnet, MagneticState

#: A start that goes on from another pressure has at least this moment, Bohr magnetons: none comes back from nothing.
_SEED = 0.5


@dataclass(frozen=True)
class MagnetismSettings:
    """What is followed.

    Parameters
    ----------
    pressures : tuple of float
        GPa, growing.
    moment : float
        Bohr magnetons that each magnetic atom begins with.
    antiferromagnets : int
        Orderings besides the ferromagnet.
    multiple : int
        Times that their cells may be larger than the primitive one.
    back : bool
        Whether each start is also followed down.
    elements : frozenset of int
        Atomic numbers of what may have moments.
    workers : int
        Starts at the same time, where there is no MPI.
    """

    pressures: tuple[float, ...]
    moment: float = 3.0
    antiferromagnets: int = 2
    multiple: int = 2
    back: bool = True
    elements: frozenset[int] = MAGNETIC_ELEMENTS
    workers: int = 1


@dataclass(frozen=True, eq=False)
class Followed:
    """A start in one direction: a state or a failure at each pressure, in growing order."""

    ordering: Ordering
    upwards: bool
    states: tuple[MagneticState | Failure, ...]

    @property
    def name(self) -> str:
        """The ordering, and the direction."""
        return f"{self.ordering.name} {'up' if self.upwards else 'down'}"

    def curve(self, pressures_GPa: Sequence[float]) -> MagneticCurve:
        """Return its moments and enthalpies."""
        magnetic = max(np.count_nonzero(self.ordering.signs), 1)
        moments = [np.nan if isinstance(s, Failure) else np.abs(s.moments).sum() / magnetic for s in self.states]
        enthalpies = [np.nan if isinstance(s, Failure) else s.enthalpy / len(s.crystal) for s in self.states]
        pressures = np.array([pressure_from_GPa(p) for p in pressures_GPa])
        return MagneticCurve(self.ordering.name, self.upwards, pressures, np.array(moments), np.array(enthalpies))


def follow(magnet: Magnet, start: Ordering, settings: MagnetismSettings) -> list[Followed]:
    """Follow a start up in pressure and, unless it has no moments, down: each goes on from where the last one ended.

    A failure is passed over: the next pressure goes on from the last success.
    """
    moments = settings.moment * start.signs
    pressures = [pressure_from_GPa(p) for p in settings.pressures]
    up = _walk(magnet, start.crystal, moments, pressures)
    found = [Followed(start, True, tuple(up))]
    reached = [k for k, state in enumerate(up) if isinstance(state, MagneticState)]
    if settings.back and start.name != NONMAGNETIC and reached:
        # What failed above the highest pressure that was reached has failed on the way down, too.
        top, last = up[reached[-1]], reached[-1]
        down = _walk(magnet, top.crystal, _seeded(top.moments, start.signs), pressures[:last][::-1])
        found.append(Followed(start, False, (*down[::-1], *up[last:])))
    return found


def _walk(
    magnet: Magnet, crystal: Crystal, moments: np.ndarray, pressures: Sequence[float]
) -> list[MagneticState | Failure]:
    signs = np.sign(moments)
    states: list[MagneticState | Failure] = []
    for pressure in pressures:
        states.append(state := magnet.relax(crystal, moments, pressure))
        if isinstance(state, MagneticState):
            crystal, moments = state.crystal, _seeded(state.moments, signs)
    return states


def _seeded(moments: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Return moments to go on from, in the pattern of a start; what has flipped or vanished begins anew, small."""
    return signs * np.maximum(moments * signs, _SEED)

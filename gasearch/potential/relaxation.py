"""Variable-cell relaxation at constant pressure, in batches that converged structures leave."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import too_close
from gasearch.outcomes import Failure, Reason, Relaxed
from gasearch.potential.ensemble import Ensemble, joined, selected
from gasearch.potential.potential import BatchResult, Potential
from gasearch.schema import setting
from gasearch.units import pressure_from_GPa

#: Evaluations between two looks at distances and at the shape of the cell.
_INSPECTION_INTERVAL = 10


@dataclass(frozen=True)
class RelaxationSettings:
    """When a structure counts as relaxed, and when it is given up.

    Parameters
    ----------
    max_force : float
        Largest Cartesian force component of a relaxed structure.
    max_stress : float
        Largest component by which the stress of a relaxed structure may miss the pressure.
    max_steps : int
        Evaluations of the potential after which a structure is given up.
    batch_size : int
        Structures that are evaluated together.
    min_distance : float
        Two atoms that come closer than this have collapsed; or closer than the potential knows their elements.
    max_volume_ratio : float
        A cell that grows or shrinks by more than this factor has exploded or flattened.
    hopeless_margin : float
        A structure is given up for being too high if it would be so even after gaining once more this many times what
        its last ten steps gained. On random Lennard-Jones crystals, 2 gives up a twentieth of those that it should not.
    noise : float
        By how much a step may raise the enthalpy per atom: more than the rounding of a single-precision model. A
        calculator in plane waves needs some meV, as its energy jumps where the cell changes.
    """

    max_force: float = setting(0.01, above=0, unit="eV_per_A")
    max_stress: float = setting(pressure_from_GPa(0.1), above=0, unit="GPa")
    max_steps: int = setting(300, at_least=1)
    batch_size: int = setting(16, at_least=1)
    min_distance: float = setting(0.5, at_least=0, unit="A")
    max_volume_ratio: float = setting(10.0, above=1)
    hopeless_margin: float = setting(2.0, above=0)
    noise: float = setting(1e-5, at_least=0, unit="meV")


class BatchRelaxer:
    """Relax with any potential: L-BFGS on atoms and cell together, many structures at once.

    Structures enter in the order given, as others leave; a result depends on nothing but the list that was passed.

    Parameters
    ----------
    potential : Potential
    settings : RelaxationSettings
    distances : mapping or None
        Pair of elements (Z₁ ≤ Z₂) → distance, Å, within which two atoms have collapsed; without it the potential's own.
    """

    def __init__(
        self,
        potential: Potential,
        settings: RelaxationSettings = RelaxationSettings(),
        distances: Mapping[tuple[int, int], float] | None = None,
    ):
        self.potential = potential
        self.settings = settings
        shortest = settings.min_distance
        given = potential.shortest_distances if distances is None else distances
        known = {pair: max(shortest, distance) for pair, distance in given.items()}
        self._limits = defaultdict(partial(float, shortest), known)

    def relax(
        self, crystals: Sequence[Crystal], pressure: float, ceilings: Sequence[float] | None = None
    ) -> list[Relaxed | Failure]:
        """Relax each crystal at the pressure (eV/Å³); see `gasearch.outcomes.Relaxer`.

        PotentialError if the potential does not know an element.
        """
        ceiling = np.full(len(crystals), np.inf) if ceilings is None else np.asarray(ceilings, dtype=float)
        largest = max((len(c) for c in crystals), default=0)
        outcomes: dict[int, Relaxed | Failure] = {}
        running, entered = Ensemble.of([], [], largest), 0
        while len(outcomes) < len(crystals):
            enter = range(entered, min(entered + self.settings.batch_size - len(running), len(crystals)))
            if enter:
                running = joined(running, Ensemble.of([crystals[i] for i in enter], enter, largest))
                entered = enter.stop
            running, left = self._advance(running, pressure, ceiling)
            outcomes |= left
        return [outcomes[i] for i in range(len(crystals))]

    def _advance(
        self, running: Ensemble, pressure: float, ceiling: np.ndarray
    ) -> tuple[Ensemble, dict[int, Relaxed | Failure]]:
        """Make one step of every structure; return those that go on, and the outcomes of the others by index."""
        step, length = running.next_step()
        there = running.displaced(step)
        result = self.potential.compute(there.batch())
        running = running.told(there, step, length, result, pressure, self.settings.noise)
        converged = (running.max_force < self.settings.max_force) & (running.max_stress < self.settings.max_stress)
        failed = self._failed(running, result, converged, ceiling[running.index])
        done = converged.copy()
        done[list(failed)] = True
        outcomes = {
            int(running.index[row]): _outcome(running, row, failed.get(row), result.errors.get(row, ""))
            for row in np.flatnonzero(done).tolist()
        }
        return selected(running, ~done).reduced(), outcomes

    def _failed(
        self, running: Ensemble, result: BatchResult, converged: np.ndarray, ceiling: np.ndarray
    ) -> dict[int, Reason]:
        """Return row → why that structure failed, the first reason that applies."""
        settings = self.settings
        finite = np.isfinite(result.energy) & np.isfinite(running.minimiser.gradient).all(axis=1)
        growth = np.abs(np.log(running.volume / running.start_volume))
        hopeless = running.enthalpy > ceiling + settings.hopeless_margin * running.recent_gain
        checks = (
            (Reason.CALCULATOR, np.isin(np.arange(len(running)), list(result.errors))),
            (Reason.NOT_FINITE, ~finite),
            (Reason.COLLAPSED, self._collapsed(running, converged)),
            (Reason.EXPLODED, growth > np.log(settings.max_volume_ratio)),
            (Reason.HOPELESS, ~converged & hopeless),
            (Reason.STALLED, ~converged & running.stalled),
            (Reason.STEP_LIMIT, ~converged & (running.steps >= settings.max_steps)),
        )
        return {row: reason for reason, rows in reversed(checks) for row in np.flatnonzero(rows).tolist()}

    def _collapsed(self, running: Ensemble, converged: np.ndarray) -> np.ndarray:
        """Whether two atoms are too close (S,); looked at now and then, and at the end."""
        collapsed = np.zeros(len(running), dtype=bool)
        for row in np.flatnonzero(converged | (running.steps % _INSPECTION_INTERVAL == 0)):
            collapsed[row] = too_close(running.crystal(row), self._limits)
        return collapsed


def _outcome(running: Ensemble, row: int, reason: Reason | None, detail: str) -> Relaxed | Failure:
    crystal, steps = running.crystal(row), int(running.steps[row])
    if reason is not None:
        return Failure(reason, steps, crystal, detail)
    return Relaxed(
        crystal=crystal,
        energy=float(running.energy[row]),
        enthalpy=float(running.enthalpy[row]),
        steps=steps,
        max_force=float(running.max_force[row]),
        max_stress=float(running.max_stress[row]),
    )

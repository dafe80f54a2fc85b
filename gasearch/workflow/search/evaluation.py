"""What a worker does with a block: build, relax, compare."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gasearch.crystal.composition import SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import fingerprint
from gasearch.crystal.geometry import reduced
from gasearch.crystal.symmetry import primitive
from gasearch.evolution.archive import TwinTolerance
from gasearch.evolution.build import build
from gasearch.evolution.candidate import Block, Candidate, Individual, Outcome
from gasearch.outcomes import Failure, Reason, Relaxed, Relaxer


@dataclass(frozen=True, eq=False)
class _Draft:
    """A candidate before it is relaxed; ``failure`` says why it will not be."""

    candidate: Candidate
    start: Crystal | None
    failure: Failure | None
    twin: int | None
    seconds: float


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Turns blocks into outcomes; an outcome depends on nothing but its block and these settings.

    Parameters
    ----------
    space : SearchSpace
    make_relaxer : callable
        Returns the Relaxer; called once in each process, since potentials do not travel.
    pressure : float
        eV/Å³.
    seed : int
    twins : TwinTolerance
    stop_above : float or None
        Enthalpy above the hull beyond which a relaxation may be given up, eV per atom.
    """

    space: SearchSpace
    make_relaxer: Callable[[], Relaxer]
    pressure: float
    seed: int
    twins: TwinTolerance
    stop_above: float | None = None

    @cached_property
    def _relaxer(self) -> Relaxer:
        return self.make_relaxer()

    def __call__(self, block: Block) -> list[Outcome]:
        """Return one outcome per candidate, in their order."""
        drafts = [self._draft(candidate, block) for candidate in block.candidates]
        waiting = [d for d in drafts if d.failure is None]
        began = time.perf_counter()
        results = self._relax(waiting, block)
        seconds = (time.perf_counter() - began) / max(len(waiting), 1)
        relaxed = {d.candidate.id: r for d, r in zip(waiting, results, strict=True)}
        return [self._outcome(d, relaxed.get(d.candidate.id), seconds, block) for d in drafts]

    def _draft(self, candidate: Candidate, block: Block) -> _Draft:
        began = time.perf_counter()
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(candidate.id, 1)))
        start = build(candidate, self.space, rng)
        failure, twin = None, None
        if start is None:
            failure = Failure(Reason.NOT_BUILT)
        elif candidate.given is None and (twin := self._twin_before(start, block)) is not None:
            failure = Failure(Reason.TWIN_BEFORE)
        return _Draft(candidate, start, failure, twin, time.perf_counter() - began)

    def _relax(self, drafts: list[_Draft], block: Block) -> list[Relaxed | Failure]:
        starts = [d.start for d in drafts if d.start is not None]
        ceilings = [self._ceiling(d.candidate, d.start, block) for d in drafts if d.start is not None]
        return self._relaxer.relax(starts, self.pressure, ceilings)

    def _ceiling(self, candidate: Candidate, start: Crystal, block: Block) -> float:
        """Return the enthalpy, eV per cell, above which a relaxation may be given up."""
        if not candidate.may_be_stopped or self.stop_above is None or block.hull is None:
            return np.inf
        shares = self.space.compositions.fractions(start.composition)
        return len(start) * (float(block.hull.enthalpy(shares)) + self.stop_above)

    def _outcome(self, draft: _Draft, result: Relaxed | Failure | None, relax: float, block: Block) -> Outcome:
        candidate = draft.candidate
        outcome = Outcome(
            id=candidate.id,
            operator=candidate.operator,
            parents=tuple(parent.id for parent in candidate.parents),
            start=draft.start,
            result=draft.failure or result,
            twin=draft.twin,
            seconds={"build": draft.seconds} | ({} if result is None else {"relax": relax}),
        )
        return self._compared(outcome, block) if isinstance(result, Relaxed) else outcome

    def _compared(self, outcome: Outcome, block: Block) -> Outcome:
        """Return the outcome with its primitive cell, its fingerprint and the individual that it repeats."""
        began = time.perf_counter()
        relaxed = _primitive(outcome.result)
        outcome = replace(outcome, result=relaxed, fingerprint=self._fingerprint(relaxed.crystal))
        twin = self._twin_after(Individual.from_outcome(outcome), block)
        return replace(outcome, twin=twin, seconds=outcome.seconds | {"compare": time.perf_counter() - began})

    def _fingerprint(self, crystal: Crystal) -> np.ndarray:
        return fingerprint(crystal, self.space.compositions.elements)

    def _twin_before(self, start: Crystal, block: Block) -> int | None:
        """Return an individual that the unrelaxed structure already is."""
        same = [i for i in block.neighbours if i.crystal.composition.reduced == start.composition.reduced]
        if not same:
            return None
        mine = self._fingerprint(start)
        return next((i.id for i in same if self.twins.coincide(mine, i.fingerprint)), None)

    def _twin_after(self, new: Individual, block: Block) -> int | None:
        """Return an individual that the relaxed structure repeats."""
        return next((old.id for old in block.neighbours if self.twins.same_on_closer_look(new, old)), None)


def _primitive(relaxed: Relaxed) -> Relaxed:
    """Return the same phase in its primitive, reduced cell."""
    crystal = reduced(primitive(relaxed.crystal))
    share = len(crystal) / len(relaxed.crystal)
    return replace(relaxed, crystal=crystal, energy=share * relaxed.energy, enthalpy=share * relaxed.enthalpy)

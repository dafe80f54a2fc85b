"""The grand-canonical genetic algorithm: ask for candidates, tell what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from gasearch.crystal.composition import CompositionSpace
from gasearch.crystal.crystal import Crystal
from gasearch.evolution.aims import Aims, Standing, by_composition
from gasearch.evolution.archive import Archive, TwinTolerance
from gasearch.evolution.candidate import Block, Candidate, Individual, Outcome
from gasearch.evolution.descriptors import Descriptor
from gasearch.evolution.feedback import FeedbackSettings
from gasearch.evolution.operators import RANDOM, OperatorWeights
from gasearch.evolution.selection import CompositionChoice, ParentChoice, SelectionSettings, drawn
from gasearch.evolution.termination import Termination
from gasearch.outcomes import Relaxed
from gasearch.schema import setting
from gasearch.variation.variation import OPERATORS

#: Change of the mean of the hull, eV per atom, that is none: twins are relaxed a little farther each time.
NOISE = 1e-5
#: Gain of the lowest individual of its composition that does not change the hull, relative to one that does.
GAIN_OFF_HULL = 0.2


#: Weights of the operators unless the user gives others; after what each gave on the Kob–Andersen mixture.
DEFAULT_OPERATORS: Mapping[str, float] = {
    RANDOM: 1.0,
    "heredity": 3.0,
    "transmutation": 3.0,
    "strain": 2.0,
    "insertion": 1.0,
    "removal": 1.0,
    "permutation": 0.5,
    "modulation": 0.5,
}


@dataclass(frozen=True)
class SearchSettings:
    """Everything that steers a search; with the seed and the outcomes, it determines every candidate.

    Parameters
    ----------
    block : int
        Candidates that are built and relaxed together, as one task.
    lag : int
        Candidates of a block that begins at id b see exactly the outcomes of ids below b − lag.
    first_generation : int
        Random candidates before the first children.
    operators : mapping
        Operator → weight.
    adapt : bool
        Whether the weights follow what each operator gives.
    stop_above : float or None
        Children that will end further than this above the hull are given up, per atom.
    max_spread : float or None
        Standard deviation of the energies per atom of a committee of potentials from which on a structure is marked,
        and neither on the hull nor a parent; None for what the potential's card says.
    selection : SelectionSettings
        How compositions and parents are drawn.
    twins : TwinTolerance
        When two structures count as the same.
    termination : Termination
        When the search ends.
    feedback : FeedbackSettings
        What DFT labels of what was found, for the potential to learn from.
    """

    block: int = setting(8, at_least=1)
    lag: int = setting(24, at_least=0)
    first_generation: int = setting(40, at_least=1)
    operators: Mapping[str, float] = setting(default_factory=lambda: dict(DEFAULT_OPERATORS), at_least=0)
    adapt: bool = True
    stop_above: float | None = setting(None, above=0, unit="eV")
    max_spread: float | None = setting(None, above=0, unit="meV")
    selection: SelectionSettings = field(default_factory=SelectionSettings)
    twins: TwinTolerance = field(default_factory=TwinTolerance)
    termination: Termination = field(default_factory=Termination)
    feedback: FeedbackSettings = field(default_factory=FeedbackSettings)

    def __post_init__(self) -> None:
        if unknown := sorted(set(self.operators) - {RANDOM, *OPERATORS}):
            raise ValueError(f"operators: unknown {', '.join(unknown)}; there are {', '.join([RANDOM, *OPERATORS])}")
        if not any(self.operators.values()):
            raise ValueError("operators: every weight is zero; give at least one of them a positive weight")


@dataclass(frozen=True)
class HullChange:
    """One step of the search's story.

    Parameters
    ----------
    id : int
        The candidate that changed the hull.
    relaxations : int
        Relaxations started until then, its own included.
    mean_enthalpy : float
        Mean of the hull over the compositions of the space, eV per atom.
    """

    id: int
    relaxations: int
    mean_enthalpy: float


@dataclass(frozen=True, eq=False)
class _Odds:
    """What the candidates of a block are drawn from: parents, and the odds of compositions and operators."""

    parents: ParentChoice
    compositions: np.ndarray
    operators: np.ndarray


class Search:
    """State of a search: a fold of `tell` over outcomes in order of id.

    Parameters
    ----------
    space : CompositionSpace
    settings : SearchSettings
    seed : int
        Key of all random choices.
    given : sequence of (operator, Crystal)
        Seeds and prototypes; they come first.
    of_models : mapping
        Descriptors that know more than the crystal, by the names that aims give them.
    """

    def __init__(
        self,
        space: CompositionSpace,
        settings: SearchSettings,
        seed: int,
        given: Sequence[tuple[str, Crystal]] = (),
        of_models: Mapping[str, Descriptor] = MappingProxyType({}),
    ):
        self.space = space
        self.settings = settings
        self.seed = seed
        self.given = tuple(given)
        self.archive = Archive(space, settings.twins, np.inf if settings.max_spread is None else settings.max_spread)
        self.weights = OperatorWeights(settings.operators, settings.adapt)
        self.compositions = CompositionChoice(space, settings.selection)
        self.aims = Aims(settings.selection.aims, settings.selection.aims_within, of_models)
        self._founders = len(self.given) + settings.first_generation
        self.told = 0
        self.relaxations = 0
        self.twins = 0
        self.story: list[HullChange] = []

    # -- tell -----------------------------------------------------------------------------------------------

    def tell(self, outcome: Outcome) -> None:
        """Take the outcome of the next id; ValueError if it is not the next one."""
        if outcome.id != self.told:
            raise ValueError(f"outcome {outcome.id} told out of order; {self.told} is next")
        self.told += 1
        self.relaxations += outcome.started
        known = len(self.archive)
        changed = isinstance(outcome.result, Relaxed) and self._admit(outcome)
        better = self._visit(outcome, new=len(self.archive) > known)
        if outcome.id >= self._founders:
            self.weights.record(outcome.operator, 1.0 if changed else GAIN_OFF_HULL if better else 0.0)

    def _admit(self, outcome: Outcome) -> bool:
        """Admit a relaxed candidate unless it is a twin; return whether it changed the hull."""
        new = Individual.from_outcome(outcome)
        if new.crystal.composition.reduced not in self.compositions.cells:
            return False
        twin = self.archive.twin_of(new) if outcome.twin is None else self.archive.individual(outcome.twin)
        if twin is not None:
            self.twins += 1
            changed = new.enthalpy_per_atom < twin.enthalpy_per_atom and self.archive.replace(twin, new)
        else:
            changed = self.archive.admit(new)
        if changed:
            self.story.append(HullChange(outcome.id, self.relaxations, self.mean_hull_enthalpy()))
        return changed

    def _visit(self, outcome: Outcome, new: bool) -> bool:
        """Count a visit to a composition; return whether it gave the lowest individual there."""
        if outcome.start is None:
            return False
        known = isinstance(outcome.result, Relaxed) and not outcome.result.spread > self.archive.max_spread
        enthalpy = outcome.result.enthalpy_per_atom if known else np.inf
        return self.compositions.record(outcome.start.composition, enthalpy, new)

    def mean_hull_enthalpy(self) -> float:
        """Return the mean of the hull over all compositions, eV per atom."""
        assert self.archive.hull is not None
        return float(self.archive.hull.enthalpy(self.compositions.shares).mean())

    # -- ask ------------------------------------------------------------------------------------------------

    def ask(self, first: int) -> Block:
        """Return the block of candidates that begins at id ``first``, made from what has been told so far."""
        standing = self.standing()
        odds = _Odds(
            ParentChoice(self.archive, self.settings.selection, standing),
            self.compositions.odds(self.archive.hull, standing and by_composition(self.archive, standing)),
            self.weights.probabilities(),
        )
        candidates = tuple(self._candidate(id, odds) for id in self.ids(first))
        return Block(candidates, self._neighbours(candidates), self.archive.hull)

    def standing(self) -> Standing | None:
        """Return who stands where by the aims; None if the distance to the hull is the only one."""
        return self.aims.standing(self.archive) if self.aims.names else None

    def _neighbours(self, candidates: Sequence[Candidate]) -> tuple[Individual, ...]:
        """Return the low individuals of every composition that the candidates aim at or descend from."""
        aims = [c.composition.reduced for c in candidates]
        origins = [parent.crystal.composition.reduced for c in candidates for parent in c.parents]
        count = self.settings.selection.per_composition
        return tuple(i for reduced in dict.fromkeys(aims + origins) for i in self.archive.lowest(reduced, count))

    def ids(self, first: int) -> range:
        """Return the ids of the block that begins at ``first``."""
        return range(first, min(first + self.settings.block, self.settings.termination.candidates))

    def stop_reason(self, next_id: int) -> str | None:
        """Return why no candidate from ``next_id`` on should be asked for, or None."""
        return self.settings.termination.reason(next_id, self._last_change())

    def _last_change(self) -> int:
        """Return the candidate that last moved the hull by more than two relaxations of one structure differ by."""
        before = [np.inf, *(change.mean_enthalpy for change in self.story)]
        moved = [c.id for was, c in zip(before, self.story, strict=False) if was - c.mean_enthalpy > NOISE]
        return moved[-1] if moved else 0

    def _candidate(self, id: int, odds: _Odds) -> Candidate:
        rng = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(id, 0)))
        turn = id - len(self.given)
        if turn < 0:
            operator, crystal = self.given[id]
            return Candidate(id, operator, crystal.composition, given=crystal)
        if turn < self.settings.first_generation:
            return self._founder(id, turn, rng)
        return self._child(id, odds, rng)

    def _founder(self, id: int, turn: int, rng: np.random.Generator) -> Candidate:
        """Return a random crystal; the endpoints come first, so that there is a hull early."""
        endpoints = self.space.endpoints
        if turn < 2 * len(endpoints):
            cells = self.compositions.cells[endpoints[turn % len(endpoints)].reduced]
            return Candidate(id, RANDOM, cells[rng.integers(len(cells))])
        return Candidate(id, RANDOM, self.compositions.founder(rng))

    def _child(self, id: int, odds: _Odds, rng: np.random.Generator) -> Candidate:
        composition = self.compositions.draw(odds.compositions, rng)
        operator = self.weights.names[drawn(odds.operators, rng)]
        if operator != RANDOM:
            shares = self.compositions.share(composition)
            chosen = odds.parents.draw(shares, OPERATORS[operator].n_parents, rng)
            if chosen is not None:
                return Candidate(id, operator, composition, chosen, may_be_stopped=True)
        volume = self.archive.volume(composition)
        return Candidate(id, RANDOM, composition, volume=volume, may_be_stopped=True)

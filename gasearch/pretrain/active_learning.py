"""More cells where they count: near the minima that an early potential finds, and where it breaks down."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from gasearch.crystal.composition import SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import nearest_distances
from gasearch.crystal.symmetry import symmetrized
from gasearch.errors import CalculationError
from gasearch.espresso.timing import relative_scf_time
from gasearch.outcomes import UNCONVERGED, Failure, Reason, Relaxed
from gasearch.potential.committee import Committee
from gasearch.potential.mace import Mace
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings
from gasearch.pretrain.diversity import descriptors, farthest_first
from gasearch.pretrain.sampling import (
    Kind,
    Sample,
    SamplingSettings,
    affordable,
    random_samples,
    rattled,
    volume_scans,
)
from gasearch.schema import setting
from gasearch.thermodynamics.hull import above_own_hull

#: Relaxes crystals with the potential so far, as the settings say.
Relax = Callable[[Sequence[Crystal], RelaxationSettings], list[Relaxed | Failure]]
#: Crystals that are relaxed together, as one task.
_BLOCK = 16
#: Relaxed structures of one composition whose enthalpies and volumes agree to this are one: eV/atom, Å³/atom.
_SAME_ENTHALPY, _SAME_VOLUME = 0.003, 0.05
#: Atoms nearer than this share of the distance at which random crystals begin are in a hole of the potential. What is
#: given up there is still near enough to the hull for its label to be learned; at the bottom of the hole it is not.
_HOLE = 0.9
#: Distance within which a relaxed structure's positions are moved onto symmetric ones, Å.
_SYMPREC = 0.05


@dataclass(frozen=True)
class ActiveSettings:
    """How many structures are relaxed in a round, and which are labelled.

    Parameters
    ----------
    relaxations : int
        Random crystals that are relaxed at each pressure.
    labels : int
        Cells that are labelled at each pressure.
    window : float
        Enthalpy per atom above hull by which the odds of a relaxed structure fall to 1/e.
    broken_share : float
        Share of the labels spent on structures whose relaxation failed, there where it was given up.
    rattled_share : float
        Share of the labels spent on rattled copies of the chosen structures.
    underway_share : float
        Share of the labels spent on structures on their way, the least alike of them.
    underway_steps : int
        Steps after which a structure is on its way.
    stop_early : bool
        Whether the rounds end when the errors at relaxed cells near the hull no longer fall.
    """

    relaxations: int = setting(200, at_least=1)
    labels: int = setting(120, at_least=1)
    window: float = setting(0.15, above=0, unit="eV")
    broken_share: float = setting(0.1, at_least=0, at_most=1)
    rattled_share: float = setting(0.2, at_least=0, at_most=1)
    underway_share: float = setting(0.1, at_least=0, at_most=1)
    underway_steps: int = setting(8, at_least=1)
    stop_early: bool = True

    def __post_init__(self) -> None:
        if self.broken_share + self.rattled_share + self.underway_share > 1:
            raise ValueError("rattled_share: with broken_share and underway_share it is above 1; lower one of them")


@dataclass(frozen=True, eq=False)
class Round:
    """What relaxing random crystals of a space with a potential gave, at one pressure (eV/Å³).

    ``relaxed``, ``broken`` and those ``underway`` are samples of the origins that were relaxed; ``above`` is the
    enthalpy above the hull of the relaxed ones, ``spread`` by how much the committee disagrees about them (NaN for a
    single potential), both in eV/atom.
    """

    pressure: float
    relaxed: tuple[Sample, ...]
    above: np.ndarray
    spread: np.ndarray
    broken: tuple[Sample, ...]
    underway: tuple[Sample, ...] = ()


def relax_in_blocks(
    executor: Executor,
    model: Path,
    space: SearchSpace,
    pressure: float,
    crystals: Sequence[Crystal],
    settings: RelaxationSettings,
) -> list[Relaxed | Failure]:
    """Relax crystals at a pressure with a model that was trained here, blocks of them at the same time."""
    holes = {pair: _HOLE * distance for pair, distance in space.minimum_distances.items()}
    blocks = [crystals[k : k + _BLOCK] for k in range(0, len(crystals), _BLOCK)]
    futures = [executor.submit(_relax_block, model, holes, pressure, block, settings) for block in blocks]
    return [outcome for future in futures for outcome in future.result()]


def _relax_block(
    model: Path,
    holes: Mapping[tuple[int, int], float],
    pressure: float,
    crystals: Sequence[Crystal],
    settings: RelaxationSettings,
) -> list[Relaxed | Failure]:
    # A potential of its own: workers may be threads, and it keeps the neighbours of what it computes.
    return BatchRelaxer(Mace(model, trusted=True), settings, holes).relax(crystals, pressure)


def explore(
    committee: Committee,
    relax: Relax,
    space: SearchSpace,
    sampling: SamplingSettings,
    pressure: float,
    seed: int,
    numbers: range,
    k_spacing: float,
    underway_steps: int = 8,
) -> Round:
    """Relax random crystals (by number) at a pressure, and each element's simple lattices.

    Crystals whose labels would take long, at this spacing of the k-points (1/Å), are left out.
    The committee judges what they relax to.

    Raises
    ------
    CalculationError
        If no crystal of an element could be relaxed.
    """
    lattices = volume_scans(space, replace(sampling, scan=(1.0,)))
    crystals = list(random_samples(space, sampling, seed, numbers.start, len(numbers)))
    starts = [*lattices, *affordable(crystals, sampling, k_spacing)]
    outcomes = relax([start.crystal for start in starts], RelaxationSettings())
    pairs = list(zip(starts, outcomes, strict=True))
    good = [(start, outcome) for start, outcome in pairs if isinstance(outcome, Relaxed)]
    broken = [sample for start, outcome in pairs if isinstance(outcome, Failure) for sample in _broken(start, outcome)]
    _check_endpoints([start.crystal for start, _ in good], space)
    relaxed = tuple(_moved(start, symmetrized(outcome.crystal, _SYMPREC)) for start, outcome in good)
    above = _above_hull([outcome for _, outcome in good], space)
    kept = _distinct(relaxed, above)
    distinct = tuple(relaxed[i] for i in kept)
    spread = committee.spread([sample.crystal for sample in distinct])
    return Round(
        pressure,
        distinct,
        above[kept],
        spread,
        tuple(broken),
        underway(relax, starts, underway_steps),
    )


def underway(relax: Relax, starts: Sequence[Sample], steps: int) -> tuple[Sample, ...]:
    """Return the structures as they are some steps after their start; those that are relaxed by then are left out."""
    outcomes = relax([start.crystal for start in starts], RelaxationSettings(max_steps=steps))
    return tuple(
        _moved(start, outcome.crystal)
        for start, outcome in zip(starts, outcomes, strict=True)
        if isinstance(outcome, Failure) and outcome.reason in UNCONVERGED and outcome.crystal is not None
    )


def _check_endpoints(crystals: Sequence[Crystal], space: SearchSpace) -> None:
    found = {crystal.composition.reduced for crystal in crystals}
    if missing := [end.formula for end in space.compositions.endpoints if end.reduced not in found]:
        raise CalculationError(
            f"with the potential so far no crystal of {', '.join(missing)} could be relaxed: label more random cells "
            "first (random_cells), or train longer"
        )


def choose(
    found: Round,
    space: SearchSpace,
    sampling: SamplingSettings,
    settings: ActiveSettings,
    k_spacing: float,
    rng: np.random.Generator,
) -> list[Sample]:
    """Choose the cells of a round that are worth a label, which takes k-points of a spacing (1/Å).

    The lowest structure of each composition comes first, nearest to the hull, as far as labels go. Of the others those
    are likelier that are low in enthalpy, about which the committee disagrees, and whose labels do not take long; each
    composition is as likely as any other: a crowd of similar structures at one composition does not hide the others.
    """
    n_broken = min(round(settings.broken_share * settings.labels), len(found.broken))
    n_rattled = round(settings.rattled_share * settings.labels)
    n_underway = min(round(settings.underway_share * settings.labels), len(found.underway))
    lowest = _lowest(found)[: max(settings.labels - n_broken - n_rattled - n_underway, 0)]
    others = np.setdiff1d(np.arange(len(found.relaxed)), lowest)
    n_others = np.clip(settings.labels - n_broken - n_rattled - n_underway - len(lowest), 0, len(others))
    odds = _odds(found, others, settings.window, k_spacing)
    drawn = rng.choice(others, n_others, replace=False, p=odds) if n_others else []
    chosen = [found.relaxed[i] for i in (*lowest, *drawn)]
    copies = (rattled(sample, space.minimum_distances, sampling, rng) for sample in chosen[:n_rattled])
    broken = [found.broken[i] for i in rng.choice(len(found.broken), n_broken, replace=False)]
    marks = descriptors([sample.crystal for sample in found.underway], space.compositions.elements)
    on_their_way = (found.underway[i] for i in farthest_first(marks, n_underway))
    return [*chosen, *(copy for copy in copies if copy is not None), *broken, *on_their_way]


def _formulas(found: Round) -> np.ndarray:
    return np.array([sample.crystal.composition.reduced.formula for sample in found.relaxed])


def _lowest(found: Round) -> np.ndarray:
    """Indices of the lowest structure of each composition, the lowest of them first."""
    order = np.argsort(found.above, kind="stable")
    _, first = np.unique(_formulas(found)[order], return_index=True)
    return order[np.sort(first)]


def _odds(found: Round, indices: np.ndarray, window: float, k_spacing: float) -> np.ndarray:
    """Probabilities of these relaxed structures."""
    _, group = np.unique(_formulas(found)[indices], return_inverse=True)
    times = np.array([relative_scf_time(found.relaxed[i].crystal, k_spacing) for i in indices])
    weights = np.exp(-np.maximum(found.above[indices], 0.0) / window) * _doubt(found.spread[indices])
    # Several cells that are quick tell more than one that takes as long as all of them.
    weights /= np.sqrt(times)
    weights /= np.bincount(group, weights)[group]
    # Enough of an even share that every structure can be drawn.
    return (weights / weights.sum() + 1e-3 / len(weights)) / (1 + 1e-3)


def _doubt(spread: np.ndarray) -> np.ndarray:
    """Return spreads in units of their median; ones where there is no committee."""
    return spread / np.median(spread) if np.isfinite(spread).all() and (spread > 0).any() else np.ones(len(spread))


def _moved(start: Sample, crystal: Crystal) -> Sample:
    return Sample(crystal, start.origin, Kind.RELAXATION)


def _broken(start: Sample, failure: Failure) -> Iterator[Sample]:
    """Yield the last structure of a failed relaxation, unless pw.x could make nothing of it."""
    crystal = failure.crystal
    if crystal is None or failure.reason is Reason.NOT_FINITE:
        return
    apart = nearest_distances(crystal.cell, crystal.frac).min() > 0.3
    if apart and 0.4 < crystal.volume / start.crystal.volume < 3:
        yield _moved(start, crystal)


def _above_hull(relaxed: Sequence[Relaxed], space: SearchSpace) -> np.ndarray:
    shares = np.array([space.compositions.fractions(r.crystal.composition) for r in relaxed])
    enthalpies = np.array([r.enthalpy_per_atom for r in relaxed])
    return above_own_hull(shares, enthalpies)


def _distinct(samples: Sequence[Sample], above: np.ndarray) -> list[int]:
    """Indices of one structure of each kind, by composition, enthalpy and volume."""
    seen: dict[tuple[str, int, int], int] = {}
    for i, (sample, height) in enumerate(zip(samples, above, strict=True)):
        crystal = sample.crystal
        volume = crystal.volume / len(crystal)
        name = crystal.composition.reduced.formula
        seen.setdefault((name, round(height / _SAME_ENTHALPY), round(volume / _SAME_VOLUME)), i)
    return list(seen.values())

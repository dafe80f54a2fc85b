"""Small cells worth a label: scans of simple lattices, prototypes, random crystals, and rattled copies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from itertools import combinations_with_replacement

import numpy as np

from gasearch.crystal.composition import SYMBOLS, CompositionSpace, Pair, SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import too_close
from gasearch.crystal.prototype import prototypes
from gasearch.crystal.random_crystal import random_crystal
from gasearch.crystal.symmetry import primitive
from gasearch.errors import CalculationError
from gasearch.espresso.timing import relative_scf_time
from gasearch.pretrain.diversity import descriptors, farthest_first
from gasearch.schema import setting
from gasearch.units import pressure_to_GPa

#: Parts of the origins, of which one is for the test and one for each committee member's validation.
TENTHS = 10
#: Primitive vectors of the lattices with one atom a cell, at unit volume.
LATTICES: Mapping[str, np.ndarray] = {
    "sc": np.eye(3),
    "bcc": (np.ones((3, 3)) - 2 * np.eye(3)) / 4 ** (1 / 3),
    "fcc": (np.ones((3, 3)) - np.eye(3)) / 2 ** (1 / 3),
}


class Kind(StrEnum):
    """How a cell was made."""

    SCAN = "scan"
    PROTOTYPE = "prototype"
    RANDOM = "random"
    RATTLED = "rattled"
    RELAXATION = "relaxation"
    FEEDBACK = "feedback"


class Split(StrEnum):
    """What a cell's label is used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, eq=False)
class Sample:
    """A cell to be labelled.

    Parameters
    ----------
    crystal : Crystal
    origin : str
        Name of the parent: a volume scan, a random crystal, its rattled copies and the points along its relaxation
        have one origin, and are on one side of every split.
    kind : Kind
    """

    crystal: Crystal
    origin: str
    kind: Kind


@dataclass(frozen=True)
class SamplingSettings:
    """How far cells are taken from where they were found.

    Parameters
    ----------
    scan : tuple of float
        Volumes of the simple lattices, in units of the equilibrium volume at the middle of the pressure range.
    prototypes : bool
        Whether known structure types, occupied by the elements in every way, are among the first cells.
    pool : int
        Random crystals that are made for each of the first that are labelled: those that are least like all others.
    dearest_share : float
        Share of the random crystals that is left out, as labels of them take longest: those of many k-points and atoms.
    volume_spread : float
        Standard deviation of the logarithm of a random cell's volume, or a prototype's.
    rattled_share : float
        Probability that a random crystal is followed by a strained and rattled copy.
    strain : float
        Standard deviation of the components of the strain of such a copy.
    rattle : float
        Standard deviation of its displacements, in units of the cube root of the volume per atom.
    """

    scan: tuple[float, ...] = setting((0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.3, 1.4), above=0)
    prototypes: bool = True
    pool: int = setting(2, at_least=1)
    dearest_share: float = setting(0.25, at_least=0, at_most=0.9)
    volume_spread: float = setting(0.2, at_least=0)
    rattled_share: float = setting(0.4, at_least=0, at_most=1)
    strain: float = setting(0.05, at_least=0, at_most=0.3)
    rattle: float = setting(0.05, at_least=0, at_most=0.3)


def split_of(origin: str, member: int = 0) -> Split:
    """Return the split of an origin: a tenth each for validation and test, decided by its name alone.

    All members of a committee have the same test cells; each has a validation tenth of its own. What a search asked
    for is trained on.
    """
    if origin.startswith(Kind.FEEDBACK):
        return Split.TRAIN
    tenth = int(hashlib.sha256(origin.encode()).hexdigest(), 16) % TENTHS
    return {0: Split.TEST, 1 + member: Split.VALIDATION}.get(tenth, Split.TRAIN)


def lattice(name: str, number: int, volume: float) -> Crystal:
    """Return a simple lattice of one element, with a volume in Å³."""
    return Crystal(LATTICES[name] * volume ** (1 / 3), np.zeros((1, 3)), np.array([number]))


def atomic_volume(pressure_of: Callable[[Crystal], float], number: int, pressure: float) -> float:
    """Return the volume, Å³, at which the bcc lattice of an element has a pressure (eV/Å³), to a few per cent.

    It is approached from 10 Å³ in steps of a third, as pseudopotentials fail at volumes far too small.

    Raises
    ------
    CalculationError
        If it is not between 0.5 and 300 Å³.
    """
    from scipy.optimize import brentq

    @cache
    def excess(log_volume: float) -> float:
        return pressure_of(lattice("bcc", number, float(np.exp(log_volume)))) - pressure

    here, low, high = np.log([10.0, 0.5, 300.0]).tolist()
    step = np.log(4 / 3) if excess(here) > 0 else -np.log(4 / 3)
    while low <= here <= high:
        if excess(here) * excess(here + step) <= 0:
            return float(np.exp(brentq(excess, *sorted((here, here + step)), xtol=0.02)))
        here += step
    raise CalculationError(
        f"{SYMBOLS[number]} has no volume from 0.5 to 300 Å³ an atom at which its bcc lattice has the pressure of "
        f"{pressure_to_GPa(pressure):g} GPa; give another range of pressures"
    )


def minimum_distances(volumes: Mapping[int, float], fraction: float = 0.47) -> dict[tuple[int, int], float]:
    """Return how near atoms may come, Å: a fraction of the sum of the radii of spheres of the atomic volumes.

    At 0.47 the bond of a hydrogen molecule among hydrogen at 200 GPa is just admitted.
    """
    radii = {z: (3 * volume / (4 * np.pi)) ** (1 / 3) for z, volume in volumes.items()}
    pairs = combinations_with_replacement(sorted(volumes), 2)
    return {(a, b): fraction * (radii[a] + radii[b]) for a, b in pairs}


def search_space(compositions: CompositionSpace, volumes: Mapping[int, float]) -> SearchSpace:
    """Return the space with the volumes (atomic number → Å³), and the distances that follow from them."""
    return SearchSpace(compositions, volumes, minimum_distances(volumes))


def volume_scans(space: SearchSpace, settings: SamplingSettings) -> Iterator[Sample]:
    """Yield every simple lattice of every element at every volume of the scan."""
    for number, volume in space.atomic_volumes.items():
        for name in LATTICES:
            for factor in settings.scan:
                crystal = lattice(name, number, factor * volume)
                yield Sample(crystal, f"{Kind.SCAN}-{SYMBOLS[number]}-{name}", Kind.SCAN)


def prototype_samples(space: SearchSpace, settings: SamplingSettings, seed: int) -> Iterator[Sample]:
    """Yield every prototype that the space admits, at a volume drawn at random."""
    if not settings.prototypes:
        return
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0, 1)))
    for k, crystal in enumerate(prototypes(space)):
        factor = float(np.exp(rng.normal(0.0, settings.volume_spread)))
        name = f"{Kind.PROTOTYPE}-{crystal.composition.formula}-{k}"
        yield Sample(crystal.scaled_to(factor * crystal.volume), name, Kind.PROTOTYPE)


def diverse_samples(
    space: SearchSpace, settings: SamplingSettings, seed: int, count: int, k_spacing: float
) -> list[Sample]:
    """Return ``count`` of the first ``count * pool`` random crystals, the least alike, with their rattled copies.

    The dearest, by their k-points (spacing in 1/Å), are left out before.
    """
    samples = list(random_samples(space, settings, seed, 0, count * settings.pool))
    parents = affordable(samples, settings, k_spacing)
    marks = descriptors([sample.crystal for sample in parents], space.compositions.elements)
    origins = {parents[i].origin for i in farthest_first(marks, count)}
    return [sample for sample in samples if sample.origin in origins]


def affordable(samples: Sequence[Sample], settings: SamplingSettings, k_spacing: float) -> list[Sample]:
    """Return the random crystals among samples, without that share of them whose labels would take longest."""
    parents = [sample for sample in samples if sample.kind is Kind.RANDOM]
    return [parents[i] for i in cheapest([sample.crystal for sample in parents], settings, k_spacing)]


def cheapest(crystals: Sequence[Crystal], settings: SamplingSettings, k_spacing: float) -> list[int]:
    """Return the places of crystals, without that share of them whose labels would take longest."""
    times = [relative_scf_time(crystal, k_spacing) for crystal in crystals]
    kept = np.argsort(times, kind="stable")[: len(crystals) - round(settings.dearest_share * len(crystals))]
    return np.sort(kept).tolist()


def random_samples(
    space: SearchSpace, settings: SamplingSettings, seed: int, first: int, count: int
) -> Iterator[Sample]:
    """Yield random crystals number ``first`` to ``first + count - 1``, some of them with a rattled copy.

    Crystal k depends on the seed and on k alone; fewer come out where some could not be built.
    """
    for k in range(first, first + count):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(k,)))
        crystal = random_small_crystal(space, settings, rng)
        if crystal is None:
            continue
        sample = Sample(crystal, f"{Kind.RANDOM}-{k:05d}", Kind.RANDOM)
        yield sample
        if rng.random() < settings.rattled_share:
            copy = rattled(sample, space.minimum_distances, settings, rng)
            if copy is not None:
                yield copy


def random_small_crystal(space: SearchSpace, settings: SamplingSettings, rng: np.random.Generator) -> Crystal | None:
    """Return a random crystal of a random composition in its primitive cell, or None if none was built.

    Now loosely and now closely packed: the minimum distances are stretched by up to a half at random.
    """
    admitted = space.compositions.compositions
    composition = admitted[rng.integers(len(admitted))]
    volume = space.volume(composition) * float(np.exp(rng.normal(0.0, settings.volume_spread)))
    stretch = rng.uniform(1.0, 1.5)
    limits = {pair: stretch * distance for pair, distance in space.minimum_distances.items()}
    crystal = random_crystal(composition, volume, limits, rng)
    return None if crystal is None else primitive(crystal)


def rattled(
    sample: Sample, nearest: Mapping[Pair, float], settings: SamplingSettings, rng: np.random.Generator
) -> Sample | None:
    """Return a strained and rattled copy of the same origin, or None if atoms of it are nearer than these distances."""
    crystal = sample.crystal
    strain = rng.normal(0.0, settings.strain, (3, 3))
    width = settings.rattle * (crystal.volume / len(crystal)) ** (1 / 3)
    positions = crystal.positions + rng.normal(0.0, width, (len(crystal), 3))
    cell = crystal.cell @ (np.eye(3) + (strain + strain.T) / 2)
    copy = Crystal(cell, positions @ np.linalg.inv(crystal.cell), crystal.numbers)
    if too_close(copy, nearest):
        return None
    return replace(sample, crystal=copy, kind=Kind.RATTLED)

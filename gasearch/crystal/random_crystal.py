"""Random symmetric crystals of a given composition and volume."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gasearch.crystal.composition import Composition
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import distance_limits, reduced, reduced_cell, shortest_images, too_close
from gasearch.crystal.repulsion import pushed_apart
from gasearch.crystal.wyckoff import WyckoffPosition, WyckoffTable, wyckoff_table

#: First and last space group of each crystal system, triclinic to cubic, and how often it is drawn. Low symmetry is
#: drawn more often, as it holds more structures; where no cover exists, the system is drawn again.
_SYSTEMS = ((1, 2), (3, 15), (16, 74), (75, 142), (143, 194), (195, 230))
_SYSTEM_WEIGHTS = np.array([4, 3, 2, 1, 1, 1]) / 12
#: A cover of the composition counts this many times for each of its free parameters: those without any are few
#: structures, which every run finds.
_PARAMETER_WEIGHT = 3.0
#: Standard deviation of the logarithm of each lattice vector's length: axial ratios from 1/4 to 4, mostly.
_SPREAD = 0.5
#: Share of the volume that soft spheres fill whose diameters are the minimum distances, enlarged. Dense packings of
#: soft spheres start near the minima of real potentials, and where this was tried hit them several times as often.
_PACKING = 0.6
#: Random parameters tried for each orbit, and the part of the diameters by which atoms must be apart to begin with.
_TRIES = 8
_OVERLAP = 0.7
#: Steps by which overlapping spheres are pushed apart.
_STEPS = 10


@dataclass(frozen=True)
class Orbit:
    """Atoms of one element (atomic number) on one Wyckoff position."""

    number: int
    position: WyckoffPosition


def random_crystal(
    composition: Composition,
    volume: float,
    minimum_distances: Mapping[tuple[int, int], float],
    rng: np.random.Generator,
    attempts: int = 20,
) -> Crystal | None:
    """Build a random crystal with a random space group, in its primitive, reduced cell.

    The atoms are spread over Wyckoff positions of a random group; lattice and free parameters are drawn, and the
    atoms pushed apart as soft spheres.

    Parameters
    ----------
    composition : Composition
        Content of the cell returned. Its true primitive cell may be smaller, as parameters can coincide.
    volume : float
        Volume of the cell, Å³.
    minimum_distances : mapping
        (Z₁, Z₂) with Z₁ ≤ Z₂ → smallest distance, Å.
    rng : Generator
        The only source of chance.
    attempts : int
        Structures tried; None is returned when in all of them atoms are nearer than allowed.
    """
    diameters = _diameters(composition, volume, minimum_distances)
    for _ in range(attempts):
        table, orbits = _random_occupation(composition, rng)
        start = _random_placement(table, orbits, volume, diameters, rng)
        crystal = pushed_apart(start, distance_limits(start.numbers, diameters), _STEPS)
        if not too_close(crystal, minimum_distances):
            return reduced(crystal)
    return None


def _diameters(
    composition: Composition, volume: float, minimum_distances: Mapping[tuple[int, int], float]
) -> dict[tuple[int, int], float]:
    """Return the minimum distances, Å, enlarged until soft spheres fill _PACKING of the volume, to twice at most."""
    filled = np.pi / 6 * sum(n * minimum_distances[z, z] ** 3 for z, n in composition.counts) / volume
    factor = np.clip((_PACKING / max(filled, 1e-9)) ** (1 / 3), 1.0, 2.0)
    return {pair: factor * distance for pair, distance in minimum_distances.items()}


def _random_occupation(composition: Composition, rng: np.random.Generator) -> tuple[WyckoffTable, list[Orbit]]:
    """Draw space groups until one can hold the composition, as P1 always can; fixed and large orbits come first."""
    while True:
        first, last = _SYSTEMS[rng.choice(len(_SYSTEMS), p=_SYSTEM_WEIGHTS)]
        table = wyckoff_table(int(rng.integers(first, last + 1)))
        orbits = random_cover(table.positions, composition, rng)
        if orbits is not None:
            return table, sorted(orbits, key=lambda o: (o.position.freedom, -o.position.multiplicity))


def random_cover(
    positions: Sequence[WyckoffPosition], composition: Composition, rng: np.random.Generator
) -> list[Orbit] | None:
    """Draw one of all ways to spread the atoms over Wyckoff positions; None if there is none.

    Each way is as likely as it has weight, _PARAMETER_WEIGHT to the power of the number of its free parameters.
    Positions are added one after the other: ``ways[k][c]`` is the weight of all ways in which the first k choices
    place the counts c. Then the choices are drawn in reverse.
    """
    counts = np.array([n for _, n in composition.counts])
    choices = list(_choices([p for p in positions if p.multiplicity <= counts.max()], len(counts)))
    ways = [np.zeros(counts + 1)]
    ways[0][(0,) * len(counts)] = 1.0
    for position, elements in choices:
        ways.append(_add_choice(ways[-1], position, elements))
    if not ways[-1].flat[-1]:
        return None
    orbits: list[Orbit] = []
    for (position, elements), before in zip(reversed(choices), reversed(ways[:-1]), strict=True):
        placed = _draw_choice(before, counts, position, elements, rng)
        orbits += [Orbit(composition.elements[e], position) for e in placed]
        np.subtract.at(counts, placed, position.multiplicity)
    return orbits


def _choices(
    positions: Sequence[WyckoffPosition], n_elements: int
) -> Iterator[tuple[WyckoffPosition, tuple[int, ...]]]:
    """List what is to be decided: which element takes a fixed position, if any; how often each takes a free one."""
    for position in positions:
        if position.freedom:
            yield from ((position, (element,)) for element in range(n_elements))
        else:
            yield position, tuple(range(n_elements))


def _add_choice(ways: np.ndarray, position: WyckoffPosition, elements: tuple[int, ...]) -> np.ndarray:
    m, weight = position.multiplicity, _PARAMETER_WEIGHT**position.freedom
    total = ways.copy()
    for element in elements:
        into = total.swapaxes(0, element)
        if position.freedom:
            for n in range(m, len(into), m):
                into[n : n + m] += weight * into[n - m : n][: len(into) - n]
        elif m < len(into):
            into[m:] += ways.swapaxes(0, element)[:-m]
    return total


def _draw_choice(
    ways: np.ndarray, counts: np.ndarray, position: WyckoffPosition, elements: tuple[int, ...], rng: np.random.Generator
) -> list[int]:
    """Draw the elements that occupy the position, by the weight of all ways to place what they leave."""
    m = position.multiplicity
    if position.freedom:
        options = [[elements[0]] * uses for uses in range(counts[elements[0]] // m + 1)]
    else:
        options = [[], *([e] for e in elements if counts[e] >= m)]
    left = [np.subtract(counts, m * np.bincount(option, minlength=len(counts))) for option in options]
    weight = _PARAMETER_WEIGHT**position.freedom
    weights = np.cumsum([ways[tuple(rest)] * weight ** len(option) for rest, option in zip(left, options, strict=True)])
    return options[int(np.searchsorted(weights, rng.random() * weights[-1], side="right"))]


def random_lattice(number: int, rng: np.random.Generator) -> np.ndarray:
    """Draw a conventional cell (3, 3) with the crystal system of a space group; its volume is not fixed."""
    lengths = np.exp(_SPREAD * rng.standard_normal(3))
    shear = np.eye(3)
    if number <= 2:
        shear[np.tril_indices(3, -1)] = rng.uniform(-0.5, 0.5, 3)
    elif number <= 15:
        shear[2, 0] = rng.uniform(-0.5, 0.5)
    elif number > 74:
        lengths[1] = lengths[0]
    if 143 <= number <= 194:
        shear[1, :2] = -0.5, np.sqrt(0.75)
    elif number > 194:
        lengths[:] = 1.0
    return shear * lengths


def _random_placement(
    table: WyckoffTable,
    orbits: Sequence[Orbit],
    volume: float,
    diameters: Mapping[tuple[int, int], float],
    rng: np.random.Generator,
) -> Crystal:
    """Draw a lattice, then free parameters orbit by orbit, of several tries one that leaves some room where possible.

    ``diameters`` are the distances wanted, Å, by pair of elements.
    """
    cell = table.to_primitive @ random_lattice(table.number, rng)
    cell, to_reduced = reduced_cell(cell * np.cbrt(volume / abs(np.linalg.det(cell))))
    numbers = np.repeat([o.number for o in orbits], [o.position.multiplicity for o in orbits])
    limits = _OVERLAP * distance_limits(numbers, diameters)
    frac = np.empty((0, 3))
    for orbit in orbits:
        tries = orbit.position.points(rng.random((_TRIES if orbit.position.freedom else 1, 3))) @ to_reduced
        allowed = _has_room(tries, frac, limits[len(frac)], cell)
        frac = np.concatenate([frac, tries[np.argmax(allowed)]])
    return Crystal(cell, frac, numbers)


def _has_room(tries: np.ndarray, placed: np.ndarray, limits: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Tell which orbits (t, m, 3) are as far as ``limits`` from the atoms (k, 3) placed before and from themselves.

    One point of the orbit stands for all, as they see the same surroundings.
    """
    others = np.empty((len(tries), len(placed) + tries.shape[1] - 1, 3))
    others[:, : len(placed)] = placed
    others[:, len(placed) :] = tries[:, 1:]
    distances = shortest_images(others - tries[:, :1], cell)
    return (distances >= limits[: others.shape[1]]).all(axis=1)

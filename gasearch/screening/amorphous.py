"""Amorphous precursors: a mixture melted, quenched and compressed, and the crystals that it resembles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement, pairwise
from typing import Final

import numpy as np

from gasearch.crystal.composition import Composition
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import distance_limits
from gasearch.crystal.repulsion import pushed_apart
from gasearch.outcomes import UNCONVERGED, Failure, Relaxed
from gasearch.potential.molecular_dynamics import Leg
from gasearch.potential.potential import Potential
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings
from gasearch.schema import setting
from gasearch.units import pressure_from_GPa, pressure_to_GPa

#: Fewer atoms are a crystal, by the images of their cell.
FEWEST_ATOMS: Final = 16
#: Distances in the mixture that is melted: in units of the mean spacing, and of those that the potential knows.
_APART: Final = 0.75
_KNOWN: Final = 1.1
_STEPS: Final = 50
#: Mixtures that are tried: where two atoms begin too near, they may fall into each other.
_TRIES: Final = 10
#: It is relaxed until molecular dynamics can take over: eV/Å and eV/Å³.
_LOOSE: Final = RelaxationSettings(max_force=1.0, max_stress=pressure_from_GPa(20.0), max_steps=100)


@dataclass(frozen=True)
class MeltQuenchSettings:
    """How a glass is made.

    Parameters
    ----------
    pressures : tuple of float
        Those of the glass, eV/Å³, in the order in which they are reached.
    melt_pressure : float
        That of the melt and of its quench, eV/Å³.
    atoms : int
        In the cell; the nearest whole number of formula units is taken.
    replicas : int
        Independent glasses.
    seed : int
    melt_temperature, temperature : float
        Of the melt, and that to which it is quenched and at which it is compressed, K.
    melt_time : float
        ps.
    rate : float
        Of the quench, K/ps, which is 10¹² K/s.
    compression_time : float
        To each of the pressures, ps.
    time_step : float or None
        fs; None for what suits the lightest element.

    Raises
    ------
    ValueError
        If it is no melt, no quench or no glass.
    """

    pressures: tuple[float, ...] = setting(unit="GPa")
    melt_pressure: float = setting(unit="GPa")
    atoms: int = 48
    replicas: int = 3
    seed: int = 0
    melt_temperature: float = 4000.0
    temperature: float = 300.0
    melt_time: float = 5.0
    rate: float = 100.0
    compression_time: float = 1.0
    time_step: float | None = None

    def __post_init__(self) -> None:
        if self.atoms < FEWEST_ATOMS:
            raise ValueError(
                f"{self.atoms} atoms are ordered by the images of their cell; "
                f"give {FEWEST_ATOMS} or more, best 48 to 200"
            )
        if not 0 < self.temperature < self.melt_temperature:
            raise ValueError(
                f"the melt has {self.melt_temperature:g} K and is quenched to {self.temperature:g} K; "
                "give a final temperature above 0 K and below that of the melt"
            )
        if not (self.pressures and self.replicas >= 1 and self.seed >= 0):
            raise ValueError("give at least one pressure and one replica, and a seed of at least 0")
        numbers = (self.rate, self.melt_time, self.compression_time, self.time_step or 1.0)
        if not all(0 < number < np.inf for number in numbers):
            raise ValueError("times, the time step and the rate of the quench are numbers above 0")

    @property
    def legs(self) -> tuple[Leg, ...]:
        """The trajectory: melt, quench, and one leg to each of the pressures."""
        hot, cold, pressure = self.melt_temperature, self.temperature, self.melt_pressure
        return (
            Leg("melt", self.melt_time, (hot, hot), (pressure, pressure)),
            Leg("quench", (hot - cold) / self.rate, (hot, cold), (pressure, pressure)),
            *(
                Leg(f"compression to {pressure_to_GPa(to):g} GPa", self.compression_time, (cold, cold), (start, to))
                for start, to in pairwise((pressure, *self.pressures))
            ),
        )

    def composition(self, formula: Composition) -> Composition:
        """Return the content of the cell: whole formula units, as near to the number of atoms as can be."""
        unit = formula.reduced
        units = max(1, round(self.atoms / unit.n_atoms))
        return Composition.from_mapping({z: units * n for z, n in unit.counts})

    def generator(self, replica: int, leg: int) -> np.random.Generator:
        """Return the source of chance of a leg of a replica; leg −1 is the mixture itself."""
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(replica, leg + 1)))


def premixed(
    potential: Potential, composition: Composition, volume: float, pressure: float, rng: np.random.Generator
) -> Crystal | Failure:
    """Return a random mixture in a cell that was a cube of the given volume (Å³), ready to be melted at the pressure.

    Random places, pushed apart as soft spheres, and then relaxed until forces are below 1 eV/Å or 100 steps are done;
    other places where that fails, ten times.
    """
    numbers = composition.numbers()
    edge = volume ** (1 / 3)
    limits = distance_limits(numbers, _distances(potential, composition, edge / len(numbers) ** (1 / 3)))
    relaxer = BatchRelaxer(potential, _LOOSE)
    for _ in range(_TRIES):
        mixture = Crystal(np.eye(3) * edge, rng.random((len(numbers), 3)), numbers)
        result = relaxer.relax([pushed_apart(mixture, limits, _STEPS)], pressure)[0]
        if isinstance(result, Relaxed) or (result.reason in UNCONVERGED and result.crystal is not None):
            return result.crystal
    return Failure(result.reason, result.steps, result.crystal, "in the mixture, before the melt")


def _distances(potential: Potential, composition: Composition, spacing: float) -> dict[tuple[int, int], float]:
    return {
        pair: max(_APART * spacing, _KNOWN * potential.shortest_distances.get(pair, 0.0))
        for pair in combinations_with_replacement(composition.elements, 2)
    }


@dataclass(frozen=True)
class Resemblance:
    """A crystal beside the glasses of several replicas.

    Parameters
    ----------
    name : str
    distances : tuple of float
        Structure distance to each glass, 0 to 1.
    above : tuple of float
        Enthalpy of each glass above the crystal, eV per atom.
    """

    name: str
    distances: tuple[float, ...]
    above: tuple[float, ...]

    @property
    def distance(self) -> float:
        """The mean over replicas."""
        return float(np.mean(self.distances))

    @property
    def mean_above(self) -> float:
        """The mean over replicas, eV per atom."""
        return float(np.mean(self.above))


def nearest_in_structure(resemblances: Sequence[Resemblance]) -> list[str]:
    """Return the names, the most alike first."""
    return [r.name for r in sorted(resemblances, key=lambda r: (r.distance, r.name))]


def nearest_in_enthalpy(resemblances: Sequence[Resemblance]) -> list[str]:
    """Return the names in the order of Ostwald's rule of stages: of those below the glass the highest first.

    Those above the glass, which it cannot turn into by itself, come last, the lowest first.
    """
    return [r.name for r in sorted(resemblances, key=lambda r: (r.mean_above < 0, abs(r.mean_above), r.name))]


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float | None]:
    """Return the mean over replicas, and their standard deviation; None for a single one."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def pairs_of(count: int) -> Iterator[tuple[int, int]]:
    """Yield each two of so many replicas."""
    return ((a, b) for a in range(count) for b in range(a + 1, count))


def unmelted(moved: Mapping[str, float], spacing: float) -> list[str]:
    """Return the elements whose atoms moved by less than the mean spacing (Å) in the melt: it forgot nothing."""
    return [symbol for symbol, distance in moved.items() if distance < spacing]

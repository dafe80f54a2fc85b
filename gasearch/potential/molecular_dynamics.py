"""Molecular dynamics at temperature and pressure, integrated by ASE."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.convert import from_ase, masses, to_ase
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import too_close
from gasearch.outcomes import Failure, Reason
from gasearch.potential.ase_calculator import NoAnswer, PotentialCalculator
from gasearch.potential.potential import Batch, Potential
from gasearch.units import kelvin_to_eV

if TYPE_CHECKING:
    from ase import Atoms
    from ase.md.langevinbaoab import LangevinBAOAB

#: Time step that suits hydrogen, fs; it grows with the root of the lightest mass, up to a limit.
_HYDROGEN_STEP: Final = 0.5
_LONGEST_STEP: Final = 2.0
#: Time constants in time steps: of friction on atoms, and of the cell, which is also the period of its oscillations.
_FRICTION: Final = 100
_CELL: Final = 200
#: Time steps between two looks at distances, and between two changes of temperature and pressure.
_INTERVAL: Final = 10
#: Two atoms nearer than this have collapsed, Å.
_COLLAPSED: Final = 0.5
#: By how much a cell may grow or shrink in one leg.
_GROWTH: Final = 8.0
FS_PER_PS: Final = 1000.0


@dataclass(frozen=True, eq=False)
class MovingAtoms:
    """Atoms at an instant.

    Parameters
    ----------
    crystal : Crystal
    momenta : (n, 3) array
        √(u eV).
    """

    crystal: Crystal
    momenta: np.ndarray


@dataclass(frozen=True)
class Leg:
    """A part of a trajectory, along which temperature and pressure change evenly.

    Parameters
    ----------
    name : str
    duration : float
        ps.
    temperatures : (float, float)
        K, at the beginning and at the end.
    pressures : (float, float)
        eV/Å³, at the beginning and at the end.
    """

    name: str
    duration: float
    temperatures: tuple[float, float]
    pressures: tuple[float, float]

    def steps(self, time_step: float) -> int:
        """Return how many time steps (fs) it takes."""
        return max(1, round(self.duration * FS_PER_PS / time_step))


@dataclass(frozen=True, eq=False)
class Travelled:
    """What a leg leads to.

    Parameters
    ----------
    atoms : MovingAtoms
        At its end.
    steps : int
    temperature, pressure : float
        Means over its second half, K and eV/Å³, with what the motion of the atoms adds to the pressure.
    volume : float
        The same, Å³ per atom.
    moved : mapping
        Symbol → root of the mean squared displacement of its atoms over the leg, Å; that of all together left out.
    beyond : float
        Share of the instants looked at in which two atoms were nearer than the potential knows their elements.
    """

    atoms: MovingAtoms
    steps: int
    temperature: float
    pressure: float
    volume: float
    moved: Mapping[str, float]
    beyond: float


def default_time_step(numbers: np.ndarray) -> float:
    """Return a time step, fs, for these atomic numbers: 0.5 with hydrogen, longer without, 2 at most."""
    lightest, hydrogen = masses(np.asarray(numbers)).min(), masses(np.array([1]))[0]
    return float(min(_HYDROGEN_STEP * np.sqrt(lightest / hydrogen), _LONGEST_STEP))


def set_in_motion(crystal: Crystal, temperature: float, rng: np.random.Generator) -> MovingAtoms:
    """Return the atoms with momenta of Maxwell and Boltzmann at a temperature (K), at rest as a whole."""
    mass = masses(crystal.numbers)[:, None]
    momenta = rng.standard_normal((len(crystal), 3)) * np.sqrt(mass * kelvin_to_eV(temperature))
    return MovingAtoms(crystal, momenta - mass * momenta.sum(axis=0) / mass.sum())


def travel(
    potential: Potential, atoms: MovingAtoms, leg: Leg, time_step: float, rng: np.random.Generator
) -> Travelled | Failure:
    """Integrate the motion of atoms along a leg.

    Langevin dynamics of the atoms and of the volume in the BAOAB splitting (doi:10.1063/1.4802990, with the barostat of
    doi:10.1063/1.1755657). Of ASE's integrators at constant pressure it is the one that takes a generator of random
    numbers, so that a trajectory can be repeated; that needs no chain of thermostats to be ergodic in small cells; and
    whose temperature and pressure may change on the way. The shape of the cell is kept: a liquid withstands no shear,
    so a cell that is free would become a needle.

    Parameters
    ----------
    potential : Potential
    atoms : MovingAtoms
    leg : Leg
    time_step : float
        fs.
    rng : Generator
        The only source of chance.

    Returns
    -------
    Travelled or Failure
        A failure where the potential has no finite answer, atoms collapse, or the cell explodes.
    """
    volume = atoms.crystal.volume
    moving = to_ase(atoms.crystal)
    moving.set_momenta(atoms.momenta)
    moving.calc = PotentialCalculator(potential, (volume / _GROWTH, volume * _GROWTH))
    log, where = _Log(potential, atoms.crystal), f"in the {leg.name}"
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            dynamics = _dynamics(potential, moving, leg, time_step, rng)
            return _followed(dynamics, leg, leg.steps(time_step), log)
    except NoAnswer as error:
        return Failure(error.reason, log.steps, None, f"{where}: {error.detail}" if error.detail else where)
    except np.linalg.LinAlgError:  # ASE moves atoms with the cell, which it cannot once the cell has no volume
        return Failure(Reason.EXPLODED, log.steps, None, where)


def _followed(dynamics: LangevinBAOAB, leg: Leg, steps: int, log: _Log) -> Travelled | Failure:
    """Integrate, changing temperature and pressure on the way."""
    while (done := dynamics.nsteps) < steps:
        ahead = min(_INTERVAL, steps - done)
        share = (done + ahead / 2) / steps
        dynamics.set_temperature(float(np.interp(share, (0, 1), leg.temperatures)))
        dynamics.externalstress = -float(np.interp(share, (0, 1), leg.pressures))
        dynamics.run(ahead)
        if log.collapsed(dynamics):
            return Failure(Reason.COLLAPSED, log.steps, from_ase(dynamics.atoms), f"in the {leg.name}")
    return log.travelled(dynamics)


def _dynamics(
    potential: Potential, moving: Atoms, leg: Leg, time_step: float, rng: np.random.Generator
) -> LangevinBAOAB:
    """Return ASE's integrator; it writes nothing, and asks no other rank."""
    from ase.md.langevinbaoab import LangevinBAOAB
    from ase.parallel import DummyMPI
    from ase.units import fs

    step = time_step * fs
    return LangevinBAOAB(
        moving,
        step,
        temperature_K=leg.temperatures[0],
        externalstress=-leg.pressures[0],
        hydrostatic=True,
        T_tau=_FRICTION * step,
        P_tau=_CELL * step,
        P_mass=_cell_mass(potential, from_ase(moving), leg.temperatures[0], _CELL * step),
        rng=rng,
        comm=DummyMPI(),
    )


def _cell_mass(potential: Potential, crystal: Crystal, temperature: float, period: float) -> float:
    """Return the mass W of the cell, u Å², for a period of its oscillations (in ASE's unit of time).

    With the strain ε, W d²ε/dt² = 3V (P − P₀) = −9VBε, so (2π/period)² = 9VB/W. B is that of the potential where the
    atoms are, and of an ideal gas.
    """
    cells = [crystal.scaled_to(crystal.volume * factor) for factor in (0.99, 1.01)]
    dense, thin = potential.compute(Batch.from_crystals(cells)).stress.trace(axis1=1, axis2=2) / -3
    gas = len(crystal) * kelvin_to_eV(temperature) / crystal.volume
    stiffness = gas + max(float(np.nan_to_num((dense - thin) / 0.02)), 0.0)
    return 9 * crystal.volume * stiffness * (period / (2 * np.pi)) ** 2


class _Log:
    """What is seen of a trajectory every few steps."""

    def __init__(self, potential: Potential, start: Crystal):
        floor = partial(float, _COLLAPSED)
        self._start = start
        self._floor = defaultdict(floor)
        self._known = defaultdict(floor, {p: max(d, _COLLAPSED) for p, d in potential.shortest_distances.items()})
        self._seen: list[tuple[float, float, float, bool]] = []
        self.steps = 0

    def collapsed(self, dynamics: LangevinBAOAB) -> bool:
        """Look at the atoms; return whether some are too close."""
        atoms, self.steps = dynamics.atoms, dynamics.nsteps
        crystal = from_ase(atoms)
        pressure = 2 * atoms.get_kinetic_energy() / (3 * crystal.volume) - np.trace(atoms.get_stress(voigt=False)) / 3
        beyond = too_close(crystal, self._known)
        self._seen.append((atoms.get_temperature(), pressure, crystal.volume / len(crystal), beyond))
        return beyond and too_close(crystal, self._floor)

    def travelled(self, dynamics: LangevinBAOAB) -> Travelled:
        """Return the sum of what was seen."""
        atoms = dynamics.atoms
        crystal = from_ase(atoms)
        means = np.mean(self._seen[len(self._seen) // 2 :], axis=0)
        # ASE does not wrap positions, and scales them with the cell: their fractions are those of one long path.
        moved = (atoms.cell.scaled_positions(atoms.positions) - self._start.frac) @ crystal.cell
        moved = (moved - np.average(moved, axis=0, weights=masses(crystal.numbers))) ** 2
        return Travelled(
            atoms=MovingAtoms(crystal, atoms.get_momenta()),
            steps=self.steps,
            temperature=float(means[0]),
            pressure=float(means[1]),
            volume=float(means[2]),
            moved={
                SYMBOLS[z]: float(np.sqrt(moved[crystal.numbers == z].sum(axis=1).mean()))
                for z in crystal.composition.elements
            },
            beyond=float(np.mean([beyond for *_, beyond in self._seen])),
        )

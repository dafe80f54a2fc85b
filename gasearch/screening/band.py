"""The nudged elastic band: the path of least enthalpy between two minima, and the saddle on it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gasearch.schema import setting
from gasearch.screening.surface import Surface

#: The highest image begins to climb when no force on the band exceeds this many times its limit.
_CLIMB = 5.0
#: Time steps of FIRE, in √(mass/(eV/Å²)) of a unit mass, and its constants (doi:10.1103/PhysRevLett.97.170201).
_FIRST_STEP, _LONGEST_STEP = 0.1, 0.4
_WAIT, _GROW, _SHRINK, _MIX, _MIX_DECAY = 5, 1.1, 0.5, 0.1, 0.99


@dataclass(frozen=True)
class BandSettings:
    """How a path is looked for.

    Parameters
    ----------
    images : int
        Crystals between the two ends.
    max_force : float
        Largest force across the path, and in all directions on the climbing image, of a finished one.
    max_steps : int
        Evaluations of all images after which a path is given up.
    spring : float
        Between images, eV/Å²: changes where they are on the path, not the path.
    rattle : float
        By how much images are moved at random to begin with: a path along an axis of symmetry stays on it otherwise,
        even where lower ones leave it.
    max_move : float
        Largest step of any coordinate, Å.
    """

    images: int = setting(7, at_least=1)
    max_force: float = setting(0.01, above=0, unit="eV_per_A")
    max_steps: int = setting(600, at_least=1)
    spring: float = setting(5.0, above=0)
    rattle: float = setting(0.02, at_least=0, unit="A")
    max_move: float = setting(0.1, above=0, unit="A")


@dataclass(frozen=True, eq=False)
class Band:
    """A path, whether finished or given up.

    Parameters
    ----------
    points : (m, n + 3, 3) array
        From start to end, both included, on the surface.
    enthalpies : (m,) array
        eV per cell.
    residual : float
        Largest force that is left, eV/Å; not finite where the potential had no answer.
    steps : int
        Evaluations of all images.
    converged : bool
    """

    points: np.ndarray
    enthalpies: np.ndarray
    residual: float
    steps: int
    converged: bool

    @property
    def top(self) -> int:
        """The image of highest enthalpy; an end where there is no barrier from the other."""
        return int(np.argmax(self.enthalpies))

    @property
    def lengths(self) -> np.ndarray:
        """Length of the path (m,) up to each image, Å per √atom."""
        steps = np.linalg.norm(np.diff(self.points, axis=0), axis=(1, 2)) / np.sqrt(self.points.shape[1] - 3)
        return np.concatenate([[0.0], np.cumsum(steps)])


@dataclass(frozen=True, eq=False)
class _Motion:
    """How the images move in FIRE: velocities, the time step, how velocities are turned, steps since it went uphill."""

    velocity: np.ndarray
    time_step: float = _FIRST_STEP
    mix: float = _MIX
    downhill: int = 0

    def after(self, forces: np.ndarray) -> _Motion:
        """Return the motion after one time step under forces."""
        if (forces * self.velocity).sum() < 0:
            return _Motion(_SHRINK * self.time_step * forces, _SHRINK * self.time_step)
        turned = np.linalg.norm(self.velocity) / max(np.linalg.norm(forces), 1e-300) * forces
        velocity = (1 - self.mix) * self.velocity + self.mix * turned + self.time_step * forces
        if self.downhill < _WAIT:
            return replace(self, velocity=velocity, downhill=self.downhill + 1)
        longer = min(_GROW * self.time_step, _LONGEST_STEP)
        return _Motion(velocity, longer, _MIX_DECAY * self.mix, self.downhill + 1)


def find_band(surface: Surface, ends: np.ndarray, settings: BandSettings, seed: int = 0) -> Band:
    """Return the path between two minima (2, n + 3, 3) of a surface, its highest image being on the saddle.

    The improved tangent of Henkelman and Jónsson (doi:10.1063/1.1323224, eqs. 8 to 12), and their climbing image
    (doi:10.1063/1.1329672, eq. 5), in atoms and lattice together (Sheppard and others, doi:10.1063/1.3684549).
    """
    points = _straight(ends, settings, np.random.default_rng(seed))
    labels = tuple(object() for _ in range(settings.images))
    outer, _ = surface.enthalpies(ends)
    motion, climbing = _Motion(np.zeros_like(points[1:-1])), False
    for step in range(1, settings.max_steps + 1):
        inner, gradients = surface.enthalpies(points[1:-1], labels)
        enthalpies = np.concatenate([outer[:1], inner, outer[1:]])
        top = int(np.argmax(enthalpies))
        inside = 0 < top < len(points) - 1
        forces = _nudged(points, enthalpies, gradients, settings.spring, top if climbing and inside else None)
        residual = _residual(points, enthalpies, gradients, top if climbing and inside else None)
        if not np.isfinite(residual):
            break
        if residual < settings.max_force and (climbing or not inside):
            return Band(points, enthalpies, residual, step, True)
        climbing = climbing or residual < _CLIMB * settings.max_force
        motion = motion.after(forces)
        moves = motion.time_step * motion.velocity
        points = points.copy()
        points[1:-1] += moves * min(1.0, settings.max_move / max(np.abs(moves).max(), 1e-300))
    return Band(points, enthalpies, residual, step, False)


def _straight(ends: np.ndarray, settings: BandSettings, rng: np.random.Generator) -> np.ndarray:
    """Return images (m, n + 3, 3) on the straight line between the ends, the inner ones rattled."""
    share = np.linspace(0, 1, settings.images + 2)[:, None, None]
    points = (1 - share) * ends[0] + share * ends[1]
    rattle = rng.uniform(-settings.rattle, settings.rattle, points[1:-1].shape)
    rattle[:, -3:] = (rattle[:, -3:] + rattle[:, -3:].swapaxes(1, 2)) / 2
    rattle[:, :-3] -= rattle[:, :-3].mean(axis=1, keepdims=True)
    points[1:-1] += rattle
    return points


def _tangents(points: np.ndarray, enthalpies: np.ndarray) -> np.ndarray:
    """Return unit vectors along the path at the inner images: towards the higher neighbour, both where it bends."""
    ahead, behind = points[2:] - points[1:-1], points[1:-1] - points[:-2]
    up, down = enthalpies[2:] - enthalpies[1:-1], enthalpies[:-2] - enthalpies[1:-1]
    large, small = np.maximum(abs(up), abs(down)), np.minimum(abs(up), abs(down))
    rising = enthalpies[2:] > enthalpies[:-2]
    extreme = (up > 0) == (down > 0)
    forward = np.where(extreme, np.where(rising, large, small), up > 0)
    backward = np.where(extreme, np.where(rising, small, large), up <= 0)
    tangents = forward[:, None, None] * ahead + backward[:, None, None] * behind
    # Where all three are as high as each other, the path goes straight on.
    tangents = np.where((large < 1e-12)[:, None, None], ahead + behind, tangents)
    return tangents / np.maximum(np.linalg.norm(tangents, axis=(1, 2), keepdims=True), 1e-300)


def _across(gradients: np.ndarray, tangents: np.ndarray, climber: int | None) -> np.ndarray:
    """Return the forces of the surface across the path; the climbing image's is turned around along it."""
    along = (gradients * tangents).sum(axis=(1, 2), keepdims=True) * tangents
    forces = along - gradients
    if climber is not None:
        forces[climber - 1] += along[climber - 1]
    return forces


def _nudged(
    points: np.ndarray, enthalpies: np.ndarray, gradients: np.ndarray, spring: float, climber: int | None
) -> np.ndarray:
    """Return the forces on the inner images: the surface's across the path, the springs' along it."""
    tangents = _tangents(points, enthalpies)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=(1, 2))
    springs = spring * np.diff(steps)[:, None, None] * tangents
    if climber is not None:
        springs[climber - 1] = 0.0
    return _across(gradients, tangents, climber) + springs


def _residual(points: np.ndarray, enthalpies: np.ndarray, gradients: np.ndarray, climber: int | None) -> float:
    """Return the largest component of the forces of the surface across the path."""
    return float(np.abs(_across(gradients, _tangents(points, enthalpies), climber)).max())

"""L-BFGS on many independent problems at once, safeguarded by a trust radius."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

#: Curvature pairs that are remembered.
_MEMORY = 20
#: Inverse curvature before any is known, Å²/eV; the trust radius limits what it can do.
_FIRST_SCALE = 0.05
_FIRST_RADIUS = 0.1
_SMALLEST_RADIUS = 1e-4
_LARGEST_RADIUS = 0.3
#: Share of the gain that a slope promises below which the radius shrinks.
_ENOUGH = 0.1


@dataclass(frozen=True, eq=False)
class Minimiser:
    """The state of S minimisations in D dimensions: the best points' values, gradients and the curvature met.

    A new problem has the value inf and no gradient, so that its first step is none and is accepted.

    Parameters
    ----------
    value : (S,) array
    gradient : (S, D) array
    radius : (S,) array
        Largest length of the next step.
    steps, changes : (S, memory, D) arrays
        Newest last; steps s and the changes y of the gradient along them.
    weights : (S, memory) array
        1/(s·y); zero where there is no pair.
    direction : (S, D) array
        The quasi-Newton step, of any length.

    References
    ----------
    Nocedal and Wright, Numerical Optimization (2006), algorithm 7.4 and eq. (7.20), doi:10.1007/978-0-387-40065-5.
    """

    value: np.ndarray
    gradient: np.ndarray
    radius: np.ndarray
    steps: np.ndarray
    changes: np.ndarray
    weights: np.ndarray
    direction: np.ndarray

    @staticmethod
    def new(problems: int, dimensions: int) -> Minimiser:
        """Return the state before anything was evaluated."""
        return Minimiser(
            value=np.full(problems, np.inf),
            gradient=np.zeros((problems, dimensions)),
            radius=np.full(problems, _FIRST_RADIUS),
            steps=np.zeros((problems, _MEMORY, dimensions)),
            changes=np.zeros((problems, _MEMORY, dimensions)),
            weights=np.zeros((problems, _MEMORY)),
            direction=np.zeros((problems, dimensions)),
        )

    def told(
        self, step: np.ndarray, length: np.ndarray, value: np.ndarray, gradient: np.ndarray, noise: np.ndarray
    ) -> tuple[Minimiser, np.ndarray]:
        """Return the state after the step was tried, and whether each problem moved there (S,).

        A step that raises the value by more than ``noise`` (S,) is undone, but its curvature is learned.
        """
        first = np.isinf(self.value)
        moved = value <= self.value + noise
        gain = np.where(first, value, self.value) - value
        change = np.where(first[:, None], 0.0, gradient - self.gradient)
        curvature, slope = _dot(step, change), -_dot(self.gradient, step)
        share = np.divide(gain, slope, out=np.ones_like(gain), where=slope > 0)
        # Within the noise a rise says nothing of the radius.
        share = np.where(moved & (gain < 0), _ENOUGH, share)
        state = replace(
            self._remember(step, change, curvature),
            value=np.where(moved, value, self.value),
            gradient=np.where(moved[:, None], gradient, self.gradient),
            radius=self._next_radius(length, moved, share, curvature),
        )
        return replace(state, direction=state._direction()), moved

    def _next_radius(
        self, length: np.ndarray, moved: np.ndarray, share: np.ndarray, curvature: np.ndarray
    ) -> np.ndarray:
        """Return the radius (S,) after a step that gained this share of what its slope promised.

        A quadratic gives a half at its minimum, and more before.
        """
        limited = length >= 0.99 * self.radius
        easy = moved & limited & ((curvature <= 0) | (share > 0.25))
        poor = moved & ~easy & (share < _ENOUGH)
        radius = np.where(easy, 1.5 * self.radius, np.where(poor, 0.7 * self.radius, self.radius))
        return np.clip(np.where(moved, radius, 0.35 * length), _SMALLEST_RADIUS, _LARGEST_RADIUS)

    def _remember(self, step: np.ndarray, change: np.ndarray, curvature: np.ndarray) -> Minimiser:
        """Add the pairs of positive curvature."""
        useful = curvature > 1e-6 * np.sqrt(_dot(step, step) * _dot(change, change))
        if not useful.any():
            return self
        steps, changes, weights = self.steps.copy(), self.changes.copy(), self.weights.copy()
        for history, newest in ((steps, step), (changes, change), (weights, 1 / np.where(useful, curvature, 1.0))):
            history[useful, :-1] = history[useful, 1:]
            history[useful, -1] = newest[useful]
        return replace(self, steps=steps, changes=changes, weights=weights)

    def _direction(self) -> np.ndarray:
        known = np.flatnonzero(self.weights.any(axis=0)).tolist()
        q, shares = -self.gradient, {}
        for k in reversed(known):
            shares[k] = self.weights[:, k] * _dot(self.steps[:, k], q)
            q = q - shares[k][:, None] * self.changes[:, k]
        q = q * self._scale()[:, None]
        for k in known:
            share = shares[k] - self.weights[:, k] * _dot(self.changes[:, k], q)
            q = q + share[:, None] * self.steps[:, k]
        return q

    def _scale(self) -> np.ndarray:
        """Inverse curvature s·y/y·y of the newest pair."""
        curvature = self.weights[:, -1] * _dot(self.changes[:, -1], self.changes[:, -1])
        return np.divide(1.0, curvature, out=np.full_like(curvature, _FIRST_SCALE), where=curvature > 0)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("sd,sd->s", a, b)

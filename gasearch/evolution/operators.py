"""Which operator makes the next candidate: weights that follow what each has given so far."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

#: The operator that needs no parents.
RANDOM = "random"
#: Candidates that are given, not made.
PROTOTYPE, SEED, SURVIVOR = "prototype", "seed", "survivor"


class OperatorWeights:
    """Base weights, multiplied by each operator's gain per candidate relative to the mean.

    Parameters
    ----------
    base : mapping
        Operator → weight ≥ 0, as the user gave it.
    adapt : bool
        Whether gains change the weights.
    """

    #: Candidates for which the base weight still counts as much as what was measured.
    MEMORY = 20.0
    #: No operator falls below this share of its base weight, or rises above the inverse.
    FLOOR = 0.25

    def __init__(self, base: Mapping[str, float], adapt: bool = True):
        self.names = tuple(sorted(name for name, weight in base.items() if weight > 0))
        self.adapt = adapt
        self._base = np.array([base[name] for name in self.names])
        self.tries = dict.fromkeys(self.names, 0)
        self.gains = dict.fromkeys(self.names, 0.0)

    def record(self, name: str, gain: float) -> None:
        """Count one candidate of an operator, and what it gained (0 to 1)."""
        if name in self.tries:
            self.tries[name] += 1
            self.gains[name] += gain

    def probabilities(self) -> np.ndarray:
        """Return the odds (n,) of each of ``names``."""
        if not self.adapt:
            return self._base / self._base.sum()
        tries, gains = (np.array([d[n] for n in self.names], float) for d in (self.tries, self.gains))
        mean = (gains.sum() + 1.0) / (tries.sum() + self.MEMORY)
        relative = (gains + self.MEMORY * mean) / ((tries + self.MEMORY) * mean)
        weights = self._base * np.clip(relative, self.FLOOR, 1 / self.FLOOR)
        return weights / weights.sum()

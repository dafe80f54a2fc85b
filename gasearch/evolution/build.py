"""From a recipe to a structure: pure, and the same wherever it runs."""

from __future__ import annotations

import numpy as np

from gasearch.crystal.composition import SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import reduced, too_close
from gasearch.crystal.random_crystal import random_crystal
from gasearch.evolution.candidate import Candidate
from gasearch.evolution.operators import RANDOM
from gasearch.variation.variation import OPERATORS

#: Trials of one operator before a candidate is given up, and those that insist on the composition aimed at.
ATTEMPTS, AIMED = 20, 12
#: Random crystals start within these factors of the expected volume.
VOLUME_RANGE = (0.85, 1.25)


def build(candidate: Candidate, space: SearchSpace, rng: np.random.Generator) -> Crystal | None:
    """Build the candidate's structure with acceptable distances, or None if no attempt gave one.

    Operators end at whatever composition they come to; of several trials, one at the composition aimed at is taken.
    """
    if candidate.given is not None:
        return candidate.given
    make = _random if candidate.operator == RANDOM else _child
    return make(candidate, space, rng)


def _random(candidate: Candidate, space: SearchSpace, rng: np.random.Generator) -> Crystal | None:
    expected = candidate.volume or space.volume(candidate.composition)
    for _ in range(ATTEMPTS):
        volume = expected * rng.uniform(*VOLUME_RANGE)
        crystal = random_crystal(candidate.composition, volume, space.minimum_distances, rng)
        if crystal is not None:
            return crystal
    return None


def _child(candidate: Candidate, space: SearchSpace, rng: np.random.Generator) -> Crystal | None:
    operator, parents = OPERATORS[candidate.operator], [p.crystal for p in candidate.parents]
    elsewhere = None
    for attempt in range(ATTEMPTS):
        crystal = operator(parents, space, rng)
        aimed = crystal is not None and crystal.composition.reduced == candidate.composition.reduced
        wanted = aimed or (crystal is not None and elsewhere is None)
        if wanted and not too_close(crystal, space.minimum_distances):
            if aimed:
                return reduced(crystal)
            elsewhere = crystal
        if elsewhere is not None and attempt >= AIMED:
            break
    return None if elsewhere is None else reduced(elsewhere)

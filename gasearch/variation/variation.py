"""What every operator is, and the table of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Protocol

import numpy as np

from gasearch.crystal.composition import SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.variation.heredity import Heredity
from gasearch.variation.insertion import Insertion
from gasearch.variation.modulation import Modulation
from gasearch.variation.permutation import Permutation
from gasearch.variation.removal import Removal
from gasearch.variation.strain import Strain
from gasearch.variation.transmutation import Transmutation


class Variation(Protocol):
    """Make a new structure from parents; pure, as every random choice comes from the generator given."""

    name: ClassVar[str]
    n_parents: ClassVar[int]

    def __call__(self, parents: Sequence[Crystal], space: SearchSpace, rng: np.random.Generator) -> Crystal | None:
        """Make a child from ``n_parents`` parents.

        Its composition is in the space, and its volume deviates from `SearchSpace.volume` as the parents' volumes do.
        None where this draw gives no such child; the child's distances are not looked at.
        """
        ...


#: The operators with their default settings, by name.
OPERATORS: Mapping[str, Variation] = MappingProxyType(
    {
        operator.name: operator
        for operator in (
            Heredity(),
            Strain(),
            Permutation(),
            Transmutation(),
            Insertion(),
            Removal(),
            Modulation(),
        )
    }
)

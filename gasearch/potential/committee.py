"""Several potentials trained alike: where they disagree, none of them knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.outcomes import Failure, Relaxed, Relaxer
from gasearch.potential.potential import Batch, BatchResult, Potential, compute_all


class Committee:
    """Potentials for the same elements as one: the mean of what they say, and how far they are apart.

    Parameters
    ----------
    members : sequence of Potential
        The first one leads: a search relaxes with it alone, and asks the others what they think of the result.
    """

    def __init__(self, members: Sequence[Potential]):
        self.members = tuple(members)
        self.lead = self.members[0]
        self.name = f"{self.lead.name}, a committee of {len(self.members)}"
        self.elements = self.lead.elements
        self.shortest_distances = self.lead.shortest_distances

    def compute(self, batch: Batch) -> BatchResult:
        """Return the members' mean; the errors of any of them are the committee's."""
        results = [member.compute(batch) for member in self.members]
        mean = (np.mean([getattr(r, name) for r in results], axis=0) for name in ("energy", "forces", "stress"))
        return BatchResult(*mean, {system: said for r in results for system, said in r.errors.items()})

    def spread(self, crystals: Sequence[Crystal]) -> np.ndarray:
        """Return the standard deviation (n,) of the members' energies, eV/atom; NaN for a single member.

        It is infinite where a member has no answer.
        """
        if len(self.members) < 2:
            return np.full(len(crystals), np.nan)
        energies = np.array([compute_all(member, crystals).energy for member in self.members])
        known = np.isfinite(energies).all(axis=0)
        per_atom = np.where(known, energies, 0.0) / [len(crystal) for crystal in crystals]
        return np.where(known, np.std(per_atom, axis=0, ddof=1), np.inf)


@dataclass(frozen=True)
class JudgedRelaxer:
    """Relaxes, and says how far a committee disagrees about each structure that it arrives at.

    Parameters
    ----------
    relaxer : Relaxer
    committee : Committee
    """

    relaxer: Relaxer
    committee: Committee

    def relax(
        self, crystals: Sequence[Crystal], pressure: float, ceilings: Sequence[float] | None = None
    ) -> list[Relaxed | Failure]:
        """Relax each crystal at the pressure (eV/Å³); see `gasearch.outcomes.Relaxer`."""
        outcomes = self.relaxer.relax(crystals, pressure, ceilings)
        places = [place for place, outcome in enumerate(outcomes) if isinstance(outcome, Relaxed)]
        spreads = self.committee.spread([outcomes[place].crystal for place in places])
        for place, spread in zip(places, spreads.tolist(), strict=True):
            outcomes[place] = replace(outcomes[place], spread=spread)
        return outcomes

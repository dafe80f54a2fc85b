"""How DFT answers a search."""

from __future__ import annotations

from dataclasses import dataclass

from gasearch.schema import setting


@dataclass(frozen=True)
class FeedbackSettings:
    """What DFT labels of what a search found, for the potential to learn from, and what is relaxed again then.

    Parameters
    ----------
    rounds : int
        How often at most: it ends before when the hull no longer changes. 0 for a search without feedback; otherwise
        the potential is a folder with a card and the training set.
    labels : int
        Structures that are labelled in a round.
    window : float
        Enthalpy per atom above the hull up to which a structure may be labelled.
    survivors : int
        Structures that are relaxed again with the new potential, the nearest to the hull.
    children : int
        Candidates that the search goes on to make from them.
    tuning_epochs : int
        Epochs of the training that goes on.
    learning_rate : float
        At the first of them.
    """

    rounds: int = setting(0, at_least=0)
    labels: int = setting(24, at_least=1)
    window: float = setting(0.1, above=0, unit="eV")
    survivors: int = setting(60, at_least=1)
    children: int = setting(0, at_least=0)
    tuning_epochs: int = setting(20, at_least=6)
    learning_rate: float = setting(0.002, above=0)

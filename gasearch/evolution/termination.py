"""When a search ends: a function of what it was told, never of the clock."""

from __future__ import annotations

from dataclasses import dataclass

from gasearch.schema import setting


@dataclass(frozen=True)
class Termination:
    """Limits of a search; they count attempts, so that a failing search ends, too.

    Parameters
    ----------
    candidates : int
        Attempts in all.
    unchanged : int or None
        Attempts since the hull last changed; None for no such limit.
    """

    candidates: int = setting(1000, at_least=1)
    unchanged: int | None = setting(None, at_least=1)

    def reason(self, next_id: int, last_change: int) -> str | None:
        """Return why the search ends before candidate ``next_id``, or None if it goes on."""
        if next_id >= self.candidates:
            return f"all {self.candidates} candidates were tried"
        if self.unchanged is not None and next_id - last_change > self.unchanged:
            return f"the hull has not changed for {self.unchanged} candidates"
        return None

"""Where a potential is asked beyond the pressures that it was made for."""

from __future__ import annotations

from collections.abc import Iterable

from gasearch.potential.settings import PotentialSettings, trained_range_GPa

#: GPa; rounding of a pressure that was converted.
_ROUNDING = 1e-6


def is_trained_at(potential: PotentialSettings, pressure_GPa: float) -> bool | None:
    """Whether the potential's card covers a pressure; None where it has no card."""
    known = trained_range_GPa(potential)
    return None if known is None else known[0] - _ROUNDING <= pressure_GPa <= known[1] + _ROUNDING


def range_warnings(potential: PotentialSettings, pressures_GPa: Iterable[float]) -> list[str]:
    """Return what speaks against a potential at some of these pressures."""
    beyond = [pressure for pressure in pressures_GPa if is_trained_at(potential, pressure) is False]
    if not beyond:
        return []
    low, high = trained_range_GPa(potential) or (0.0, 0.0)
    told = ", ".join(f"{pressure:g}" for pressure in beyond)
    return [
        f"the potential was trained from {low:g} to {high:g} GPa: what it says at {told} GPa is extrapolated; label "
        "cells there (gasearch pretrain, or quench --extend) and train it again before you believe it"
    ]

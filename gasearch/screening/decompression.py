"""Is a phase still a minimum at a lower pressure, and if not, what does it turn into?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import same_structure
from gasearch.crystal.symmetry import symmetrized
from gasearch.outcomes import Failure, Reason, Relaxed, Stability, StabilityVerdict
from gasearch.phonon.phonons import PhononSettings
from gasearch.phonon.stability import stability
from gasearch.potential.potential import Potential
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings
from gasearch.schema import setting
from gasearch.screening.elasticity import Elasticity, along, elasticity, is_minimum
from gasearch.units import pressure_from_GPa

#: Residuals that leave elasticity alone: eV/Å and eV/Å³.
_TIGHT: Final = RelaxationSettings(max_force=1e-3, max_stress=pressure_from_GPa(0.05), max_steps=600)
#: Å; what a relaxation leaves of a broken symmetry is noise.
_SYMPREC: Final = 0.02
#: How far a crystal is moved along its softest mode, Å.
_AMPLITUDE: Final = 0.15


@dataclass(frozen=True)
class DecompressionSettings:
    """Which phases of a search are followed to lower pressures, and how.

    Parameters
    ----------
    pressures : tuple of float
        eV/Å³, descending from that of the search.
    follow : float
        Enthalpy above the hull of the search, eV per atom, up to which a phase is followed.
    window : float
        The same up to which phases are relaxed at each pressure to build the hull there.
    phonons : PhononSettings or None
        None leaves wave vectors other than zero out.
    """

    pressures: tuple[float, ...]
    follow: float = setting(0.01, at_least=0, unit="meV")
    window: float = setting(0.1, above=0, unit="meV")
    phonons: PhononSettings | None = field(default_factory=PhononSettings)


class Verdict(StrEnum):
    """What is said of a phase at a pressure; each value is the sentence a user reads."""

    MINIMUM = "a minimum"
    UNSURE = "the potential cannot tell"
    ELASTIC = "a strain of the cell, or a move of the atoms in it, lowers the enthalpy"
    PHONON = "a phonon is unstable"
    TRANSFORMED = "it relaxed to another structure"
    LOST = "it falls apart"


#: Of these it is known that the phase is no minimum.
NO_MINIMUM: Final = (Verdict.ELASTIC, Verdict.PHONON, Verdict.TRANSFORMED, Verdict.LOST)


@dataclass(frozen=True, eq=False)
class Check:
    """A phase at a pressure.

    Parameters
    ----------
    verdict : Verdict
    detail : str
        What else is known.
    elasticity : Elasticity or None
        None where it did not come so far.
    phonons : Stability or None
        None where it did not come so far, or phonons were left out.
    leads_to : Crystal or None
        What it turns into, where that was found.
    """

    verdict: Verdict
    detail: str = ""
    elasticity: Elasticity | None = None
    phonons: Stability | None = None
    leads_to: Crystal | None = None


def check(potential: Potential, crystal: Crystal, pressure: float, phonons: PhononSettings | None) -> Check:
    """Return whether a structure, relaxed at a pressure (eV/Å³) before, is a minimum there.

    The potential relaxes it tightly; then come strains and moves within its primitive cell, then phonons.
    """
    relaxed = BatchRelaxer(potential, _TIGHT).relax([crystal], pressure)[0]
    if isinstance(relaxed, Failure):
        return failed(relaxed)
    if not same_structure(relaxed.crystal, crystal):
        return Check(Verdict.TRANSFORMED, leads_to=relaxed.crystal)
    ideal = symmetrized(relaxed.crystal, _SYMPREC)
    found = elasticity(potential, ideal, pressure)
    if not is_minimum(found):
        return Check(Verdict.ELASTIC, _softness(found), found, leads_to=_fallen(potential, found, ideal, pressure))
    if phonons is None:
        return Check(Verdict.MINIMUM, "phonons were left out", found)
    modes = stability(potential, ideal, pressure, phonons)
    verdicts = {
        StabilityVerdict.STABLE: Verdict.MINIMUM,
        StabilityVerdict.UNSTABLE: Verdict.PHONON,
        StabilityVerdict.UNKNOWN: Verdict.UNSURE,
    }
    return Check(verdicts[modes.verdict], modes.detail, found, modes, modes.leads_to)


def failed(failure: Failure) -> Check:
    """Return what a relaxation that failed says of a phase: where it only did not end, nothing."""
    gone = failure.reason in (Reason.EXPLODED, Reason.COLLAPSED)
    return Check(Verdict.LOST if gone else Verdict.UNSURE, str(failure.reason))


def _softness(found: Elasticity) -> str:
    if found.stiffness is None:
        return "a move of the atoms in the cell"
    return "a strain, the stiffness is not positive definite" if not found.stable else "a strain with a move of atoms"


def _fallen(potential: Potential, found: Elasticity, crystal: Crystal, pressure: float) -> Crystal | None:
    """Return the lowest crystal that the softest modes lead to; None if the potential finds no minimum."""
    results = BatchRelaxer(potential, _TIGHT).relax(along(found, crystal, _AMPLITUDE), pressure)
    relaxed = [result for result in results if isinstance(result, Relaxed)]
    lowest = min(relaxed, key=lambda result: result.enthalpy, default=None)
    return symmetrized(lowest.crystal, _SYMPREC) if lowest else None


def lowest_minimum(pressures: Sequence[float], verdicts: Sequence[Verdict]) -> float | None:
    """Return the lowest pressure at which a phase is a minimum, of descending ones before it is none any more.

    None if it is not known to be one at any.
    """
    held = None
    for pressure, verdict in zip(pressures, verdicts, strict=True):
        if verdict in NO_MINIMUM:
            break
        held = pressure if verdict is Verdict.MINIMUM else held
    return held

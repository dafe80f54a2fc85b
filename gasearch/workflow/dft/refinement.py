"""What DFT is asked, and what its answers mean: symmetrized variants, the DFT hull, and how wide the window must be."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import same_structure
from gasearch.crystal.symmetry import SpaceGroup, space_group, symmetrized
from gasearch.outcomes import Failure, Reason, RefinedPhase
from gasearch.thermodynamics.hull import Hull, is_endpoint

#: Distance tolerances, Å, at which a structure is symmetrized; what the first one changes is noise of the relaxation.
SYMMETRY_TOLERANCES = (0.02, 0.1, 0.3)
#: By how much a variant of higher symmetry may lie above one of lower symmetry and be no worse, eV/atom.
NO_WORSE = 0.001
#: Enthalpy difference below which two refined phases may be the same, eV/atom.
TWINS = 0.002
#: Enthalpy above the potential's hull below which a phase is on it, eV/atom.
ON_HULL = 1e-6


class Refiner(Protocol):
    """Anything that relaxes one structure at a pressure (eV/Å³) and tells how."""

    def refine(self, start: Crystal, pressure: float) -> RefinedPhase | Failure:
        """Relax a structure; expected failures are values."""
        ...


@dataclass(frozen=True, eq=False)
class Proposal:
    """A structure for DFT to judge.

    Parameters
    ----------
    name : str
        The candidate's id, or the file of a reference.
    crystal : Crystal
    shares : (d,) array
        Share of the atoms that each endpoint contributes.
    enthalpy, above : float or None
        By the potential, eV per atom, and above its hull; None for a reference.
    doubtful : bool
        Whether a committee of potentials disagrees about it: then it is not on their hull, and may be below it.
    """

    name: str
    crystal: Crystal
    shares: np.ndarray
    enthalpy: float | None = None
    above: float | None = None
    doubtful: bool = False

    @property
    def on_hull(self) -> bool:
        """Whether it is on the potential's hull."""
        return self.above is not None and not self.doubtful and self.above <= ON_HULL


@dataclass(frozen=True, eq=False)
class Variant:
    """A proposal symmetrized at a tolerance (Å), and what became of it."""

    tolerance: float
    start: SpaceGroup
    result: RefinedPhase | Failure


@dataclass(frozen=True, eq=False)
class Judged:
    """A proposal with what DFT says of its variants; ``kept`` is the one that stands for it, None if all failed."""

    proposal: Proposal
    variants: tuple[Variant, ...]
    kept: RefinedPhase | None


@dataclass(frozen=True, eq=False)
class Verdict:
    """All that DFT has said.

    Parameters
    ----------
    judged : tuple of Judged
        Candidates in order of their distance to the potential's hull.
    window : float
        Distance to the potential's hull up to which all were refined, eV/atom, unless the budget was spent before.
    largest_drop : float
        By how much DFT lowered a phase at most, eV/atom; see `largest_drop`.
    reason : str
        Why no more were refined.
    """

    judged: tuple[Judged, ...]
    window: float
    largest_drop: float
    reason: str

    @property
    def closed(self) -> bool:
        """Whether no phase outside the window would be on the DFT hull if DFT moved it no more than those inside."""
        return self.reason == CLOSED


CLOSED = "the window is wider than any phase fell"


def judge(refiner: Refiner, pressure: float, proposal: Proposal) -> Judged:
    """Refine every symmetrized variant of a proposal; what a worker does."""
    variants = tuple(
        Variant(tolerance, group, refiner.refine(crystal, pressure))
        for tolerance, group, crystal in symmetry_variants(proposal.crystal)
    )
    return Judged(proposal, variants, best_variant([v.result for v in variants]))


def not_judged(proposal: Proposal, detail: str) -> Judged:
    """Return a proposal that nobody could refine, and why."""
    tolerance, group, crystal = next(symmetry_variants(proposal.crystal))
    failed = Failure(Reason.CALCULATOR, crystal=crystal, detail=detail)
    return Judged(proposal, (Variant(tolerance, group, failed),), None)


def symmetry_variants(crystal: Crystal) -> Iterator[tuple[float, SpaceGroup, Crystal]]:
    """Yield the structure symmetrized at growing tolerances, as (tolerance, group, crystal); none twice."""
    seen = set()
    for tolerance in SYMMETRY_TOLERANCES:
        variant = symmetrized(crystal, tolerance)
        group = space_group(variant, 1e-3)
        # A group of the same type in a smaller cell is more symmetry, too.
        if (group, len(variant)) not in seen:
            seen.add((group, len(variant)))
            yield tolerance, group, variant


def best_variant(results: Sequence[RefinedPhase | Failure]) -> RefinedPhase | None:
    """Return the last result, the highest symmetry, that is no worse than the lowest; None if all failed."""
    refined = [result for result in results if isinstance(result, RefinedPhase)]
    lowest = min((r.relaxed.enthalpy_per_atom for r in refined), default=np.inf)
    return next((r for r in reversed(refined) if r.relaxed.enthalpy_per_atom <= lowest + NO_WORSE), None)


def until_closed(
    proposals: Sequence[Proposal],
    window: float,
    budget: int,
    horizon: float,
    judge_all: Callable[[Sequence[Proposal]], list[Judged]],
) -> Verdict:
    """Have proposals judged within a window that grows until no phase fell by more than its width.

    Parameters
    ----------
    proposals : sequence of Proposal
        Candidates, nearest to the potential's hull first.
    window : float
        eV/atom above the potential's hull, to begin with.
    budget : int
        Most candidates.
    horizon : float
        Distance to the potential's hull up to which proposals are known, eV/atom.
    judge_all : callable
    """
    judged: list[Judged] = []
    while True:
        within = [p for p in proposals if p.above <= window]
        judged += judge_all(within[len(judged) : budget])
        drop = largest_drop(judged)
        reason = None
        if len(within) > budget:
            reason = f"the budget of {budget} structures is spent"
        elif np.isinf(drop):
            reason = "DFT has no phase of an endpoint that the search found"
        elif drop <= min(window, horizon):
            reason = _doubt(proposals, judged, window) or CLOSED
        elif window >= horizon:
            reason = f"the search kept no phases farther than {1000 * horizon:.0f} meV/atom above its hull"
        if reason:
            return Verdict(tuple(judged), window, drop, reason)
        window = min(drop, horizon)


def _doubt(proposals: Sequence[Proposal], judged: Sequence[Judged], window: float) -> str | None:
    """Return why what was judged says nothing of what was not; None if it does.

    Falls are measured from the phases on the potential's hull: these alone cannot show any.
    """
    if failed := sum(j.kept is None for j in judged):
        return f"{failed} of {len(judged)} candidates could not be refined"
    if len(judged) < len(proposals) and all(j.proposal.on_hull for j in judged):
        return f"within {1000 * window:g} meV/atom there is no candidate off the hull to see by how much phases fall"
    return None


def largest_drop(judged: Sequence[Judged]) -> float:
    """Return by how much, at most, DFT puts a candidate lower than the potential does, eV/atom.

    Distances are to the hull of those phases that the potential has on its hull, by the potential and by DFT: a
    phase above the window is on the DFT hull only if it falls by more than the window. inf if an endpoint has none.
    """
    known = [j for j in judged if j.kept is not None and j.proposal.above is not None]
    hull = hull_of([j for j in known if j.proposal.on_hull])
    if hull is None:
        return np.inf
    above = hull.above(*points(known))
    return float(max((j.proposal.above - a for j, a in zip(known, above, strict=True)), default=0.0))


def points(judged: Sequence[Judged]) -> tuple[np.ndarray, np.ndarray]:
    """Return shares (n, d) and DFT enthalpies (n,), eV/atom, of what was refined."""
    return (
        np.array([j.proposal.shares for j in judged]),
        np.array([j.kept.relaxed.enthalpy_per_atom for j in judged]),
    )


def hull_of(judged: Sequence[Judged]) -> Hull | None:
    """Return the DFT hull of what was refined; None while an endpoint has no phase."""
    refined = [j for j in judged if j.kept is not None]
    if not refined:
        return None
    shares, enthalpies = points(refined)
    if not is_endpoint(shares).any(axis=0).all():
        return None
    return Hull.of(np.arange(len(refined)), shares, enthalpies)


def twins(judged: Sequence[Judged]) -> dict[str, str]:
    """Return name → name of the phase that it repeats: a lower one, and one of the search rather than a reference."""
    found: dict[str, str] = {}
    refined = sorted(
        (j for j in judged if j.kept), key=lambda j: (j.proposal.above is None, j.kept.relaxed.enthalpy_per_atom)
    )
    for place, new in enumerate(refined):
        for old in refined[:place]:
            if old.proposal.name not in found and _same(old.kept, new.kept):
                found[new.proposal.name] = old.proposal.name
                break
    return found


def _same(a: RefinedPhase, b: RefinedPhase) -> bool:
    apart = abs(a.relaxed.enthalpy_per_atom - b.relaxed.enthalpy_per_atom)
    return apart < TWINS and same_structure(a.relaxed.crystal, b.relaxed.crystal)

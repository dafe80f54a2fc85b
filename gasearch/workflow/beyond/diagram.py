"""Which phases are stable at which pressure: what runs have found, relaxed at every pressure with their potential."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.errors import InputError, RunDirectoryError
from gasearch.files import replace_text, writing_to
from gasearch.outcomes import Failure, Relaxed
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.potential.load import spread_limit
from gasearch.potential.relaxation import RelaxationSettings
from gasearch.potential.settings import PotentialSettings
from gasearch.report.diagram import StableRange, plot_diagram
from gasearch.thermodynamics.hull import Hull
from gasearch.units import pressure_to_GPa
from gasearch.workflow.dft.proposals import candidates
from gasearch.workflow.dft.refinement import Proposal
from gasearch.workflow.record.archive_store import ArchiveStore
from gasearch.workflow.record.run_directory import existing_run
from gasearch.workflow.record.snapshots import hull_snapshot
from gasearch.workflow.record.summary import space_groups
from gasearch.workflow.search.epoch import make_relaxer

#: Structures that are relaxed together, as one task.
_BLOCK = 16


@dataclass(frozen=True)
class DiagramSettings:
    """What is relaxed, where.

    Parameters
    ----------
    pressures : tuple of float
        eV/Å³, ascending.
    window : float
        Enthalpy above its run's hull up to which a phase is taken along, eV per atom: what is stable at one pressure
        may lie above the hull at another.
    potential : PotentialSettings
    relaxation : RelaxationSettings
    """

    pressures: tuple[float, ...]
    window: float
    potential: PotentialSettings
    relaxation: RelaxationSettings


@dataclass(frozen=True, eq=False)
class HullAt:
    """A hull at a pressure: its phases, and the compositions' shares, enthalpies (eV per atom) and structures of all.

    Parameters
    ----------
    pressure : float
        eV/Å³.
    phases : tuple of (Proposal, Relaxed)
        Those on the hull, in the order of their compositions.
    left_out : int
        Structures that did not relax at this pressure, or of which the potential is not sure there.
    """

    pressure: float
    phases: tuple[tuple[Proposal, Relaxed], ...]
    left_out: int

    @cached_property
    def hull(self) -> Hull:
        """The hull itself, whose ids are places in ``phases``."""
        shares = np.array([proposal.shares for proposal, _ in self.phases])
        return Hull.of(np.arange(len(self.phases)), shares, np.array([r.enthalpy_per_atom for _, r in self.phases]))


def diagram(settings: DiagramSettings, paths: Sequence[Path], output: Path, say: Callable[[str], None]) -> None:
    """Write ``phase-diagram.json`` and its figure into a folder, on every rank that there is.

    Raises
    ------
    GasearchError
        If a run has no hull yet, runs differ in endpoints or potential, or an endpoint has no phase at a pressure.
    """
    run_on_all_ranks(partial(_drive, settings, paths, output, say))


def _drive(
    settings: DiagramSettings,
    paths: Sequence[Path],
    output: Path,
    say: Callable[[str], None],
    executor: QueueExecutor,
) -> None:
    endpoints, proposals = gathered(paths, settings.window)
    say(f"{executor.description}; {len(proposals)} structures at {len(settings.pressures)} pressures")
    blocks = [proposals[k : k + _BLOCK] for k in range(0, len(proposals), _BLOCK)]
    relax = partial(relaxed_at, settings.potential, settings.relaxation)
    futures = {
        pressure: [executor.submit(relax, [p.crystal for p in block], pressure) for block in blocks]
        for pressure in settings.pressures
    }
    hulls = []
    for pressure, waited in futures.items():
        results = list(itertools.chain.from_iterable(future.result() for future in waited))
        hulls.append(hull_at(pressure, proposals, results, spread_limit(settings.potential)))
        say(_line(hulls[-1]))
    ranges = stable_ranges(hulls)
    document = diagram_document(endpoints, paths, hulls, ranges)
    pressures_GPa = [pressure_to_GPa(pressure) for pressure in settings.pressures]
    with writing_to(output):
        output.mkdir(parents=True, exist_ok=True)
        replace_text(output / "phase-diagram.json", json.dumps(document, indent=1) + "\n")
        files = plot_diagram(ranges, endpoints, pressures_GPa, output / "phase-diagram")
    for file in files:
        say(str(file))


def gathered(paths: Sequence[Path], window: float) -> tuple[list[str], list[Proposal]]:
    """Return the runs' endpoints, and their phases within a window (eV per atom) of their hulls.

    Raises
    ------
    InputError
        If the runs are not of the same endpoints and the same potential: enthalpies of two have no common hull.
    """
    runs = [existing_run(path) for path in paths]
    found = [hull_snapshot(run) for run in runs]
    potentials = [ArchiveStore(run.archive).metadata().potential for run in runs]
    kinds = {(tuple(f["endpoints"]), sha256) for f, sha256 in zip(found, potentials, strict=True)}
    if len(kinds) > 1:
        told = "; ".join(f"{' '.join(ends)} with the potential {sha[:8]}…" for ends, sha in sorted(kinds))
        raise InputError(f"the runs have no common hull: found {told}; give runs of one system and one potential")
    proposals = [
        Proposal(f"{run.path.name}/{p.name}", p.crystal, p.shares, p.enthalpy, p.above)
        for run, f in zip(runs, found, strict=True)
        for p in candidates(run, f)
        if p.above <= window
    ]
    return found[0]["endpoints"], proposals


def relaxed_at(
    potential: PotentialSettings, relaxation: RelaxationSettings, crystals: Sequence[Crystal], pressure: float
) -> list[Relaxed | Failure]:
    """Relax crystals at a pressure (eV/Å³), in the process that does it."""
    return make_relaxer(potential, relaxation).relax(crystals, pressure)


def hull_at(
    pressure: float, proposals: Sequence[Proposal], results: Sequence[Relaxed | Failure], max_spread: float = np.inf
) -> HullAt:
    """Return the hull of what relaxed at a pressure (eV/Å³).

    It leaves out that about which a committee of potentials disagrees by more than ``max_spread``, eV/atom.

    Raises
    ------
    RunDirectoryError
        If no phase of an endpoint relaxed.
    """
    relaxed = [(p, r) for p, r in zip(proposals, results, strict=True) if isinstance(r, Relaxed)]
    kept = [(p, r) for p, r in relaxed if not r.spread > max_spread]
    shares, enthalpies = np.array([p.shares for p, _ in kept]), np.array([r.enthalpy_per_atom for _, r in kept])
    try:
        hull = Hull.of(np.arange(len(kept)), shares, enthalpies)
    except ValueError as error:
        raise RunDirectoryError(
            f"at {pressure_to_GPa(pressure):g} GPa: {error}; widen the window, or leave the pressure out"
        ) from error
    order = np.lexsort(hull.shares.T)
    return HullAt(pressure, tuple(kept[i] for i in hull.ids[order].tolist()), len(results) - len(kept))


def stable_ranges(hulls: Sequence[HullAt]) -> list[StableRange]:
    """Return where each phase is stable: neighbouring pressures at which a composition has the same space group.

    A range ends halfway to the next pressure, where the phase is known not to be stable; the end itself is not known
    better than that.
    """
    pressures = np.array([pressure_to_GPa(hull.pressure) for hull in hulls])
    edges = np.concatenate([pressures[:1], (pressures[1:] + pressures[:-1]) / 2, pressures[-1:]])
    stable = [{p.crystal.composition.reduced: (p, _symbol(r)) for p, r in hull.phases} for hull in hulls]
    ranges = []
    for composition in dict.fromkeys(c for phases in stable for c in phases):
        groups = [phases[composition][1] if composition in phases else None for phases in stable]
        shares = next(phases[composition][0].shares for phases in stable if composition in phases)
        for symbol, places in itertools.groupby(range(len(hulls)), key=groups.__getitem__):
            if symbol is not None:
                first, *_, last = [*places] * 2
                ranges.append(
                    StableRange(
                        formula=composition.formula,
                        space_group=symbol,
                        shares=tuple(float(x) for x in shares),
                        low=float(edges[first]),
                        high=float(edges[last + 1]),
                        pressures=tuple(float(p) for p in pressures[first : last + 1]),
                    )
                )
    return ranges


def diagram_document(
    endpoints: Sequence[str], paths: Sequence[Path], hulls: Sequence[HullAt], ranges: Sequence[StableRange]
) -> dict[str, Any]:
    """Return the diagram as plain data."""
    return {
        "endpoints": list(endpoints),
        "runs": [path.name for path in paths],
        "stable": [
            {
                "formula": r.formula,
                "space_group": r.space_group,
                "from_GPa": r.low,
                "to_GPa": r.high,
                "stable_at_GPa": list(r.pressures),
            }
            for r in ranges
        ],
        "hulls": [
            {
                "pressure_GPa": pressure_to_GPa(hull.pressure),
                "left_out": hull.left_out,
                "phases": [_phase_document(proposal, relaxed) for proposal, relaxed in hull.phases],
            }
            for hull in hulls
        ],
    }


def _phase_document(proposal: Proposal, relaxed: Relaxed) -> Mapping[str, Any]:
    return {
        "formula": relaxed.crystal.composition.reduced.formula,
        "space_group": _symbol(relaxed),
        "structure": proposal.name,
        "enthalpy_eV_per_atom": relaxed.enthalpy_per_atom,
        "volume_A3_per_atom": relaxed.crystal.volume / len(relaxed.crystal),
    }


def _symbol(relaxed: Relaxed) -> str:
    return space_groups(relaxed.crystal)[-1].symbol


def _line(hull: HullAt) -> str:
    phases = ", ".join(f"{p.crystal.composition.reduced.formula} {_symbol(r)}" for p, r in hull.phases)
    left_out = f"; {hull.left_out} left out" if hull.left_out else ""
    return f"{pressure_to_GPa(hull.pressure):7.1f} GPa: {phases}{left_out}"

"""DFT decides: phases near the potential's hull are relaxed once more, and their hull stands beside the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gasearch.crystal.composition import Composition
from gasearch.errors import CalculationError
from gasearch.espresso.overlap import overlap_warnings
from gasearch.espresso.record import ScfFailure, ScfProblem
from gasearch.espresso.settings import RefineSettings
from gasearch.files import replace_text, writing_to
from gasearch.folder import locked
from gasearch.outcomes import ElectronicStructure
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.parallel.programs import JOBS, drive_programs, prepare_scratch
from gasearch.parallel.settings import ClusterSettings
from gasearch.potential.card import sha256_of
from gasearch.units import MEV_PER_EV, pressure_from_GPa
from gasearch.workflow.dft.engines import Engine, engine_of
from gasearch.workflow.dft.proposals import candidates, elements_of, given, horizon, known, simple_cells
from gasearch.workflow.dft.refined_document import refined_document, with_earlier_electrons
from gasearch.workflow.dft.refinement import (
    Judged,
    Proposal,
    Verdict,
    hull_of,
    judge,
    not_judged,
    points,
    twins,
    until_closed,
)
from gasearch.workflow.record.archive_store import ArchiveStore
from gasearch.workflow.record.electrons import electrons_document, electrons_file
from gasearch.workflow.record.pictures import draw_comparison, draw_electrons
from gasearch.workflow.record.run_directory import RunDirectory, existing_run
from gasearch.workflow.record.snapshots import hull_snapshot, snapshot

#: Share of the pressure by which an element's stress may miss the slope of its energy without a word, at any protocol.
_PULAY_WORTH_A_WORD = 0.01


def refine(
    settings: RefineSettings, path: Path, say: Callable[[str], None], cluster: ClusterSettings | None = None
) -> None:
    """Refine what a search found, or go on with it, on every rank that there is, or as jobs of a cluster.

    Raises
    ------
    GasearchError
        For whatever a user can put right; every finished calculation is kept.
    """
    run_on_all_ranks(partial(refine_on, settings, path, say, cluster))


def refine_on(
    settings: RefineSettings,
    path: Path,
    say: Callable[[str], None],
    cluster: ClusterSettings | None,
    executor: QueueExecutor,
) -> None:
    """Refine with an executor; without other ranks, with as many programs at a time as the settings say."""
    jobs = existing_run(path).refined / JOBS
    drive_programs(partial(_drive, settings, path, say, cluster), executor, settings.workers, cluster, jobs)


def _drive(
    settings: RefineSettings,
    path: Path,
    say: Callable[[str], None],
    cluster: ClusterSettings | None,
    executor: QueueExecutor,
) -> None:
    directory = existing_run(path)
    found = hull_snapshot(directory)
    proposals = candidates(directory, found)
    references = [*given(settings.references, found["endpoints"]), *(known(found) if settings.known else [])]
    with _refining(directory):
        cells = simple_cells(found, elements_of(proposals))
        engine = engine_of(settings, directory.refined, cluster).prepared(cells, executor)
        say(f"{path}: {executor.description}; {len(proposals)} phases are known, {len(references)} references")
        for warning in cutoff_warnings(engine):
            say(warning)

        # DFT relaxes what lies near the potential's hull, and farther away until no phase fell that far.
        judge_all = partial(_judge_all, executor, engine, pressure_from_GPa(found["pressure_GPa"]), say)
        verdict = until_closed(proposals, settings.window, settings.budget, horizon(found), judge_all)
        judged = [*verdict.judged, *judge_all(references)]
        _write(directory, engine, verdict, judged, {})
        draw_comparison(directory)
        near = _near_hull(judged, max(settings.window, verdict.window))
        radii = engine.radii(elements_of(proposals))
        for warning in overlap_warnings(radii, [one.kept.relaxed.crystal for one in near]):
            say(warning)

        # What is on or near the DFT hull is a metal or not.
        electrons = _electrons(executor, engine, near, directory, say)
        _write(directory, engine, verdict, judged, electrons)
        draw_electrons(directory)
        say(f"{verdict.reason}: {len(verdict.judged)} candidates up to {MEV_PER_EV * verdict.window:.0f} meV/atom")


@contextmanager
def _refining(directory: RunDirectory) -> Iterator[None]:
    """Hold the refinement's lock, with an empty scratch folder: only killed refinements have left something there.

    But jobs of a cluster outlive the refinement that submitted them, and may still compute there.
    """
    with writing_to(directory.refined):
        directory.refined.mkdir(exist_ok=True)
    with locked(directory.refined / "lock"):
        prepare_scratch(directory.refined / "scratch", directory.refined / JOBS)
        yield


def cutoff_warnings(engine: Engine) -> Iterator[str]:
    """Yield a line for each element whose stress and energy do not agree."""
    for symbol, check in engine.cutoffs().items():
        stress, slope = check["pressure_by_stress_GPa"], check["pressure_by_slope_GPa"]
        if abs(stress - slope) > _PULAY_WORTH_A_WORD * abs(slope):
            yield (
                f"{symbol}: at {check['sufficient_Ry']:g} Ry the stress gives {stress:.1f} GPa where the slope of the "
                f"energy gives {slope:.1f}; without a cutoff of yours, standard and precise raise it until they agree"
            )


def _judge_all(
    executor: Executor, engine: Engine, pressure: float, say: Callable[[str], None], proposals: Sequence[Proposal]
) -> list[Judged]:
    futures = [executor.submit(judge, engine, pressure, proposal) for proposal in proposals]
    judged = []
    for proposal, future in zip(proposals, futures, strict=True):
        try:
            judged.append(future.result())
        except CalculationError as error:
            # Nobody could judge it, such as a job of a cluster that was killed: the others stand.
            judged.append(not_judged(proposal, str(error)))
        say(_line(judged[-1]))
    return judged


def _line(judged: Judged) -> str:
    proposal = judged.proposal
    name = f"{proposal.name:>8} {proposal.crystal.composition.reduced.formula:<8}"
    if judged.kept is None:
        return f"{name} failed: {judged.variants[0].result.reason}"
    relaxed = judged.kept.relaxed
    return f"{name} {relaxed.enthalpy_per_atom:.4f} eV/atom after {relaxed.steps} steps"


def _near_hull(judged: Sequence[Judged], window: float) -> list[Judged]:
    """Return what DFT puts within a window of its hull, each structure once; all of it while there is no hull."""
    repeated, hull = twins(judged), hull_of(judged)
    refined = [j for j in judged if j.kept is not None and j.proposal.name not in repeated]
    if hull is None:
        return refined
    return [j for j, above in zip(refined, hull.above(*points(refined)), strict=True) if above <= window]


def _electrons(
    executor: Executor, engine: Engine, judged: Sequence[Judged], directory: RunDirectory, say: Callable[[str], None]
) -> dict[str, ElectronicStructure | ScfFailure]:
    futures = {j.proposal.name: executor.submit(engine.electrons, j.kept) for j in judged}
    found: dict[str, ElectronicStructure | ScfFailure] = {}
    for name, future in futures.items():
        try:
            electrons = future.result()
        except CalculationError as error:
            electrons = ScfFailure(ScfProblem.INTERRUPTED, str(error))
        if electrons is None:
            continue
        found[name] = electrons
        if isinstance(electrons, ElectronicStructure):
            with writing_to(directory.electrons):
                directory.electrons.mkdir(exist_ok=True)
            replace_text(electrons_file(directory, name), json.dumps(electrons_document(electrons)))
        say(f"{name:>8} density of states: {_said_of(electrons)}")
    return found


def _said_of(electrons: ElectronicStructure | ScfFailure) -> str:
    if isinstance(electrons, ScfFailure):
        return str(electrons.problem)
    if electrons.metal:
        return f"metal, {electrons.dos_at_fermi:.3f} states/eV/cell at the Fermi energy"
    return f"gap {electrons.gap:.2f} eV"


def _write(
    directory: RunDirectory,
    engine: Engine,
    verdict: Verdict,
    judged: Sequence[Judged],
    electrons: Mapping[str, ElectronicStructure | ScfFailure],
) -> None:
    document = refined_document(
        snapshot(directory.hull), engine.settings(), _provenance(directory, engine), verdict, judged, electrons
    )
    document |= {"cutoffs": engine.cutoffs()}
    if directory.refined_phases.exists():
        document = with_earlier_electrons(document, snapshot(directory.refined_phases))
    replace_text(directory.refined_phases, json.dumps(document, indent=1) + "\n")


def _provenance(directory: RunDirectory, engine: Engine) -> dict[str, Any]:
    endpoints = snapshot(directory.hull)["endpoints"]
    elements = sorted({z for formula in endpoints for z in Composition.from_formula(formula).elements})
    return {
        "gasearch": version("gasearch"),
        "input_sha256": sha256_of(directory.input),
        "potential_sha256": ArchiveStore(directory.archive).metadata().potential,
    } | engine.provenance(elements)

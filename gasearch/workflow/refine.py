"""DFT decides: phases near the potential's hull are relaxed once more, and their hull stands beside the other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gasearch.crystal.composition import Composition, CompositionSpace
from gasearch.errors import InputError, RunDirectoryError
from gasearch.espresso.electronic import PROGRAMS, electronic_structure
from gasearch.espresso.protocol import DftProtocol
from gasearch.espresso.relaxer import PwRelaxer
from gasearch.espresso.runner import PwRunner, ScfFailure
from gasearch.files import replace_text, writing_to
from gasearch.folder import locked
from gasearch.outcomes import ElectronicStructure
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.potential.card import sha256_of
from gasearch.units import MEV_PER_EV, pressure_from_GPa
from gasearch.workflow.archive_store import ArchiveStore
from gasearch.workflow.journal import FEW, MANY, NEAR_HULL
from gasearch.workflow.pictures import draw_comparison, snapshot
from gasearch.workflow.refined_document import refined_document
from gasearch.workflow.refinement import Judged, Proposal, Verdict, hull_of, judge, points, twins, until_closed
from gasearch.workflow.run_directory import RunDirectory, existing_run
from gasearch.workflow.structure_files import read_structures


@dataclass(frozen=True)
class RefineSettings:
    """What is refined, and how.

    Parameters
    ----------
    protocol : DftProtocol
    pseudo_dir : Path
    window : float
        Enthalpy above the potential's hull up to which phases are refined at first, eV per atom.
    budget : int
        Candidates at most; each may have several symmetrized variants.
    references : tuple of Path
        Files of known structures, which are refined, too.
    workers : int
        Calculations at the same time, where there is no MPI.
    timeout : float
        Wall-clock limit of one program, s.
    launcher : tuple of str
        What starts pw.x on several ranks; empty for one.
    """

    protocol: DftProtocol
    pseudo_dir: Path
    window: float = 0.05
    budget: int = 40
    references: tuple[Path, ...] = ()
    workers: int = 1
    timeout: float = 6 * 3600.0
    launcher: tuple[str, ...] = ()


def refine(settings: RefineSettings, path: Path, say: Callable[[str], None]) -> None:
    """Refine what a search found, or go on with it, on every rank that there is.

    Raises
    ------
    GasearchError
        For whatever a user can put right; every finished calculation is kept.
    """
    run_on_all_ranks(partial(_drive, settings, path, say), threads=settings.workers)


def _drive(settings: RefineSettings, path: Path, say: Callable[[str], None], executor: QueueExecutor) -> None:
    directory = existing_run(path)
    found = snapshot(directory.hull)
    proposals, references = _candidates(directory, found), _references(settings.references, found["endpoints"])
    with writing_to(directory.refined):
        directory.refined.mkdir(exist_ok=True)
    with locked(directory.refined / "lock"):
        _empty_scratch(directory)
        relaxer = PwRelaxer(_runner(settings, directory), settings.protocol)
        relaxer.runner.check(_elements(proposals), PROGRAMS)
        say(f"{path}: {executor.description}; {len(proposals)} phases are known, {len(references)} references given")

        # DFT relaxes what lies near the potential's hull, and farther away until no phase fell that far.
        judge_all = partial(_judge_all, executor, relaxer, pressure_from_GPa(found["pressure_GPa"]), say)
        verdict = until_closed(proposals, settings.window, settings.budget, _horizon(found), judge_all)
        judged = [*verdict.judged, *judge_all(references)]
        _write(directory, relaxer, verdict, judged, {})
        draw_comparison(directory)

        # What is on or near the DFT hull is a metal or not.
        electrons = _electrons(executor, relaxer, _near_hull(judged, settings.window), say)
        _write(directory, relaxer, verdict, judged, electrons)
        say(f"{verdict.reason}: {len(verdict.judged)} candidates up to {MEV_PER_EV * verdict.window:.0f} meV/atom")


def _candidates(directory: RunDirectory, found: Mapping[str, Any]) -> list[Proposal]:
    """Return the phases of the search's last snapshot, nearest to its hull first."""
    if not found["complete"]:
        raise RunDirectoryError(f"{directory.path} has no hull yet: an endpoint is still without a phase; wait")
    crystals = {outcome.id: outcome.result.crystal for outcome in ArchiveStore(directory.archive).outcomes()}
    return [
        Proposal(
            name=str(phase["candidate"]),
            crystal=crystals[phase["candidate"]],
            shares=phase["shares"],
            enthalpy=phase["enthalpy_eV_per_atom"],
            above=phase["above_hull_eV_per_atom"],
        )
        for phase in found["phases"]
    ]


def _references(paths: Sequence[Path], endpoints: Sequence[str]) -> list[Proposal]:
    """Return the structures of files; InputError if one is not of the compositions of the search."""
    space = CompositionSpace(tuple(map(Composition.from_formula, endpoints)), 1, 1)
    named = [(f"{path}#{n}", crystal) for path in paths for n, crystal in enumerate(read_structures([path]))]
    shares = [space.fractions(crystal.composition) for _, crystal in named]
    if outside := [name for (name, _), share in zip(named, shares, strict=True) if share is None]:
        raise InputError(f"references: {', '.join(outside)}: no mixture of {', '.join(endpoints)}")
    return [Proposal(name, crystal, share) for (name, crystal), share in zip(named, shares, strict=True)]


def _empty_scratch(directory: RunDirectory) -> None:
    """Make the scratch folder anew; whoever holds the lock knows that only killed runs have left something there."""
    with writing_to(directory.refined):
        shutil.rmtree(directory.refined / "scratch", ignore_errors=True)
        (directory.refined / "scratch").mkdir()


def _runner(settings: RefineSettings, directory: RunDirectory) -> PwRunner:
    return PwRunner(
        settings=settings.protocol.pw,
        pseudo_dir=settings.pseudo_dir,
        timeout=settings.timeout,
        scratch=directory.refined.resolve() / "scratch",
        launcher=settings.launcher,
        kept=directory.refined.resolve() / "calculations",
    )


def _elements(proposals: Sequence[Proposal]) -> tuple[int, ...]:
    return tuple(sorted({z for proposal in proposals for z in proposal.crystal.composition.elements}))


def _horizon(found: Mapping[str, Any]) -> float:
    """Return the distance to the hull, eV/atom, up to which the snapshot holds all phases."""
    phases = found["phases"]
    return phases[-1]["above_hull_eV_per_atom"] if len(phases) in (FEW, MANY) else NEAR_HULL


def _judge_all(
    executor: Executor, relaxer: PwRelaxer, pressure: float, say: Callable[[str], None], proposals: Sequence[Proposal]
) -> list[Judged]:
    futures = [executor.submit(judge, relaxer, pressure, proposal) for proposal in proposals]
    judged = []
    for future in futures:
        judged.append(future.result())
        say(_line(judged[-1]))
    return judged


def _line(judged: Judged) -> str:
    proposal = judged.proposal
    name = f"{proposal.name:>8} {proposal.crystal.composition.reduced.formula:<8}"
    if judged.kept is None:
        return f"{name} failed: {judged.variants[0].result.reason}"
    relaxed = judged.kept.relaxed
    return f"{name} {relaxed.enthalpy_per_atom:.4f} eV/atom after {relaxed.steps} SCF cycles"


def _near_hull(judged: Sequence[Judged], window: float) -> list[Judged]:
    """Return what DFT puts within a window of its hull, each structure once; all of it while there is no hull."""
    repeated, hull = twins(judged), hull_of(judged)
    refined = [j for j in judged if j.kept is not None and j.proposal.name not in repeated]
    if hull is None:
        return refined
    return [j for j, above in zip(refined, hull.above(*points(refined)), strict=True) if above <= window]


def _electrons(
    executor: Executor, relaxer: PwRelaxer, judged: Sequence[Judged], say: Callable[[str], None]
) -> dict[str, ElectronicStructure | ScfFailure]:
    spacing = relaxer.protocol.dos_k_spacing
    futures = {
        j.proposal.name: executor.submit(electronic_structure, relaxer.runner, j.kept.relaxed.crystal, spacing)
        for j in judged
    }
    found = {}
    for name, future in futures.items():
        found[name] = future.result()
        say(f"{name:>8} density of states: {_said_of(found[name])}")
    return found


def _said_of(electrons: ElectronicStructure | ScfFailure) -> str:
    if isinstance(electrons, ScfFailure):
        return str(electrons.problem)
    if electrons.metal:
        return f"metal, {electrons.dos_at_fermi:.3f} states/eV/cell at the Fermi energy"
    return f"gap {electrons.gap:.2f} eV"


def _write(
    directory: RunDirectory,
    relaxer: PwRelaxer,
    verdict: Verdict,
    judged: Sequence[Judged],
    electrons: Mapping[str, ElectronicStructure | ScfFailure],
) -> None:
    runner = relaxer.runner
    provenance = {
        "gasearch": version("gasearch"),
        "quantum_espresso": runner.version(),
        "input_sha256": sha256_of(directory.input),
        "potential_sha256": ArchiveStore(directory.archive).metadata().potential,
        "pseudopotential_sha256": runner.pseudopotentials(_elements([j.proposal for j in judged])),
    }
    document = refined_document(snapshot(directory.hull), relaxer.protocol, provenance, verdict, judged, electrons)
    replace_text(directory.refined_phases, json.dumps(document, indent=1) + "\n")

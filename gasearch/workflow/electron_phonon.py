"""Electron–phonon coupling of exported candidates: q-points spread over the ranks, each kept when it is finished."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from gasearch.crystal.convert import masses
from gasearch.crystal.crystal import Crystal
from gasearch.espresso import ph
from gasearch.espresso.ph import Phonons, PhSettings
from gasearch.espresso.protocol import PhononProtocol
from gasearch.espresso.pw import Grid, ScfResult, read_scf
from gasearch.espresso.runner import PwRunner, Record, ScfFailure, failure
from gasearch.files import writing_to
from gasearch.folder import locked
from gasearch.outcomes import Failure, Reason
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.workflow.candidate_folders import ExportedCandidate, read_candidates

#: A frequency below which a phonon is unstable, THz; rounding and finite grids make small ones imaginary.
UNSTABLE = -0.3


@dataclass(frozen=True)
class TcSettings:
    """How couplings are computed.

    Parameters
    ----------
    protocol : PhononProtocol
    pseudo_dir : Path
    q_grid : Grid or None
        Instead of the protocol's.
    workers : int
        Calculations at the same time, where there is no MPI.
    timeout : float
        Wall-clock limit of one program, s.
    launcher : tuple of str
        What starts a program on several ranks; empty for one.
    """

    protocol: PhononProtocol
    pseudo_dir: Path
    q_grid: Grid | None = None
    workers: int = 1
    timeout: float = 24 * 3600.0
    launcher: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class QPointFiles:
    """What ph.x found at an irreducible q-point.

    Parameters
    ----------
    index : int
        From 1.
    phonons : Phonons
    files : mapping
        Name → text, as `gasearch.espresso.ph.results` names them.
    """

    index: int
    phonons: Phonons
    files: Mapping[str, str]


def electron_phonon(settings: TcSettings, path: Path, say: Callable[[str], None]) -> None:
    """Compute the couplings of a candidate, or of all in a folder, or go on with it, on every rank that there is.

    Raises
    ------
    GasearchError
        For whatever a user can put right; every finished q-point is kept.
    """
    run_on_all_ranks(partial(_drive, settings, path, say), threads=settings.workers)


def _drive(settings: TcSettings, path: Path, say: Callable[[str], None], executor: QueueExecutor) -> None:
    candidates = read_candidates(path)
    say(f"{path}: {executor.description}; {len(candidates)} candidates")
    for candidate in candidates:
        with writing_to(candidate.results):
            candidate.results.mkdir(parents=True, exist_ok=True)
        with locked(candidate.results / "lock"):
            _one(settings, candidate, say, executor)


def _one(settings: TcSettings, candidate: ExportedCandidate, say: Callable[[str], None], executor: Executor) -> None:
    crystal = candidate.crystal
    runner = _runner(settings, candidate)
    runner.check(crystal.composition.elements, ph.PROGRAMS)
    grids = settings.protocol.settings(crystal, settings.q_grid)
    found = _at_all_q_points(runner, crystal, grids, say, executor)
    say(str(len(found)) if isinstance(found, list) else str(found))


def _runner(settings: TcSettings, candidate: ExportedCandidate) -> PwRunner:
    with writing_to(candidate.results):
        # Whoever holds the lock knows that only killed runs have left something there.
        shutil.rmtree(candidate.results / "scratch", ignore_errors=True)
        (candidate.results / "scratch").mkdir()
    return PwRunner(
        settings=settings.protocol.pw,
        pseudo_dir=settings.pseudo_dir,
        timeout=settings.timeout,
        scratch=candidate.results / "scratch",
        launcher=settings.launcher,
        kept=candidate.results / "calculations",
    )


def _at_all_q_points(
    runner: PwRunner, crystal: Crystal, grids: PhSettings, say: Callable[[str], None], executor: Executor
) -> list[QPointFiles] | Failure:
    """Return all irreducible q-points, in their order; the first that fails or is unstable ends it."""
    listing = executor.submit(list_q_points, runner, crystal, grids)
    dense = executor.submit(dense_eigenvalues, runner, crystal, grids)
    points, eigenvalues = listing.result(), dense.result()
    for problem in (points, eigenvalues):
        if isinstance(problem, Failure):
            return problem
    count = len(points)
    futures = [executor.submit(at_q_point, runner, crystal, grids, eigenvalues, n) for n in range(1, count + 1)]
    return _collected(futures, crystal, say)


def _collected(
    futures: list[Future[QPointFiles | Failure]], crystal: Crystal, say: Callable[[str], None]
) -> list[QPointFiles] | Failure:
    found: list[QPointFiles] = []
    for future in as_completed(futures):
        point = future.result()
        problem = point if isinstance(point, Failure) else instability(point.phonons, crystal)
        if problem is not None:
            for waiting in futures:
                waiting.cancel()
            return problem
        found.append(point)
        say(f"  q {len(found)}/{len(futures)}: {_line(point.phonons, crystal)}")
    return sorted(found, key=lambda point: point.index)


def _line(phonons: Phonons, crystal: Crystal) -> str:
    low, high = phonons.frequencies[[0, -1]]
    return f"{q_text(phonons, crystal)}, {phonons.star} in its star, {low:.2f} to {high:.2f} THz"


def q_text(phonons: Phonons, crystal: Crystal) -> str:
    """Return q in units of the reciprocal vectors, as users read it."""
    return "(" + ", ".join(f"{x:.3g}" for x in ph.fractional(phonons.q, crystal) + 0.0) + ")"


def instability(phonons: Phonons, crystal: Crystal) -> Failure | None:
    """Return the failure if a phonon other than Γ's translations is unstable, naming q and the frequency."""
    internal = phonons.frequencies[~phonons.acoustic(masses(crystal.numbers))]
    lowest = internal.min(initial=np.inf)
    if lowest >= UNSTABLE:
        return None
    return Failure(Reason.UNSTABLE, crystal=crystal, detail=f"q = {q_text(phonons, crystal)}: {-lowest:.2f}i THz")


def list_q_points(runner: PwRunner, crystal: Crystal, grids: PhSettings) -> np.ndarray | Failure:
    """Return the irreducible q-points (n, 3), 2π/alat."""
    steps = ph.listing_steps(crystal, grids, str(runner.pseudo_dir), _masses(crystal))
    record = runner.run(steps, crystal, ["dyn0"])
    return ph.read_q_points(record.files["dyn0"]) if "dyn0" in record.files else _failed("the list of q-points", record)


def dense_eigenvalues(runner: PwRunner, crystal: Crystal, grids: PhSettings) -> str | Failure:
    """Return pw.x's file of eigenvalues on the dense grid."""
    record = runner.run([ph.dense_step(crystal, grids, str(runner.pseudo_dir))], crystal, [ph.DENSE])
    if read_scf(record.printed[-1], len(crystal)) is None or ph.DENSE not in record.files:
        return _failed("the electrons on the dense grid", record)
    return record.files[ph.DENSE]


def at_q_point(
    runner: PwRunner, crystal: Crystal, grids: PhSettings, eigenvalues: str, index: int
) -> QPointFiles | Failure:
    """Return what ph.x finds at an irreducible q-point, counted from 1; where it does not converge, mix less."""
    for mixing in (grids.mixing, grids.mixing / 3):
        steps = ph.q_point_steps(
            crystal, replace(grids, mixing=mixing), str(runner.pseudo_dir), _masses(crystal), index
        )
        record = runner.run(steps, crystal, ph.results(index), {ph.DENSE: eigenvalues})
        if f"elph.inp_lambda.{index}" in record.files and len(record.files) == 2 + ph.SMEARINGS:
            return QPointFiles(index, ph.read_dynamical(record.files[f"dyn{index}"]), record.files)
    return _failed(f"q-point {index}", record)


def _masses(crystal: Crystal) -> dict[int, float]:
    elements = np.array(crystal.composition.elements)
    return dict(zip(elements.tolist(), masses(elements).tolist(), strict=True))


def _failed(what: str, record: Record) -> Failure:
    problem: ScfFailure = failure(record)
    return Failure(Reason.CALCULATOR, detail=f"{what}: {problem.problem}: {problem.detail}")


def pressure_of(record: ScfResult) -> float:
    """Return the mean pressure of an SCF, eV/Å³."""
    return -float(np.trace(record.stress)) / 3

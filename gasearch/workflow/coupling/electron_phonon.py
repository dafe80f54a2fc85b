"""From exported candidates to Tc: phonons and couplings on a grid of q-points, spread over the ranks."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future, as_completed
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np

from gasearch.crystal.band_path import BandPath, band_path
from gasearch.crystal.symmetry import irreducible
from gasearch.errors import SpectrumError
from gasearch.espresso import matdyn, ph
from gasearch.espresso.installation import installed_version
from gasearch.espresso.ph import shown
from gasearch.espresso.protocol import PhononProtocol
from gasearch.espresso.pw import Grid, starting_spins
from gasearch.espresso.runner import PwRunner
from gasearch.espresso.timing import predicted
from gasearch.files import replace_text, writing_to
from gasearch.folder import locked
from gasearch.outcomes import Failure
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.parallel.programs import JOBS, drive_programs, prepare_scratch
from gasearch.parallel.settings import ClusterSettings
from gasearch.report.phonons import PhononPicture, plot_phonons, plot_smearings
from gasearch.superconductivity.alpha2f import TOLERANCE, Alpha2F
from gasearch.superconductivity.electron_phonon import Q_TOLERANCE, ElectronPhonon, electron_phonon
from gasearch.superconductivity.eliashberg import Coulomb
from gasearch.superconductivity.readers import a2fdos_of
from gasearch.units import EV_PER_RYDBERG, K_PER_THZ, pressure_to_GPa
from gasearch.workflow.coupling.q_points import (
    UNSTABLE,
    Beginning,
    Linear,
    Response,
    beginning,
    dense_eigenvalues,
    instability,
    interpolated,
    q_text,
    response,
)
from gasearch.workflow.coupling.tc_document import described, failed, succeeded, table
from gasearch.workflow.dft.candidate_folders import ExportedCandidate, read_candidates, results_of

#: By how much the pressure on the coarse grid may miss that of the candidate, GPa, and relative to it.
_PRESSURE_MISS = (2.0, 0.01)


@dataclass(frozen=True)
class TcSettings:
    """How couplings are computed.

    Parameters
    ----------
    protocol : PhononProtocol
    pseudo_dir : Path
    coulomb : Coulomb
    q_grid : Grid or None
        Instead of the protocol's.
    workers : int
        Calculations at the same time, where there is no MPI.
    timeout : float
        Wall-clock limit of one program, s.
    launcher : tuple of str
        What starts a program on several ranks; empty for one.
    cluster : ClusterSettings or None
        Where the calculations run as jobs; None for here.
    """

    protocol: PhononProtocol
    pseudo_dir: Path
    coulomb: Coulomb
    q_grid: Grid | None = None
    workers: int = 1
    timeout: float = 24 * 3600.0
    launcher: tuple[str, ...] = ()
    cluster: ClusterSettings | None = None


def compute_tc(settings: TcSettings, path: Path, say: Callable[[str], None]) -> None:
    """Compute Tc of a candidate, or of all in a folder, or go on with it, on every rank that there is.

    Raises
    ------
    GasearchError
        For whatever a user can put right; every finished q-point is kept.
    """
    run_on_all_ranks(partial(_compute, settings, path, say))


def _compute(settings: TcSettings, path: Path, say: Callable[[str], None], executor: QueueExecutor) -> None:
    drive_programs(
        partial(_drive, settings, path, say), executor, settings.workers, settings.cluster, results_of(path) / JOBS
    )


def _drive(settings: TcSettings, path: Path, say: Callable[[str], None], executor: QueueExecutor) -> None:
    candidates = read_candidates(path)
    _runner(settings, None).check(
        tuple({z for one in candidates for z in one.crystal.composition.elements}), ph.PROGRAMS
    )
    say(f"{path}: {executor.description}; {len(candidates)} candidates")
    for candidate in candidates:
        with writing_to(candidate.results):
            candidate.results.mkdir(parents=True, exist_ok=True)
        with locked(candidate.results / "lock"):
            _one(settings, candidate, say, executor)


def _one(
    settings: TcSettings, candidate: ExportedCandidate, say: Callable[[str], None], executor: QueueExecutor
) -> None:
    runner = _runner(settings, candidate)
    how = replace(
        settings.protocol.settings(candidate.crystal, settings.q_grid), spins=starting_spins(candidate.aligned)
    )
    linear = Linear(runner, candidate.crystal, how)

    # Electrons: on the coarse grid, where they respond, and on the dense one, which has the Fermi surface.
    begun, dense = executor.submit(beginning, linear), executor.submit(dense_eigenvalues, linear)
    if not isinstance(begun.result(), Failure):
        say(f"{candidate.folder.name}: {_prediction(linear, begun.result(), executor.workers)}")

    # Phonons and couplings, one q-point at a time.
    responses = _responses(linear, begun.result(), dense.result(), say, executor)
    folder = candidate.results / f"q-{shown(linear.settings.q_grid)}"
    with writing_to(folder):
        folder.mkdir(exist_ok=True)
    head = described(candidate, linear.settings, _provenance(runner, candidate))
    if isinstance(responses, Failure):
        replace_text(folder / "electron-phonon.json", json.dumps(head | failed(responses), indent=1) + "\n")
        say(f"{candidate.folder.name}: {responses.reason}: {responses.detail}")
        return

    # λ and Tc from the grid itself; the interpolation draws, and is compared with it.
    points = [one.q_point(linear) for one in responses]
    grids = linear.settings.q_grid, linear.settings.k_grid, linear.settings.dense_grid
    found = electron_phonon(points, grids, candidate.dos_at_fermi, settings.coulomb)
    path = band_path(candidate.crystal)
    files = executor.submit(interpolated, linear, begun.result(), responses, path.points).result()
    spectrum, warnings = _interpolated_spectrum(files, found)
    warnings += _about_pressure(candidate.pressure, begun.result())
    bands = None if isinstance(files, Failure) else matdyn.read_bands(files)
    warnings += _about_bands(bands)
    found = replace(found, warnings=(*found.warnings, *warnings))

    document = head | succeeded(found, points, spectrum, _pressure(begun.result()))
    replace_text(folder / "electron-phonon.json", json.dumps(document, indent=1) + "\n")
    say(table(candidate, found))
    for warning in found.warnings:
        say(f"warning: {warning}")
    for file in _draw(candidate, found, spectrum, bands, files, path, folder):
        say(str(file))


def _runner(settings: TcSettings, candidate: ExportedCandidate | None) -> PwRunner:
    cluster = settings.cluster
    runner = PwRunner(
        settings=settings.protocol.pw,
        pseudo_dir=settings.pseudo_dir,
        timeout=cluster.timeout(settings.timeout) if cluster else settings.timeout,
        launcher=cluster.launch(settings.launcher) if cluster else settings.launcher,
    )
    if candidate is None:
        return runner
    # Whoever holds the lock knows that only killed runs have left something there, or jobs that still compute.
    scratch = candidate.results / "scratch"
    prepare_scratch(scratch, candidate.results.parent / JOBS)
    return replace(runner, scratch=scratch, kept=candidate.results / "calculations")


def _prediction(linear: Linear, begun: Beginning, workers: int) -> str:
    """Say how long it will take, from the time of the SCF."""
    settings = linear.settings
    k_points = [len(irreducible(linear.crystal, settings.k_grid, q)) for q in begun.q_points]
    dense = len(irreducible(linear.crystal, settings.dense_grid))
    seconds = predicted(begun.printed, 3 * len(linear.crystal), k_points, dense)
    return (
        f"{len(begun.q_points)} irreducible q-points of {shown(settings.q_grid)}, k {shown(settings.k_grid)} and "
        f"{shown(settings.dense_grid)}; about {seconds / 60:.1f} core-minutes from the beginning, {workers} at a time"
    )


def _responses(
    linear: Linear,
    begun: Beginning | Failure,
    dense: str | Failure,
    say: Callable[[str], None],
    executor: QueueExecutor,
) -> list[Response] | Failure:
    """Return all irreducible q-points, in their order; the first that fails or is unstable ends it."""
    for problem in (begun, dense):
        if isinstance(problem, Failure):
            return problem
    numbers = range(1, len(begun.q_points) + 1)
    futures = [executor.submit(response, linear, dense, number) for number in numbers]
    found: list[Response] = []
    for future in as_completed(futures):
        one = future.result()
        problem = one if isinstance(one, Failure) else instability(linear, one.phonons)
        if problem is not None:
            _cancel(futures)
            return problem
        found.append(one)
        say(f"  {len(found)}/{len(futures)}: {_line(linear, one)}")
    return sorted(found, key=lambda one: one.index)


def _cancel(futures: Sequence[Future[Response | Failure]]) -> None:
    """Do not begin what has not begun; what has comes to its end, and is kept."""
    for future in futures:
        future.cancel()


def _line(linear: Linear, one: Response) -> str:
    phonons = one.phonons
    low, high = phonons.frequencies[[0, -1]]
    where = q_text(ph.fractional(phonons.q, linear.crystal))
    return f"q = {where}, {phonons.star} in its star, {low:.2f} to {high:.2f} THz"


def _interpolated_spectrum(files: object, found: ElectronPhonon) -> tuple[Alpha2F | None, list[str]]:
    """Return α²F at the quoted smearing on a finer grid, and what is to be said of it."""
    if isinstance(files, Failure):
        return None, [f"no α²F(ω): {files.detail}"]
    name = f"a2F.dos{found.plateau.middle + 1}"
    try:
        spectrum = a2fdos_of(files[name], Path(name), TOLERANCE)
    except SpectrumError as error:
        return None, [f"no α²F(ω): {error}"]
    fine, grid = spectrum.moments(), found.tc.moments
    return spectrum, [
        f"interpolated to a finer q-grid, {name} is {one:.4g} and not {other:.4g}: a finer one must decide"
        for name, one, other in (
            ("λ", fine.lam, grid.lam),
            ("ω_log in K", K_PER_THZ * fine.omega_log, K_PER_THZ * grid.omega_log),
        )
        if abs(one / other - 1) > Q_TOLERANCE
    ]


def _pressure(begun: Beginning) -> float:
    return -float(np.trace(begun.scf.stress)) / 3


def _about_pressure(pressure: float, begun: Beginning) -> list[str]:
    asked, found = pressure_to_GPa(pressure), pressure_to_GPa(_pressure(begun))
    if abs(found - asked) <= max(_PRESSURE_MISS[0], _PRESSURE_MISS[1] * abs(asked)):
        return []
    return [f"at these settings the structure is at {found:.1f} GPa, not at {asked:.1f}: it was relaxed with others"]


def _about_bands(bands: matdyn.PhononBands | None) -> list[str]:
    if bands is None or bands.frequencies.min() >= UNSTABLE:
        return []
    lowest = -bands.frequencies.min()
    return [f"between the q-points, interpolation gives {lowest:.2f}i THz: a finer grid must say whether it is stable"]


def _draw(
    candidate: ExportedCandidate,
    found: ElectronPhonon,
    spectrum: Alpha2F | None,
    bands: matdyn.PhononBands | None,
    files: object,
    path: BandPath,
    folder: Path,
) -> list[Path]:
    lambdas = np.array([one.moments().lam for one in found.spectra])
    flat = slice(found.plateau.first, found.plateau.last + 1)
    with writing_to(folder):
        drawn = plot_smearings(found.smearings, lambdas, found.dos, found.reference_dos, flat, folder / "smearings")
        if spectrum is None or bands is None:
            return drawn
        # ph.x's N(E_F) is of one spin and Ry.
        dos = found.dos[found.plateau.middle] * EV_PER_RYDBERG / 2
        picture = PhononPicture(
            distances=path.distances,
            ticks=path.ticks,
            frequencies=bands.frequencies,
            couplings=bands.couplings(found.plateau.middle, dos),
            dos=matdyn.read_phonon_dos(files["phonon-dos"]),
            omega=spectrum.omega,
            alpha2f=spectrum.values,
            cumulative=spectrum.cumulative(),
        )
        return plot_phonons(picture, _title(candidate, found), folder / "phonons") + drawn


def _title(candidate: ExportedCandidate, found: ElectronPhonon) -> str:
    formula = candidate.crystal.composition.reduced.formula
    unconverged = "" if found.converged_in_q else ", unconverged in q"
    return (
        f"{formula} {candidate.space_group}, {pressure_to_GPa(candidate.pressure):.4g} GPa: q-grid "
        f"{shown(found.q_grid)}, λ = {found.tc.moments.lam:.2f}{unconverged}"
    )


def _provenance(runner: PwRunner, candidate: ExportedCandidate) -> dict[str, object]:
    return {
        "gasearch": version("gasearch"),
        "quantum_espresso": installed_version(),
        "pseudopotential_sha256": runner.pseudopotentials(candidate.crystal.composition.elements),
    }

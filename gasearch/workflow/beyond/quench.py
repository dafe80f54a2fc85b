"""Decompression: phases of a search followed from its pressure down, against the hull at each pressure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import same_but_for_volume
from gasearch.crystal.symmetry import space_group
from gasearch.errors import RunDirectoryError
from gasearch.files import replace_text, writing_to
from gasearch.outcomes import Failure, Relaxed
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.potential.load import identity, load_potential, spread_limit
from gasearch.potential.relaxation import RelaxationSettings
from gasearch.potential.settings import MaceSettings, PotentialSettings, in_double_precision, trained_range_GPa
from gasearch.report.quench import Descent, plot_quench
from gasearch.schema import plain
from gasearch.screening.decompression import NO_MINIMUM, Check, DecompressionSettings, Verdict, check, failed
from gasearch.units import pressure_to_GPa
from gasearch.workflow.beyond.descent import History, descend
from gasearch.workflow.beyond.diagram import HullAt, gathered, hull_at
from gasearch.workflow.beyond.extension import Extension, Met, extended
from gasearch.workflow.beyond.quench_by_dft import asked_of_dft, documents_by_dft, refined_by_dft
from gasearch.workflow.beyond.quench_document import SYMPREC, against_hull, phase_document, phase_lines
from gasearch.workflow.beyond.trust import is_trained_at, range_warnings
from gasearch.workflow.dft.engines import Engine
from gasearch.workflow.dft.proposals import elements_of, given, simple_cells
from gasearch.workflow.dft.refined_document import structure_document
from gasearch.workflow.dft.refinement import Proposal
from gasearch.workflow.record.kept import kept_answer
from gasearch.workflow.record.run_directory import existing_run
from gasearch.workflow.record.snapshots import hull_snapshot


@dataclass(frozen=True, eq=False)
class QuenchTask:
    """What is followed, and what it is asked.

    Parameters
    ----------
    settings : DecompressionSettings
    potential : PotentialSettings
    relaxation : RelaxationSettings
    path : Path
        Directory of the run whose phases are followed.
    beside : tuple of Path
        Other runs with the same potential, at lower pressures, whose phases count for the hulls.
    files : tuple of Path
        Further structures, which are followed, too.
    dft : Engine or None
        Relaxes the phases that are followed, and those on the potential's hull at each pressure, as well.
    extension : Extension or None
        Carries the potential to pressures that it was not trained at, before anything is followed with it.
    """

    settings: DecompressionSettings
    potential: PotentialSettings
    relaxation: RelaxationSettings
    path: Path
    beside: tuple[Path, ...] = ()
    files: tuple[Path, ...] = ()
    dft: Engine | None = None
    extension: Extension | None = None

    @property
    def pressures_GPa(self) -> list[float]:
        """Descending."""
        return [pressure_to_GPa(pressure) for pressure in self.settings.pressures]


def quench(
    task: QuenchTask, say: Callable[[str], None], warn: Callable[[Sequence[str]], None], workers: int = 1
) -> None:
    """Write ``quench.json`` and its figure into a run's directory, on every rank that there is, or by so many workers.

    What was checked before is not checked again.

    Raises
    ------
    GasearchError
        If the run has no hull yet, an endpoint has no phase at a pressure, or a file is of another system.
    """
    run_on_all_ranks(partial(_drive, task, say, warn), threads=workers)


def _drive(
    task: QuenchTask,
    say: Callable[[str], None],
    warn: Callable[[Sequence[str]], None],
    executor: QueueExecutor,
) -> None:
    # What was found is relaxed at one pressure after the other, and has a hull at each.
    endpoints, proposals, anew = _proposals(task)
    folder = _folder(task.path)
    dft = _prepared(task, proposals, executor)
    searched_with = task.potential
    if task.extension is not None:
        task = replace(task, potential=_extended(task, task.extension, proposals, anew, folder, executor, say))
    warn(range_warnings(task.potential, [round(pressure, 6) for pressure in task.pressures_GPa]))
    say(f"{executor.description}; {len(proposals)} structures at {len(task.pressures_GPa)} pressures")
    histories = descend(task.settings, task.potential, task.relaxation, proposals, anew, folder, executor)
    hulls = _hulls(task, proposals, histories, say)
    task, histories = _down_to(len(hulls), task, histories)

    # What lies near the run's hull is asked whether it is a minimum, and DFT how far above its own hull it is.
    followed = {i: p for i, p in enumerate(proposals[: anew.start]) if _is_followed(task, p)}
    ask = partial(_checked, task.settings, task.potential, folder)
    ours = task.potential == searched_with
    waiting = {i: executor.submit(ask, _given(p, relaxed=ours), histories[i]) for i, p in followed.items()}
    checks = {i: check.result() for i, check in waiting.items()}
    by_dft = [] if dft is None else _by_dft(dft, followed, checks, histories, hulls, executor)

    phases = []
    for i, proposal in followed.items():
        rows = _rows(task.potential, proposal, histories[i], hulls, checks[i])
        if dft is not None:
            rows = [row | {"dft": told.get(proposal.name)} for row, told in zip(rows, by_dft, strict=False)]
        phases.append(phase_document(proposal.name, proposal.crystal.composition.reduced.formula, rows))
        for line in phase_lines(phases[-1]):
            say(line)
    say(
        "distances are to hulls of what was searched for and found: at other pressures than the searches', lower bounds"
    )
    document = _document(task, endpoints, phases) | {
        "dft": None if dft is None else {"settings": dft.settings(), "hulls": by_dft}
    }
    directory = existing_run(task.path).path
    replace_text(directory / "quench.json", json.dumps(document, indent=1) + "\n")
    for file in draw_quench(document, directory / "quench"):
        say(str(file))


def _proposals(task: QuenchTask) -> tuple[list[str], list[Proposal], range]:
    """Return endpoints and structures, and which of them begin anew at each pressure: those of runs beside this one."""
    endpoints, own = gathered([task.path], task.settings.window)
    followed = [*own, *given(task.files, endpoints)]
    # Of what is gathered, the first run's comes first.
    beside = gathered([task.path, *task.beside], task.settings.window)[1][len(own) :] if task.beside else []
    return endpoints, [*followed, *beside], range(len(followed), len(followed) + len(beside))


def _prepared(task: QuenchTask, proposals: Sequence[Proposal], executor: QueueExecutor) -> Engine | None:
    if task.dft is None:
        return None
    found = hull_snapshot(existing_run(task.path))
    return task.dft.prepared(simple_cells(found, elements_of(proposals)), executor)


def _extended(
    task: QuenchTask,
    extension: Extension,
    proposals: Sequence[Proposal],
    anew: range,
    folder: Path,
    executor: QueueExecutor,
    say: Callable[[str], None],
) -> PotentialSettings:
    """Return the potential that has learned the pressures of the task; its own where it knew them."""
    beyond = [p for p in task.settings.pressures if is_trained_at(task.potential, pressure_to_GPa(p)) is False]
    if not beyond:
        say("--extend has nothing to do: the potential was trained at all of these pressures")
        return task.potential
    histories = descend(task.settings, task.potential, task.relaxation, proposals, anew, folder, executor)
    limits = task.settings.follow, task.settings.window
    places = {pressure: place for place, pressure in enumerate(task.settings.pressures)}
    met = [Met.at(pressure, places[pressure], proposals, histories, *limits) for pressure in beyond]
    return extended(extension, met, folder, executor, say)


def _is_followed(task: QuenchTask, proposal: Proposal) -> bool:
    """Whether a structure was given, or lies near enough to the run's hull."""
    return proposal.above is None or proposal.above <= task.settings.follow


def _hulls(
    task: QuenchTask, proposals: Sequence[Proposal], histories: Sequence[History], say: Callable[[str], None]
) -> list[HullAt]:
    """Return the hulls, down to where an endpoint has no phase that relaxed, or none of which the potential is sure.

    RunDirectoryError if that is so at the first pressure.
    """
    limit, hulls = spread_limit(task.potential), list[HullAt]()
    for pressure, column in zip(task.settings.pressures, zip(*histories, strict=True), strict=True):
        try:
            hulls.append(hull_at(pressure, proposals, column, limit))
        except RunDirectoryError as error:
            if not hulls:
                raise
            say(f"warning: there is no hull, and nothing is said, from here down: {error}")
            break
    return hulls


def _down_to(count: int, task: QuenchTask, histories: Sequence[History]) -> tuple[QuenchTask, list[History]]:
    """Return a task at its first pressures, and histories there."""
    settings = replace(task.settings, pressures=task.settings.pressures[:count])
    return replace(task, settings=settings), [history[:count] for history in histories]


def _document(task: QuenchTask, endpoints: Sequence[str], phases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "endpoints": endpoints,
        "pressures_GPa": task.pressures_GPa,
        "trained_GPa": trained_range_GPa(task.potential),
        "searched": [str(run) for run in (task.path, *task.beside)],
        "made_by": {
            "potential": str(task.potential.path) if isinstance(task.potential, MaceSettings) else task.potential.kind,
            "potential_sha256": identity(task.potential),
            "settings": plain(task.settings, {}),
        },
        "phases": phases,
    }


def _by_dft(
    dft: Engine,
    followed: Mapping[int, Proposal],
    checks: Mapping[int, Sequence[Mapping[str, Any]]],
    histories: Sequence[History],
    hulls: Sequence[HullAt],
    executor: QueueExecutor,
) -> list[dict[str, dict[str, Any]]]:
    """Return for each pressure name → what DFT says; a phase is asked about down to where the potential loses it."""
    asked = [
        asked_of_dft(
            hull,
            {i: proposal for i, proposal in followed.items() if place < len(checks[i])},
            {i: histories[i][place] for i in followed},
        )
        for place, hull in enumerate(hulls)
    ]
    refined = refined_by_dft(dft, asked, [hull.pressure for hull in hulls], executor)
    return [documents_by_dft(*both) for both in zip(asked, refined, strict=True)]


def _folder(path: Path) -> Path:
    folder = existing_run(path).path / "quench"
    with writing_to(folder):
        folder.mkdir(exist_ok=True)
    return folder


def _checked(
    settings: DecompressionSettings, potential: PotentialSettings, folder: Path, given: Crystal | None, history: History
) -> list[dict[str, Any]]:
    """Return what is said of a phase at each pressure, down to where it is lost; each is kept."""
    earlier, documents = given, list[dict[str, Any]]()
    for pressure, result in zip(settings.pressures, history, strict=True):
        found = _step(earlier, result)
        earlier = result.crystal if isinstance(result, Relaxed) else earlier
        if found is None:
            asked = {
                "potential_sha256": identity(potential),
                "phonons": plain(settings.phonons, {}),
                "pressure": pressure,
                "structure": structure_document(result.crystal),
            }
            answer = partial(_check, settings, potential, result.crystal, pressure)
            documents.append(kept_answer(folder, asked, answer))
        else:
            documents.append(check_document(found))
        if Verdict[documents[-1]["verdict"].upper()] in NO_MINIMUM:
            break
    return documents


def _check(
    settings: DecompressionSettings, potential: PotentialSettings, crystal: Crystal, pressure: float
) -> dict[str, Any]:
    exact = load_potential(in_double_precision(potential))
    return check_document(check(exact, crystal, pressure, settings.phonons))


def _given(proposal: Proposal, *, relaxed: bool) -> Crystal | None:
    """Return what must stay itself: what a file gave, or a search's own unless this potential has ``relaxed`` it."""
    return None if relaxed and proposal.above is not None else proposal.crystal


def _step(before: Crystal | None, now: Relaxed | Failure) -> Check | None:
    """Return what became of a phase where the step to this pressure alone tells; None where it is to be checked."""
    if isinstance(now, Failure):
        return failed(now)
    if before is not None and not same_but_for_volume(before, now.crystal):
        return Check(Verdict.TRANSFORMED, leads_to=now.crystal)
    return None


def check_document(found: Check) -> dict[str, Any]:
    """Return a check as plain data."""
    elastic, modes = found.elasticity, found.phonons
    stiffness = None if elastic is None or elastic.stiffness is None else elastic.stiffness
    return {
        "verdict": found.verdict.name.lower(),
        "detail": f"{found.verdict}: {found.detail}" if found.detail else str(found.verdict),
        "stiffness_GPa": None if stiffness is None else pressure_to_GPa(stiffness).round(2).tolist(),
        "lowest_stiffness_GPa": None if stiffness is None else pressure_to_GPa(elastic.lowest_stiffness),
        "lowest_THz": None if modes is None or np.isnan(modes.lowest) else modes.lowest,
        "leads_to": None if found.leads_to is None else _structure(found.leads_to),
    }


def _structure(crystal: Crystal) -> dict[str, Any]:
    return {"space_group": space_group(crystal, SYMPREC).symbol, "structure": structure_document(crystal)}


def _rows(
    potential: PotentialSettings,
    proposal: Proposal,
    history: History,
    hulls: Sequence[HullAt],
    checks: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Return one row for each pressure; below that at which a phase was lost there are none."""
    return [
        {
            "pressure_GPa": pressure_to_GPa(hull.pressure),
            "within_training_range": is_trained_at(potential, pressure_to_GPa(hull.pressure)),
            **(_against_hull(proposal, result, hull) if isinstance(result, Relaxed) else {}),
            **said,
        }
        for result, hull, said in zip(history, hulls, checks, strict=False)
    ]


def _against_hull(proposal: Proposal, result: Relaxed, hull: HullAt) -> dict[str, Any]:
    return against_hull(proposal.shares, result, hull.hull, [relaxed.crystal for _, relaxed in hull.phases])


def draw_quench(document: Mapping[str, Any], path: Path) -> list[Path]:
    """Draw the figure of a quench.json; return the files."""
    descents = []
    for phase in document["phases"]:
        rows = [row for row in phase["rows"] if "above_hull_eV_per_atom" in row]
        if rows:
            descents.append(
                Descent(
                    formula=phase["formula"],
                    space_group=rows[0]["space_group"],
                    pressures=[row["pressure_GPa"] for row in rows],
                    above=[row["above_hull_eV_per_atom"] for row in rows],
                    verdicts=[row["verdict"] for row in rows],
                    turns_into=(phase["turns_into"] or {}).get("space_group"),
                )
            )
    return plot_quench(descents, document["endpoints"], document["trained_GPa"], path) if descents else []

"""Amorphous precursors: glasses of a composition by the potential of a run, beside the crystals that it has found."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gasearch.crystal.composition import Composition, CompositionSpace
from gasearch.crystal.convert import to_ase
from gasearch.crystal.radial_distribution import spacing
from gasearch.errors import CalculationError, InputError
from gasearch.files import replace_text, replacing, writing_to
from gasearch.outcomes import Failure, Relaxed
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.potential.load import identity, load_potential, spread_limit
from gasearch.potential.molecular_dynamics import (
    Leg,
    MovingAtoms,
    Travelled,
    default_time_step,
    set_in_motion,
    travel,
)
from gasearch.potential.potential import check_elements
from gasearch.potential.relaxation import RelaxationSettings
from gasearch.potential.settings import PotentialSettings, trained_range_GPa
from gasearch.report.amorphous import plot_amorphous
from gasearch.schema import plain
from gasearch.screening.amorphous import MeltQuenchSettings, premixed, unmelted
from gasearch.units import pressure_to_GPa
from gasearch.workflow.beyond.amorphous_document import (
    FORMAT,
    LIMITS,
    SCHEMA,
    Beside,
    at_pressure,
    history_document,
    pressure_lines,
    views,
)
from gasearch.workflow.beyond.descent import relaxed_block
from gasearch.workflow.beyond.diagram import gathered, hull_at
from gasearch.workflow.beyond.trust import is_trained_at, range_warnings
from gasearch.workflow.dft.proposals import endpoint_volumes, given
from gasearch.workflow.dft.refined_document import structure_document, structure_from
from gasearch.workflow.dft.refinement import Proposal
from gasearch.workflow.dft.relaxed_document import relaxed_from
from gasearch.workflow.record.kept import kept_answer
from gasearch.workflow.record.run_directory import existing_run
from gasearch.workflow.record.snapshots import hull_snapshot

#: Structures that are relaxed together, as one task.
_BLOCK = 16
#: Evaluations that a glass may take to relax, at least: it has more to settle than a crystal.
_GLASS_STEPS = 1500
#: Times the temperature asked for from which on a quench has not reached it; small cells fluctuate by tens of per cent.
_TOO_HOT = 1.6


@dataclass(frozen=True)
class AmorphousTask:
    """What is asked.

    Parameters
    ----------
    path : Path
        Directory of a run.
    formula : Composition
        Of the glass; a mixture of the run's endpoints.
    settings : MeltQuenchSettings
    potential : PotentialSettings
    relaxation : RelaxationSettings
    window : float
        Enthalpy above the run's hull up to which crystals are compared, eV per atom.
    files : tuple of Path
        Further crystals.
    """

    path: Path
    formula: Composition
    settings: MeltQuenchSettings
    potential: PotentialSettings
    relaxation: RelaxationSettings
    window: float
    files: tuple[Path, ...] = ()

    @property
    def output(self) -> Path:
        """What is written, without a suffix."""
        return existing_run(self.path).path / f"amorphous-{self.formula.reduced.formula}"


@dataclass(frozen=True, eq=False)
class Replica:
    """What became of one glass.

    Parameters
    ----------
    number : int
    legs : tuple of (Leg, Travelled)
        Those of its trajectory that came to their end.
    failure : Failure or None
        Why it went no farther.
    glasses : tuple of (Relaxed or Failure)
        Relaxed at each pressure that it reached.
    """

    number: int
    legs: tuple[tuple[Leg, Travelled], ...]
    failure: Failure | None
    glasses: tuple[Relaxed | Failure, ...]

    def at(self, place: int) -> Relaxed | Failure:
        """Return the glass at a pressure; the failure that kept it from there otherwise."""
        return self.glasses[place] if place < len(self.glasses) else self.failure


def amorphous(task: AmorphousTask, say: Callable[[str], None], warn: Callable[[Sequence[str]], None]) -> None:
    """Write a document, its figure and the glasses into a run's directory, on every rank that there is.

    What is finished of each trajectory is kept, and not done again.

    Raises
    ------
    GasearchError
        If the run has no hull yet, the formula is not of its system, or no glass was made.
    """
    run_on_all_ranks(partial(_drive, task, say, warn))


def _drive(
    task: AmorphousTask,
    say: Callable[[str], None],
    warn: Callable[[Sequence[str]], None],
    executor: QueueExecutor,
) -> None:
    settings = task.settings
    endpoints, found = gathered([task.path], task.window)
    shares = _shares(task.formula, endpoints)
    check_elements(load_potential(task.potential), task.formula.elements)
    proposals = [*found, *given(task.files, endpoints)]
    pressures_GPa = [round(pressure_to_GPa(p), 9) for p in (settings.melt_pressure, *settings.pressures)]
    warn(range_warnings(task.potential, sorted(set(pressures_GPa))))
    content = settings.composition(task.formula)
    volume = content.n_atoms * float(shares @ endpoint_volumes(hull_snapshot(existing_run(task.path))))
    time_step = settings.time_step or default_time_step(content.numbers())
    say(f"{executor.description}; {len(proposals)} crystals at {len(settings.pressures)} pressures")
    say(_plan(settings, content, time_step))

    folder = existing_run(task.path).path / "amorphous"
    with writing_to(folder):
        folder.mkdir(exist_ok=True)
    make = partial(replica, task, folder, content, volume, time_step)
    futures = [executor.submit(make, number) for number in range(settings.replicas)]
    waited = [
        [
            executor.submit(relaxed_block, task.potential, task.relaxation, folder, pressure, crystals)
            for crystals in _blocks(proposals)
        ]
        for pressure in settings.pressures
    ]
    replicas = []
    for future in futures:
        replicas.append(future.result())
        say(_fate(replicas[-1]))
    crystals = [[result for future in blocks for result in future.result()] for blocks in waited]
    warn(_doubts(replicas))
    _write(task, endpoints, shares, proposals, crystals, replicas, time_step, say, warn)


def _shares(formula: Composition, endpoints: Sequence[str]) -> np.ndarray:
    shares = CompositionSpace(tuple(map(Composition.from_formula, endpoints)), 1, 1).fractions(formula)
    if shares is None:
        raise InputError(
            f"--formula {formula.formula} is no mixture of {', '.join(endpoints)}, the endpoints of the run: "
            "give one that is, or a run of its elements"
        )
    return shares


def _plan(settings: MeltQuenchSettings, content: Composition, time_step: float) -> str:
    steps = sum(leg.steps(time_step) for leg in settings.legs)
    duration = sum(leg.duration for leg in settings.legs)
    return (
        f"{settings.replicas} times {content.formula}: {settings.melt_temperature:g} K at "
        f"{pressure_to_GPa(settings.melt_pressure):g} GPa, quenched to {settings.temperature:g} K by "
        f"{settings.rate:g} K/ps; {duration:g} ps in {steps} steps of {time_step:.2f} fs"
    )


def _blocks(proposals: Sequence[Proposal]) -> list[list[Any]]:
    return [[p.crystal for p in proposals[k : k + _BLOCK]] for k in range(0, len(proposals), _BLOCK)]


def replica(
    task: AmorphousTask, folder: Path, content: Composition, volume: float, time_step: float, number: int
) -> Replica:
    """Make one glass, in the process that does it; what was finished before is taken from the folder.

    ``volume`` (Å³) is that of the mixture, the time step in fs.
    """
    asked = {
        "potential_sha256": identity(task.potential),
        "content": content.formula,
        "volume": volume,
        "pressure": task.settings.melt_pressure,
        "temperature": task.settings.melt_temperature,
        "seed": [task.settings.seed, number],
    }
    document = kept_answer(folder, asked, partial(_mixture, task, content, volume, number))
    relaxation = replace(task.relaxation, max_steps=max(task.relaxation.max_steps, _GLASS_STEPS))
    legs, glasses = [], []
    for place, leg in enumerate(task.settings.legs):
        if "reason" in document:
            break
        document = _leg(task, folder, _atoms(document), leg, time_step, number, place)
        if "reason" not in document:
            legs.append((leg, _travelled(document)))
        if "reason" not in document and place >= 2:  # melt and quench come first
            crystal = legs[-1][1].atoms.crystal
            glasses += relaxed_block(task.potential, relaxation, folder, leg.pressures[1], [crystal])
    failure = relaxed_from(document) if "reason" in document else None
    return Replica(number, tuple(legs), failure, tuple(glasses))


def _mixture(task: AmorphousTask, content: Composition, volume: float, number: int) -> dict[str, Any]:
    rng = task.settings.generator(number, -1)
    mixture = premixed(load_potential(task.potential), content, volume, task.settings.melt_pressure, rng)
    if isinstance(mixture, Failure):
        return _failure_document(mixture)
    return _atoms_document(set_in_motion(mixture, task.settings.melt_temperature, rng))


def _leg(
    task: AmorphousTask, folder: Path, atoms: MovingAtoms, leg: Leg, time_step: float, number: int, place: int
) -> dict[str, Any]:
    """Go along a leg of a replica, unless that has been done."""
    asked = {
        "potential_sha256": identity(task.potential),
        "atoms": _atoms_document(atoms),
        "leg": plain(leg, {}),
        "time_step": time_step,
        "seed": [task.settings.seed, number, place],
    }

    def answer() -> dict[str, Any]:
        rng = task.settings.generator(number, place)
        result = travel(load_potential(task.potential), atoms, leg, time_step, rng)
        return _failure_document(result) if isinstance(result, Failure) else _travelled_document(result)

    return kept_answer(folder, asked, answer)


def _failure_document(failure: Failure) -> dict[str, Any]:
    return {"reason": failure.reason.name, "steps": failure.steps, "detail": failure.detail}


def _atoms_document(atoms: MovingAtoms) -> dict[str, Any]:
    return {"structure": structure_document(atoms.crystal), "momenta": atoms.momenta.tolist()}


def _atoms(document: Mapping[str, Any]) -> MovingAtoms:
    return MovingAtoms(structure_from(document["structure"]), np.array(document["momenta"]))


_NUMBERS = ("steps", "temperature", "pressure", "volume", "moved", "beyond")


def _travelled_document(travelled: Travelled) -> dict[str, Any]:
    return _atoms_document(travelled.atoms) | {name: getattr(travelled, name) for name in _NUMBERS}


def _travelled(document: Mapping[str, Any]) -> Travelled:
    return Travelled(_atoms(document), **{name: document[name] for name in _NUMBERS})


def _fate(one: Replica) -> str:
    if one.failure is not None:
        return f"replica {one.number}: failed, {one.failure.reason}, {one.failure.detail}"
    legs = "; ".join(f"{leg.name}: {t.temperature:.0f} K, {t.volume:.3f} Å³/atom" for leg, t in one.legs)
    return f"replica {one.number}: {legs}"


def _doubts(replicas: Sequence[Replica]) -> list[str]:
    """Return what speaks against the trajectories."""
    told = []
    for one in replicas:
        for leg, travelled in one.legs[:1]:
            if still := unmelted(travelled.moved, spacing(travelled.atoms.crystal)):
                told.append(
                    f"replica {one.number}: {', '.join(still)} moved by less than the distance of neighbours in the "
                    f"{leg.name}, which has not forgotten how it began: raise --melt or --melt-time"
                )
        for leg, travelled in one.legs[2:]:
            if travelled.temperature > _TOO_HOT * leg.temperatures[1]:
                told.append(
                    f"replica {one.number}: {travelled.temperature:.0f} K instead of {leg.temperatures[1]:g} K in the "
                    f"{leg.name}: the quench was too fast for the thermostat; lower --rate, or raise --compression-time"
                )
        if (beyond := max((t.beyond for _, t in one.legs), default=0.0)) > 0.01:
            told.append(
                f"replica {one.number}: in {100 * beyond:.0f} % of the instants of a leg two atoms were nearer than "
                "the potential was trained on: lower --melt, or train it on hot liquids"
            )
    return told


def _write(
    task: AmorphousTask,
    endpoints: Sequence[str],
    shares: np.ndarray,
    proposals: Sequence[Proposal],
    crystals: Sequence[Sequence[Relaxed | Failure]],
    replicas: Sequence[Replica],
    time_step: float,
    say: Callable[[str], None],
    warn: Callable[[Sequence[str]], None],
) -> None:
    settings, limit = task.settings, spread_limit(task.potential)
    pressures = []
    for place, (pressure, results) in enumerate(zip(settings.pressures, crystals, strict=True)):
        glasses = {one.number: one.at(place) for one in replicas}
        beside = Beside(shares, glasses, proposals, results, hull_at(pressure, proposals, results, limit), limit)
        pressures.append(at_pressure(beside, is_trained_at(task.potential, pressure_to_GPa(pressure))))
    document = {
        "format": FORMAT,
        "schema": SCHEMA,
        "formula": task.formula.reduced.formula,
        "endpoints": list(endpoints),
        "trained_GPa": trained_range_GPa(task.potential),
        "made_by": {
            "potential_sha256": identity(task.potential),
            "settings": plain(settings, {}),
            "time_step_fs": time_step,
            "gasearch": version("gasearch"),
            "ase": version("ase"),
        },
        "cooling_rate_K_per_s": settings.rate * 1e12,
        "limits": LIMITS,
        "replicas": [history_document(one.number, one.legs, one.failure) for one in replicas],
        "pressures": pressures,
    }
    if lower := [one["pressure_GPa"] for one in pressures if (one["above_hull_eV_per_atom"] or 0.0) < 0]:
        told = ", ".join(f"{pressure:g}" for pressure in lower)
        warn([f"the glass lies below the hull of the crystals at {told} GPa: search longer, or give better crystals"])
    replace_text(task.output.with_name(task.output.name + ".json"), json.dumps(document, indent=1) + "\n")
    for one in pressures:
        for line in pressure_lines(one):
            say(line)
    if not any(isinstance(glass, Relaxed) for one in replicas for glass in one.glasses):
        raise CalculationError(f"no glass was made: {_fate(replicas[0])}; lower --melt, or choose another --seed")
    for file in (_write_glasses(task, replicas), *draw_amorphous(document, task.output)):
        say(str(file))


def _write_glasses(task: AmorphousTask, replicas: Sequence[Replica]) -> Path:
    """Write all glasses as one extxyz."""
    from ase.io import write

    frames = []
    for one in replicas:
        for pressure, glass in zip(task.settings.pressures, one.glasses, strict=False):
            if isinstance(glass, Relaxed):
                frames.append(to_ase(glass.crystal))
                frames[-1].info = {
                    "replica": one.number,
                    "pressure_GPa": pressure_to_GPa(pressure),
                    "enthalpy_eV_per_atom": glass.enthalpy_per_atom,
                }
    file = task.output.with_name(task.output.name + ".extxyz")
    with replacing(file) as part:
        write(part, frames, format="extxyz", parallel=False)
    return file


def draw_amorphous(document: Mapping[str, Any], path: Path) -> list[Path]:
    """Draw the figure of a document; return the files."""
    return plot_amorphous(*views(document), document["formula"], document["trained_GPa"], path)

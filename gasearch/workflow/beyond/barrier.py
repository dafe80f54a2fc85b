"""Barriers between two structures at given pressures, kept as they are found."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gasearch.crystal.convert import to_ase
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import same_but_for_volume
from gasearch.crystal.symmetry import space_group
from gasearch.errors import CalculationError, InputError
from gasearch.espresso.runner import PwRunner
from gasearch.files import replace_text, replacing, writing_to
from gasearch.outcomes import Failure, Relaxed
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.potential.load import identity, load_potential
from gasearch.potential.potential import check_elements
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings
from gasearch.potential.settings import PotentialSettings, in_double_precision
from gasearch.report.barrier import Profile, plot_barrier
from gasearch.schema import plain
from gasearch.screening.barrier import (
    BarrierSettings,
    TransitionPath,
    barrier_paths,
    log_lifetime,
    thermal_frequency,
)
from gasearch.units import MEV_PER_EV, pressure_from_GPa
from gasearch.workflow.beyond.barrier_check import check_barriers
from gasearch.workflow.beyond.trust import is_trained_at, range_warnings
from gasearch.workflow.dft.refined_document import structure_document, structure_from
from gasearch.workflow.record.snapshots import snapshot
from gasearch.workflow.record.structure_files import read_structures

#: Residuals of the two ends: eV/Å and eV/Å³.
_TIGHT = RelaxationSettings(max_force=1e-3, max_stress=pressure_from_GPa(0.02), max_steps=600)
#: Å; what a relaxation or a band leaves of a broken symmetry is noise.
_SYMPREC = 0.05
LIMITS = (
    "One cell of a perfect crystal changes as a whole, by the potential: an upper bound to the barrier per atom among "
    "paths in larger cells, which nucleation, defects and surfaces lower. The lifetime is of that one cell, by the "
    "Arrhenius law with the stated frequency; a real one may differ by many orders of magnitude."
)


@dataclass(frozen=True)
class BarrierTask:
    """What is asked.

    Parameters
    ----------
    start, end : Path
        Structure files; the first structure of each counts.
    potential : PotentialSettings
    pressures_GPa : tuple of float
    temperature : float
        K, of the lifetime.
    attempts : float or None
        Attempt frequency, THz; None for k_BT/h.
    settings : BarrierSettings
    output : Path
        Folder.
    check : PwRunner or None
        Asks DFT about the ends and the highest image of the lowest path at each pressure.
    """

    start: Path
    end: Path
    potential: PotentialSettings
    pressures_GPa: tuple[float, ...]
    temperature: float
    attempts: float | None
    settings: BarrierSettings
    output: Path
    check: PwRunner | None = None


def barrier(task: BarrierTask, say: Callable[[str], None], warn: Callable[[Sequence[str]], None]) -> None:
    """Write ``barrier.json``, its figure, and the images of the lowest paths, on every rank that there is.

    A pressure that is finished is not done again by the same command.

    Raises
    ------
    GasearchError
        For whatever a user can put right.
    """
    run_on_all_ranks(partial(_drive, task, say, warn))


def _drive(
    task: BarrierTask,
    say: Callable[[str], None],
    warn: Callable[[Sequence[str]], None],
    executor: QueueExecutor,
) -> None:
    start, end = (read_structures([path])[0] for path in (task.start, task.end))
    if start.composition.reduced != end.composition.reduced:
        names = start.composition.reduced.formula, end.composition.reduced.formula
        raise InputError(f"{task.start} is {names[0]} and {task.end} is {names[1]}: give two phases of one composition")
    warn(range_warnings(task.potential, task.pressures_GPa))
    if task.check:
        task.check.check(start.composition.elements)
    file = task.output / "barrier.json"
    made_by = _made_by(task, start, end)
    done = {pressure: _timed(one, task) for pressure, one in _kept(file, made_by).items()}
    ask = partial(barrier_at, task, start, end)
    futures = {p: executor.submit(ask, p) for p in task.pressures_GPa if p not in done}
    with writing_to(task.output):
        task.output.mkdir(parents=True, exist_ok=True)
    for pressure in task.pressures_GPa:
        if pressure in futures:
            done[pressure] = _timed(futures[pressure].result(), task)
        _write(file, made_by, done)
        for line in _lines(done[pressure]):
            say(line)
    found = [done[pressure] for pressure in task.pressures_GPa]
    if task.check:
        crossed = [one for one in found if one["lowest"] is not None]
        for one, checked in zip(crossed, check_barriers(task.check, crossed, executor), strict=True):
            one["dft"] = checked
            say(_line_by_dft(one))
        _write(file, made_by, done)
    for path in _pictures(task, found):
        say(str(path))


def _write(file: Path, made_by: Mapping[str, Any], done: Mapping[float, Any]) -> None:
    document = {"made_by": made_by, "limits": LIMITS, "pressures": [done[p] for p in sorted(done)]}
    replace_text(file, json.dumps(document, indent=1) + "\n")


def barrier_at(task: BarrierTask, start: Crystal, end: Crystal, pressure_GPa: float) -> dict[str, Any]:
    """Return what is found at one pressure, as plain data, in the process that does it.

    Raises
    ------
    CalculationError
        If the potential has no minimum near one of the ends.
    """
    pressure, potential = pressure_from_GPa(pressure_GPa), load_potential(in_double_precision(task.potential))
    check_elements(potential, start.numbers)
    ends = BatchRelaxer(potential, _TIGHT).relax([start, end], pressure)
    for name, relaxed in zip((task.start, task.end), ends, strict=True):
        if isinstance(relaxed, Failure):
            detail = f": {relaxed.detail}" if relaxed.detail else ""
            raise CalculationError(f"{name} cannot be relaxed at {pressure_GPa:g} GPa: {relaxed.reason}{detail}")
    paths = barrier_paths(potential, ends[0], ends[1], pressure, task.settings)
    return {
        "pressure_GPa": pressure_GPa,
        "within_training_range": is_trained_at(task.potential, pressure_GPa),
        "start": _end_document(start, ends[0]),
        "end": _end_document(end, ends[1]),
        "lowest": _barrier_document(paths[0]) if paths[0].band.converged else None,
        "paths": [_path_document(path) for path in paths],
    }


def _end_document(given: Crystal, relaxed: Relaxed) -> dict[str, Any]:
    return {
        "formula": given.composition.reduced.formula,
        "space_group": space_group(relaxed.crystal, _SYMPREC).symbol,
        "given_space_group": space_group(given, _SYMPREC).symbol,
        "kept_its_structure": same_but_for_volume(given, relaxed.crystal),
        "enthalpy_eV_per_atom": relaxed.enthalpy_per_atom,
        "structure": structure_document(relaxed.crystal),
    }


def _timed(found: Mapping[str, Any], task: BarrierTask) -> dict[str, Any]:
    """Return what was found at a pressure with the lifetime that is asked for, which needs no new band."""
    lowest = found["lowest"]
    if lowest is None:
        return dict(found)
    lifetime = {
        "temperature_K": task.temperature,
        "attempt_frequency_THz": task.attempts or thermal_frequency(task.temperature),
        "log10_lifetime_s": log_lifetime(lowest["barrier_eV_per_cell"], task.temperature, task.attempts),
    }
    return {**found, "lowest": {**lowest, **lifetime}}


def _barrier_document(path: TransitionPath) -> dict[str, Any]:
    return {
        "barrier_meV_per_atom": MEV_PER_EV * path.forward / path.atoms,
        "barrier_meV_per_formula_unit": MEV_PER_EV * path.forward / path.saddle.composition.units,
        "barrier_eV_per_cell": path.forward,
        "backward_meV_per_atom": MEV_PER_EV * path.backward / path.atoms,
        "atoms": path.atoms,
    }


def _path_document(path: TransitionPath) -> dict[str, Any]:
    band = path.band
    return {
        "converged": band.converged,
        "residual_eV_per_A": band.residual,
        "steps": band.steps,
        "atoms": path.atoms,
        "distance_A": path.ends.distance,
        "stretches": path.ends.stretches.tolist(),
        "barrier_meV_per_atom": MEV_PER_EV * path.forward / path.atoms,
        "backward_meV_per_atom": MEV_PER_EV * path.backward / path.atoms,
        "directions_downhill": path.downhill,
        "highest_image": band.top,
        "saddle_space_group": space_group(path.saddle, _SYMPREC).symbol,
        "length_A": band.lengths.tolist(),
        "enthalpy_meV_per_atom": (MEV_PER_EV * (band.enthalpies - band.enthalpies[0]) / path.atoms).tolist(),
        "images": [structure_document(crystal) for crystal in path.crystals],
    }


def _made_by(task: BarrierTask, start: Crystal, end: Crystal) -> dict[str, Any]:
    return {
        "potential_sha256": identity(task.potential),
        "settings": plain(task.settings, {}),
        "start": structure_document(start),
        "end": structure_document(end),
    }


def _kept(file: Path, made_by: Mapping[str, Any]) -> dict[float, dict[str, Any]]:
    """Return pressure, GPa → what the same command has found before."""
    if not file.exists():
        return {}
    document = snapshot(file)
    same = document["made_by"] == json.loads(json.dumps(made_by))
    return {one["pressure_GPa"]: one for one in document["pressures"]} if same else {}


def _lines(found: Mapping[str, Any]) -> list[str]:
    start, end = found["start"], found["end"]
    head = f"{found['pressure_GPa']:7.1f} GPa: {start['formula']} {start['space_group']} → {end['space_group']}: "
    lowest = found["lowest"]
    if lowest is None:
        return [f"{head}none of {len(found['paths'])} paths converged; raise --max-steps, or --max-force"]
    first = found["paths"][0]
    told = [
        f"{head}{lowest['barrier_meV_per_atom']:.1f} meV/atom, "
        f"{lowest['barrier_meV_per_formula_unit']:.1f} meV per formula unit (back"
        f" {lowest['backward_meV_per_atom']:.1f} meV/atom) over {first['saddle_space_group']}, "
        f"{lowest['atoms']} atoms as one: 10^{lowest['log10_lifetime_s']:.1f} s at {lowest['temperature_K']:g} K, "
        f"with {lowest['attempt_frequency_THz']:.3g} THz"
    ]
    if (first["directions_downhill"] or 1) > 1:
        told.append(f"{'':13}enthalpy falls there in {first['directions_downhill']} directions: a lower path is near")
    for which in (start, end):
        if not which["kept_its_structure"]:
            told.append(
                f"{'':13}the {which['given_space_group']} end is no minimum: it relaxed to {which['space_group']}"
            )
    return told


def _line_by_dft(found: Mapping[str, Any]) -> str:
    head, dft = f"{found['pressure_GPa']:7.1f} GPa: by DFT", found["dft"]
    if "failed" in dft:
        return f"{head} nothing: {'; '.join(dft['failed'])}"
    left = dft["points"]["highest"]
    return (
        f"{head}, nothing moved: {dft['barrier_meV_per_atom']:.1f} meV/atom (back "
        f"{dft['backward_meV_per_atom']:.1f}); {left['max_force_eV_per_A']:.2f} eV/Å and "
        f"{left['max_stress_GPa']:.1f} GPa are left at the highest image"
    )


def _pictures(task: BarrierTask, found: Sequence[Mapping[str, Any]]) -> list[Path]:
    """Draw the lowest path of each pressure, and write its images."""
    profiles, files = [], []
    for one in found:
        if one["lowest"] is None:
            continue
        path = one["paths"][0]
        profiles.append(
            Profile(
                label=f"{one['pressure_GPa']:g} GPa",
                lengths=path["length_A"],
                enthalpies=path["enthalpy_meV_per_atom"],
                trusted=one["within_training_range"] is not False,
            )
        )
        files.append(task.output / f"barrier-{one['pressure_GPa']:g}GPa.extxyz")
        _write_images([structure_from(image) for image in path["images"]], files[-1])
    if not profiles:
        return files
    start, end = found[0]["start"], found[0]["end"]
    ends = (start["given_space_group"], end["given_space_group"])
    return plot_barrier(profiles, start["formula"], ends, task.output / "barrier") + files


def _write_images(crystals: Sequence[Crystal], path: Path) -> None:
    from ase.io import write

    with replacing(path) as part:
        write(part, [to_ase(crystal) for crystal in crystals], format="extxyz", parallel=False)

"""Magnets under pressure: each start followed up and down, and what its moments say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.errors import CalculationError
from gasearch.files import replace_text, writing_to
from gasearch.folder import locked
from gasearch.outcomes import Failure
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.report.figures import formula_text
from gasearch.report.magnetism import MomentLine, plot_moments
from gasearch.screening.magnetism import (
    MagneticCurve,
    Softness,
    hysteresis,
    lowest,
    per_GPa,
    ranked,
    softness,
    transitions,
)
from gasearch.screening.orderings import FERROMAGNETIC, NONMAGNETIC, Ordering, orderings
from gasearch.units import MEV_PER_EV, pressure_to_GPa
from gasearch.workflow.beyond.following import Followed, MagnetismSettings, follow
from gasearch.workflow.beyond.magnets import KeptMagnet, Magnet, MagneticState


def screen_magnetism(
    settings: MagnetismSettings,
    magnet: Magnet,
    crystals: Mapping[str, Crystal],
    folder: Path,
    say: Callable[[str], None],
) -> None:
    """Follow each crystal's magnetism, write and draw it into a folder, and rank the crystals; on every rank.

    Raises
    ------
    GasearchError
        If a crystal has no magnetic atoms, or none of its calculations succeeds.
    """
    run_on_all_ranks(partial(_drive, settings, magnet, crystals, folder, say), threads=settings.workers)


def _drive(
    settings: MagnetismSettings,
    magnet: Magnet,
    crystals: Mapping[str, Crystal],
    folder: Path,
    say: Callable[[str], None],
    executor: QueueExecutor,
) -> None:
    starts = {
        name: orderings(crystal, settings.elements, settings.antiferromagnets, settings.multiple)
        for name, crystal in crystals.items()
    }
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
    shared = magnet.settings(sorted({z for crystal in crystals.values() for z in crystal.composition.elements}))
    with locked(folder / "lock"):
        documents, grounds, soft = {}, {}, {}
        for name, crystal in crystals.items():
            keeping = KeptMagnet(magnet, (folder / "states").resolve())
            for warning in [*keeping.warnings(crystal, settings.elements), *_missing(starts[name], settings)]:
                say(f"warning: {name}: {warning}")
            tasks = [executor.submit(follow, keeping, start, settings) for start in starts[name]]
            found = [one for task in tasks for one in task.result()]
            documents[name] = _document(found, settings, crystal)
            upward = _upward(found, settings)
            grounds[name] = replace(lowest(upward), start=name)
            soft[name] = _softness_of_order(upward)
            # What is finished is there before the next one begins.
            whole = _whole(documents, grounds, ranked(soft), settings, shared)
            replace_text(folder / "magnetism.json", json.dumps(whole, indent=1) + "\n")
            for line in _lines(name, documents[name]):
                say(line)
            with writing_to(folder):
                for file in plot_moments(_picture(found, settings), _title(name, crystal), folder / f"{name}-moments"):
                    say(str(file))
        for line in _comparison(whole):
            say(line)


def _missing(starts: Sequence[Ordering], settings: MagnetismSettings) -> list[str]:
    count = sum(start.name not in (NONMAGNETIC, FERROMAGNETIC) for start in starts)
    if count >= settings.antiferromagnets:
        return []
    return [
        f"{count} of {settings.antiferromagnets} antiferromagnets: cells of up to {settings.multiple} times the "
        "primitive one hold no more with as many spins up as down; raise --multiple"
    ]


def _document(found: Sequence[Followed], settings: MagnetismSettings, crystal: Crystal) -> dict[str, Any]:
    """Return what was found for a crystal; energies against the state without moments, where that is known."""
    curves = {one.name: one.curve(settings.pressures) for one in found}
    without = next(curve for curve in curves.values() if curve.start == NONMAGNETIC)
    magnetic = [curve for curve in curves.values() if curve.start != NONMAGNETIC]
    if not any(np.isfinite(curve.enthalpies).any() for curve in magnetic):
        details = {
            f"{state.reason}: {state.detail}".rstrip(": ")
            for one in found
            for state in one.states
            if isinstance(state, Failure)
        }
        raise CalculationError(f"every calculation with spins failed: {'; '.join(sorted(details))[:1000]}")
    ground = lowest(_upward(found, settings))
    return {
        "formula": crystal.composition.reduced.formula,
        "starts": {one.name: _states(one, curves[one.name], without) for one in found},
        "softness": {name: _softness(softness(c.pressures, c.moments)) for name, c in curves.items() if c in magnetic},
        "hysteresis_GPa": _hysteresis(curves),
        "ground_state": {
            "start": ground.start,
            "moments": _numbers(ground.moments),
            "softness": _softness(softness(ground.pressures, ground.moments)),
        },
    }


def _upward(found: Sequence[Followed], settings: MagnetismSettings) -> list[MagneticCurve]:
    return [one.curve(settings.pressures) for one in found if one.upwards]


def _softness_of_order(curves: Sequence[MagneticCurve]) -> Softness:
    """Return how soft the order is that is the lowest at the lowest pressure, along itself alone."""
    order = min(curves, key=lambda c: c.enthalpies[0] if np.isfinite(c.enthalpies[0]) else np.inf)
    return softness(order.pressures, order.moments)


def _states(one: Followed, curve: MagneticCurve, without: MagneticCurve) -> list[dict[str, Any]]:
    gained = MEV_PER_EV * (curve.enthalpies - without.enthalpies)
    return [
        {
            "pressure_GPa": pressure_to_GPa(pressure),
            **_state(state),
            "moment_per_magnetic_atom": _number(moment),
            "enthalpy_eV_per_atom": _number(enthalpy),
            "over_nonmagnetic_meV_per_atom": _number(above),
        }
        for state, pressure, moment, enthalpy, above in zip(
            one.states, curve.pressures.tolist(), curve.moments, curve.enthalpies, gained, strict=True
        )
    ]


def _state(state: MagneticState | Failure) -> dict[str, Any]:
    if isinstance(state, Failure):
        return {"failure": str(state.reason), "detail": state.detail[:500]}
    return {
        "volume_A3_per_atom": state.crystal.volume / len(state.crystal),
        "moments": state.moments.tolist(),
        "magnetization_per_cell": state.magnetization,
        "metal": state.metal,
    }


def _softness(one: Softness) -> dict[str, Any]:
    return {
        "kind": str(one.kind),
        "collapses_between_GPa": [_number(pressure_to_GPa(p)) for p in (one.low, one.high)],
        "collapses_near_GPa": _number(pressure_to_GPa(one.pressure)),
        "minus_dlnm_dP_per_GPa": _number(per_GPa(one.slope)),
        "steepest_per_GPa": _number(per_GPa(one.steepest)),
    }


def _hysteresis(curves: Mapping[str, MagneticCurve]) -> dict[str, float]:
    found = {}
    for name, up in curves.items():
        down = curves.get(f"{up.start} down")
        if down is not None and up.upwards:
            width = hysteresis(softness(up.pressures, up.moments), softness(down.pressures, down.moments))
            found |= {} if width is None else {name.removesuffix(" up"): pressure_to_GPa(width)}
    return found


def _whole(
    documents: Mapping[str, Any],
    grounds: Mapping[str, MagneticCurve],
    softest_first: Sequence[str],
    settings: MagnetismSettings,
    shared: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "settings": asdict(settings) | {"elements": sorted(settings.elements)} | dict(shared),
        "gasearch": version("gasearch"),
        "softest_first": list(softest_first),
        "phases": _phases({name: document["formula"] for name, document in documents.items()}, grounds),
        "materials": dict(documents),
    }


def _phases(formulas: Mapping[str, str], grounds: Mapping[str, MagneticCurve]) -> dict[str, Any]:
    """Return, for each formula of several crystals, which is the lowest where, and how the moment goes along them."""
    alike: dict[str, list[MagneticCurve]] = {}
    for name, formula in formulas.items():
        alike.setdefault(formula, []).append(grounds[name])
    return {formula: _lowest_phases(curves) for formula, curves in alike.items() if len(curves) > 1}


def _lowest_phases(curves: Sequence[MagneticCurve]) -> dict[str, Any]:
    ground = lowest(curves)
    return {
        "lowest": ground.start.split(", "),
        "transitions": [
            {"before": one.before, "after": one.after, "pressure_GPa": pressure_to_GPa(one.pressure)}
            for one in transitions(curves)
        ],
        "moments": _numbers(ground.moments),
        "softness": _softness(softness(ground.pressures, ground.moments)),
    }


def _comparison(whole: Mapping[str, Any]) -> list[str]:
    """Return lines about several crystals; none about one."""
    lines = []
    for formula, phases in whole["phases"].items():
        changes = (f"; {t['after']} above {t['pressure_GPa']:.1f} GPa" for t in phases["transitions"])
        lines.append(f"{formula}: {phases['lowest'][0]} is the lowest{''.join(changes)}")
    if len(whole["materials"]) > 1:
        lines.append(f"softest first: {', '.join(whole['softest_first'])}")
    return lines


def _lines(name: str, document: Mapping[str, Any]) -> list[str]:
    rows = [f"{name}: moments per magnetic atom (μB), and enthalpy against the state without moments (meV/atom)"]
    for start, states in document["starts"].items():
        cells = [f"{state['pressure_GPa']:g} GPa: {_shown(state)}" for state in states]
        rows.append(f"  {start:<10}{';  '.join(cells)}")
    for start, soft in document["softness"].items():
        rows.append(f"  {start:<10}collapse: {soft['kind']}{_where(soft)}")
    return rows


def _shown(state: Mapping[str, Any]) -> str:
    if "failure" in state:
        return "failed"
    above = state["over_nonmagnetic_meV_per_atom"]
    gain = "" if above is None else f" ({above:+.1f})"
    insulating = ", gap" if state["metal"] is False else ""
    return f"{state['moment_per_magnetic_atom']:.2f}{gain}{insulating}"


def _where(soft: Mapping[str, Any]) -> str:
    low, high = soft["collapses_between_GPa"]
    slope = soft["minus_dlnm_dP_per_GPa"]
    between = f" between {low:g} and {high:g} GPa" if low is not None and high is not None else ""
    return between + (f"; -dlnm/dP = {slope:.4f} per GPa" if slope is not None else "")


def _title(name: str, crystal: Crystal) -> str:
    return f"{formula_text(crystal.composition.reduced.formula)} ({name})"


def _picture(found: Sequence[Followed], settings: MagnetismSettings) -> list[MomentLine]:
    without = next(one for one in found if one.ordering.name == NONMAGNETIC).curve(settings.pressures)
    pressures = np.array(settings.pressures)
    curves = [(one, one.curve(settings.pressures)) for one in found if one.ordering.name != NONMAGNETIC]
    return [
        MomentLine(
            one.ordering.name, one.upwards, pressures, c.moments, MEV_PER_EV * (c.enthalpies - without.enthalpies)
        )
        for one, c in curves
    ]


def _numbers(values: np.ndarray) -> list[float | None]:
    return [_number(value) for value in values]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None

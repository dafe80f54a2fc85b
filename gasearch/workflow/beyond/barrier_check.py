"""What DFT says of the ends and the highest image of a path that a potential has found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, replace
from typing import Any, Final

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.installation import installed_version
from gasearch.espresso.pw import Grid, ScfResult, k_grid
from gasearch.espresso.record import ScfFailure
from gasearch.espresso.runner import PwRunner
from gasearch.units import MEV_PER_EV, pressure_from_GPa, pressure_to_GPa
from gasearch.workflow.dft.refined_document import structure_from

_POINTS: Final = ("start", "highest", "end")


def check_barriers(runner: PwRunner, found: Sequence[Mapping[str, Any]], executor: Executor) -> list[dict[str, Any]]:
    """Return the barrier by DFT over the lowest path of each pressure, nothing relaxed, as plain data.

    The three points of a path have the same divisions of their reciprocal vectors, in each direction the most that
    one of them asks for.

    Parameters
    ----------
    runner : PwRunner
    found : sequence of mapping
        Entries of ``pressures`` in ``barrier.json`` whose lowest path has converged.
    executor : Executor
        Each SCF is a task.
    """
    crystals = [_crystals(one["paths"][0]) for one in found]
    runners = [replace(runner, grid=_common_grid(three, runner.settings.k_spacing)) for three in crystals]
    futures = [
        [executor.submit(own.scf, crystal) for crystal in three] for own, three in zip(runners, crystals, strict=True)
    ]
    return [
        _check(own, pressure_from_GPa(one["pressure_GPa"]), three, [future.result() for future in asked])
        for one, own, three, asked in zip(found, runners, crystals, futures, strict=True)
    ]


def _common_grid(crystals: Sequence[Crystal], spacing: float) -> Grid:
    first, second, third = np.max([k_grid(crystal, spacing) for crystal in crystals], axis=0).tolist()
    return first, second, third


def _crystals(path: Mapping[str, Any]) -> list[Crystal]:
    return [structure_from(path["images"][place]) for place in (0, path["highest_image"], -1)]


def _check(
    runner: PwRunner, pressure: float, crystals: Sequence[Crystal], results: Sequence[ScfResult | ScfFailure]
) -> dict[str, Any]:
    made_by = {"quantum_espresso": installed_version(), "pw": asdict(runner.settings), "k_points": list(runner.grid)}
    failed = [
        f"{name}: {result.problem}: {result.detail}"
        for name, result in zip(_POINTS, results, strict=True)
        if isinstance(result, ScfFailure)
    ]
    if failed:
        return {"failed": failed, "made_by": made_by}
    points = [_point(pressure, *both) for both in zip(crystals, results, strict=True)]
    start, highest, end = (MEV_PER_EV * point["enthalpy_eV_per_atom"] for point in points)
    return {
        "barrier_meV_per_atom": highest - start,
        "backward_meV_per_atom": highest - end,
        "points": dict(zip(_POINTS, points, strict=True)),
        "made_by": made_by,
    }


def _point(pressure: float, crystal: Crystal, result: ScfResult) -> dict[str, float]:
    """Return enthalpy, and what DFT would still move: a force, and a stress beyond the pressure."""
    excess = result.stress + pressure * np.eye(3)
    return {
        "enthalpy_eV_per_atom": (result.energy + pressure * crystal.volume) / len(crystal),
        "max_force_eV_per_A": float(np.linalg.norm(result.forces, axis=1).max()),
        "max_stress_GPa": float(pressure_to_GPa(np.abs(excess).max())),
    }

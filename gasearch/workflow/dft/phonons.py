"""Phonons of refined metals with the search's potential: a verdict for each, kept in a file of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gasearch.crystal.convert import to_ase
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.symmetry import space_group
from gasearch.files import replace_text, replacing, writing_to
from gasearch.outcomes import Stability
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.phonon.phonons import PhononSettings
from gasearch.phonon.stability import stability
from gasearch.potential.load import identity, load_potential
from gasearch.potential.settings import PotentialSettings, in_double_precision
from gasearch.schema import plain
from gasearch.units import K_PER_THZ, MEV_PER_EV, pressure_from_GPa
from gasearch.workflow.dft.refined_document import SYMPREC, structure_document, structure_from
from gasearch.workflow.record.electrons import file_name
from gasearch.workflow.record.run_directory import RunDirectory, existing_run
from gasearch.workflow.record.snapshots import refined_snapshot, snapshot


def phonons(settings: PhononSettings, potential: PotentialSettings, path: Path, say: Callable[[str], None]) -> None:
    """Ask the potential of a run whether its refined metals are stable, on every rank that there is.

    Raises
    ------
    GasearchError
        For whatever a user can put right; every finished verdict is kept.
    """
    run_on_all_ranks(partial(phonons_on, settings, potential, path, say))


def phonons_on(
    settings: PhononSettings,
    potential: PotentialSettings,
    path: Path,
    say: Callable[[str], None],
    executor: QueueExecutor,
) -> None:
    """Ask with an executor, for each metal near the DFT hull that has no verdict yet."""
    directory = existing_run(path)
    document = refined_snapshot(directory)
    pressure, key = pressure_from_GPa(document["pressure_GPa"]), _key(settings, potential)
    wanted = [phase for phase in document["phases"] if _is_wanted(phase, settings)]
    if not wanted:
        say(f"no phonons: {path} has no refined metal within {settings.window * MEV_PER_EV:g} meV/atom of the DFT hull")
    futures = {
        phase["name"]: executor.submit(_ask, settings, potential, structure_from(phase["structure"]), pressure)
        for phase in wanted
        if verdict_of(directory, phase, key) is None
    }
    with writing_to(directory.phonons):
        directory.phonons.mkdir(exist_ok=True)
    for phase in wanted:
        if phase["name"] in futures:
            found = futures[phase["name"]].result()
            _write(directory, phase, key, found)
        verdict = verdict_of(directory, phase)
        say(f"{phase['name']:>8} {phase['formula']:<8} phonons: {verdict['verdict']}: {verdict['detail']}")


def _ask(settings: PhononSettings, potential: PotentialSettings, crystal: Crystal, pressure: float) -> Stability:
    return stability(load_potential(in_double_precision(potential)), crystal, pressure, settings)


def _is_wanted(phase: Mapping[str, Any], settings: PhononSettings) -> bool:
    metal = (phase["electrons"] or {}).get("metal", False)
    above = phase["dft"]["above_hull_eV_per_atom"]
    return metal and above is not None and above <= settings.window and phase["same_as"] is None


def _key(settings: PhononSettings, potential: PotentialSettings) -> dict[str, Any]:
    """Return what a verdict depends on besides the structure."""
    how = {name: value for name, value in plain(settings, {}).items() if name != "window_meV"}
    return {"potential_sha256": identity(potential), "settings": how}


def verdict_of(
    directory: RunDirectory, phase: Mapping[str, Any], key: Mapping[str, Any] | None = None
) -> dict[str, Any] | None:
    """Return the verdict on a phase of refined.json, made in a certain way if that is given; None if there is none."""
    path = _file(directory, phase)
    if not path.exists():
        return None
    record = snapshot(path)
    same = record["structure"] == phase["structure"] and (key is None or record["made_by"] == key)
    return record["phonons"] if same else None


def _file(directory: RunDirectory, phase: Mapping[str, Any]) -> Path:
    return directory.phonons / f"{file_name(phase['name'])}.json"


def _write(directory: RunDirectory, phase: Mapping[str, Any], key: Mapping[str, Any], found: Stability) -> None:
    path = _file(directory, phase)
    if found.leads_to is not None:
        _write_structure(found.leads_to, path.with_name(f"{path.stem}-leads-to.cif"))
    record = {"structure": phase["structure"], "made_by": key, "phonons": stability_document(found)}
    replace_text(path, json.dumps(record, indent=1) + "\n")


def _write_structure(crystal: Crystal, path: Path) -> None:
    from ase.io import write

    with replacing(path) as part:
        write(part, to_ase(crystal), format="cif", parallel=False)


def stability_document(found: Stability) -> dict[str, Any]:
    """Return a verdict as plain data."""
    return {
        "verdict": found.verdict.name.lower(),
        "detail": found.detail,
        "supercell": list(found.supercell),
        "lowest_THz": None if np.isnan(found.lowest) else found.lowest,
        "highest_THz": None if np.isnan(found.highest) else found.highest,
        "debye_temperature_K": None if np.isnan(found.mean_square) else debye_temperature(found.mean_square),
        "force_constants_eV_per_A2": dict(found.force_constants),
        "soft_modes": [
            {"wave_vector": list(mode.wave_vector), "frequency_THz": mode.frequency, "shares": dict(mode.shares)}
            for mode in found.soft_modes
        ],
        "leads_to": None if found.leads_to is None else _led_to(found.leads_to, found.lowers_by),
    }


def debye_temperature(mean_square: float) -> float:
    """Return the Debye temperature, K, of the second moment of the phonons' density of states, ⟨ω²⟩ in THz².

    Θ(2) = (ħ/k_B) (5/3 ⟨ω²⟩)^½, which light atoms raise above that of the sound velocities (G. Grimvall, Thermophysical
    Properties of Materials, 1999, ISBN 978-0-444-82794-4).
    """
    return K_PER_THZ * (5 / 3 * mean_square) ** 0.5


def _led_to(crystal: Crystal, lowers_by: float) -> dict[str, Any]:
    return {
        "space_group": space_group(crystal, SYMPREC).symbol,
        "lower_by_meV_per_atom": MEV_PER_EV * lowers_by,
        "structure": structure_document(crystal),
    }

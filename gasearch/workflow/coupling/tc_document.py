"""What is known of a candidate's electron–phonon coupling and Tc, as plain data and as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.resources import files
from typing import Any, Final

import numpy as np

from gasearch.espresso.ph import PhSettings
from gasearch.outcomes import Failure
from gasearch.superconductivity.alpha2f import Alpha2F
from gasearch.superconductivity.electron_phonon import ElectronPhonon, QPoint
from gasearch.superconductivity.estimate import text as tc_text
from gasearch.units import K_PER_THZ, THZ_PER_RYDBERG, pressure_to_GPa
from gasearch.workflow.dft.candidate_folders import ExportedCandidate
from gasearch.workflow.dft.refined_document import structure_document

#: Raised by one whenever readers of an older ``electron-phonon.json`` could misread a new one.
FORMAT: Final = 1
SCHEMA: Final = f"electron-phonon-{FORMAT}.schema.json"
#: Of what ``gasearch tc alpha2f --json`` prints.
TC_SCHEMA: Final = "tc-1.schema.json"


def schema(name: str = SCHEMA) -> dict[str, Any]:
    """Return a published JSON Schema."""
    return json.loads((files("gasearch.workflow") / "schemas" / name).read_text(encoding="utf-8"))


def described(candidate: ExportedCandidate, settings: PhSettings, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return whose result it is, and how it was computed."""
    pw = asdict(settings.pw)
    del pw["k_spacing"]
    return {
        "format": FORMAT,
        "schema": SCHEMA,
        "candidate": candidate.folder.name,
        "formula": candidate.crystal.composition.reduced.formula,
        "space_group": candidate.space_group,
        "pressure_GPa": pressure_to_GPa(candidate.pressure),
        "structure": structure_document(candidate.crystal),
        "settings": pw
        | {
            "smearing_step_Ry": settings.smearing_step,
            "tr2_ph": settings.threshold,
            "q_grid": list(settings.q_grid),
            "k_grid": list(settings.k_grid),
            "dense_k_grid": list(settings.dense_grid),
        },
        "provenance": dict(provenance),
    }


def failed(failure: Failure) -> dict[str, Any]:
    """Return why there is no result."""
    return {"failure": {"reason": str(failure.reason), "detail": failure.detail}, "result": None}


def succeeded(
    found: ElectronPhonon, points: Sequence[QPoint], spectrum: Alpha2F | None, scf_pressure: float
) -> dict[str, Any]:
    """Return the result; the interpolated α²F where there is one, and the pressure (eV/Å³) on the coarse grid."""
    return {
        "failure": None,
        "result": found.to_dict()
        | {
            "scf_pressure_GPa": pressure_to_GPa(scf_pressure),
            "interpolated": None if spectrum is None else _spectrum(spectrum),
            "q_points": [_q_point(point, found) for point in points],
        },
    }


def _spectrum(spectrum: Alpha2F) -> dict[str, Any]:
    moments = spectrum.moments()
    return {
        "lambda": moments.lam,
        "omega_log_K": K_PER_THZ * moments.omega_log,
        "omega_THz": spectrum.omega.tolist(),
        "alpha2F": spectrum.values.tolist(),
    }


def _q_point(point: QPoint, found: ElectronPhonon) -> dict[str, Any]:
    squared = THZ_PER_RYDBERG**2 * point.couplings.squared
    return {
        "q": (point.place / np.array(found.q_grid)).tolist(),
        "star": point.star,
        "frequencies_THz": (np.sign(squared) * np.sqrt(np.abs(squared))).tolist(),
        "lambda": point.internal.couplings[found.plateau.middle].tolist(),
    }


def table(candidate: ExportedCandidate, found: ElectronPhonon) -> str:
    """Return what a terminal shows: λ at every smearing, and Tc by every method."""
    plateau = range(found.plateau.first, found.plateau.last + 1)
    head = (
        f"{candidate.crystal.composition.reduced.formula} {candidate.space_group} at "
        f"{pressure_to_GPa(candidate.pressure):.4g} GPa: q {_grid(found.q_grid)}, k {_grid(found.k_grid)}, "
        f"Fermi surface {_grid(found.dense_grid)}"
    )
    lines = [head, "", "smearing (Ry)     λ     ω_log (K)   N(E_F) (states/eV/cell)"]
    for place, (smearing, spectrum, dos) in enumerate(zip(found.smearings, found.spectra, found.dos, strict=True)):
        moments = spectrum.moments()
        mark = "  plateau" if place in plateau else ""
        lines.append(f"{smearing:>9.3f} {moments.lam:>11.4f} {K_PER_THZ * moments.omega_log:>9.1f} {dos:>14.4f}{mark}")
    if found.reference_dos is not None:
        lines.append(f"{'tetrahedra':>12} {'':>18} {found.reference_dos:>14.4f}")
    quoted = found.smearings[found.plateau.middle]
    return "\n".join([*lines, "", f"at the smearing {quoted:.3f} Ry, the middle of the plateau:", tc_text(found.tc)])


def _grid(grid: tuple[int, int, int]) -> str:
    return "×".join(map(str, grid))

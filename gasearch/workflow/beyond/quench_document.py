"""What decompression says of a phase: as plain data, and as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.symmetry import space_group
from gasearch.outcomes import Relaxed
from gasearch.screening.decompression import NO_MINIMUM, Verdict, lowest_minimum
from gasearch.thermodynamics.hull import Hull
from gasearch.units import MEV_PER_EV

#: Å; tolerance of the space groups that are reported.
SYMPREC: Final = 0.05


def against_hull(
    shares: np.ndarray, relaxed: Relaxed, hull: Hull | None, crystals: Sequence[Crystal]
) -> dict[str, Any]:
    """Return where a structure lies against a hull, whose ids are places among crystals; without one, no distance."""
    crystal, enthalpy = relaxed.crystal, relaxed.enthalpy_per_atom
    return {
        "space_group": space_group(crystal, SYMPREC).symbol,
        "volume_A3_per_atom": crystal.volume / len(crystal),
        "enthalpy_eV_per_atom": enthalpy,
        "above_hull_eV_per_atom": None if hull is None else float(hull.above(shares, enthalpy)),
        "decomposes_into": [] if hull is None else _parts(hull, shares, crystals),
    }


def _parts(hull: Hull, shares: np.ndarray, crystals: Sequence[Crystal]) -> list[dict[str, Any]]:
    vertices, parts = hull.decomposition(np.asarray(shares))
    return [
        {
            "formula": crystals[hull.ids[v]].composition.reduced.formula,
            "space_group": space_group(crystals[hull.ids[v]], SYMPREC).symbol,
            "share_of_atoms": float(part),
        }
        for v, part in zip(vertices, parts, strict=True)
        if part > 1e-6
    ]


def phase_document(name: str, formula: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a phase with its rows, pressures descending, and what follows from them."""
    verdicts = [Verdict[row["verdict"].upper()] for row in rows]
    lost = next((row for row, verdict in zip(rows, verdicts, strict=True) if verdict in NO_MINIMUM), None)
    return {
        "name": name,
        "formula": formula,
        "lowest_minimum_GPa": lowest_minimum([row["pressure_GPa"] for row in rows], verdicts),
        "unsure_GPa": [r["pressure_GPa"] for r, v in zip(rows, verdicts, strict=True) if v is Verdict.UNSURE],
        "lost_GPa": None if lost is None else lost["pressure_GPa"],
        "lost_because": None if lost is None else lost["detail"],
        "turns_into": (lost or {}).get("leads_to"),
        "rows": list(rows),
    }


def phase_lines(phase: Mapping[str, Any]) -> list[str]:
    """Return what is said of a phase, a line for each pressure and one for its fate."""
    symbol = next((row["space_group"] for row in phase["rows"] if "space_group" in row), "?")
    return [f"{phase['formula']} {symbol} ({phase['name']})", *map(_row_line, phase["rows"]), f"  {_fate(phase)}"]


def _row_line(row: Mapping[str, Any]) -> str:
    mark = "" if row["within_training_range"] is not False else "   ! beyond the training"
    if "above_hull_eV_per_atom" not in row:
        return f"{row['pressure_GPa']:9.1f} GPa  {row['detail']}{mark}"
    above = MEV_PER_EV * row["above_hull_eV_per_atom"]
    into = " + ".join(f"{part['formula']} {part['space_group']}" for part in row["decomposes_into"])
    against = "on the hull" if above < 1e-3 else f"{above:.1f} meV/atom above {into}"
    return f"{row['pressure_GPa']:9.1f} GPa  {row['space_group']:<10} {against}; {row['detail']}{_by_dft(row)}{mark}"


def _by_dft(row: Mapping[str, Any]) -> str:
    """Return what DFT says of a row, where it was asked."""
    dft = row.get("dft")
    if dft is None:
        return ""
    if "failure" in dft:
        return f"; by DFT nothing: {dft['failure']}"
    changed = "" if dft["kept_its_structure"] else f", as {dft['space_group']}"
    if dft["above_hull_eV_per_atom"] is None:
        return f"; by DFT without a hull{changed}"
    return f"; by DFT {MEV_PER_EV * dft['above_hull_eV_per_atom']:.1f} meV/atom above its hull{changed}"


def _fate(phase: Mapping[str, Any]) -> str:
    lowest, lost, unsure = phase["lowest_minimum_GPa"], phase["lost_GPa"], phase["unsure_GPa"]
    known = [row for row in phase["rows"] if row["pressure_GPa"] == lowest]
    beyond = ", beyond the training" if known and known[0]["within_training_range"] is False else ""
    said = ["nowhere known to be a minimum" if lowest is None else f"a minimum down to {lowest:.1f} GPa{beyond}"]
    if below := [pressure for pressure in unsure if lowest is None or pressure < lowest]:
        said.append(f"the potential cannot tell from {max(below):.1f} to {min(below):.1f} GPa")
    into = f", and becomes {phase['turns_into']['space_group']}" if phase["turns_into"] else ""
    said.append("lost nowhere" if lost is None else f"lost at {lost:.1f} GPa{into}")
    return "; ".join(said)

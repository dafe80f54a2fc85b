"""The report of a run: what its files say, gathered for one page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.symmetry import conventional
from gasearch.evolution.candidate import Outcome
from gasearch.report.figures import HullPoint
from gasearch.report.page import write_page
from gasearch.units import MEV_PER_EV
from gasearch.workflow.archive_store import ArchiveStore
from gasearch.workflow.pictures import hull_deficits, hull_edges, hull_points, refined_points
from gasearch.workflow.refined_document import structure_document, structure_from
from gasearch.workflow.run_directory import RunDirectory
from gasearch.workflow.snapshots import has_dft_hull, hull_snapshot, snapshot
from gasearch.workflow.summary import SYMMETRY_TOLERANCES, undoubted


def write_report(directory: RunDirectory, path: Path | None = None, texts: Mapping[str, Path] = {}) -> Path:
    """Write the report of a finished, running or killed run; return its file, ``report.html`` unless given.

    Parameters
    ----------
    directory : RunDirectory
    path : Path or None
    texts : mapping
        Files that the page quotes in full, besides the input, by their titles.

    Raises
    ------
    RunDirectoryError
        If the run has no hull yet, or a file cannot be read or written.
    """
    path = path or directory.path / "report.html"
    write_page(page_document(directory, texts), path)
    return path


def page_document(directory: RunDirectory, texts: Mapping[str, Path] = {}) -> dict[str, Any]:
    """Return what the page shows, as plain data; enthalpies of the potential and of DFT in lists of their own."""
    found, summary = hull_snapshot(directory), snapshot(directory.summary)
    outcomes = {outcome.id: outcome for outcome in ArchiveStore(directory.archive).outcomes()}
    methods = [_by_potential(found, summary["potential"], outcomes), *_by_dft(directory)]
    relaxations, deficits = hull_deficits(summary)
    on_hull = [phase["candidate"] for phase in found["phases"] if phase["on_hull"]]
    return {
        "endpoints": found["endpoints"],
        "pressure_GPa": found["pressure_GPa"],
        "state": _state(summary),
        "footer": f"gasearch {version('gasearch')}",
        "methods": methods,
        "elements": _elements(phase["structure"] for method in methods for phase in method["phases"]),
        "story": {
            "relaxations": relaxations,
            "deficits_meV_per_atom": [MEV_PER_EV * deficit for deficit in deficits],
        },
        "operators": [{"name": name} | values for name, values in summary["operators"].items()],
        "times": _times(summary),
        "failures": [{"name": n.replace("_", " "), "candidates": k} for n, k in summary["failures"].items()],
        "on_hull": on_hull,
        "ancestors": _ancestors(on_hull, outcomes),
        "texts": [
            {"title": title, "text": file.read_text(encoding="utf-8")}
            for title, file in {"Input, with every default": directory.input, **texts}.items()
        ],
    }


def _by_potential(found: Mapping[str, Any], name: str, outcomes: Mapping[int, Outcome]) -> dict[str, Any]:
    phases = undoubted(found)
    return {
        "name": name,
        "edges": hull_edges(phases),
        "phases": [
            _phase(point, phase)
            | {
                "origin": phase["operator"],
                **_structures(outcomes[phase["candidate"]].result.crystal, point),
                "facts": {"candidate": str(phase["candidate"]), "space group, tight": phase["space_group_tight"]},
            }
            for point, phase in zip(hull_points(phases, len(found["endpoints"])), phases, strict=True)
        ],
    }


def _by_dft(directory: RunDirectory) -> list[dict[str, Any]]:
    """Return what DFT says, if it was asked for a phase of every endpoint."""
    if not has_dft_hull(directory):
        return []
    document = snapshot(directory.refined_phases)
    phases = document["phases"]
    judged = [
        {"shares": phase["shares"]} | {key: phase["dft"][key] for key in ("on_hull", "enthalpy_eV_per_atom")}
        for phase in phases
    ]
    return [
        {
            "name": "DFT",
            "edges": hull_edges(judged),
            "phases": [
                _phase(point, phase)
                | {"origin": phase["origin"], "facts": _electrons(phase["electrons"])}
                | _structures(structure_from(phase["structure"]), point)
                for point, phase in zip(refined_points(phases, "dft"), phases, strict=True)
            ],
        }
    ]


def _phase(point: HullPoint, phase: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "formula": point.formula,
        "space_group": point.space_group,
        "atoms": phase["atoms"],
        "shares": point.shares,
        "formation_meV_per_atom": MEV_PER_EV * point.formation,
        "above_hull_meV_per_atom": MEV_PER_EV * point.above,
        "stable": point.stable,
        "volume_A3_per_atom": point.volume,
    }


def _structures(crystal: Crystal, point: HullPoint) -> dict[str, Any]:
    """Return the relaxed structure, and of a stable one the conventional cell, in which it is drawn."""
    drawn = {"drawn": structure_document(conventional(crystal, SYMMETRY_TOLERANCES[-1]))} if point.stable else {}
    return {"structure": structure_document(crystal)} | drawn


def _electrons(found: Mapping[str, Any] | None) -> dict[str, str]:
    if found is None or "failure" in found:
        return {}
    if not found["metal"]:
        return {"gap (eV)": f"{found['gap_eV']:.2f}"}
    return {"metal, states at E_F (1/eV/atom)": f"{found['dos_at_fermi_per_eV']['atom']:.3f}"}


def _state(summary: Mapping[str, Any]) -> str:
    finished = summary["finished"] or "not finished"
    return (
        f"{finished}; {summary['candidates']} candidates, {summary['relaxations']} relaxations, "
        f"{summary['individuals']} individuals, {summary['duplicates']} duplicates, "
        f"{summary['elapsed_s']:.0f} s on {summary['ranks']} rank{'s' if summary['ranks'] > 1 else ''}"
    )


def _times(summary: Mapping[str, Any]) -> list[dict[str, Any]]:
    total = sum(summary["seconds"].values()) or 1.0
    return [{"name": name, "seconds": s, "share": s / total} for name, s in summary["seconds"].items()]


def _ancestors(ids: Sequence[int], outcomes: Mapping[int, Outcome]) -> dict[int, dict[str, Any]]:
    """Return the candidates and all from which they descend."""
    known: dict[int, dict[str, Any]] = {}
    waiting = list(ids)
    while waiting:
        outcome = outcomes[waiting.pop()]
        known[outcome.id] = {
            "formula": outcome.result.crystal.composition.formula,
            "operator": outcome.operator,
            "parents": list(outcome.parents),
        }
        waiting += [parent for parent in outcome.parents if parent not in known]
    return known


def _elements(structures: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return how to draw each element: covalent radius, Å, and colour."""
    from ase.data import covalent_radii
    from ase.data.colors import jmol_colors

    found = sorted({symbol for structure in structures for symbol in structure["symbols"]})
    numbers = [SYMBOLS.index(symbol) for symbol in found]
    return {
        symbol: {"radius_A": float(covalent_radii[z]), "colour": f"rgb{tuple(round(255 * c) for c in jmol_colors[z])}"}
        for symbol, z in zip(found, numbers, strict=True)
    }

"""The report of a run: what its files say, gathered for one page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.symmetry import conventional
from gasearch.evolution.candidate import Outcome
from gasearch.report.figures import HullPoint
from gasearch.report.page import write_page
from gasearch.units import MEV_PER_EV
from gasearch.workflow.coupling.couplings import Coupling, couplings
from gasearch.workflow.dft.refined_document import structure_document, structure_from
from gasearch.workflow.record.archive_store import ArchiveStore
from gasearch.workflow.record.pictures import hull_deficits, hull_edges, hull_points, refined_points
from gasearch.workflow.record.run_directory import RunDirectory
from gasearch.workflow.record.snapshots import has_dft_hull, hull_snapshot, method_of, snapshot
from gasearch.workflow.record.summary import SYMMETRY_TOLERANCES, undoubted
from gasearch.workflow.view.page_physics import physics, trust

#: Of lengths, Å, and fractional coordinates on the page.
_DIGITS: Final = 6


@dataclass(frozen=True)
class ReportedRun:
    """A run, and where there is more about it.

    Parameters
    ----------
    directory : RunDirectory
    card : Path or None
        The card.toml of its potential.
    candidates : Path or None
        Where its metals were exported to; None for the folder in its directory.
    """

    directory: RunDirectory
    card: Path | None = None
    candidates: Path | None = None


def write_report(runs: Sequence[ReportedRun], path: Path | None = None, refresh_s: float | None = None) -> Path:
    """Write the report of finished, running or killed runs; return its file, ``report.html`` of the first unless given.

    Runs of other systems or other pressures are a choice on the same page.

    Parameters
    ----------
    runs : sequence of ReportedRun
    path : Path or None
    refresh_s : float or None
        Seconds after which the page loads itself again; None for never.

    Raises
    ------
    RunDirectoryError
        If a run has no hull yet, or a file cannot be read or written.
    """
    path = path or runs[0].directory.path / "report.html"
    documents = [page_document(run) for run in runs]
    write_page(sorted(documents, key=lambda one: (one["endpoints"], one["pressure_GPa"])), path, refresh_s)
    return path


def page_document(run: ReportedRun) -> dict[str, Any]:
    """Return what the page shows of a run; enthalpies of the potential and of DFT in lists of their own."""
    directory = run.directory
    found, summary = hull_snapshot(directory), snapshot(directory.summary)
    outcomes = {outcome.id: outcome for outcome in ArchiveStore(directory.archive).outcomes()}
    methods = [
        _by_potential(found, summary["potential"], outcomes),
        *_by_dft(directory, couplings(run.candidates or directory.candidates)),
    ]
    relaxations, deficits = hull_deficits(summary)
    on_hull = [phase["candidate"] for phase in found["phases"] if phase["on_hull"]]
    texts = {"Input, with every default": directory.input}
    if run.card:
        texts["Potential: what it was trained on, and its errors"] = run.card
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
        "trust": trust(summary["potential"], run.card, found["pressure_GPa"], summary["doubtful"]),
        "texts": [{"title": title, "text": file.read_text(encoding="utf-8")} for title, file in texts.items()],
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


def _by_dft(directory: RunDirectory, known: Mapping[str, Coupling]) -> list[dict[str, Any]]:
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
            "name": method_of(document),
            "edges": hull_edges(judged),
            "phases": [
                _phase(point, phase)
                | {
                    "origin": phase["origin"],
                    "facts": _by_mlip(phase["mlip"]) | _electrons(phase["electrons"]),
                    **_structures(structure_from(phase["structure"]), point),
                    **physics(directory, phase, known.get(phase["name"])),
                }
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
    drawn = {"drawn": _structure(conventional(crystal, SYMMETRY_TOLERANCES[-1]))} if point.stable else {}
    return {"structure": _structure(crystal)} | drawn


def _structure(crystal: Crystal) -> dict[str, Any]:
    """Return a structure in the digits of a CIF."""
    document = structure_document(crystal)
    return document | {
        key: [[round(x, _DIGITS) for x in row] for row in document[key]] for key in ("cell_A", "fractional")
    }


def _by_mlip(values: Mapping[str, Any] | None) -> dict[str, str]:
    if values is None:
        return {}
    return {"above hull by the potential (meV/atom)": f"{MEV_PER_EV * values['above_hull_eV_per_atom']:.1f}"}


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

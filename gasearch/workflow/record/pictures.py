"""Figures of a run, drawn from its snapshots: of finished, running and killed runs alike."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gasearch.evolution.descriptors import with_unit
from gasearch.files import writing_to
from gasearch.report.comparison import Moved, plot_hulls
from gasearch.report.electrons import plot_electrons
from gasearch.report.figures import (
    HullPoint,
    formula_text,
    number_text,
    plot_hull,
    plot_progress,
    space_group_text,
)
from gasearch.report.front import FrontPicture, plot_fronts
from gasearch.thermodynamics.hull import Hull, endpoint_enthalpies
from gasearch.workflow.record.electrons import electron_picture, electrons_file, has_electrons
from gasearch.workflow.record.run_directory import RunDirectory
from gasearch.workflow.record.snapshots import has_dft_hull, hull_snapshot, method_of, snapshot
from gasearch.workflow.record.summary import undoubted

#: Enthalpy differences that rounding may cause, eV/atom.
_ROUNDING = 1e-7


def draw(directory: RunDirectory) -> list[Path]:
    """Draw the hull and the search's progress as PNG and SVG into the directory; return the files."""
    document = hull_snapshot(directory)
    phases, endpoints, pressure = undoubted(document), document["endpoints"], document["pressure_GPa"]
    points = hull_points(phases, len(endpoints))
    progress = hull_deficits(snapshot(directory.summary))
    with writing_to(directory.path):
        files = plot_hull(points, endpoints, pressure, directory.path / "hull", hull_edges(phases))
        return files + plot_progress(*progress, directory.path / "progress")


def draw_front(directory: RunDirectory) -> list[Path]:
    """Draw the Pareto front as PNG and SVG into the directory, a panel for each aim; none where there is no other."""
    document = hull_snapshot(directory)
    aims, pressure = document.get("aims", {}), number_text(document["pressure_GPa"])
    if not aims:
        return []
    front, behind = document["front"], document["behind"]
    points = [
        HullPoint(
            formula=phase["formula"],
            space_group=phase["space_group"],
            shares=tuple(phase["shares"]),
            formation=np.nan,
            above=phase["above_hull_eV_per_atom"],
            volume=phase["volume_A3_per_atom"],
        )
        for phase in front
    ]
    pictures = [
        FrontPicture(
            aim=with_unit(name).rpartition(".")[2].replace("_", " "),
            highest=way == "highest",
            values=np.array([phase["aims"][name] for phase in front]),
            points=points,
            others=np.array([[one["above_hull_eV_per_atom"], one[name]] for one in behind]).reshape(-1, 2),
        )
        for name, way in aims.items()
    ]
    title = f"{'–'.join(map(formula_text, document['endpoints']))} at {pressure} GPa: Pareto front"
    with writing_to(directory.path):
        return plot_fronts(pictures, title, directory.path / "front")


def hull_deficits(summary: Mapping[str, Any]) -> tuple[list[int], list[float]]:
    """Return relaxations, and how far (eV per atom) the hull lay above the final one from there on; the end is last."""
    changes = summary["hull_deficit"]
    relaxations = [change["relaxations"] for change in changes]
    deficits = [change["deficit_eV_per_atom"] for change in changes]
    return [*relaxations, summary["relaxations"]], [*deficits, 0.0]


def draw_comparison(directory: RunDirectory) -> list[Path]:
    """Draw the potential's and the DFT hull as PNG and SVG into the directory; return the files.

    There are none before a refinement has found a phase of every endpoint.
    """
    if not has_dft_hull(directory):
        return []
    document = snapshot(directory.refined_phases)
    phases = [
        Moved(_refined_point(phase, "dft"), _refined_point(phase, "mlip") if phase["mlip"] else None)
        for phase in document["phases"]
    ]
    found = snapshot(directory.hull)
    hull = [point for point in hull_points(undoubted(found), len(found["endpoints"])) if point.stable]
    with writing_to(directory.path):
        path, method = directory.path / "hull-dft", method_of(document)
        return plot_hulls(phases, hull, document["endpoints"], document["pressure_GPa"], path, method)


def refined_points(phases: Sequence[Mapping[str, Any]], method: str) -> list[HullPoint]:
    """Return the phases of a refined.json by a method, ``dft`` or ``mlip``, as a figure shows them."""
    return [_refined_point(phase, method) for phase in phases]


def draw_electrons(directory: RunDirectory) -> list[Path]:
    """Draw bands and densities of states, beside their data; return the files."""
    if not directory.refined_phases.exists():
        return []
    document = snapshot(directory.refined_phases)
    files = []
    for phase in document["phases"]:
        data = electrons_file(directory, phase["name"])
        if has_electrons(phase) and data.exists():
            title = f"{formula_text(phase['formula'])} {space_group_text(phase['space_group'])} at "
            title += f"{number_text(document['pressure_GPa'])} GPa"
            with writing_to(directory.electrons):
                files += plot_electrons(electron_picture(snapshot(data)), title, data.with_suffix(".png"))
    return files


def _refined_point(phase: Mapping[str, Any], method: str) -> HullPoint:
    return HullPoint(
        formula=phase["formula"],
        space_group=phase["space_group"],
        shares=tuple(phase["shares"]),
        formation=phase[method]["formation_eV_per_atom"],
        above=phase[method]["above_hull_eV_per_atom"],
        volume=phase["volume_A3_per_atom"],
    )


def hull_points(phases: Sequence[Mapping[str, Any]], n_endpoints: int) -> list[HullPoint]:
    """Return the phases of a hull.json as a figure shows them; every endpoint is among them."""
    shares = np.array([phase["shares"] for phase in phases]).reshape(-1, n_endpoints)
    enthalpies = np.array([phase["enthalpy_eV_per_atom"] for phase in phases])
    formation = enthalpies - shares @ endpoint_enthalpies(shares, enthalpies)
    return [
        HullPoint(
            formula=phase["formula"],
            space_group=phase["space_group"],
            shares=tuple(phase["shares"]),
            formation=float(value),
            above=phase["above_hull_eV_per_atom"],
            volume=phase["volume_A3_per_atom"],
        )
        for phase, value in zip(phases, formation, strict=True)
    ]


def hull_edges(phases: Sequence[Mapping[str, Any]]) -> list[tuple[int, int]]:
    """Return the pairs of phases, by place, that an edge of the hull joins."""
    places = np.array([place for place, phase in enumerate(phases) if phase["on_hull"]])
    shares = np.array([phases[place]["shares"] for place in places])
    enthalpies = np.array([phases[place]["enthalpy_eV_per_atom"] for place in places])
    hull = Hull.of(places, shares, enthalpies)
    on_facet = np.abs(hull.shares @ hull.potentials.T - hull.enthalpies[:, None]) < _ROUNDING
    pairs = itertools.combinations(range(len(hull.ids)), 2)
    return [(int(hull.ids[a]), int(hull.ids[b])) for a, b in pairs if (on_facet[a] & on_facet[b]).any()]

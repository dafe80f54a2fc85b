"""Refined phases as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gasearch.evolution.descriptors import with_unit
from gasearch.units import MEV_PER_EV
from gasearch.workflow.dft.phonons import verdict_of
from gasearch.workflow.record.run_directory import RunDirectory
from gasearch.workflow.record.snapshots import method_of

_LINE = "{:<10}{:<12}{:>6}{:>12}{:>12}{:>12}  {:<9} {}"


def dft_lines(directory: RunDirectory, document: Mapping[str, Any]) -> Iterator[str]:
    """Yield a table of the phases of refined.json, nearest to the DFT hull first, and what is known of the elements.

    Energies are in meV per atom; N(EF) in states per eV and cell.
    """
    yield _LINE.format(
        "formula", "space group", "atoms", f"above: {method_of(document)}", "potential", "N(EF)", "phonons", "from"
    )
    for phase in document["phases"]:
        if phase["same_as"] is None:
            yield _phase_line(phase, verdict_of(directory, phase))
    for reference in document["references"]:
        above = reference["search_above_reference_eV_per_atom"]
        if above is not None:
            yield (
                f"{reference['endpoint']}: the search's lowest phase lies {MEV_PER_EV * above:+.1f} meV/atom "
                f"from {reference['reference']}"
            )
    window = document["window"]
    yield f"up to {window['meV_per_atom']:.0f} meV/atom above the potential's hull: {window['reason']}"


def front_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the Pareto front of hull.json, nearest to the hull first; nothing where the hull was the only aim."""
    if not (aims := document.get("aims")):
        return
    told = ", ".join(f"{name} {way}" for name, way in aims.items())
    yield ""
    yield f"Pareto front of {told} and nearest to the hull: {len(document['front'])} of {_ranked(document)} compounds"
    yield f"{'formula':<14}{'space group':<13}{'above hull (meV/atom)':>23}" + "".join(
        f"  {with_unit(name):>22}" for name in aims
    )
    for phase in document["front"]:
        values = "".join(f"  {phase['aims'][name]:>22.4g}" for name in aims)
        above = MEV_PER_EV * phase["above_hull_eV_per_atom"]
        yield f"{phase['formula']:<14}{phase['space_group']:<13}{above:>23.1f}{values}"


def _ranked(document: Mapping[str, Any]) -> int:
    return len(document["front"]) + len(document["behind"])


def _phase_line(phase: Mapping[str, Any], verdict: Mapping[str, Any] | None) -> str:
    return _LINE.format(
        phase["formula"],
        phase["space_group"],
        phase["atoms"],
        _meV(phase["dft"]["above_hull_eV_per_atom"]),
        _meV(phase["mlip"]["above_hull_eV_per_atom"] if phase["mlip"] else None),
        _states(phase["electrons"]),
        verdict["verdict"] if verdict else "-",
        phase["name"],
    )


def _meV(energy: float | None) -> str:
    return "-" if energy is None else f"{MEV_PER_EV * energy:.1f}"


def _states(electrons: Mapping[str, Any] | None) -> str:
    if not electrons or "failure" in electrons:
        return "-"
    return f"{electrons['dos_at_fermi_per_eV']['cell']:.3f}" if electrons["metal"] else f"gap {electrons['gap_eV']:.2f}"

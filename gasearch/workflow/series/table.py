"""What all runs of a series have found: one table, and the metals in the order of their Tc."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from gasearch.files import replace_text
from gasearch.learning.ranking import TcModel, Verdict, rank
from gasearch.units import MEV_PER_EV
from gasearch.workflow.coupling.couplings import Coupling, couplings
from gasearch.workflow.dft.phonons import verdict_of
from gasearch.workflow.record.run_directory import RunDirectory
from gasearch.workflow.record.snapshots import has_dft_hull, snapshot
from gasearch.workflow.record.summary import hull_phases, undoubted
from gasearch.workflow.series.directory import SeriesDirectory, State

#: Enthalpy above its hull, eV per atom, up to which a phase is in the table, and a metal in the ranking.
WINDOW: Final = 0.05
_POTENTIAL, _DFT = "potential", "DFT"
#: What a phase has for the models and for the order alone.
_INSIDE: Final = ("structure", "electrons", "shares")


def series_document(series: SeriesDirectory, models: Sequence[TcModel] = ()) -> dict[str, Any]:
    """Return the table of a series, finished or not, and its ranking, as plain data.

    Phases are those by DFT where a run has a DFT hull, and those of the potential elsewhere: ``method`` says which.

    Parameters
    ----------
    series : SeriesDirectory
    models : sequence of TcModel
        Those that rank what has no computed Tc; the first that knows a phase speaks.
    """
    record = series.document()
    phases = {row["run"]: _phases(series, row) for row in record["runs"]}
    found = [phase for of_run in phases.values() for phase in of_run]
    return {
        "runs": [_run(row, phases[row["run"]]) for row in record["runs"]],
        "phases": [{key: value for key, value in phase.items() if key not in _INSIDE} for phase in found],
        "ranking": ranking(found, models),
    }


def ranking(phases: Sequence[Mapping[str, Any]], models: Sequence[TcModel]) -> list[dict[str, Any]]:
    """Return what may superconduct, highest Tc first: computed where it was, expected by a model elsewhere.

    Metals by DFT; where DFT was not asked, what is on the potential's hull and known to a model. Metals without a Tc
    come last, ordered by their density of states.
    """
    known = {str(place): phase for place, phase in enumerate(phases) if _may_superconduct(phase)}
    rows = []
    for verdict in rank(known, models):
        phase = known[verdict.name]
        about = {key: phase[key] for key in ("run", "system", "formula", "space_group", "pressure_GPa", "method")}
        above = {"above_hull_meV_per_atom": phase["above_hull_meV_per_atom"]}
        tc = _tc(phase, verdict) | {"dos_per_eV_and_atom": verdict.dos_per_eV_and_atom}
        if phase["metal"] or tc["tc_K"] is not None:
            rows.append(about | above | tc)
    return sorted(rows, key=lambda row: (row["tc_K"] is None, -(row["tc_K"] or 0.0)))


def _may_superconduct(phase: Mapping[str, Any]) -> bool:
    return phase["on_hull"] if phase["method"] == _POTENTIAL else bool(phase["metal"])


def _tc(phase: Mapping[str, Any], verdict: Verdict) -> dict[str, Any]:
    if phase["tc_K"] is not None:
        return {"tc_K": phase["tc_K"], "deviation_K": None, "from": phase["tc_from"]}
    computed = phase["tc_from"] or "not computed"
    if verdict.tc is None:
        return {"tc_K": None, "deviation_K": None, "from": f"{computed}; {verdict.reason}"}
    return {"tc_K": verdict.tc, "deviation_K": verdict.deviation, "from": f"learned, {verdict.reason}; {computed}"}


def _run(row: Mapping[str, Any], phases: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "run": row["run"],
        "system": "–".join(row["endpoints"]),
        "pressure_GPa": row["pressure_GPa"],
        "state": row["state"],
        "problem": row["problem"],
        "method": phases[0]["method"] if phases else None,
        "hull": [f"{phase['formula']} {phase['space_group']}" for phase in hull_phases(phases)],
    }


def _phases(series: SeriesDirectory, row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the phases of a run near its hull, nearest first; none before it has a hull."""
    directory = series.run(row["run"]).latest()
    if not directory.hull.is_file():
        return []
    about = {"run": row["run"], "system": "–".join(row["endpoints"]), "pressure_GPa": row["pressure_GPa"]}
    if not has_dft_hull(directory):
        found = undoubted(snapshot(directory.hull))
        return [about | _by_potential(phase) for phase in found if phase["above_hull_eV_per_atom"] <= WINDOW]
    known = couplings(Path(row["candidates"]) if row["candidates"] else directory.candidates)
    return [
        about | _by_dft(phase, directory, known.get(phase["name"]))
        for phase in snapshot(directory.refined_phases)["phases"]
        if phase["same_as"] is None and phase["dft"]["above_hull_eV_per_atom"] <= WINDOW
    ]


def _by_potential(phase: Mapping[str, Any]) -> dict[str, Any]:
    unknown = ("metal", "phonons", "tc_K", "tc_from", "structure", "electrons")
    return _phase(phase, phase, _POTENTIAL) | dict.fromkeys(unknown)


def _by_dft(phase: Mapping[str, Any], directory: RunDirectory, coupling: Coupling | None) -> dict[str, Any]:
    electrons = phase["electrons"] if phase["electrons"] and "failure" not in phase["electrons"] else None
    verdict = verdict_of(directory, phase)
    return _phase(phase, phase["dft"], _DFT) | {
        "metal": electrons["metal"] if electrons else None,
        "phonons": verdict["verdict"] if verdict else None,
        "tc_K": coupling.tc if coupling else None,
        "tc_from": coupling.method if coupling else None,
        "structure": phase["structure"],
        "electrons": electrons,
    }


def _phase(phase: Mapping[str, Any], values: Mapping[str, Any], method: str) -> dict[str, Any]:
    return {
        "method": method,
        "formula": phase["formula"],
        "space_group": phase["space_group"],
        "atoms": phase["atoms"],
        "shares": phase["shares"],
        "above_hull_meV_per_atom": MEV_PER_EV * values["above_hull_eV_per_atom"],
        "on_hull": values["on_hull"],
    }


# -- written ----------------------------------------------------------------------------------------------------


def write_tables(document: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write the table and the ranking as CSV and everything as JSON; return the files."""
    files = [folder / "phases.csv", folder / "ranking.csv", folder / "table.json"]
    texts = as_csv(document["phases"]), as_csv(document["ranking"]), json.dumps(document, indent=1) + "\n"
    for file, text in zip(files, texts, strict=True):
        replace_text(file, text)
    return files


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows with the same keys as CSV, its header first; nothing for no rows."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()


def text_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table and the ranking as a terminal shows them."""
    width = max([6, *(len(run["system"]) for run in document["runs"])]) + 2
    yield f"{'system':<{width}}{'P (GPa)':>8}  {'by':<11}hull"
    for run in document["runs"]:
        yield f"{run['system']:<{width}}{run['pressure_GPa']:>8g}  {run['method'] or '-':<11}{_hull(run)}"
    if not document["ranking"]:
        return
    yield ""
    yield f"{'Tc (K)':>14}  {'formula':<10}{'space group':<13}{'P (GPa)':>8}  {'by':<11}{'system':<{width}}Tc from"
    for row in document["ranking"]:
        yield (
            f"{_tc_text(row):>14}  {row['formula']:<10}{row['space_group']:<13}{row['pressure_GPa']:>8g}  "
            f"{row['method']:<11}{row['system']:<{width}}{row['from']}"
        )


def _hull(run: Mapping[str, Any]) -> str:
    state = {State.FAILED: f"failed: {run['problem']}", State.WAITING: "waiting"}.get(run["state"], "")
    return "; ".join(part for part in (", ".join(run["hull"]), state.partition("\n")[0]) if part)


def _tc_text(row: Mapping[str, Any]) -> str:
    if row["tc_K"] is None:
        return "–"
    return f"{row['tc_K']:.1f}" if row["deviation_K"] is None else f"{row['tc_K']:.0f} ± {row['deviation_K']:.0f}"

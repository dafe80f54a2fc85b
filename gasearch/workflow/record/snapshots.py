"""What a run has written for others to read: finished, running and killed runs alike."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gasearch.errors import RunDirectoryError
from gasearch.workflow.record.run_directory import RunDirectory


def snapshot(path: Path) -> dict[str, Any]:
    """Read hull.json or summary.json; `RunDirectoryError` if the run has not come so far."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunDirectoryError(
            f"there is no {path} yet: a run writes it after some seconds; "
            "if the run was killed before that, start it again"
        ) from error
    except (OSError, ValueError) as error:
        raise RunDirectoryError(f"{path} cannot be read ({error}): run again to have it written anew") from error


def hull_snapshot(directory: RunDirectory) -> dict[str, Any]:
    """Read hull.json; `RunDirectoryError` if there is no hull yet."""
    document = snapshot(directory.hull)
    if not document["complete"]:
        raise RunDirectoryError(f"{directory.path} has no hull yet: an endpoint is still without a phase; wait")
    return document


def refined_snapshot(directory: RunDirectory) -> dict[str, Any]:
    """Read refined.json; `RunDirectoryError` if DFT was not asked."""
    if not directory.refined_phases.exists():
        path = directory.above or directory.path
        raise RunDirectoryError(f"{path} was not refined: run `gasearch refine {path}` first")
    return snapshot(directory.refined_phases)


def method_of(document: Mapping[str, Any]) -> str:
    """Return the name of what refined the phases of a refined.json: DFT, or that of a calculator of ASE."""
    return (document["settings"].get("ase_calculator") or "DFT").rpartition(".")[2]


def dft_hull_snapshot(directory: RunDirectory) -> dict[str, Any]:
    """Read refined.json; `RunDirectoryError` if DFT was not asked, or has not relaxed a phase of every endpoint."""
    document = refined_snapshot(directory)
    if not document["complete"]:
        path = directory.above or directory.path
        raise RunDirectoryError(f"{path} has no DFT hull: an endpoint has no refined phase; see its failures")
    return document


def has_dft_hull(directory: RunDirectory) -> bool:
    """Tell whether DFT has relaxed a phase of every endpoint."""
    return directory.refined_phases.exists() and snapshot(directory.refined_phases)["complete"]

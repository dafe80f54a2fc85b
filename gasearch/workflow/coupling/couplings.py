"""Electron–phonon couplings that were computed for a run's exported metals, found again for tables and pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from gasearch.errors import InputError
from gasearch.workflow.dft.candidate_folders import FILE

_RESULT = "electron-phonon.json"


@dataclass(frozen=True, eq=False)
class Coupling:
    """What is known of one metal.

    Parameters
    ----------
    folder : Path
        Of the finest grid of q-points that has a result; of the finest one, where none has.
    document : mapping
        Its ``electron-phonon.json``.
    """

    folder: Path
    document: Mapping[str, Any]

    @property
    def tc(self) -> float | None:
        """Tc by the preferred method, K; None where the calculation failed."""
        result = self.document["result"]
        return None if result is None else result["tc"]["tc_K"][result["tc"]["preferred"]]

    @property
    def method(self) -> str:
        """How Tc was computed, or why there is none."""
        result, settings = self.document["result"], self.document["settings"]
        if result is None:
            return f"no Tc: {self.document['failure']['reason']}"
        grid = "×".join(map(str, settings["q_grid"]))
        unconverged = "" if result["converged_in_q"] else ", unconverged in q"
        return f"{result['tc']['preferred']}, μ* {result['tc']['mu_star']:.2f}, q {grid}{unconverged}"


def couplings(candidates: Path) -> dict[str, Coupling]:
    """Return the couplings of the metals in a folder that `gasearch.workflow.dft.export` wrote, by their phases' names.

    Raises
    ------
    InputError
        If a file cannot be read.
    """
    found = {}
    for file in sorted(candidates.glob(f"*/{FILE}")):
        grids = [
            Coupling(result.parent, _read(result))
            for result in sorted((candidates / "tc" / file.parent.name).glob(f"q-*/{_RESULT}"))
        ]
        if grids:
            found[_read(file)["provenance"]["candidate"]] = max(grids, key=_fineness)
    return found


def _fineness(coupling: Coupling) -> tuple[bool, int]:
    return coupling.document["result"] is not None, prod(coupling.document["settings"]["q_grid"])


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}): compute or export it again") from error

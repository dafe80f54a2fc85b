"""What a page shows besides enthalpies: electrons, phonons, α²F and Tc of refined phases, and the potential's card."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gasearch.potential.card import read_card
from gasearch.report.electrons import ELECTRON_WINDOW
from gasearch.superconductivity.alpha2f import Alpha2F
from gasearch.workflow.coupling.couplings import Coupling
from gasearch.workflow.dft.phonons import verdict_of
from gasearch.workflow.record.electrons import electrons_file
from gasearch.workflow.record.run_directory import RunDirectory
from gasearch.workflow.record.snapshots import snapshot


def physics(directory: RunDirectory, phase: Mapping[str, Any], coupling: Coupling | None) -> dict[str, Any]:
    """Return what was computed for a phase of refined.json; what was not is left out."""
    data, verdict = electrons_file(directory, phase["name"]), verdict_of(directory, phase)
    return {
        **({"electrons": _electrons(snapshot(data))} if data.exists() else {}),
        **({"phonons": _phonons(verdict)} if verdict else {}),
        **({"coupling": _coupling(coupling)} if coupling else {}),
    }


def _electrons(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return an electronic structure in the window that figures show, in the digits that a screen can show."""
    energies, bands = np.array(document["energies_eV"]), np.array(document["bands_eV"])
    shown = (energies >= ELECTRON_WINDOW[0]) & (energies <= ELECTRON_WINDOW[1])
    dos = {"total": document["dos_per_eV_and_cell"], **document["projections"]}
    in_window = [band for band in bands.T if band.max() >= ELECTRON_WINDOW[0] and band.min() <= ELECTRON_WINDOW[1]]
    return {
        "energies_eV": _digits(energies[shown], 3),
        "dos": {name: _digits(np.array(values)[shown], 4) for name, values in dos.items()},
        "distances": _digits(np.array(document["path_distances_per_A"])[: len(bands)], 4),
        "bands_eV": [_digits(band, 3) for band in in_window],
        "ticks": document["path_ticks"],
    }


def _phonons(verdict: Mapping[str, Any]) -> dict[str, Any]:
    modes = [
        {"q": mode["wave_vector"], "frequency_THz": mode["frequency_THz"], "shares": mode["shares"]}
        for mode in verdict["soft_modes"]
    ]
    return {key: verdict[key] for key in ("verdict", "detail", "supercell", "lowest_THz", "highest_THz")} | {
        "soft_modes": modes
    }


def _coupling(coupling: Coupling) -> dict[str, Any]:
    result = coupling.document["result"]
    if result is None:
        return {"failure": coupling.method}
    tc, picture = result["tc"], coupling.folder / "phonons.png"
    return {
        "method": coupling.method,
        "lambda": tc["lambda"],
        "omega_log_K": tc["omega_log_K"],
        "gap_meV": tc["gap_meV"],
        "smearing_Ry": tc["smearing"],
        "converged_in_q": result["converged_in_q"],
        "tc_K_by_mu_star": tc["tc_K_by_mu_star"],
        "by_smearing": [[row["smearing_Ry"], row["lambda"], row["omega_log_K"]] for row in result["by_smearing"]],
        "warnings": [*result["warnings"], *tc["warnings"]],
        **({"spectrum": _spectrum(result["interpolated"])} if result["interpolated"] else {}),
        **({"picture": _data_url(picture)} if picture.exists() else {}),
    }


def _spectrum(interpolated: Mapping[str, Any]) -> dict[str, Any]:
    omega, values = np.array(interpolated["omega_THz"]), np.array(interpolated["alpha2F"])
    return {
        "omega_THz": _digits(omega, 4),
        "alpha2F": _digits(values, 5),
        "cumulative": _digits(Alpha2F(omega, values).cumulative(), 4),
    }


def _data_url(picture: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(picture.read_bytes()).decode()


def _digits(values: np.ndarray, digits: int) -> list[float]:
    return np.round(values, digits).tolist()


def trust(name: str, card: Path | None, pressure_GPa: float, doubtful: int) -> list[tuple[str, str]]:
    """Return what speaks for and against a potential at a pressure, as terms and their values.

    Parameters
    ----------
    name : str
    card : Path or None
        Its card.toml, where there is one.
    pressure_GPa : float
        Of the run.
    doubtful : int
        Structures about which its committee disagrees.
    """
    if card is None:
        return [("potential", name), ("card", "none: nothing is known of its errors")]
    known = read_card(card)
    low, high = known.pressure_GPa
    inside = "within" if low <= pressure_GPa <= high else "OUTSIDE: do not trust it"
    committee = known.committee
    return [
        ("potential", name),
        ("made for", f"{', '.join(known.elements)} at {low:g} to {high:g} GPa"),
        ("this run", f"{pressure_GPa:g} GPa: {inside}"),
        *[(f"rms errors, {title} ({errors.cells} cells)", str(errors)) for title, errors in known.errors.items()],
        ("labels", f"{known.facts.get('labels', {}).get('functional', 'functional not told')}"),
        (
            "committee",
            f"{len(committee.files) + 1} models; {doubtful} structures are doubtful, with a spread above "
            f"{committee.spread_limit_meV_per_atom:.0f} meV/atom"
            if committee
            else "none: it does not say where it is unsure",
        ),
    ]

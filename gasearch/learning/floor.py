"""What no formula can do: how much Tc differs between spectra for which all quantities of a formula are equal.

Of two such spectra a formula says the same, so that the root of ½⟨(Δ ln Tc)²⟩ over them is the least rms error. Pairs
are nearest neighbours, after what a formula says of their small differences is taken off. As some distance remains, it
is an estimate from above, and falls with the number of spectra.

References
----------
Liitiäinen, Corona and Lendasse, J. Multivar. Anal. 101, 811 (2010).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from gasearch.learning.synthetic import MATERIALS, TRANSFERS, Table
from gasearch.learning.tc_formula import COUNTS, at_omega_2, by_formula

#: Column of the kernel at 2ω_log.
_TWICE: Final = TRANSFERS.index(2.0)


def floors(table: Table) -> dict[str, dict[str, float]]:
    """Return the least rms relative error by the quantities that a formula knows, for each group and for all."""
    rows = table[table.reduced_tc > COUNTS]
    known = [np.log(rows.lam), rows.ratio]
    there = [*known, at_omega_2(rows).mu_star]
    # What is taken off may depend on nothing that the formula in question does not know.
    blind = np.log(rows.tc / by_formula("sisso_2026", replace(rows, omega_ph=rows.omega_2)))
    residual = np.log(rows.tc / by_formula("sisso_2026", rows))
    quantities: Mapping[str, tuple[list[np.ndarray], np.ndarray]] = {
        "λ, ω_log, ω̄₂, μ* at ω_ph": ([*known, rows.mu_star], blind),
        "λ, ω_log, ω̄₂, μ* at ω̄₂": (there, residual),
        "λ, ω_log, ω̄₂, μ* at ω̄₂, ω_ph": ([*there, np.log(rows.omega_ph / rows.omega_2)], residual),
        "λ, ω_log, ω̄₂, μ* at ω̄₂, λ(2iω_log)": ([*there, rows.kernel[:, _TWICE]], residual),
    }
    groups = {str(group): rows.group == group for group in MATERIALS if (rows.group == group).sum() > 10}
    groups["all"] = np.isin(rows.group, MATERIALS)
    return {
        name: {group: spread_of_neighbours(np.column_stack(columns)[of], left[of]) for group, of in groups.items()}
        for name, (columns, left) in quantities.items()
    }


def spread_of_neighbours(rows: np.ndarray, values: np.ndarray) -> float:
    """Return √(½⟨Δ²⟩) of values (n,) over rows (n, k) and their nearest neighbours in scaled columns."""
    from scipy.spatial import cKDTree

    scaled = rows / rows.std(0)
    nearest = cKDTree(scaled).query(scaled, k=2)[1][:, 1]
    return float(np.sqrt(0.5 * np.mean((values - values[nearest]) ** 2)))

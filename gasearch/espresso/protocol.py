"""How accurate DFT is to be: sets of settings that belong together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from gasearch.espresso.pw import PwSettings
from gasearch.espresso.vc_relax import Descent
from gasearch.units import pressure_from_GPa


@dataclass(frozen=True)
class DftProtocol:
    """Settings of a refinement: all structures of a hull share one.

    Parameters
    ----------
    pw : PwSettings
    descent : Descent
        What counts as relaxed, also in the basis of the final cell.
    dos_k_spacing : float
        As ``pw.k_spacing``, for the density of states.
    """

    pw: PwSettings
    descent: Descent
    dos_k_spacing: float

    def with_settings(
        self, ecutwfc: float | None = None, k_spacing: float | None = None, degauss: float | None = None
    ) -> DftProtocol:
        """Return it with a user's settings in place of its own.

        The density gets four times the cutoff; the spacing for the density of states changes with the other.
        """
        changes = {"ecutwfc": ecutwfc, "k_spacing": k_spacing, "degauss": degauss}
        if ecutwfc is not None:
            changes["ecutrho"] = 4 * ecutwfc
        pw = replace(self.pw, **{name: value for name, value in changes.items() if value is not None})
        return replace(self, pw=pw, dos_k_spacing=self.dos_k_spacing * (pw.k_spacing / self.pw.k_spacing))


#: ``fast`` has the settings of the labels that potentials are trained on. The pseudopotentials name no cutoffs of their
#: own; enthalpy differences at 200 GPa change by some meV/atom from one protocol to the next.
PROTOCOLS: Final[Mapping[str, DftProtocol]] = {
    "fast": DftProtocol(PwSettings(), Descent(0.03, pressure_from_GPa(1.0)), 0.20),
    "standard": DftProtocol(
        PwSettings(ecutwfc=70.0, ecutrho=280.0, k_spacing=0.25, degauss=0.015, conv_thr=1e-8),
        Descent(0.02, pressure_from_GPa(0.5)),
        0.15,
    ),
    "precise": DftProtocol(
        PwSettings(ecutwfc=90.0, ecutrho=360.0, k_spacing=0.18, degauss=0.01, conv_thr=1e-9),
        Descent(0.01, pressure_from_GPa(0.2)),
        0.12,
    ),
}

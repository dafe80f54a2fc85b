"""How accurate DFT is to be: sets of settings that belong together."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.ph import PhSettings
from gasearch.espresso.pw import Grid, PwSettings, k_grid
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
    pulay_error : float
        Share of the pressure by which the stress of a compressed element may miss the slope of its energy: the cutoff
        is raised until it does not; inf to keep the cutoff.
    """

    pw: PwSettings
    descent: Descent
    dos_k_spacing: float
    pulay_error: float = math.inf

    def with_settings(
        self, ecutwfc: float | None = None, k_spacing: float | None = None, degauss: float | None = None
    ) -> DftProtocol:
        """Return it with a user's settings in place of its own; a cutoff that a user gives is kept.

        The spacing for the density of states changes with the other.
        """
        own = self if ecutwfc is None else replace(self.with_cutoff(ecutwfc), pulay_error=math.inf)
        changes = {"k_spacing": k_spacing, "degauss": degauss}
        pw = replace(own.pw, **{name: value for name, value in changes.items() if value is not None})
        return replace(own, pw=pw, dos_k_spacing=own.dos_k_spacing * (pw.k_spacing / own.pw.k_spacing))

    def with_cutoff(self, ecutwfc: float) -> DftProtocol:
        """Return it with another cutoff of the wavefunctions, Ry; the density gets four times it."""
        return replace(self, pw=self.pw.with_cutoff(ecutwfc))


#: ``fast`` has the settings of the labels that potentials are trained on. The pseudopotentials name no cutoffs of their
#: own, so that the others raise theirs until each element's stress agrees with its energy; enthalpy differences at
#: 200 GPa change by some meV/atom from one protocol to the next.
PROTOCOLS: Final[Mapping[str, DftProtocol]] = {
    "fast": DftProtocol(PwSettings(), Descent(0.03, pressure_from_GPa(1.0)), 0.20),
    "standard": DftProtocol(
        PwSettings(ecutwfc=70.0, ecutrho=280.0, k_spacing=0.25, degauss=0.015, conv_thr=1e-8),
        Descent(0.02, pressure_from_GPa(0.5)),
        0.15,
        0.01,
    ),
    "precise": DftProtocol(
        PwSettings(ecutwfc=90.0, ecutrho=360.0, k_spacing=0.18, degauss=0.01, conv_thr=1e-9),
        Descent(0.01, pressure_from_GPa(0.2)),
        0.12,
        0.003,
    ),
}


@dataclass(frozen=True)
class PhononProtocol:
    """Settings of electron–phonon coupling, for crystals of any size.

    Parameters
    ----------
    pw : PwSettings
        Its ``k_spacing`` is that of the electrons that respond to phonons.
    q_spacing : float
        As ``pw.k_spacing``, for the phonons, Å⁻¹.
    dense : int
        How many times finer the grid of the Fermi surface is than that of the electrons that respond.
    threshold : float
        As of `PhSettings`.
    """

    pw: PwSettings
    q_spacing: float
    dense: int = 2
    threshold: float = 1e-14

    def with_settings(self, ecutwfc: float | None = None, k_spacing: float | None = None) -> PhononProtocol:
        """Return it with a user's settings in place of its own; the density gets four times the cutoff."""
        pw = self.pw if ecutwfc is None else self.pw.with_cutoff(ecutwfc)
        return replace(self, pw=pw if k_spacing is None else replace(pw, k_spacing=k_spacing))

    def settings(self, crystal: Crystal, q_grid: Grid | None = None) -> PhSettings:
        """Return the grids for a crystal; a ``q_grid`` is taken in place of the protocol's, and the others suit it."""
        q_grid = q_grid or k_grid(crystal, self.q_spacing)
        coarse = (q * -(-k // q) for q, k in zip(q_grid, k_grid(crystal, self.pw.k_spacing), strict=True))
        first, second, third = coarse
        return PhSettings(
            pw=self.pw,
            q_grid=q_grid,
            k_grid=(first, second, third),
            dense_grid=(self.dense * first, self.dense * second, self.dense * third),
            threshold=self.threshold,
        )


#: With ``fast``, phonons come in minutes, not converged in q; it shows that a chain works, and stability at Γ and
#: at the border of the zone. Phonons need more of the density than enthalpies do: four times the cutoff throughout.
PHONON_PROTOCOLS: Final[Mapping[str, PhononProtocol]] = {
    "fast": PhononProtocol(PwSettings(60.0, 240.0, k_spacing=0.40, degauss=0.02, conv_thr=1e-10), 1.6),
    "standard": PhononProtocol(PwSettings(70.0, 280.0, k_spacing=0.25, degauss=0.02, conv_thr=1e-11), 0.75),
    "precise": PhononProtocol(PwSettings(90.0, 360.0, k_spacing=0.17, degauss=0.015, conv_thr=1e-12), 0.50, 2, 1e-16),
}

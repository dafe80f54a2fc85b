"""Units: eV, Å, K and THz inside; GPa and meV at the surface."""

from __future__ import annotations

from typing import Final

#: 1 eV/Å³ in GPa (CODATA 2018, exact through e).
GPA_PER_EV_PER_A3: Final = 160.2176634
#: 1 Ry in eV (CODATA 2018).
EV_PER_RYDBERG: Final = 13.605693122994
#: Bohr radius in Å (CODATA 2018).
A_PER_BOHR: Final = 0.529177210903
#: 1 eV in meV.
MEV_PER_EV: Final = 1000.0
#: The temperature of 1 THz, h/k_B, in K (exact).
K_PER_THZ: Final = 47.992430733662
#: The energy of 1 THz, h, in meV (exact).
MEV_PER_THZ: Final = 4.1356676969239
#: 1 Ry in THz (CODATA 2018).
THZ_PER_RYDBERG: Final = EV_PER_RYDBERG * MEV_PER_EV / MEV_PER_THZ
#: 1 u Å² THz² in eV (CODATA 2018).
EV_PER_U_A2_THZ2: Final = 1.0364269652680505e-4
#: 1 cm⁻¹ in THz (exact).
THZ_PER_INVERSE_CM: Final = 0.0299792458
#: 1 u/Å³ in g/cm³ (CODATA 2018).
G_PER_CM3_PER_U_PER_A3: Final = 1.66053906660


def pressure_from_GPa(pressure_GPa: float) -> float:
    """Return a pressure in eV/Å³ from GPa."""
    return pressure_GPa / GPA_PER_EV_PER_A3


def pressure_to_GPa(pressure: float) -> float:
    """Return a pressure in GPa from eV/Å³."""
    return pressure * GPA_PER_EV_PER_A3


def kelvin_to_eV(temperature: float) -> float:
    """Return k_B T in eV from K."""
    return temperature / K_PER_THZ * MEV_PER_THZ / MEV_PER_EV

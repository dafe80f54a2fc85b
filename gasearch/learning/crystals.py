"""Shapes of α²F from phonons of real crystals: their density of states times a smooth coupling.

The crystals are metals and ordered alloys that exist, as effective-medium theory has them; it knows the elements of
`METALS` alone, so that shapes of hydrides are not among them.

References
----------
Jacobsen, Stoltze and Nørskov, Surf. Sci. 366, 394 (1996), doi:10.1016/0039-6028(96)00816-3.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

import numpy as np

from gasearch.crystal.composition import SYMBOLS
from gasearch.crystal.prototype import PROTOTYPES
from gasearch.outcomes import Failure
from gasearch.phonon.phonons import PhononSettings, mesh_frequencies
from gasearch.potential.ase_calculator import AseCalculator
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings
from gasearch.superconductivity.modes import Modes
from gasearch.units import pressure_from_GPa

METALS: Final = ("Al", "Ni", "Cu", "Pd", "Ag", "Pt", "Au")
#: Formula, structure type, and its species: ordered alloys that are known.
CRYSTALS: Final = (
    *((metal, "Cu A1", (metal,)) for metal in METALS),
    ("Cu3Au", "AuCu3 L1_2", ("Au", "Cu")),
    ("CuAu3", "AuCu3 L1_2", ("Cu", "Au")),
    ("Ni3Al", "AuCu3 L1_2", ("Al", "Ni")),
    ("Pt3Al", "AuCu3 L1_2", ("Al", "Pt")),
    ("Cu3Pd", "AuCu3 L1_2", ("Pd", "Cu")),
    ("Cu3Pt", "AuCu3 L1_2", ("Pt", "Cu")),
    ("CuPt3", "AuCu3 L1_2", ("Cu", "Pt")),
    ("Ni3Pt", "AuCu3 L1_2", ("Pt", "Ni")),
    ("NiPt3", "AuCu3 L1_2", ("Ni", "Pt")),
    ("AlPd", "CsCl B2", ("Al", "Pd")),
)
#: Å³ per atom at which relaxation begins.
_START: Final = 15.0
_MESH: Final = 18
_SETTINGS: Final = PhononSettings(min_length=8.0)
_RELAXATION: Final = RelaxationSettings(max_force=1e-3, max_stress=pressure_from_GPa(0.02))
#: Largest imaginary frequency, THz, that counts as noise.
_NOISE: Final = 0.05
#: Standard deviations of the coefficients of the logarithm of the coupling, by order in ω.
_SMOOTH: Final = (0.8, 0.5, 0.3)


@dataclass(frozen=True, eq=False)
class Density:
    """Phonon frequencies of a crystal on a mesh.

    Parameters
    ----------
    formula : str
    omega : (n,) array
        THz, all positive.
    weights : (n,) array
        They add up to 1.
    """

    formula: str
    omega: np.ndarray
    weights: np.ndarray


def densities(executor: Executor) -> list[Density]:
    """Compute the phonons of `CRYSTALS`; those that have imaginary ones are left out."""
    futures = [executor.submit(_density, *one) for one in CRYSTALS]
    return [density for future in futures if (density := future.result()) is not None]


def _density(formula: str, kind: str, species: tuple[str, ...]) -> Density | None:
    prototype = next(one for one in PROTOTYPES if one.name == kind)
    crystal = prototype.crystal(dict(zip(prototype.species, map(SYMBOLS.index, species), strict=True)))
    potential = AseCalculator("ase.calculators.emt.EMT")
    relaxed = BatchRelaxer(potential, _RELAXATION).relax([crystal.scaled_to(_START * len(crystal))], 0.0)[0]
    if isinstance(relaxed, Failure):
        return None
    frequencies, weights = mesh_frequencies(potential, relaxed.crystal, _SETTINGS, _MESH)
    if frequencies.min() < -_NOISE:
        return None
    shares = np.repeat(weights / frequencies.shape[1], frequencies.shape[1])
    positive = frequencies.ravel() > _NOISE
    return Density(formula, frequencies.ravel()[positive], shares[positive] / shares[positive].sum())


def crystal_spectrum(density: Density, lam: float, rng: np.random.Generator) -> Modes:
    """Return F(ω) times a random smooth coupling, the logarithm of which is a cubic polynomial; λ as given.

    α²F = g F means that each phonon adds 2gF/ω to λ.
    """
    x = 2 * density.omega / density.omega.max() - 1
    logarithm = np.polynomial.legendre.legval(x, [0.0, *(rng.normal(0.0, width) for width in _SMOOTH)])
    couplings = density.weights * np.exp(logarithm) / density.omega
    return Modes(density.omega, lam * couplings / couplings.sum())

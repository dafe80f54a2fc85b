"""Known structure types, occupied by the elements of a search."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from gasearch.crystal.composition import Composition, SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import distance, fingerprint
from gasearch.crystal.geometry import distance_limits, nearest_distances, reduced
from gasearch.crystal.wyckoff import wyckoff_table

#: Prototypes of one composition whose fingerprints are nearer than this are the same.
_SAME = 1e-4


@dataclass(frozen=True)
class Prototype:
    """A structure type, up to its size.

    Parameters
    ----------
    name : str
        Prototype compound and Strukturbericht symbol, or the DOI where it was found.
    group : int
        Space group, in its standard setting (see `gasearch.crystal.wyckoff`).
    sites : str
        Species (A, B, C), Wyckoff letter and free parameters of each site: ``A a, B e z=0.38``.
    b, c : float
        Lengths b/a and c/a of the conventional cell, where the crystal system leaves them free.
    beta : float
        Angle of a and c, degrees, in the monoclinic system.
    """

    name: str
    group: int
    sites: str
    b: float = 1.0
    c: float = 1.0
    beta: float = 90.0

    @property
    def species(self) -> tuple[str, ...]:
        """The species A, B, …, that elements are to be assigned to."""
        return tuple(sorted({site.split()[0] for site in self.sites.split(",")}))

    def crystal(self, elements: Mapping[str, int]) -> Crystal:
        """Return the primitive, reduced cell with a = 1 Å, each species being the element (atomic number) given."""
        table = wyckoff_table(self.group)
        gamma, beta = np.radians([120.0 if 143 <= self.group <= 194 else 90.0, self.beta])
        a, b = [1, 0, 0], [self.b * np.cos(gamma), self.b * np.sin(gamma), 0]
        cell = np.array([a, b, [self.c * np.cos(beta), 0, self.c * np.sin(beta)]])
        frac, numbers = [], []
        for site in self.sites.split(","):
            species, letter, *parameters = site.split()
            values = dict(parameter.split("=") for parameter in parameters)
            frac.append(table[letter].points(np.array([float(values.get(x, 0.0)) for x in "xyz"])))
            numbers += [elements[species]] * len(frac[-1])
        return reduced(Crystal(table.to_primitive @ cell, np.concatenate(frac), np.array(numbers)))


def prototypes(space: SearchSpace) -> list[Crystal]:
    """Return every prototype that the space admits, by size and composition, in every distinct assignment.

    Volumes are the space's, or larger where atoms would otherwise be nearer than its minimum distances.
    """
    elements = space.compositions.elements
    by_composition: dict[Composition, list[Crystal]] = {}
    for crystal in _assigned(elements):
        if crystal.composition in space.compositions:
            by_composition.setdefault(crystal.composition, []).append(_sized(crystal, space))
    order = sorted(by_composition, key=lambda c: (c.n_atoms, c.counts))
    return [crystal for composition in order for crystal in _distinct(by_composition[composition], elements)]


def _assigned(elements: tuple[int, ...]) -> Iterator[Crystal]:
    for prototype in PROTOTYPES:
        for chosen in itertools.permutations(elements, len(prototype.species)):
            yield prototype.crystal(dict(zip(prototype.species, chosen, strict=True)))


def _sized(crystal: Crystal, space: SearchSpace) -> Crystal:
    crystal = crystal.scaled_to(space.volume(crystal.composition))
    limits = distance_limits(crystal.numbers, space.minimum_distances)
    stretch = (limits / nearest_distances(crystal.cell, crystal.frac)).max()
    return crystal.scaled_to(crystal.volume * max(1.0, 1.001 * stretch) ** 3)


def _distinct(crystals: list[Crystal], elements: tuple[int, ...]) -> list[Crystal]:
    kept: list[tuple[np.ndarray, Crystal]] = []
    for crystal in crystals:
        mark = fingerprint(crystal, elements)
        if all(distance(mark, other) > _SAME for other, _ in kept):
            kept.append((mark, crystal))
    return [crystal for _, crystal in kept]


#: Sites and axial ratios as in the AFLOW Library of Crystallographic Prototypes, doi:10.1016/j.commatsci.2017.01.017,
#: and, for hydrides at high pressure, in the papers named. Free parameters are rounded: they are starts to be relaxed.
PROTOTYPES: tuple[Prototype, ...] = (
    Prototype("Cu A1", 225, "A a"),
    Prototype("W A2", 229, "A a"),
    Prototype("Mg A3", 194, "A c", c=1.633),
    Prototype("C A4 (diamond)", 227, "A a"),
    Prototype("Sn A5 (white)", 141, "A a", c=0.546),
    Prototype("In A6", 139, "A a", c=1.52),
    Prototype("As A7", 166, "A c z=0.227", c=2.80),
    Prototype("Se A8", 152, "A a x=0.225", c=1.136),
    Prototype("C A9 (graphite)", 194, "A b, A c", c=2.73),
    Prototype("Ga A11", 64, "A f y=0.155 z=0.081", b=1.695, c=1.002),
    Prototype("Cr3Si A15, all sites alike", 223, "A a, A c"),
    Prototype("U A20", 63, "A c y=0.105", b=2.057, c=1.736),
    Prototype("Po Ah", 221, "A a"),
    Prototype("Po Ai", 166, "A a", c=0.80),
    Prototype("La A3' (double hcp)", 194, "A a, A c", c=3.266),
    Prototype("Sm C19", 166, "A a, A c z=0.2222", c=7.35),
    Prototype("Sn, simple hexagonal", 191, "A a", c=0.95),
    Prototype("Ti C32 (omega)", 191, "A a, A d", c=0.613),
    Prototype("Si BC8", 206, "A c x=0.1"),
    Prototype("Cs-IV", 141, "A a", c=3.73),
    Prototype("NaCl B1", 225, "A a, B b"),
    Prototype("CsCl B2", 221, "A a, B b"),
    Prototype("ZnS B3", 216, "A a, B c"),
    Prototype("ZnS B4 (wurtzite)", 186, "A b z=0, B b z=0.375", c=1.633),
    Prototype("NiAs B8_1", 194, "A a, B c", c=1.6),
    Prototype("PbO B10", 129, "A a, B c z=0.238", c=1.26),
    Prototype("TiCu B11", 129, "A c z=0.10, B c z=0.65", c=1.89),
    Prototype("FeSi B20", 198, "A a x=0.137, B a x=0.842"),
    Prototype("FeB B27", 62, "A c x=0.18 z=0.125, B c x=0.036 z=0.61", b=0.536, c=0.738),
    Prototype("MnP B31", 62, "A c x=0.005 z=0.197, B c x=0.188 z=0.569", b=0.603, c=1.126),
    Prototype("NaTl B32", 227, "A a, B b"),
    Prototype("CrB B33", 63, "A c y=0.146, B c y=0.44", b=2.647, c=0.988),
    Prototype("WC Bh", 187, "A a, B d", c=0.976),
    Prototype("CuAu L1_0", 123, "A a, B d", c=1.31),
    Prototype("CaF2 C1", 225, "A a, B c"),
    Prototype("FeS2 C2 (pyrite)", 205, "A a, B c x=0.385"),
    Prototype("Cu2O C3", 224, "A a, B b"),
    Prototype("TiO2 C4 (rutile)", 136, "A a, B f x=0.305", c=0.644),
    Prototype("CdI2 C6", 164, "A a, B d z=0.25", c=1.6),
    Prototype("MoS2 C7", 194, "A c, B f z=0.621", c=3.89),
    Prototype("CaC2 C11a", 139, "A a, B e z=0.405", c=1.64),
    Prototype("MoSi2 C11b", 139, "A a, B e z=0.333", c=2.45),
    Prototype("MgZn2 C14", 194, "A f z=0.062, B a, B h x=0.83", c=1.633),
    Prototype("MgCu2 C15", 227, "A a, B d"),
    Prototype("CuAl2 C16", 140, "A a, B h x=0.158", c=0.804),
    Prototype("CdCl2 C19", 166, "A a, B c z=0.25", c=4.55),
    Prototype("AlB2 C32", 191, "A a, B d", c=1.08),
    Prototype("Cu2Sb C38", 129, "A c z=0.7, B a, B c z=0.27", c=1.52),
    Prototype("CrSi2 C40", 180, "A d, B j x=0.1667", c=1.437),
    Prototype("Ni2In B8_2", 194, "A c, B a, B d", c=1.22),
    Prototype("MoPt2", 71, "A a, B g y=0.333", b=2.99, c=1.417),
    Prototype("AuCu3 L1_2", 221, "A a, B c"),
    Prototype("BiF3 D0_3", 225, "A a, B b, B c"),
    Prototype("CoAs3 D0_2 (skutterudite)", 204, "A c, B g y=0.335 z=0.158"),
    Prototype("ReO3 D0_9", 221, "A a, B d"),
    Prototype("Ni3Sn D0_19", 194, "A c, B h x=0.833", c=0.80),
    Prototype("Al3Ti D0_22", 139, "A a, B b, B d", c=2.23),
    Prototype("Ni3Ti D0_24", 194, "A a, A c, B g, B h x=0.833", c=1.63),
    Prototype("Cr3Si A15", 223, "A a, B c"),
    Prototype("Ni4Mo D1_a", 87, "A a, B h x=0.2 y=0.4", c=0.623),
    Prototype("CaCu5 D2_d", 191, "A a, B c, B g", c=0.80),
    Prototype("CaB6 D2_1", 221, "A a, B f x=0.207"),
    Prototype("La2O3 D5_2", 164, "A d z=0.245, B a, B d z=0.645", c=1.56),
    Prototype("Al3Ni2 D5_13", 164, "A d z=0.15, B a, B d z=0.64", c=1.21),
    Prototype("Bi2Te3 C33", 166, "A c z=0.4, B a, B c z=0.212", c=6.95),
    Prototype("U3Si2 D5_a", 127, "A g x=0.389, B a, B h x=0.18", c=0.53),
    Prototype("Th3P4 D7_3", 220, "A a, B c x=0.083"),
    Prototype("Mn5Si3 D8_8", 193, "A g x=0.599, B d, B g x=0.236", c=0.697),
    Prototype("CaTiO3 E2_1 (perovskite)", 221, "A b, B a, C d"),
    Prototype("MgAgAs C1_b (half Heusler)", 216, "A a, B b, C c"),
    Prototype("AlCu2Mn L2_1 (Heusler)", 225, "A a, B b, C c"),
    Prototype("PbFCl E0_1", 129, "A c z=0.2, B a, C c z=0.65", c=1.76),
    Prototype("ThCr2Si2", 139, "A a, B d, C e z=0.38", c=2.6),
    Prototype("K2PtCl6 J1_1", 225, "A a, B c, C e x=0.24"),
    Prototype("Al2MgO4 H1_1 (spinel)", 227, "A a, B d, C e x=0.2625"),
    Prototype("H3S, doi:10.1038/srep06968", 229, "A a, B b"),
    Prototype("H3S below 180 GPa, doi:10.1038/srep06968", 160, "A a z=0, B b x=0.5 z=0.98", c=0.6124),
    Prototype("CaH4, doi:10.1073/pnas.1118168109", 139, "A a, B d, B e z=0.37", c=1.9),
    Prototype("CaH6 (sodalite), doi:10.1073/pnas.1118168109", 229, "A a, B d"),
    Prototype("CeH9, doi:10.1038/s41467-019-12326-y", 194, "A d, B b, B f z=0.15, B k x=0.156 z=0.44", c=1.494),
    Prototype("LaH10, doi:10.1073/pnas.1704505114", 225, "A b, B c, B f x=0.12"),
)

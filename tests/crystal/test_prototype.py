import itertools

import numpy as np
import pytest

from gasearch.crystal.composition import Composition, CompositionSpace, SearchSpace
from gasearch.crystal.fingerprint import distance, fingerprint
from gasearch.crystal.geometry import closest_distances, too_close
from gasearch.crystal.prototype import PROTOTYPES, prototypes
from gasearch.crystal.symmetry import space_group

BY_NAME = {p.name: p for p in PROTOTYPES}


@pytest.mark.parametrize("prototype", PROTOTYPES, ids=lambda p: p.name)
def test_prototypes_have_the_space_group_that_the_table_states(prototype):
    crystal = prototype.crystal({"A": 3, "B": 4, "C": 5})
    crystal = crystal.scaled_to(10.0 * len(crystal))
    assert space_group(crystal, 1e-3).number == prototype.group
    assert min(closest_distances(crystal).values()) > 1.0


@pytest.mark.parametrize(
    ("name", "a", "bonds"),
    [
        ("Cu A1", 3.615, {(1, 1): 2.556}),
        ("Mg A3", 3.209, {(1, 1): 3.209}),
        ("C A4 (diamond)", 3.567, {(1, 1): 1.545}),
        ("NaCl B1", 5.640, {(1, 2): 2.820}),
        ("FeS2 C2 (pyrite)", 5.418, {(1, 2): 2.26, (2, 2): 2.16}),
        ("MgCu2 C15", 7.034, {(2, 2): 2.487, (1, 1): 3.046}),
        ("AlB2 C32", 3.009, {(2, 2): 1.737}),
        ("ThCr2Si2", 4.043, {(2, 3): 2.41}),
        ("CaH6 (sodalite), doi:10.1073/pnas.1118168109", 3.5, {(2, 2): 1.237}),
    ],
)
def test_bond_lengths_at_the_published_lattice_constant(name, a, bonds):
    unit = BY_NAME[name].crystal({"A": 1, "B": 2, "C": 3})
    found = closest_distances(unit.scaled_to(unit.volume * a**3))
    for pair, length in bonds.items():
        assert found[pair] == pytest.approx(length, rel=0.02)


def test_h3s_at_200_gpa():
    """Im-3m, a = 2.984 Å at 200 GPa (doi:10.1038/srep06968): S–H 1.492 Å."""
    h3s = BY_NAME["H3S, doi:10.1038/srep06968"].crystal({"A": 16, "B": 1})
    assert h3s.composition == Composition.from_formula("H3S")
    assert closest_distances(h3s.scaled_to(2.984**3 / 2))[1, 16] == pytest.approx(1.492, abs=1e-3)


def test_the_list_fits_the_space(hydrogen_sulfur):
    found = prototypes(hydrogen_sulfur)
    expected = {Composition.from_formula(f) for f in ("H", "S", "HS", "H2S", "H3S", "HS3", "H4S", "H6S", "H10S")}
    assert expected <= {c.composition for c in found}
    for crystal in found:
        assert crystal.composition in hydrogen_sulfur.compositions
        assert crystal.volume >= hydrogen_sulfur.volume(crystal.composition) * (1 - 1e-9)
        assert not too_close(crystal, hydrogen_sulfur.minimum_distances)


def test_no_two_are_the_same(hydrogen_sulfur):
    found = prototypes(hydrogen_sulfur)
    marks = [(c.composition, fingerprint(c, (1, 16))) for c in found]
    assert all(distance(f, g) > 1e-5 for (c, f), (d, g) in itertools.combinations(marks, 2) if c == d)
    # Rock salt with its sites exchanged is rock salt.
    assert sum(space_group(c).number == 225 for c in found if c.composition == Composition.from_formula("HS")) == 1


def test_the_order_is_always_the_same(hydrogen_sulfur):
    first, second = prototypes(hydrogen_sulfur), prototypes(hydrogen_sulfur)
    assert [c.composition.n_atoms for c in first] == sorted(c.composition.n_atoms for c in first)
    assert all(np.array_equal(a.frac, b.frac) for a, b in zip(first, second, strict=True))


def test_compound_endpoints_leave_out_what_they_cannot_mix():
    endpoints = tuple(Composition.from_formula(f) for f in ("ZrAl", "CuAl"))
    elements = (13, 29, 40)
    distances = dict.fromkeys(itertools.combinations_with_replacement(elements, 2), 1.0)
    space = SearchSpace(CompositionSpace(endpoints, 2, 8), dict.fromkeys(elements, 15.0), distances)
    found = {c.composition.reduced for c in prototypes(space)}
    assert found == {Composition.from_formula(f) for f in ("CuAl", "ZrAl", "CuZrAl2")}

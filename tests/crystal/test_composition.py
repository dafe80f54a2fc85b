import itertools

import numpy as np
import pytest

from gasearch.crystal.composition import SYMBOLS, Composition, CompositionSpace, SearchSpace


def space(*formulas: str, atoms: tuple[int, int] = (1, 8), windows=()) -> CompositionSpace:
    return CompositionSpace(tuple(Composition.from_formula(f) for f in formulas), *atoms, windows)


def formulas(of: CompositionSpace) -> set[str]:
    return {c.formula for c in of.compositions}


def test_symbols_are_indexed_by_atomic_number():
    assert [SYMBOLS[z] for z in (1, 16, 29, 57, 103)] == ["H", "S", "Cu", "La", "Lr"]


@pytest.mark.parametrize(("text", "formula"), [("SH3", "H3S"), ("H", "H"), ("HOH", "H2O"), ("AlZr", "ZrAl")])
def test_formulas_are_read_and_written(text, formula):
    assert Composition.from_formula(text).formula == formula


@pytest.mark.parametrize("text", ["", "h2", "H-2", "H2.5", "Xx", "(HO)2", "3H"])
def test_what_is_no_formula_is_refused(text):
    with pytest.raises(ValueError, match=r"formula|element"):
        Composition.from_formula(text)


def test_reduction_and_numbers():
    composition = Composition.from_formula("H6S2")
    assert (composition.n_atoms, composition.units, composition.reduced.formula) == (8, 2, "H3S")
    assert composition.numbers().tolist() == [1] * 6 + [16] * 2
    assert composition.vector((16, 8, 1)).tolist() == [2, 0, 6]
    assert Composition.from_numbers(composition.numbers()) == composition


def test_elements_span_every_composition():
    assert len(space("H", "S", atoms=(1, 4)).compositions) == sum(n + 1 for n in range(1, 5))
    assert len(space("Cu", atoms=(2, 6)).compositions) == 5
    ternary = space("Al", "Cu", "Zr", atoms=(3, 3)).compositions
    assert len(ternary) == len(set(ternary)) == 10


def test_compound_endpoints_admit_their_mixtures_and_nothing_else():
    mixtures = space("ZrAl", "CuAl", "Al", atoms=(1, 6))
    brute = set()
    for al, cu, zr in itertools.product(range(7), repeat=3):
        if 1 <= al + cu + zr <= 6 and al >= cu + zr:
            brute.add(Composition.from_mapping({13: al, 29: cu, 40: zr}))
    assert set(mixtures.compositions) == brute
    assert Composition.from_formula("AlCuZr") not in mixtures
    assert Composition.from_formula("Cu") not in mixtures


def test_binary_line_between_compounds():
    assert formulas(space("CuAl", "ZrAl", atoms=(1, 4))) == {"AlCu", "ZrAl", "Al2Cu2", "ZrAl2Cu", "Zr2Al2"}


def test_fractions_are_shares_of_atoms():
    mixtures = space("ZrAl", "CuAl", "Al")
    np.testing.assert_allclose(mixtures.fractions(Composition.from_formula("Al4CuZr")), [1 / 3, 1 / 3, 1 / 3])
    np.testing.assert_allclose(mixtures.fractions(Composition.from_formula("Al")), [0, 0, 1], atol=1e-12)
    assert mixtures.fractions(Composition.from_formula("AlH")) is None


def test_windows_bound_mixtures_but_never_endpoints():
    narrow = space("H", "S", atoms=(1, 4), windows=((0.5, 0.8), (0.0, 1.0)))
    assert formulas(narrow) == {"H", "H2", "H3", "H4", "S", "S2", "S3", "S4", "HS", "H2S", "H3S", "H2S2"}


@pytest.mark.parametrize(
    ("names", "windows", "problem"),
    [
        ((), (), "endpoints"),
        (("H", "He", "Li", "Be", "B", "C"), (), "endpoints"),
        (("Zr", "Al", "ZrAl"), (), "mixtures"),
        (("Al", "Al2"), (), "mixtures"),
        (("H", "S"), ((0.0, 1.0),), "windows"),
    ],
)
def test_spaces_that_make_no_sense_are_refused(names, windows, problem):
    with pytest.raises(ValueError, match=problem):
        space(*names, windows=windows)


def test_volumes_add_up():
    search = SearchSpace(space("H", "S"), {1: 2.0, 16: 9.0}, {})
    assert search.volume(Composition.from_formula("H6S2")) == pytest.approx(30.0)

"""Structures in the formats of others: what their programs write is read back, and what is broken is refused."""

import io
import json

import numpy as np
import pytest
from ase.io.vasp import write_vasp
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.analysis.phase_diagram import PhaseDiagram
from pymatgen.entries.computed_entries import ComputedStructureEntry
from pymatgen.io.optimade import OptimadeStructureAdapter
from pymatgen.io.res import ResWriter

from gasearch.crystal.convert import to_ase, to_pymatgen
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.formats import from_json, from_poscars, from_res

#: As USPEX gathers structures, an element without atoms among them.
USPEX = """\
EA1     3.087  3.087  3.087 90.00 90.00 90.00 Sym.group:  229
1.0
    3.087000     0.000000     0.000000
    0.000000     3.087000     0.000000
    0.000000     0.000000     3.087000
   H   S
   6   2
Direct
    0.500000     0.000000     0.000000
    0.000000     0.500000     0.000000
    0.000000     0.000000     0.500000
    0.000000     0.500000     0.500000
    0.500000     0.000000     0.500000
    0.500000     0.500000     0.000000
    0.000000     0.000000     0.000000
    0.500000     0.500000     0.500000
EA2     2.100  2.100  2.100 90.00 90.00 90.00 Sym.group:  221
1.0
    2.100000     0.000000     0.000000
    0.000000     2.100000     0.000000
    0.000000     0.000000     2.100000
   H   S
   0   1
Direct
    0.000000     0.000000     0.000000
"""
AIRSS = """\
TITL Al-46-8052 0.0000 16.6031 -106.2170 0.00 0.00 1 (Fm-3m) n - 1
REM
REM AIRSS Version 0.9.1
REM
CELL 1.54180 2.86345 2.86345 2.86345 60.00000 60.00000 60.00000
LATT -1
SFAC Al
Al 1 0.1000000000000 -1.0E-01 0.5000000000000 1.0
END
"""
OPTIMADE = {
    "data": [
        {
            "type": "structures",
            "id": "1",
            "attributes": {
                "lattice_vectors": [[4.0, 0, 0], [0, 4, 0], [0, 0, 4]],
                "cartesian_site_positions": [[0, 0, 0], [2, 2, 2]],
                "species_at_sites": ["Na+", "Cl"],
                "species": [
                    {"name": "Na+", "chemical_symbols": ["Na"], "concentration": [1.0]},
                    {"name": "Cl", "chemical_symbols": ["Cl"], "concentration": [1.0]},
                ],
                "dimension_types": [1, 1, 1],
            },
        }
    ],
    "meta": {"more_data_available": False},
}


@st.composite
def crystals(draw) -> Crystal:
    n = draw(st.integers(1, 5))
    number = st.floats(-0.3, 0.3)
    strain = draw(st.lists(number, min_size=9, max_size=9))
    cell = draw(st.floats(2, 9)) * (np.eye(3) + np.reshape(strain, (3, 3)))
    frac = draw(st.lists(st.floats(0, 0.999), min_size=3 * n, max_size=3 * n))
    return Crystal(cell, np.reshape(frac, (n, 3)), draw(st.lists(st.sampled_from([1, 16, 57]), min_size=n, max_size=n)))


def assert_same(found: Crystal, meant: Crystal, tolerance: float = 1e-6) -> None:
    """Compare up to a rotation, which lengths and angles do not tell."""
    np.testing.assert_array_equal(found.numbers, meant.numbers)
    np.testing.assert_allclose(found.cell @ found.cell.T, meant.cell @ meant.cell.T, atol=100 * tolerance)
    away = found.frac - meant.frac
    np.testing.assert_allclose(away - np.rint(away), 0, atol=tolerance)


@settings(max_examples=50, deadline=None)
@given(st.lists(crystals(), min_size=1, max_size=3), st.booleans())
def test_poscars_one_after_the_other(meant: list[Crystal], direct: bool):
    file = io.StringIO()
    for crystal in meant:
        write_vasp(file, to_ase(crystal), direct=direct)
    for found, crystal in zip(from_poscars(file.getvalue()), meant, strict=True):
        assert_same(found, crystal)


def test_poscars_of_uspex_with_an_element_that_has_no_atoms():
    both = from_poscars(USPEX)
    assert [crystal.composition.formula for crystal in both] == ["H6S2", "S"]
    assert both[1].volume == pytest.approx(2.1**3)


def test_velocities_of_a_contcar_are_no_structure():
    contcar = "\n".join(USPEX.splitlines()[-9:])
    for tail in ("", "\n\n", "\n\n 0.0 0.0 0.1\n", "\nLattice velocities and vectors\n  1\n" + 6 * " 0. 0. 0.\n"):
        assert len(from_poscars(contcar + tail)) == 1


@settings(max_examples=50, deadline=None)
@given(st.lists(crystals(), min_size=1, max_size=3))
def test_res_as_pymatgen_writes_it(meant: list[Crystal]):
    text = "".join(str(ResWriter(to_pymatgen(crystal))) for crystal in meant)
    for found, crystal in zip(from_res(text), meant, strict=True):
        assert_same(found, crystal, 1e-4)  # it writes five digits of the cell


def test_res_of_airss_with_exponents():
    (crystal,) = from_res(AIRSS)
    assert crystal.volume == pytest.approx(16.602, abs=1e-3)
    np.testing.assert_allclose(crystal.frac, [[0.1, 0.9, 0.5]])
    assert len(from_res(AIRSS + "\n" + AIRSS)) == 2


@settings(max_examples=50, deadline=None)
@given(st.lists(crystals(), min_size=1, max_size=3))
def test_json_of_pymatgen_and_of_optimade(meant: list[Crystal]):
    structures = [to_pymatgen(crystal) for crystal in meant]
    entries = [ComputedStructureEntry(structure, -1.0).as_dict() for structure in structures]
    resources = [OptimadeStructureAdapter.get_optimade_structure(structure) for structure in structures]
    lists = [[structure.as_dict() for structure in structures], entries, {"data": resources}]
    texts = [json.dumps(one, default=float) for one in lists]
    texts.append("\n".join(json.dumps(one, default=float) for one in resources))
    for text in texts:
        for found, crystal in zip(from_json(text), meant, strict=True):
            assert_same(found, crystal)


def test_json_of_a_phase_diagram():
    entries = [ComputedStructureEntry(to_pymatgen(Crystal(3 * np.eye(3), [[0, 0, 0]], [z])), 0.0) for z in (1, 16)]
    found = from_json(json.dumps(PhaseDiagram(entries).as_dict(), default=float))
    assert {crystal.composition.formula for crystal in found} == {"H", "S"}


def test_species_of_optimade_may_have_names_of_their_own():
    (crystal,) = from_json(json.dumps(OPTIMADE))
    assert crystal.composition.formula == "NaCl"
    np.testing.assert_allclose(crystal.frac[1], 0.5)


def without_species(change: dict) -> str:
    attributes = OPTIMADE["data"][0]["attributes"] | change
    return json.dumps({"data": [{"attributes": attributes}]})


@pytest.mark.parametrize(
    ("read", "text", "problem"),
    [
        (from_poscars, "", "no structure"),
        (from_poscars, USPEX[: USPEX.index("EA2") - 45], "should have 8 positions"),
        (from_poscars, USPEX.replace("   6   2", "   600   2"), "should have 602 positions"),
        (from_poscars, USPEX.replace("   H   S\n", ""), "names no elements"),
        (from_poscars, USPEX.replace("   6   2", "   six 2"), "numbers of atoms"),
        (from_res, AIRSS.replace("END\n", ""), "no END"),
        (from_res, AIRSS.replace("LATT -1", "LATT 1"), "symmetry"),
        (from_res, AIRSS.replace("CELL", "KELL"), "no CELL"),
        (from_res, AIRSS.replace("0.5000000000000 1.0", "0.5 0.5"), "partially occupied"),
        (from_res, AIRSS.replace("SFAC Al", "SFAC Xx"), "'Xx' is no element"),
        (from_res, AIRSS.replace("60.00000", "130.00000"), "closes no volume"),
        (from_json, "{", "not JSON"),
        (from_json, '{"phases": [1, null, "x"]}', "no structure"),
        (from_json, '{"lattice": 1, "sites": 2}', "structure 1 in it cannot be read"),
        (from_json, without_species({"dimension_types": [1, 1, 0]}), "periodic"),
        (from_json, without_species({"species_at_sites": ["Na+"]}), "shapes do not fit"),
        (
            from_json,
            without_species(
                {"species": [{"name": "Cl", "chemical_symbols": ["Cl", "F"], "concentration": [0.5, 0.5]}]}
            ),
            "no single element",
        ),
    ],
)
def test_what_is_broken_is_said(read, text: str, problem: str):
    with pytest.raises(ValueError, match=problem):
        read(text)


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from([(from_poscars, USPEX), (from_res, AIRSS), (from_json, json.dumps(OPTIMADE))]))
def test_damaged_files_are_read_or_refused(data, case):
    read, text = case
    for _ in range(data.draw(st.integers(1, 3))):
        begin = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(begin, min(begin + 40, len(text))))
        text = text[:begin] + data.draw(st.text(alphabet='0123456789.-+eE \n\tHSAl{}[],:"nul', max_size=8)) + text[end:]
    try:
        assert all(isinstance(crystal, Crystal) for crystal in read(text))
    except ValueError as error:
        assert str(error)

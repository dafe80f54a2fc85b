"""Structure files of ours and of others: read as seeds, written from a hull, read back."""

import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from ase.db import connect
from ase.io import write
from hypothesis import given, settings
from hypothesis import strategies as st
from pymatgen.entries.computed_entries import ComputedStructureEntry
from pymatgen.io.res import AirssProvider

from gasearch.crystal.convert import to_ase
from gasearch.crystal.crystal import Crystal
from gasearch.errors import InputError, RunDirectoryError
from gasearch.workflow.record.structure_files import read_structures
from gasearch.workflow.view.hull_files import write_phases
from gasearch.workflow.view.results import Phase, Phases

H3S = Crystal(
    2.984 * (np.ones((3, 3)) / 2 - np.eye(3)), [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]], [16, 1, 1, 1]
)
BCC = Crystal(2.1 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [16, 16])
PHASES = Phases(
    "potential",
    200.0,
    (
        Phase("H3S", "Im-3m", -2.8374651, 0.0, H3S, "17"),
        Phase("S", "P6_3/mmc", 10.25, 0.012, BCC, "S beta Po"),
    ),
)
DISORDERED = """\
data_x
_cell_length_a 4.0
_cell_length_b 4.0
_cell_length_c 4.0
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P 1'
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
S1 S 0 0 0 OCCUPANCY
"""


def assert_same(found: Crystal, meant: Crystal) -> None:
    np.testing.assert_array_equal(found.numbers, meant.numbers)
    np.testing.assert_allclose(found.cell @ found.cell.T, meant.cell @ meant.cell.T, atol=1e-7)
    np.testing.assert_allclose(found.frac - meant.frac - np.rint(found.frac - meant.frac), 0, atol=1e-7)


@pytest.mark.parametrize("suffix", [".json", ".res", ".extxyz"])
def test_phases_are_read_back(suffix: str, tmp_path: Path):
    path = tmp_path / f"hull{suffix}"
    write_phases(PHASES, path)
    for found, phase in zip(read_structures([path]), PHASES.phases, strict=True):
        assert_same(found, phase.crystal)


@settings(max_examples=30, deadline=None)
@given(
    st.floats(1.5, 20),
    st.lists(st.floats(-0.3, 0.3), min_size=9, max_size=9),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.integers(1, 94)), min_size=1, max_size=6),
    st.sampled_from([".json", ".res", ".extxyz"]),
)
def test_any_structure_is_read_back(tmp_path_factory, length, strain, atoms, suffix):
    crystal = Crystal(length * (np.eye(3) + np.reshape(strain, (3, 3))), [a[:3] for a in atoms], [a[3] for a in atoms])
    path = tmp_path_factory.mktemp("phases") / f"x{suffix}"
    write_phases(Phases("dft", 0.0, (Phase("X", "P1", -1.0, 0.0, crystal, "1"),)), path)
    (found,) = read_structures([path])
    assert_same(found, crystal)


def test_pymatgen_reads_the_entries(tmp_path: Path):
    write_phases(PHASES, tmp_path / "hull.json")
    first, second = map(ComputedStructureEntry.from_dict, json.loads((tmp_path / "hull.json").read_text()))
    assert first.energy_per_atom == pytest.approx(-2.8374651)
    assert first.composition.reduced_formula == "H3S"
    assert first.data == {
        "space_group": "Im-3m",
        "above_hull_eV_per_atom": 0.0,
        "pressure_GPa": 200.0,
        "method": "potential",
    }
    assert second.entry_id == "S beta Po"


def test_the_title_of_a_res_is_that_of_airss(tmp_path: Path):
    write_phases(PHASES, tmp_path / "hull.res")
    text = (tmp_path / "hull.res").read_text()
    first, second = (line for line in text.splitlines() if line.startswith("TITL"))
    assert first.split()[:5] == ["TITL", "H3S-17", "200.0000", f"{H3S.volume:.6f}", f"{4 * -2.8374651:.8f}"]
    assert first.split()[5:] == ["0", "0", "4", "(Im-3m)", "n", "-", "1"]
    assert "(P63/mmc)" in second and "S-S-beta-Po" in second
    read = AirssProvider.from_str(text[: text.index("END") + 4])
    assert read.energy == pytest.approx(4 * -2.8374651)
    assert read.pressure == 200.0
    assert read.structure.composition.reduced_formula == "H3S"


def test_other_formats_and_places_are_refused(tmp_path: Path):
    with pytest.raises(InputError, match=r"known are \.json, \.res, \.extxyz"):
        write_phases(PHASES, tmp_path / "hull.pdf")
    with pytest.raises(RunDirectoryError, match="cannot write"):
        write_phases(PHASES, tmp_path / "none" / "hull.res")


@pytest.mark.parametrize("kind", ["db", "json"])
def test_databases_of_ase(kind: str, tmp_path: Path):
    path = tmp_path / f"x.{kind}"
    with connect(path, type=kind) as database:
        database.write(to_ase(H3S))
        database.write(to_ase(BCC), reason="not_converged")
        database.write(to_ase(BCC), twin=1)
    (found,) = read_structures([path])
    assert_same(found, H3S)


def test_a_database_of_another_program_is_left_as_it_is(tmp_path: Path):
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE mine (x)")
    before = path.read_bytes()
    with pytest.raises(InputError, match="no such table"):
        read_structures([path])
    assert path.read_bytes() == before


def test_a_folder_is_read_by_name(tmp_path: Path):
    write(tmp_path / "b.cif", to_ase(BCC))
    write(tmp_path / "a-POSCAR", to_ase(H3S), format="vasp")
    (tmp_path / "notes.txt").write_text("no structure")
    (tmp_path / "deeper").mkdir()
    assert [len(crystal) for crystal in read_structures([tmp_path])] == [4, 2]
    with pytest.raises(InputError, match="no structure file"):
        read_structures([tmp_path / "deeper"])


@pytest.mark.parametrize(("occupancy", "fits"), [("1.0", True), ("0.5", False)])
def test_a_partially_occupied_site_is_no_crystal(occupancy: str, fits: bool, tmp_path: Path):
    path = tmp_path / "x.cif"
    path.write_text(DISORDERED.replace("OCCUPANCY", occupancy))
    if fits:
        assert len(read_structures([path])) == 1
    else:
        with pytest.raises(InputError, match="partially occupied"):
            read_structures([path])


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("opt_struc_data.pkl", "a pickle is code"),
        ("Individuals", "give gatheredPOSCARS"),
        ("x.cif", "cannot be read as structures"),
        ("gatheredPOSCARS", "cannot be read as structures: the structure at line 1 ends"),
        ("x.unheard-of", "cannot be read as structures"),
    ],
)
def test_every_file_without_structures_is_named_with_what_to_do(name: str, problem: str, tmp_path: Path):
    path, other = tmp_path / name, tmp_path / "y.res"
    for file in (path, other):
        file.write_bytes(b"\x80\x04 nonsense\n\xff" if name != "gatheredPOSCARS" else b"nonsense\n")
    with pytest.raises(InputError) as caught:
        read_structures([path, other])
    assert len(caught.value.problems) == 2
    assert problem in caught.value.problems[0]

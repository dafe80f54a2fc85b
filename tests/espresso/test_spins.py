"""Spins that an SCF starts with, atom by atom, and the moments that it ends with."""

from pathlib import Path

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.errors import MissingProgramError
from gasearch.espresso.electronic import gap_of, read_bands
from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.pw import NO_SPINS, PwSettings, read_scf, write_scf
from gasearch.espresso.upf import read_core_correction, read_valence
from gasearch.espresso.vc_relax import Descent, read_vc_relax, write_vc_relax

RECORDED = Path(__file__).parents[1] / "data" / "espresso"
OXIDE = Crystal(np.eye(3) * 4.2, [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0, 0], [0, 0.5, 0.5]], [26, 26, 8, 8])


def written(spins):
    return write_scf(OXIDE, PwSettings(k_spacing=2.0), "/pseudo", spins)


def test_atoms_that_start_differently_are_species_of_their_own():
    text = written((0.3, -0.3, 0.0, 0.0))
    assert "ntyp = 3" in text
    assert "nspin = 2, starting_magnetization(1) = 0.3, starting_magnetization(2) = -0.3\n" in text
    assert "Fe1 1.0 Fe.UPF\nFe2 1.0 Fe.UPF\nO 1.0 O.UPF" in text
    atoms = text.split("ATOMIC_POSITIONS crystal\n")[1].splitlines()[:4]
    assert [line.split()[0] for line in atoms] == ["Fe1", "Fe2", "O", "O"]


def test_atoms_that_start_alike_are_one_species():
    text = written((0.3, 0.30001, 0.0, -0.0))
    assert "ntyp = 2" in text and "Fe 1.0 Fe.UPF" in text and "Fe1" not in text


def test_without_spins_there_are_none_and_by_the_elements_iron_has_them():
    assert "nspin" not in written((0.0,) * 4)
    assert "nspin" not in written(NO_SPINS)
    assert "nspin = 2, starting_magnetization(1) = 0.5\n" in written(None)


def test_a_start_for_every_atom_is_needed():
    with pytest.raises(ValueError, match="shorter"):
        written((0.3,))


def test_a_relaxation_has_the_same_species_and_its_structures_are_read():
    text = write_vc_relax(OXIDE, PwSettings(k_spacing=2.0), Descent(0.1, 0.1), 0.0, "/pseudo", (0.3, -0.3, 0.0, 0.0))
    assert "ntyp = 3" in text and "Fe2 1.0 Fe.UPF" in text
    cell = "".join(f"{' '.join(f'{x:15.9f}' for x in row)}\n" for row in OXIDE.cell)
    positions = "".join(
        f"{name}  {' '.join(f'{x:15.9f}' for x in row)}\n"
        for name, row in zip(("Fe1", "Fe2", "O", "O"), OXIDE.frac, strict=True)
    )
    geometry = f"CELL_PARAMETERS (angstrom)\n{cell}\nATOMIC_POSITIONS (crystal)\n{positions}\n"
    energy = "!    total energy              =     {} Ry\n"
    printed = energy.format(-10.0) + geometry + energy.format(-11.0)
    found = read_vc_relax(printed, OXIDE, 0.0)
    assert found.steps == 2 and np.allclose(found.crystal.frac, OXIDE.frac)


def test_moments_of_ferromagnetic_iron_are_read(recorded):
    result = read_scf(recorded("fe_spins"), 1)
    assert result.moments.tolist() == [2.4185]
    assert result.magnetization == 2.34


def test_without_spins_there_are_no_moments(recorded):
    assert read_scf(recorded("hs"), 2).moments.shape == (0,)


def test_iron_is_a_metal_by_the_bands_of_both_spins():
    bands = read_bands((RECORDED / "fe_spins.xml").read_text())
    assert bands.eigenvalues.shape[0] == 2 and bands.electrons == 8
    assert gap_of(bands, 2.34)[0] == 0.0


def test_core_corrections_are_read_in_both_versions_of_upf():
    assert read_core_correction((default_pseudo_dir() / "Fe.UPF").read_text()) is False
    assert read_core_correction('core_correction="true"\n') is True
    assert read_core_correction('core_correction=".F."') is False
    assert read_core_correction("    T                  Nonlinear Core Correction\n") is True
    assert read_core_correction("<UPF></UPF>") is None


def test_valence_electrons_are_read_in_both_versions_of_upf():
    assert read_valence((default_pseudo_dir() / "S.UPF").read_text()) == 6
    assert read_valence("    8.00000000000      Z valence\n") == 8
    assert read_valence('z_valence="1.1D+01"') == 11
    with pytest.raises(MissingProgramError, match="how many electrons"):
        read_valence("<UPF></UPF>")

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gasearch.errors import InputError
from gasearch.learning.spectra import Collected, add, formula_in, read_spectra
from gasearch.superconductivity.alpha2f import Alpha2F
from gasearch.superconductivity.modes import Modes


@pytest.fixture
def lead() -> Collected:
    spectrum = Alpha2F(np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.7, 0.0]))
    return Collected("lead", "Pb", spectrum, "here/alpha2F.dat", "ab" * 32, "qe-alpha2f", 0.02, None, {"q": [2]})


def test_what_is_written_is_read_again(lead: Collected, tmp_path: Path):
    modes = Collected("modes", "X", Modes([1.0, 2.0], [0.3, 0.4]), "m", "cd" * 32, "electron-phonon", warnings=("w",))
    assert add(lead, tmp_path) and add(modes, tmp_path)
    first, second = read_spectra(tmp_path)
    assert (first.name, first.settings, first.smearing) == ("lead", {"q": [2]}, 0.02)
    assert first.spectrum.moments() == lead.spectrum.moments()
    assert second.warnings == ("w",)
    assert isinstance(second.spectrum, Modes)


def test_a_copy_is_found_whatever_it_is_called(lead: Collected, tmp_path: Path):
    assert add(lead, tmp_path)
    values = lead.spectrum.values * (1 + 1e-9)
    assert not add(replace(lead, name="copy", spectrum=Alpha2F(lead.spectrum.omega, values)), tmp_path)
    assert add(replace(lead, spectrum=lead.spectrum.weakened(1.01)), tmp_path)
    assert len(read_spectra(tmp_path)) == 2


def test_damage_and_emptiness_are_said(lead: Collected, tmp_path: Path):
    with pytest.raises(InputError, match="holds no spectra"):
        read_spectra(tmp_path)
    add(lead, tmp_path)
    (path,) = tmp_path.iterdir()
    document = json.loads(path.read_text())
    for change in ({"values": [0.0, 0.6, 0.0]}, {"file": 99}, {"kind": "none"}, {"omega_THz": [0.0, 1.0]}):
        path.write_text(json.dumps(document | change))
        with pytest.raises(InputError, match="is no spectrum"):
            read_spectra(tmp_path)


@pytest.mark.parametrize(("name", "material"), [("MgB2_epw", "MgB2"), ("Nb", "Nb"), ("run-7", None), ("q", None)])
def test_a_name_that_begins_with_a_formula_says_the_material(name: str, material: str | None):
    assert formula_in(name) == material

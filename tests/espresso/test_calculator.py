import shutil

import numpy as np
import pytest

from gasearch.crystal.convert import to_ase
from gasearch.espresso.calculator import PwCalculator
from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.pw import PwSettings
from gasearch.espresso.runner import PwRunner
from gasearch.potential.ase_calculator import AseCalculator
from gasearch.potential.potential import Batch

needs_pw = pytest.mark.skipif(shutil.which("pw.x") is None, reason="pw.x is not installed")
PATH = "gasearch.espresso.calculator.PwCalculator"
ROUGH = {"ecutwfc": 20.0, "k_spacing": 1.5}


@needs_pw
def test_dft_is_a_potential(hs, tmp_path):
    found = AseCalculator(PATH, {**ROUGH, "kept": str(tmp_path / "kept")}).compute(Batch.from_crystals([hs, hs]))
    settings = PwSettings(20.0, 80.0, 1.5, degauss=0.015, conv_thr=1e-8)
    expected = PwRunner(settings, default_pseudo_dir()).scf(hs)
    assert not found.errors and found.energy == pytest.approx([expected.energy] * 2, abs=1e-6)
    assert np.allclose(found.forces, np.vstack([expected.forces] * 2), atol=1e-4)
    assert np.allclose(found.stress, expected.stress, atol=1e-5)
    assert len(list((tmp_path / "kept").iterdir())) == 1


@needs_pw
def test_what_pw_cannot_do_is_an_error_of_that_crystal(hs, tmp_path):
    impatient = AseCalculator(PATH, {**ROUGH, "timeout_s": 0.05, "pseudo_dir": str(default_pseudo_dir())})
    found = impatient.compute(Batch.from_crystals([hs]))
    assert np.isnan(found.energy[0]) and "wall-clock limit" in found.errors[0]


@needs_pw
def test_another_crystal_is_another_calculation(hs):
    calculator, atoms = PwCalculator(**ROUGH), to_ase(hs)
    first = calculator.get_potential_energy(atoms)
    atoms.positions[1, 2] += 0.05
    assert abs(calculator.get_potential_energy(atoms) - first) > 1e-3

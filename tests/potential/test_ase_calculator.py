import gc
import importlib.util
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gasearch.crystal.convert import to_ase
from gasearch.crystal.crystal import Crystal
from gasearch.errors import MissingProgramError, PotentialError
from gasearch.outcomes import Reason, Relaxed
from gasearch.potential.ase_calculator import AseCalculator, NoAnswer, PotentialCalculator
from gasearch.potential.load import load_potential
from gasearch.potential.potential import Batch
from gasearch.potential.relaxation import BatchRelaxer
from gasearch.potential.settings import AseSettings

FCC = np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]])
COPPER, LITHIUM = Crystal(1.9 * FCC, [[0, 0, 0]], [29]), Crystal(2.2 * FCC, [[0, 0, 0]], [3])


@pytest.fixture
def emt() -> AseCalculator:
    return AseCalculator("ase.calculators.emt.EMT")


def test_arguments_reach_the_calculator():
    weak, strong = (
        AseCalculator("ase.calculators.lj.LennardJones", {"epsilon": e, "sigma": 2.3, "rc": 6.0}) for e in (1.0, 2.0)
    )
    batch = Batch.from_crystals([COPPER])
    assert strong.compute(batch).energy[0] == pytest.approx(2 * weak.compute(batch).energy[0])


def test_an_error_of_the_calculator_concerns_one_crystal(emt):
    result = emt.compute(Batch.from_crystals([LITHIUM, COPPER]))
    assert np.isnan(result.energy[0])
    assert np.isfinite(result.energy[1])
    assert "No EMT-potential for Li" in result.errors[0]


def test_such_a_crystal_fails_and_the_others_relax(emt):
    failed, relaxed = BatchRelaxer(emt).relax([LITHIUM, COPPER], 0.0)
    assert failed.reason is Reason.CALCULATOR
    assert "No EMT-potential for Li" in failed.detail
    assert isinstance(relaxed, Relaxed)
    assert relaxed.crystal.volume == pytest.approx(11.57, rel=0.01)


@pytest.mark.parametrize("path", ["ase.calculators.nothing.EMT", "ase.calculators.emt.TME", "EMT"])
def test_a_wrong_import_path_is_named(path):
    with pytest.raises(PotentialError, match=f"{path} cannot be imported"):
        AseCalculator(path)


def test_wrong_arguments_are_named():
    with pytest.raises(PotentialError, match="cannot be built with"):
        AseCalculator("ase.constraints.FixAtoms", {"colour": "red"})


def test_a_calculator_without_stress_is_refused():
    with pytest.raises(PotentialError, match="gives no stress"):
        AseCalculator("ase.calculators.test.TestPotential")


WITH_FILES = """
import time
from pathlib import Path
from ase.calculators.calculator import Calculator, all_changes

class Volume(Calculator):
    implemented_properties = ["energy", "forces", "stress"]

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        file = Path(self.directory) / "volume"
        file.write_text(str(atoms.get_volume()))
        time.sleep(0.2)
        self.results = {"energy": float(file.read_text()), "forces": 0 * atoms.positions, "stress": 0 * atoms.cell[:]}
"""


def test_calculators_that_work_with_files_do_not_read_those_of_others(tmp_path, monkeypatch):
    (tmp_path / "with_files.py").write_text(WITH_FILES)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)

    def energy(edge: float) -> float:
        calculator = AseCalculator("with_files.Volume", {"directory": str(tmp_path / "there")})
        return float(calculator.compute(Batch.from_crystals([Crystal(edge * np.eye(3), [[0, 0, 0]], [1])])).energy[0])

    with ThreadPoolExecutor(2) as executor:
        assert list(executor.map(energy, (2.0, 3.0))) == pytest.approx([8.0, 27.0])
    gc.collect()
    assert list((tmp_path / "there").iterdir()) == []


def test_a_universal_model_is_known_by_name_and_missed_where_it_is_not_installed(monkeypatch):
    settings = AseSettings("ase", "chgnet")
    assert not settings.problems((1, 16))
    assert "nor one of chgnet, sevennet-0" in AseSettings("ase", "chgnett").problems((1,))[0]
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingProgramError, match="chgnet is not installed: pip install chgnet"):
        load_potential(settings)


def test_a_potential_is_a_calculator_to_ase(kob_andersen):
    rng = np.random.default_rng(0)
    crystal = Crystal(3 * np.eye(3) + rng.uniform(-0.4, 0.4, (3, 3)), rng.random((3, 3)), [29, 13, 29])
    atoms = to_ase(crystal)
    atoms.calc = PotentialCalculator(kob_andersen)
    for scale in (1.0, 1.1):
        atoms.set_cell(scale * crystal.cell, scale_atoms=True)
        expected = kob_andersen.compute(Batch.from_crystals([crystal.scaled_to(crystal.volume * scale**3)]))
        assert atoms.get_potential_energy() == pytest.approx(expected.energy[0], rel=1e-12)
        np.testing.assert_allclose(atoms.get_forces(), expected.forces, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(atoms.get_stress(voigt=False), expected.stress[0], rtol=1e-9, atol=1e-9)
    atoms.get_forces()[:] = 0.0
    np.testing.assert_allclose(atoms.get_forces(), expected.forces, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("scale", "volumes", "reason"),
    [(np.nan, (0.0, np.inf), Reason.NOT_FINITE), (1.0, (0.0, 1.0), Reason.EXPLODED), (0.0, (1, 2), Reason.EXPLODED)],
)
def test_such_a_calculator_gives_no_answer_where_there_is_none(kob_andersen, scale, volumes, reason):
    atoms = to_ase(COPPER)
    atoms.calc = PotentialCalculator(kob_andersen, volumes)
    atoms.set_cell(scale * atoms.cell.array)
    with pytest.raises(NoAnswer) as caught:
        atoms.get_forces()
    assert caught.value.reason is reason


def test_what_an_inner_calculator_says_is_passed_on(emt):
    atoms = to_ase(LITHIUM)
    atoms.calc = PotentialCalculator(emt)
    with pytest.raises(NoAnswer, match="No EMT-potential for Li"):
        atoms.get_potential_energy()


def test_a_calculator_that_gives_no_moments_is_named():
    copper = Crystal(3.6 / 2 * (np.ones((3, 3)) - np.eye(3)), [[0, 0, 0]], [29])
    with pytest.raises(PotentialError, match="gives no magnetic moments"):
        AseCalculator("ase.calculators.emt.EMT").magnetic_moments(copper)

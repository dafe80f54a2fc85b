import logging
import shutil
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from gasearch.crystal.convert import to_ase
from gasearch.crystal.crystal import Crystal
from gasearch.errors import PotentialError
from gasearch.potential.card import sha256_of
from gasearch.potential.mace import Mace
from gasearch.potential.potential import Batch

CARD = 'elements = ["H", "S"]\nmodel = "{model}"\nsha256 = "{sha256}"\npressure_GPa = [100, 300]\n'


@pytest.fixture
def folder(tiny_mace: Path, tmp_path: Path) -> Path:
    """A potential's folder: the model and a card that fits it."""
    model = Path(shutil.copy(tiny_mace, tmp_path))
    (tmp_path / "card.toml").write_text(CARD.format(model=model.name, sha256=sha256_of(model)))
    return tmp_path


@pytest.fixture
def crystals() -> list[Crystal]:
    rng = np.random.default_rng(0)
    cells = [np.diag([2.0, 2.2, 1.0 + n]) + 0.1 * rng.normal(size=(3, 3)) for n in range(1, 4)]
    return [Crystal(cell, rng.random((n, 3)), [1, 16, 1][:n]) for n, cell in enumerate(cells, 1)]


def test_agrees_with_the_calculator_of_mace(tiny_mace, crystals):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from mace.calculators import MACECalculator

        calculator = MACECalculator(model_paths=str(tiny_mace), device="cpu", default_dtype="float64")
    ours = Mace(tiny_mace, dtype="float64", device="cpu").compute(Batch.from_crystals(crystals))
    theirs = [to_ase(crystal) for crystal in crystals]
    for atoms in theirs:
        atoms.calc = calculator
    np.testing.assert_allclose(ours.energy, [a.get_potential_energy() for a in theirs], rtol=1e-12)
    forces = np.concatenate([a.get_forces() for a in theirs])
    np.testing.assert_allclose(ours.forces, forces, atol=1e-11 * np.abs(forces).max())
    stress = np.array([a.get_stress(voigt=False) for a in theirs])
    np.testing.assert_allclose(ours.stress, stress, atol=1e-11 * np.abs(stress).max())


def test_single_precision_is_close(tiny_mace, crystals):
    batch = Batch.from_crystals(crystals)
    single, double = (Mace(tiny_mace, dtype=d, device="cpu").compute(batch) for d in ("float32", "float64"))
    np.testing.assert_allclose(single.energy, double.energy, rtol=1e-6)
    np.testing.assert_allclose(single.forces, double.forces, atol=1e-5 * np.abs(double.forces).max())


def test_the_first_call_gives_the_same_bits_as_later_ones(tiny_mace, crystals):
    model, batch = Mace(tiny_mace, dtype="float32", device="cpu"), Batch.from_crystals(crystals)
    first = model.compute(batch)
    for crystal in crystals:
        model.compute(Batch.from_crystals([crystal]))
    again = model.compute(batch)
    assert np.array_equal(first.energy, again.energy)
    assert np.array_equal(first.forces, again.forces)


def test_a_folder_is_read_through_its_card(folder, caplog):
    with caplog.at_level(logging.WARNING):
        assert Mace(folder).elements == (1, 16)
    assert not caplog.records


def test_a_model_that_is_not_its_cards_is_never_loaded(folder, tiny_mace):
    model = folder / tiny_mace.name
    model.write_bytes(b"import os" + model.read_bytes())
    for path in (folder, model):
        with pytest.raises(PotentialError, match="is not the model of its card"):
            Mace(path)


def test_without_a_card_a_warning_says_so(tiny_mace, caplog):
    with caplog.at_level(logging.WARNING):
        Mace(tiny_mace)
    assert "no card.toml beside it" in caplog.text


def test_a_missing_file_is_named(tmp_path, folder, tiny_mace):
    with pytest.raises(PotentialError, match=r"no model file .*absent"):
        Mace(tmp_path.parent / "absent" / "absent.model")
    (folder / tiny_mace.name).unlink()
    with pytest.raises(PotentialError, match=r"no model file .*which .* names"):
        Mace(folder)


def test_a_file_that_holds_no_model_is_refused(tmp_path):
    import torch

    (tmp_path / "text.model").write_text("not a model")
    with pytest.raises(PotentialError, match="cannot be loaded"):
        Mace(tmp_path / "text.model")
    torch.save({"a": 1}, tmp_path / "dict.model")
    with pytest.raises(PotentialError, match="holds a dict, not a MACE model"):
        Mace(tmp_path / "dict.model")


def test_no_thread_loads_while_another_evaluates(tiny_mace):
    """Unpickling a model changes what calls of modules do, in all threads."""
    crystals = [Crystal(2.0 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [1, 16])] * 16

    def evaluate(_: int) -> float:
        model = Mace(tiny_mace, trusted=True)
        return float(sum(model.compute(Batch.from_crystals(crystals)).energy[0] for _ in range(5)))

    with ThreadPoolExecutor(3) as executor:
        assert len(set(executor.map(evaluate, range(12)))) == 1

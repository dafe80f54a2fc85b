from pathlib import Path

import pytest

from gasearch.errors import PotentialError
from gasearch.potential.card import find_model, sha256_of
from gasearch.potential.load import identity
from gasearch.potential.settings import MaceSettings

CARD = 'elements = ["H"]\nmodel = "good.model"\nsha256 = "00"\npressure_GPa = [1, 2]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "card.toml").write_text(CARD)
    (tmp_path / "good.model").write_bytes(b"good")
    (tmp_path / "another.model").write_bytes(b"another")
    return tmp_path


@pytest.mark.parametrize("name", ["", "card.toml", "good.model"])
def test_a_model_is_found_by_its_folder_its_card_and_itself(name, folder):
    model, card = find_model(folder / name)
    assert model == folder / "good.model"
    assert card.elements == ("H",)


def test_a_model_without_a_card_has_none(folder):
    (folder / "card.toml").unlink()
    assert find_model(folder / "good.model") == (folder / "good.model", None)
    with pytest.raises(PotentialError, match=r"a potential's folder holds a card\.toml"):
        find_model(folder)


def test_a_model_that_is_not_there_is_named(folder):
    with pytest.raises(PotentialError, match=r"no model file .*absent\.model; give"):
        find_model(folder / "absent.model")
    (folder / "good.model").unlink()
    with pytest.raises(PotentialError, match=r"no model file .*good\.model, which .* names"):
        find_model(folder)


def test_the_identity_is_that_of_the_model_which_the_card_names(folder):
    assert identity(MaceSettings("mace", folder)) == sha256_of(folder / "good.model")

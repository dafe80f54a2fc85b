import pytest

from gasearch.crystal.composition import Pair
from gasearch.errors import PotentialError
from gasearch.potential.card import CARD, PotentialCard, RmsErrors, check_model, read_card, sha256_of
from gasearch.pretrain.card import write_card


@pytest.fixture
def card() -> PotentialCard:
    return PotentialCard(
        elements=("H", "S"),
        model="mace.model",
        sha256="ab" * 32,
        pressure_GPa=(100.0, 300.0),
        shortest_distances_A={Pair(1, 1): 0.7, Pair(1, 16): 1.1},
        errors={"test_all": RmsErrors(12, 14.5, 130.0, 1.7)},
        facts={"labels": {"functional": 'P"B\\E', "k": 0.4, "ok": True, "deep": {"atoms": [1, 2]}}},
    )


def test_card_survives_writing_and_reading(card, tmp_path):
    write_card(card, tmp_path)
    assert read_card(tmp_path) == card
    assert read_card(tmp_path / CARD) == card


def test_model_is_checked_against_the_card(card, tmp_path):
    model = tmp_path / "mace.model"
    model.write_bytes(b"weights")
    good = PotentialCard(**{**vars(card), "sha256": sha256_of(model)})
    check_model(good, model)
    model.write_bytes(b"other weights")
    with pytest.raises(PotentialError, match="is not the model of its card"):
        check_model(good, model)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("elements = [", "not TOML"),
        ('elements = ["H"]', "no entry"),
        ('elements = ["H"]\nmodel = "m"\nsha256 = "a"\npressure_GPa = 3', "no card's"),
        ('elements = ["H"]\nmodel = "m"\nsha256 = "a"\npressure_GPa = [1, 2]\n[errors.x]\ncells = 1', "no card's"),
    ],
)
def test_a_damaged_card_says_what_is_wrong(text, message, tmp_path):
    (tmp_path / CARD).write_text(text)
    with pytest.raises(PotentialError, match=message):
        read_card(tmp_path)


def test_a_missing_card_is_named(tmp_path):
    with pytest.raises(PotentialError, match="cannot be read"):
        read_card(tmp_path)

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gasearch.errors import InputError
from gasearch.schema import Leaf, descriptions, plain, read, setting
from gasearch.units import GPA_PER_EV_PER_A3

LEAVES = {Path: Leaf("a path", Path, str)}


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Square:
    kind: Literal["square"]
    side: float = setting(1.0, above=0, unit="A")


@dataclass(frozen=True)
class Circle:
    kind: Literal["circle"]
    radius: float = setting(1.0, above=0)


@dataclass(frozen=True)
class Everything:
    """One of each kind.

    Parameters
    ----------
    pressure : float
        How hard
        it is pressed.
    low, high : int
        Bounds.
    """

    pressure: float = setting(unit="GPa", at_least=0)
    low: int = 0
    high: int = 10
    colour: Colour = Colour.RED
    mode: Literal["fast", "slow"] = "fast"
    shape: Square | Circle = Circle("circle")
    optional: float | None = setting(None, above=0)
    pair: tuple[float, float] = setting((0.0, 1.0), at_most=1)
    paths: tuple[Path, ...] = ()
    weights: Mapping[str, float] = setting(default_factory=dict, at_least=0)
    flag: bool = False
    anything: Any = None
    name: str = "x"

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")


FULL = {
    "pressure_GPa": 160.2176634,
    "low": -1,
    "high": 3,
    "colour": "blue",
    "mode": "slow",
    "shape": {"kind": "square", "side_A": 2},
    "optional": 0.5,
    "pair": [0, 1],
    "paths": ["a", "b"],
    "weights": {"a": 1},
    "flag": True,
    "anything": {"goes": [1, None]},
    "name": "y",
}


def problems(data: object) -> list[str]:
    with pytest.raises(InputError) as caught:
        read(Everything, data, LEAVES)
    return list(caught.value.problems)


def test_every_kind_is_read_in_our_units():
    value = read(Everything, FULL, LEAVES)
    assert value.pressure == pytest.approx(1.0, rel=1e-15)
    assert (value.colour, value.shape, value.paths) == (Colour.BLUE, Square("square", 2.0), (Path("a"), Path("b")))


def test_what_is_written_is_read_back_and_keeps_the_users_numbers():
    value = read(Everything, FULL, LEAVES)
    assert plain(value, LEAVES) == FULL
    assert read(Everything, plain(value, LEAVES), LEAVES) == value


@settings(deadline=None, derandomize=True, max_examples=50)
@given(st.integers(0, 10**6))
def test_a_pressure_with_six_digits_survives_the_change_of_units(thousandths: int):
    pressure = thousandths / 1000
    value = read(Everything, {"pressure_GPa": pressure}, LEAVES)
    assert value.pressure == pytest.approx(pressure / GPA_PER_EV_PER_A3, rel=1e-15)
    assert plain(value, LEAVES)["pressure_GPa"] == pressure


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"pressure_GPa": "200"}, "pressure_GPa: found the text '200'; allowed is a number of at least 0"),
        ({"pressure_GPa": float("nan")}, "pressure_GPa: found nan; allowed is a number of at least 0"),
        ({"pressure_GPa": True}, "pressure_GPa: found true; allowed is a number of at least 0"),
        ({"pressure_GPa": None}, "pressure_GPa: found nothing; allowed is a number of at least 0"),
        ({"low": 1.0}, "low: found 1.0; allowed is a whole number"),
        ({"low": 11}, "input: low 11 is above high 10"),
        ({"flag": 1}, "flag: found 1; allowed is true or false"),
        ({"colour": "bleu"}, "colour: found the text 'bleu'; allowed is one of red, blue; did you mean blue?"),
        ({"mode": [1]}, "mode: found the list [1]; allowed is one of fast, slow"),
        (
            {"shape": {"kind": "squre"}},
            "shape.kind: found the text 'squre'; allowed is one of square, circle; did you mean square?",
        ),
        ({"shape": {}}, "shape.kind: found nothing; allowed is one of square, circle"),
        ({"shape": 3}, "shape: found 3; allowed is one of square, circle"),
        ({"shape": {"kind": "square", "side": 1}}, "shape.side: unknown; did you mean side_A?"),
        ({"optional": 0}, "optional: found 0; allowed is a number above 0"),
        ({"pair": [0]}, "pair: found the list [0]; allowed is [a number of at most 1, a number of at most 1]"),
        ({"pair": [0, 2]}, "pair[1]: found 2; allowed is a number of at most 1"),
        ({"paths": "a"}, "paths: found the text 'a'; allowed is a list, each a path"),
        ({"paths": [1]}, "paths[0]: found 1; allowed is a path"),
        ({"weights": {"a": -1}}, "weights.a: found -1; allowed is a number of at least 0"),
        ({"weights": []}, "weights: found the list []; allowed is a mapping to a number of at least 0"),
        ({"presure_GPa": 1}, "presure_GPa: unknown; did you mean pressure_GPa?"),
    ],
)
def test_a_problem_is_named_with_its_path_what_was_found_and_what_is_allowed(change: dict, problem: str):
    assert problems({"pressure_GPa": 1} | change) == [problem]


def test_all_problems_come_at_once():
    assert problems({"low": "a", "nmae": 1, "pair": ["b", 7]}) == [
        "nmae: unknown; did you mean name?",
        "pressure_GPa: missing; give a number of at least 0",
        "low: found the text 'a'; allowed is a whole number",
        "pair[0]: found the text 'b'; allowed is a number of at most 1",
        "pair[1]: found 7; allowed is a number of at most 1",
    ]


@pytest.mark.parametrize("data", [None, 3, "text", [1]])
def test_what_is_no_mapping_is_refused(data: object):
    assert problems(data)[0].startswith("input: found ")


def test_an_unknown_key_that_resembles_none_is_told_which_are_known():
    assert problems({"pressure_GPa": 1, "zzz": 1}) == [
        "zzz: unknown; known here: pressure_GPa, low, high, colour, mode, shape, optional, pair, paths, weights, flag, "
        "anything, name"
    ]


def test_keys_that_mean_the_same_are_refused():
    @dataclass(frozen=True)
    class Table:
        paths: Mapping[Path, int] = field(default_factory=dict)

    with pytest.raises(InputError, match=r"paths: a and ./a mean the same; give one of them"):
        read(Table, {"paths": {"a": 1, "./a": 2}}, LEAVES)


def test_descriptions_come_from_the_docstring():
    assert descriptions(Everything) == {"pressure": "How hard it is pressed.", "low": "Bounds.", "high": "Bounds."}

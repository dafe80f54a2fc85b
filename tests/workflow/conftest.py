import re

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.evolution.candidate import Outcome
from gasearch.outcomes import Failure, Reason, Relaxed
from gasearch.workflow.archive_store import ArchiveMetadata


def _crystal(rng, n):
    return Crystal(4 * np.eye(3) + rng.random((3, 3)), rng.random((n, 3)), rng.integers(1, 17, n))


def _result(rng, start):
    if start is None:
        return Failure(Reason.NOT_BUILT)
    if rng.random() < 0.3:
        return Failure(Reason.COLLAPSED, 7, start if rng.random() < 0.5 else None, 'H–S: 0.3 Å, "too" close; \n twice')
    enthalpy = np.float64(rng.normal())
    return Relaxed(
        _crystal(rng, len(start)), enthalpy - 0.1, enthalpy, 31, rng.random(), np.inf, rng.choice([0.02, 0.5])
    )


def _outcome(id):
    rng = np.random.default_rng(id)
    start = _crystal(rng, rng.integers(1, 17)) if rng.random() < 0.9 else None
    result = _result(rng, start)
    return Outcome(
        id=id,
        operator=str(rng.choice(["random", "heredity"])),
        parents=tuple(rng.integers(0, 9, rng.integers(3))),
        start=start,
        result=result,
        fingerprint=rng.random(50) if isinstance(result, Relaxed) else None,
        twin=int(rng.integers(9)) if rng.random() < 0.3 else None,
        seconds={"build": rng.random(), "relax": rng.random()},
    )


@pytest.fixture
def make_outcome():
    """From an id, an outcome of any kind; always the same."""
    return _outcome


@pytest.fixture
def metadata():
    return ArchiveMetadata(potential="0" * 64, pressure=1.2483018, elements=(1, 16))


@pytest.fixture
def validate():
    """Validate data by that part of JSON Schema which ours uses: ``validate(data, schema)``."""
    return check


KINDS = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int, "number": (int, float)}


def check(data: object, rule: dict) -> None:
    """Validate data by that part of JSON Schema which ours uses."""
    assert "const" not in rule or data == rule["const"]
    if "anyOf" in rule:
        other = rule["anyOf"][1]
        return data is None or check(data, other)
    kinds = rule.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    assert not kinds or any(data is None if kind == "null" else isinstance(data, KINDS[kind]) for kind in kinds), data
    assert set(rule.get("required", ())) <= set(data if isinstance(data, dict) else ())
    if isinstance(data, dict):
        for key, value in data.items():
            check(value, rule.get("properties", {}).get(key, rule.get("additionalProperties", {})))
    elif isinstance(data, list):
        assert rule.get("minItems", 0) <= len(data) <= rule.get("maxItems", len(data))
        for value in data:
            check(value, rule.get("items", {}))
    elif isinstance(data, str):
        assert re.search(rule.get("pattern", ""), data)
    elif data is not None:
        assert data >= rule.get("minimum", -np.inf)
    return None

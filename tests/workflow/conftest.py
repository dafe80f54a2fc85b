import json
import re
from pathlib import Path

import numpy as np
import pytest

from gasearch.cli import main
from gasearch.crystal.crystal import Crystal
from gasearch.evolution.candidate import Outcome
from gasearch.outcomes import Failure, Reason, Relaxed
from gasearch.units import pressure_from_GPa
from gasearch.workflow.record.archive_store import ArchiveMetadata, open_archive

FIRST_SEARCH = Path(__file__).parents[2] / "inputs" / "first-search.yaml"
PRESSURE = pressure_from_GPa(200.0)
CUBIC = Crystal(np.eye(3) * 1.18, [[0, 0, 0]], [1])
BODY_CENTRED = Crystal((np.ones((3, 3)) - 2 * np.eye(3)) * 0.73, [[0, 0, 0]], [1])


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


@pytest.fixture(scope="module")
def first_search(tmp_path_factory) -> Path:
    """The directory of a short search of nickel and phosphorus at 40 GPa, one for each module."""
    path = tmp_path_factory.mktemp("runs") / "first"
    text = (
        FIRST_SEARCH.read_text()
        .replace("pressure_GPa: 0", "pressure_GPa: 40")
        .replace("160", "16")
        .replace("first_generation: 40", "first_generation: 16")
    )
    (path.parent / "input.yaml").write_text(text)
    assert main(["run", str(path.parent / "input.yaml"), "--run-dir", str(path)]) == 0
    return path


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
    assert "enum" not in rule or data in rule["enum"]
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


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished search that found two phases of hydrogen, the higher one by 20 meV."""
    path = tmp_path / "run"
    path.mkdir()
    (path / "input.yaml").write_text(
        "{endpoints: [H], pressure_GPa: 200, atoms: {min: 1, max: 1},\n"
        " potential: {kind: lennard-jones, pairs: {H-H: {epsilon_eV: 1.0, sigma_A: 1.0}}, cutoff_sigma: 2.5}}\n"
    )
    store = open_archive(path / "archive.db", ArchiveMetadata("0" * 64, PRESSURE, (1,)))
    enthalpies = (-12.0, -11.98)
    phases = []
    for id, (crystal, enthalpy) in enumerate(zip((BODY_CENTRED, CUBIC), enthalpies, strict=True)):
        result = Relaxed(crystal, enthalpy, enthalpy, 9, 0.0, 0.0)
        store.append([Outcome(id, "random", (), crystal, result, np.ones(3))])
        above = enthalpy - enthalpies[0]
        phases.append(
            {
                "candidate": id,
                "formula": "H",
                "space_group": ("Im-3m", "Pm-3m")[id],
                "shares": [1.0],
                "enthalpy_eV_per_atom": enthalpy,
                "above_hull_eV_per_atom": above,
                "volume_A3_per_atom": crystal.volume,
            }
        )
    hull = {"pressure_GPa": 200.0, "endpoints": ["H"], "complete": True, "phases": phases}
    (path / "hull.json").write_text(json.dumps(hull))
    return path

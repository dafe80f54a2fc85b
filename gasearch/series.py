"""A series: an input that has a list where a run has one value, as the plain list of its runs' inputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from gasearch.errors import InputError

#: Stands, in any text of the input, for the system of the run: ``potentials/{system}``.
SYSTEM = "{system}"
#: Keys that an input of one run does not have.
SYSTEMS, MODELS = "systems", "models"
_ENDPOINTS, _PRESSURES = "endpoints", "pressure_GPa"


def is_series(data: object) -> bool:
    """Whether plain data is the input of a series: of several systems, or several pressures."""
    return isinstance(data, Mapping) and (SYSTEMS in data or isinstance(data.get(_PRESSURES), list))


def expanded(data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the input of each run by its place in the directory of the series, such as ``h-s/200GPa``.

    Systems follow each other, and the pressures of each as they are listed. Without a list of systems the places are
    pressures alone.

    Raises
    ------
    InputError
        If a list is none, or empty, or says the same twice; what the runs' inputs hold is not looked at.
    """
    if problems := list(_problems(data)):
        raise InputError(problems)
    runs: dict[str, dict[str, Any]] = {}
    for system in data.get(SYSTEMS, [None]):
        for pressure in _pressures(data):
            one = _one(data, system, pressure)
            name = system_name(one.get(_ENDPOINTS)) if SYSTEMS in data else ""
            place = f"{name}/{pressure:.12g}GPa".removeprefix("/")
            if place in runs:
                raise InputError(f"{place}: listed more than once; each run of a series has a directory of its own")
            runs[place] = _placed(_filled(one, system_name(one.get(_ENDPOINTS))), place)
    return runs


def system_name(endpoints: object) -> str:
    """Return what directories and potentials call a system: ``h-s``."""
    return "-".join(map(str, endpoints)).lower() if isinstance(endpoints, list) else str(endpoints).lower()


def _pressures(data: Mapping[str, Any]) -> list[Any]:
    given = data.get(_PRESSURES)
    return given if isinstance(given, list) else [given]


def _problems(data: Mapping[str, Any]) -> Iterator[str]:
    for pressure in _pressures(data):
        if isinstance(pressure, bool) or not isinstance(pressure, int | float):
            yield f"{_PRESSURES}: found {pressure!r}; allowed is a number, or a list of numbers"
    if not _pressures(data):
        yield f"{_PRESSURES}: the list is empty; give at least one pressure"
    models = data.get(MODELS, [])
    if not isinstance(models, list) or not all(isinstance(model, str) for model in models):
        yield f"{MODELS}: found {models!r}; allowed is a list of folders that `gasearch tc train` made"
    if SYSTEMS not in data:
        return
    if _ENDPOINTS in data:
        yield f"{_ENDPOINTS}: given beside {SYSTEMS}, which says it for each run; leave one out"
    systems = data[SYSTEMS]
    if not isinstance(systems, list) or not systems:
        yield f"{SYSTEMS}: found {systems!r}; allowed is a list such as [[H, S], [H, Se]]"
        return
    for place, system in enumerate(systems):
        if not isinstance(system, list) and not (isinstance(system, Mapping) and _ENDPOINTS in system):
            yield (
                f"{SYSTEMS}[{place}]: found {system!r}; allowed is a list of endpoints such as [H, S], or a mapping "
                f"with {_ENDPOINTS} and what else differs in this system"
            )


def _one(data: Mapping[str, Any], system: Any, pressure: float) -> dict[str, Any]:
    """Return the input of one run: what all share, and what its system says otherwise."""
    shared = {key: value for key, value in data.items() if key not in (SYSTEMS, MODELS, _PRESSURES)}
    own = dict(system) if isinstance(system, Mapping) else {} if system is None else {_ENDPOINTS: system}
    one = shared | own | {_PRESSURES: pressure}
    if isinstance(one.get("windows"), Mapping) and "windows" not in own:
        # Windows of endpoints that other systems have; what no system has is left for the reader to refuse.
        elsewhere = _endpoints_of_all(data) - set(one[_ENDPOINTS])
        one["windows"] = {name: window for name, window in one["windows"].items() if name not in elsewhere}
    return one


def _endpoints_of_all(data: Mapping[str, Any]) -> set[Any]:
    lists = [system[_ENDPOINTS] if isinstance(system, Mapping) else system for system in data.get(SYSTEMS, [])]
    return {endpoint for endpoints in lists if isinstance(endpoints, list) for endpoint in endpoints}


def _filled(value: Any, system: str) -> Any:
    """Return plain data with the name of the system wherever it is asked for."""
    if isinstance(value, str):
        return value.replace(SYSTEM, system)
    if isinstance(value, list):
        return [_filled(one, system) for one in value]
    return {key: _filled(one, system) for key, one in value.items()} if isinstance(value, Mapping) else value


def _placed(one: dict[str, Any], place: str) -> dict[str, Any]:
    """Return an input that exports into a folder of its own: candidates of two runs may have one name."""
    export = one.get("export")
    if not isinstance(export, Mapping) or not isinstance(export.get("to"), str):
        return one
    return one | {"export": {**export, "to": f"{export['to']}/{place}"}}

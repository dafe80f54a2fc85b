"""Plain data, as YAML holds it, read strictly into frozen dataclasses, and written back.

The dataclasses are the schema: types, defaults and `setting` say what is allowed, docstrings what it means.
Every problem is found before any is reported.
"""

from __future__ import annotations

import difflib
import inspect
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from gasearch.errors import InputError
from gasearch.units import GPA_PER_EV_PER_A3, MEV_PER_EV

#: What a number in a user's unit is multiplied by to be in ours. The unit ends the key: ``pressure_GPa``.
UNITS: Final = {"A": 1.0, "eV": 1.0, "eV_per_A": 1.0, "GPa": 1 / GPA_PER_EV_PER_A3, "meV": 1 / MEV_PER_EV, "s": 1.0}
_INVALID: Final = object()
_PARAMETER = re.compile(r"^(\w[\w, ]*) : .*\n((?:[ ]{4}.*\n?|\n)+)", re.MULTILINE)


@dataclass(frozen=True)
class Limits:
    """What a number may be, in the user's unit; None for no bound."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    unit: str = ""

    def admit(self, number: float) -> bool:
        """Whether the number is finite and within the bounds."""
        return (
            math.isfinite(number)
            and (self.at_least is None or number >= self.at_least)
            and (self.above is None or number > self.above)
            and (self.at_most is None or number <= self.at_most)
        )

    def __str__(self) -> str:
        if self.at_least is not None and self.at_most is not None:
            return f" from {self.at_least:g} to {self.at_most:g}"
        bounds = {"of at least": self.at_least, "above": self.above, "of at most": self.at_most}
        return " and".join(f" {word} {bound:g}" for word, bound in bounds.items() if bound is not None)


@dataclass(frozen=True)
class Leaf:
    """How a type that a user writes as text is read and written.

    Parameters
    ----------
    name : str
        What errors call it.
    parse : callable
        Text → value; ValueError where it cannot.
    write : callable
        Value → text.
    """

    name: str
    parse: Callable[[str], Any]
    write: Callable[[Any], str]


def setting(
    default: Any = MISSING,
    *,
    default_factory: Any = MISSING,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    unit: str = "",
) -> Any:
    """Declare a dataclass field with bounds for every number in it, in the user's unit; the default is in ours."""
    limits = Limits(at_least, above, at_most, unit)
    if default_factory is not MISSING:
        return field(default_factory=default_factory, metadata={"limits": limits})
    return field(default=default, metadata={"limits": limits})


def limits_of(entry: Field[Any]) -> Limits:
    """Return the bounds of a field."""
    return entry.metadata.get("limits", Limits())


def key_of(entry: Field[Any]) -> str:
    """Return the key of a field: its name and its unit."""
    unit = limits_of(entry).unit
    return f"{entry.name}_{unit}" if unit else entry.name


def read(kind: type, data: object, leaves: Mapping[type, Leaf]) -> Any:
    """Build ``kind``, a dataclass, from plain data; InputError with every problem and its path otherwise."""
    reader = _Reader(leaves, [])
    value = reader.value(kind, data, "", Limits())
    if reader.problems:
        raise InputError(reader.problems)
    return value


def plain(value: Any, leaves: Mapping[type, Leaf], limits: Limits = Limits()) -> Any:
    """Return a value as plain data in the user's units, so that `read` gives it back."""
    for kind, leaf in leaves.items():
        if isinstance(value, kind):
            return leaf.write(value)
    if is_dataclass(value):
        return {key_of(f): plain(getattr(value, f.name), leaves, limits_of(f)) for f in fields(value) if f.init}
    if isinstance(value, Mapping):
        return {plain(k, leaves): plain(v, leaves, limits) for k, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(v, leaves, limits) for v in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return float(f"{value / UNITS.get(limits.unit, 1.0):.12g}")
    return value


@cache
def descriptions(kind: type) -> dict[str, str]:
    """Return what the docstring of a dataclass says about each of its fields."""
    found = {}
    for names, text in _PARAMETER.findall(inspect.getdoc(kind) + "\n"):
        found |= {name.strip(): " ".join(text.split()) for name in names.split(",")}
    return found


def unknown(word: object, known: Iterable[str]) -> str:
    """Say that a word is unknown, and which is meant or which are known."""
    known = list(known)
    return f"{word}: unknown{_nearest(word, known) or '; known here: ' + ', '.join(known)}"


def _nearest(word: object, known: Iterable[str]) -> str:
    by_lower = {k.lower(): k for k in known}
    close = difflib.get_close_matches(str(word).lower(), by_lower, n=1, cutoff=0.6)
    return "".join(f"; did you mean {by_lower[k]}?" for k in close)


@cache
def _types(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def left_out(value: Any, entry: Field[Any]) -> Any:
    """Return, with every default, the dataclass that a field could hold where it holds None; None if it could not."""
    kinds = get_args(_types(type(value))[entry.name]) if getattr(value, entry.name) is None else ()
    return next((kind() for kind in kinds if is_dataclass(kind)), None)


def _shown(data: object) -> str:
    match data:
        case None:
            return "nothing"
        case bool():
            return str(data).lower()
        case str():
            return f"the text {data!r}"
        case list():
            return f"the list {data!r}"
        case Mapping():
            return "a mapping"
    return repr(data)


def _tag(kind: Any) -> str:
    """Return what selects a dataclass in a union: the one value of its field ``kind``."""
    return get_args(_types(kind)["kind"])[0]


@dataclass(frozen=True)
class _Reader:
    leaves: Mapping[type, Leaf]
    problems: list[str]

    def refuse(self, path: str, found: object, allowed: str) -> Any:
        self.problems.append(f"{path or 'input'}: found {_shown(found)}; allowed is {allowed}")
        return _INVALID

    def value(self, kind: Any, data: object, path: str, limits: Limits) -> Any:
        origin = get_origin(kind)
        if origin in (Union, UnionType):
            return self.union(get_args(kind), data, path, limits)
        if kind in self.leaves:
            return self.leaf(self.leaves[kind], data, path)
        if is_dataclass(kind):
            return self.record(kind, data, path)
        if origin is Literal or (isinstance(kind, type) and issubclass(kind, Enum)):
            return self.choice(kind, data, path)
        if origin is tuple:
            return self.sequence(get_args(kind), data, path, limits)
        if origin is not None and issubclass(origin, Mapping):
            return self.mapping(get_args(kind), data, path, limits)
        return data if kind is Any else self.scalar(kind, data, path, limits)

    def union(self, kinds: tuple[Any, ...], data: object, path: str, limits: Limits) -> Any:
        if NoneType in kinds:
            return None if data is None else self.value(*(k for k in kinds if k is not NoneType), data, path, limits)
        by_tag = {_tag(kind): kind for kind in kinds}
        tag = data.get("kind") if isinstance(data, Mapping) else data
        if isinstance(data, Mapping) and isinstance(tag, str) and tag in by_tag:
            return self.record(by_tag[tag], data, path)
        where = f"{path}.kind" if isinstance(data, Mapping) else path
        return self.refuse(where, tag, f"one of {', '.join(by_tag)}{_nearest(tag, by_tag)}")

    def record(self, kind: Any, data: object, path: str) -> Any:
        if not isinstance(data, Mapping):
            return self.refuse(path, data, "a mapping with " + ", ".join(map(key_of, fields(kind))))
        prefix = f"{path}." if path else ""
        known = {key_of(entry): entry for entry in fields(kind) if entry.init}
        self.problems.extend(prefix + unknown(key, known) for key in data if key not in known)
        values = {entry.name: self.entry(kind, entry, data, prefix + key) for key, entry in known.items()}
        if any(value is _INVALID for value in values.values()):
            return _INVALID
        try:
            return kind(**{name: value for name, value in values.items() if value is not MISSING})
        except ValueError as error:
            field_named = str(error).partition(":")[0] in known
            self.problems.append(f"{prefix}{error}" if field_named else f"{path or 'input'}: {error}")
            return _INVALID

    def entry(self, kind: Any, entry: Field[Any], data: Mapping[str, Any], path: str) -> Any:
        hint = _types(kind)[entry.name]
        if key_of(entry) in data:
            return self.value(hint, data[key_of(entry)], path, limits_of(entry))
        if entry.default is MISSING and entry.default_factory is MISSING:
            self.problems.append(f"{path}: missing; give {self.allowed(hint, limits_of(entry))}")
            return _INVALID
        return MISSING

    def leaf(self, leaf: Leaf, data: object, path: str) -> Any:
        if not isinstance(data, str):
            return self.refuse(path, data, leaf.name)
        try:
            return leaf.parse(data)
        except ValueError as error:
            self.problems.append(f"{path}: {error}")
            return _INVALID

    def choice(self, kind: Any, data: object, path: str) -> Any:
        values = _choices(kind)
        if isinstance(data, (str, int)) and data in values:
            return values[data]
        return self.refuse(path, data, f"one of {', '.join(values)}{_nearest(data, values)}")

    def sequence(self, kinds: tuple[Any, ...], data: object, path: str, limits: Limits) -> Any:
        open_ended = kinds[-1] is Ellipsis
        if not isinstance(data, list) or not (open_ended or len(data) == len(kinds)):
            return self.refuse(path, data, self.allowed(tuple[kinds], limits))
        each = kinds[:1] * len(data) if open_ended else kinds
        values = [self.value(k, d, f"{path}[{i}]", limits) for i, (k, d) in enumerate(zip(each, data, strict=True))]
        return _INVALID if any(value is _INVALID for value in values) else tuple(values)

    def mapping(self, kinds: tuple[Any, ...], data: object, path: str, limits: Limits) -> Any:
        if not isinstance(data, Mapping):
            return self.refuse(path, data, self.allowed(Mapping[kinds], limits))
        keys = [self.value(kinds[0], key, f"{path}.{key}", Limits()) for key in data]
        values = [self.value(kinds[1], value, f"{path}.{key}", limits) for key, value in data.items()]
        if any(value is _INVALID for value in keys + values):
            return _INVALID
        if len(set(keys)) < len(keys):
            same = [str(text) for text, key in zip(data, keys, strict=True) if keys.count(key) > 1]
            self.problems.append(f"{path}: {' and '.join(same)} mean the same; give one of them")
            return _INVALID
        return dict(zip(keys, values, strict=True))

    def scalar(self, kind: Any, data: object, path: str, limits: Limits) -> Any:
        fits = isinstance(data, (int, float) if kind is float else kind)
        mistaken = isinstance(data, bool) and kind is not bool
        if not fits or mistaken or (kind in (int, float) and not limits.admit(data)):
            return self.refuse(path, data, self.allowed(kind, limits))
        return data * UNITS.get(limits.unit, 1.0) if kind is float else data

    def allowed(self, kind: Any, limits: Limits) -> str:
        """Say in words what a type admits."""
        origin, arguments = get_origin(kind), get_args(kind)
        if kind in self.leaves:
            return self.leaves[kind].name
        if origin in (Union, UnionType):
            return " or ".join(self.allowed(k, limits) for k in arguments if k is not NoneType)
        if is_dataclass(kind):
            return "a mapping with " + ", ".join(map(key_of, fields(kind)))
        if origin is tuple and arguments[-1] is not Ellipsis:
            return f"[{', '.join(self.allowed(k, limits) for k in arguments)}]"
        if origin is tuple:
            return f"a list, each {self.allowed(arguments[0], limits)}"
        if origin is not None and origin is not Literal:
            return f"a mapping to {self.allowed(arguments[1], limits)}"
        if kind in (bool, int, float, str):
            return {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[kind] + str(limits)
        return "anything" if kind is Any else "one of " + ", ".join(_choices(kind))


def _choices(kind: Any) -> dict[Any, Any]:
    """Return what a user may write for a Literal or an Enum, and what it stands for."""
    if get_origin(kind) is Literal:
        return {choice: choice for choice in get_args(kind)}
    return {member.value: member for member in kind}

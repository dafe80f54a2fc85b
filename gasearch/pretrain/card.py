"""Writing card.toml."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gasearch.potential.card import CARD, PotentialCard


def write_card(card: PotentialCard, folder: Path) -> None:
    """Write the card into the potential's folder."""
    (folder / CARD).write_text("\n".join(_lines(card.to_dict())).lstrip("\n") + "\n")


def _lines(table: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield a table as TOML: plain values first, then its tables."""
    for key, value in table.items():
        if not isinstance(value, Mapping):
            yield f"{key} = {_value(value)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from ("", f"[{prefix}{key}]", *_lines(value, f"{prefix}{key}."))


def _value(value: object) -> str:
    """Return a string, number, truth value or list of them; JSON and TOML write these alike."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)

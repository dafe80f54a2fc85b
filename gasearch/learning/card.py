"""Model files: plain arrays, and a card beside them that says where they come from and what they are worth."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, Final

import numpy as np

from gasearch.errors import InputError
from gasearch.files import replace_text, replacing, writing_to
from gasearch.learning.forest import Forest
from gasearch.learning.ranking import Domain, TcModel
from gasearch.potential.card import sha256_of

MODEL: Final = "model.npz"
CARD: Final = "card.json"
_DOMAIN: Final = ("centre", "scale", "rows", "reach")


def write_model(model: TcModel, facts: dict[str, Any], folder: Path) -> None:
    """Write a model's folder: `MODEL`, and last `CARD` with its sha256 and the facts."""
    arrays = {f"forest_{name}": array for name, array in model.forest.arrays().items()}
    arrays |= {f"domain_{name}": np.asarray(getattr(model.domain, name)) for name in _DOMAIN}
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / MODEL) as path, path.open("wb") as file:
        np.savez_compressed(file, **arrays)
    card = {
        "name": model.name,
        "pressures_GPa": list(model.pressures_GPa),
        "uncertainty": list(model.uncertainty),
        "sha256": sha256_of(folder / MODEL),
        **facts,
    }
    replace_text(folder / CARD, json.dumps(card, indent=1, ensure_ascii=False) + "\n")


def read_model(folder: Path) -> TcModel:
    """Read a model's folder.

    Raises
    ------
    InputError
        If something is missing, damaged, or not what the card says.
    """
    try:
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        found = sha256_of(folder / MODEL)
        if found != card["sha256"]:
            raise InputError(
                f"{folder / MODEL} is not the model of its card: sha256 {found[:16]}… where the card says "
                f"{card['sha256'][:16]}…. Train it again"
            )
        with np.load(folder / MODEL, allow_pickle=False) as file:
            forest = Forest.from_arrays({name[7:]: file[name] for name in file.files if name.startswith("forest_")})
            centre, scale, rows, reach = (file[f"domain_{name}"] for name in _DOMAIN)
        low, high = card["pressures_GPa"]
        floor, factor = card["uncertainty"]
        domain = Domain(centre, scale, rows, float(reach))
        return TcModel(card["name"], forest, domain, (float(floor), float(factor)), (float(low), float(high)))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{folder} holds no whole model ({error}): it needs {MODEL} and {CARD}; train it again"
        ) from error

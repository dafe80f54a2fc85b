"""card.toml: what a potential was made from, what it can be trusted with, and the sum that its file must have."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gasearch.crystal.composition import Pair
from gasearch.errors import PotentialError

CARD = "card.toml"


@dataclass(frozen=True)
class RmsErrors:
    """Root mean square errors on labelled cells: held out from the training, or, to compare, trained on.

    Parameters
    ----------
    cells : int
        Cells that they are taken over.
    rmse_energy_meV_per_atom : float
        After no shift of any kind.
    rmse_force_meV_per_A, rmse_stress_GPa : float
        Over Cartesian components.
    """

    cells: int
    rmse_energy_meV_per_atom: float
    rmse_force_meV_per_A: float
    rmse_stress_GPa: float

    def __str__(self) -> str:
        return (
            f"{self.rmse_energy_meV_per_atom:.1f} meV/atom, {self.rmse_force_meV_per_A:.0f} meV/Å, "
            f"{self.rmse_stress_GPa:.1f} GPa"
        )


@dataclass(frozen=True)
class CommitteeCard:
    """Further models, trained like the first, that say where it cannot be trusted.

    Parameters
    ----------
    files : tuple of str
        Names of the model files beside the card.
    sha256 : tuple of str
        Of each of them.
    spread_limit_meV_per_atom : float
        Standard deviation of all models' energies from which on a structure counts as unknown to them.
    facts : mapping
        What the members are, and how well their spread tells their errors on held-out cells.
    """

    files: tuple[str, ...]
    sha256: tuple[str, ...]
    spread_limit_meV_per_atom: float
    facts: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the table of card.toml."""
        return {
            "files": list(self.files),
            "sha256": list(self.sha256),
            "spread_limit_meV_per_atom": self.spread_limit_meV_per_atom,
            **self.facts,
        }


@dataclass(frozen=True)
class PotentialCard:
    """All that is known of a potential, as it stands in card.toml.

    Parameters
    ----------
    elements : tuple of str
        Chemical symbols.
    model : str
        Name of the model file beside the card.
    sha256 : str
        Of the model file.
    pressure_GPa : tuple of float
        Lowest and highest pressure that the potential is made for.
    shortest_distances_A : mapping
        Pair of elements → shortest distance among the cells near the hull that were trained on: nearer than that the
        potential knows nothing. A pair that is not named has no such limit.
    errors : mapping
        Name of a set of labelled cells → errors on it: ``test…`` were held out, ``train…`` were trained on.
    facts : mapping
        The other tables: how the cells were labelled, what was trained on what, versions, how to rebuild it.
    committee : CommitteeCard or None
        Its further models, if it has any.
    """

    elements: tuple[str, ...]
    model: str
    sha256: str
    pressure_GPa: tuple[float, float]
    shortest_distances_A: Mapping[Pair, float]
    errors: Mapping[str, RmsErrors]
    facts: Mapping[str, Mapping[str, Any]]
    committee: CommitteeCard | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the tables of card.toml."""
        return {
            "elements": list(self.elements),
            "model": self.model,
            "sha256": self.sha256,
            "pressure_GPa": list(self.pressure_GPa),
            "shortest_distances_A": {str(pair): distance for pair, distance in self.shortest_distances_A.items()},
            **self.facts,
            **({"committee": self.committee.to_dict()} if self.committee else {}),
            "errors": {name: vars(errors) for name, errors in self.errors.items()},
        }


def read_card(path: Path) -> PotentialCard:
    """Read card.toml, given its path or the folder that holds it.

    Raises
    ------
    PotentialError
        If it is missing, no TOML, or lacks what every card has.
    """
    path = path / CARD if path.is_dir() else path
    try:
        tables = tomllib.loads(path.read_text())
        return _card(tables)
    except OSError as error:
        raise PotentialError(
            f"{path} cannot be read ({error.strerror}); a potential's folder holds a {CARD}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PotentialError(f"{path} is not TOML ({error}); write the card anew") from error
    except KeyError as error:
        raise PotentialError(
            f"{path} has no entry {error}; a card has elements, model, sha256, pressure_GPa"
        ) from error
    except (TypeError, ValueError) as error:
        raise PotentialError(f"{path} has a value that is no card's ({error})") from error


def card_beside(path: Path) -> PotentialCard | None:
    """Return the card beside a model file or in a model's folder, None if there is none; errors as of `read_card`."""
    file = card_file(path)
    return read_card(file.parent) if file.exists() else None


def card_file(path: Path) -> Path:
    """Return where the card is, if there is one, of a model file or of a model's folder."""
    return _folder(path) / CARD


def find_model(path: Path) -> tuple[Path, PotentialCard | None]:
    """Return the model file that a path stands for, unread, and its card if it has one.

    Parameters
    ----------
    path : Path
        Model file; or a card, or the folder that holds one, which name the model beside it.

    Raises
    ------
    PotentialError
        If there is no such file, or a card cannot be read.
    """
    by_card = path.is_dir() or path.name == CARD
    card = read_card(path) if by_card else card_beside(path)
    model = _folder(path) / card.model if by_card else path
    if not model.is_file():
        advice = (
            f", which the {CARD} beside it names; restore or rebuild it"
            if by_card
            else "; give a MACE model, or a folder that holds one and its card"
        )
        raise PotentialError(f"there is no model file {model}{advice}")
    return model, card


def find_models(path: Path) -> tuple[tuple[Path, ...], PotentialCard | None]:
    """Return the model files that a path stands for, that of the potential first, then those of its committee.

    A model file that is named itself, and is not the one that the card beside it names, stands for itself alone.

    Raises
    ------
    PotentialError
        If one of them is missing, or a card cannot be read.
    """
    model, card = find_model(path)
    if card is None or card.committee is None or model.name != card.model:
        return (model,), card
    members = tuple(model.parent / name for name in card.committee.files)
    if missing := [file.name for file in members if not file.is_file()]:
        raise PotentialError(
            f"{model.parent} is not complete: {', '.join(missing)} of its committee is missing; restore or rebuild it"
        )
    return (model, *members), card


def _folder(path: Path) -> Path:
    return path if path.is_dir() else path.parent


def _card(tables: dict[str, Any]) -> PotentialCard:
    low, high = tables.pop("pressure_GPa")
    return PotentialCard(
        elements=tuple(tables.pop("elements")),
        model=tables.pop("model"),
        sha256=tables.pop("sha256"),
        pressure_GPa=(float(low), float(high)),
        shortest_distances_A={Pair.from_text(k): float(v) for k, v in tables.pop("shortest_distances_A", {}).items()},
        errors={name: RmsErrors(**values) for name, values in tables.pop("errors", {}).items()},
        committee=_committee(tables.pop("committee")) if "committee" in tables else None,
        facts=tables,
    )


def _committee(table: dict[str, Any]) -> CommitteeCard:
    files, sums = tuple(table.pop("files")), tuple(table.pop("sha256"))
    if len(files) != len(sums):
        raise ValueError(f"committee: {len(files)} files but {len(sums)} sums")
    return CommitteeCard(files, sums, float(table.pop("spread_limit_meV_per_atom")), table)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_model(card: PotentialCard, model: Path) -> None:
    """Raise `PotentialError` unless a model file is the one that the card describes, or a member of its committee.

    A model file is code once it is loaded, so this comes before loading it.
    """
    found, wanted = sha256_of(model), card.sha256
    if card.committee and model.name in card.committee.files:
        wanted = card.committee.sha256[card.committee.files.index(model.name)]
    if found != wanted:
        raise PotentialError(
            f"{model} is not the model of its card: sha256 {found[:16]}… where the card says {wanted[:16]}…. "
            "Restore the file, or rebuild potential and card together"
        )

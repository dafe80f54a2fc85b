"""Labels: energies, forces and stresses of cells by DFT, each kept in a file of its own as soon as it is there."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, as_completed
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.pw import PwSettings, ScfResult, write_scf
from gasearch.espresso.record import ScfFailure
from gasearch.espresso.runner import PwRunner
from gasearch.espresso.timing import relative_scf_time
from gasearch.files import replace_text, writing_to
from gasearch.pretrain.sampling import Kind, Sample


@dataclass(frozen=True, eq=False)
class Label:
    """A cell with its energy, forces and stress by DFT."""

    sample: Sample
    result: ScfResult


def label_all(
    samples: Iterable[Sample],
    runner: PwRunner,
    directory: Path,
    executor: Executor,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Label every sample that has no file in the directory yet; kill it at any moment and call it again.

    SCFs that failed and would fail again are recorded too, and not tried again. ``say`` gets a line whenever another
    tenth of what was still to be labelled, by the time that it takes, is done.
    """
    with writing_to(directory):
        directory.mkdir(parents=True, exist_ok=True)
    samples = list(samples)
    missing = [sample for sample in samples if not _path(sample, runner, directory).exists()]
    costs = [relative_scf_time(sample.crystal, runner.settings.k_spacing) for sample in missing]
    # The dearest first, so that no worker waits long for another one at the end.
    order = np.argsort(costs, kind="stable")[::-1]
    times = {executor.submit(label_one, missing[i], runner, directory): costs[i] for i in order}
    began, done, total, later = time.monotonic(), 0.0, sum(costs), 0
    for finished, future in enumerate(as_completed(times), len(samples) - len(missing) + 1):
        later += not future.result()
        before, done = done, done + times[future]
        if done * 10 // total > before * 10 // total or finished == len(samples):
            left = max(0.0, (time.monotonic() - began) * (total - done) / done / 60)
            failed = count_failures(directory)
            left_out = f", {later} left to another time" if later else ""
            say(f"labels: {finished}/{len(samples)}, {failed} failed in all{left_out}, {left:.0f} min left")


def label_one(sample: Sample, runner: PwRunner, directory: Path) -> bool:
    """Write the file of one label, unless it is there, and return whether it is.

    A failure that may not come again, such as a timeout, is left to another time.
    """
    path = _path(sample, runner, directory)
    if path.exists():
        return True
    result = runner.scf(sample.crystal)
    if kept := isinstance(result, ScfResult) or result.problem.lasting:
        replace_text(path, json.dumps(_record(sample, runner.settings, result)))
    return kept


def settled(sample: Sample, runner: PwRunner, directory: Path) -> bool:
    """Whether there is a label of a sample, or a failure that would come again."""
    return _path(sample, runner, directory).exists()


def _path(sample: Sample, runner: PwRunner, directory: Path) -> Path:
    return directory / f"{key(sample.crystal, runner.settings)}.json"


def key(crystal: Crystal, settings: PwSettings) -> str:
    """Return the name of a label: what pw.x is asked decides it."""
    return hashlib.sha256(write_scf(crystal, settings, "").encode()).hexdigest()[:20]


def write_samples(path: Path, samples: Iterable[Sample]) -> None:
    """Keep cells that are to be labelled, with all digits."""
    replace_text(path, json.dumps([_described(sample) for sample in samples]))


def read_samples(path: Path) -> list[Sample]:
    """Read what `write_samples` wrote."""
    return [_sample(record) for record in json.loads(path.read_text())]


def labels_of(samples: Iterable[Sample], runner: PwRunner, directory: Path) -> list[Label]:
    """Return the labels that there are of samples, in order of name, each of the origin that it was asked for."""
    done = {key(sample.crystal, runner.settings): sample for sample in samples if settled(sample, runner, directory)}
    found = read_labels(directory, done)
    return [replace(label, sample=done[key(label.sample.crystal, runner.settings)]) for label in found]


def label_names(directory: Path) -> list[str]:
    """Return the names of all that was labelled in a directory, SCFs that failed among them, sorted."""
    return sorted(path.stem for path in directory.glob("*.json"))


def read_labels(directory: Path, names: Iterable[str] | None = None) -> Iterator[Label]:
    """Yield the labels of a directory, or those of these names, in order of name; failed SCFs are left out."""
    for name in label_names(directory) if names is None else sorted(names):
        record = json.loads((directory / f"{name}.json").read_text())
        if "energy" in record:
            yield _label(record)


def count_failures(directory: Path) -> int:
    """Return the number of cells whose SCF failed."""
    return sum("problem" in json.loads(path.read_text()) for path in directory.glob("*.json"))


def _record(sample: Sample, settings: PwSettings, result: ScfResult | ScfFailure) -> dict[str, Any]:
    asked = {**_described(sample), "settings": asdict(settings)}
    if isinstance(result, ScfFailure):
        return {**asked, "problem": result.problem.name, "detail": result.detail}
    values = {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in asdict(result).items()}
    return {**asked, **values}


def _described(sample: Sample) -> dict[str, Any]:
    structure = {name: getattr(sample.crystal, name).tolist() for name in ("cell", "frac", "numbers")}
    return {**structure, "origin": sample.origin, "kind": str(sample.kind)}


def _sample(record: dict[str, Any]) -> Sample:
    crystal = Crystal(record["cell"], record["frac"], record["numbers"])
    return Sample(crystal, record["origin"], Kind(record["kind"]))


def _label(record: dict[str, Any]) -> Label:
    result = ScfResult(
        record["energy"],
        np.array(record["forces"]),
        np.array(record["stress"]),
        record["k_points"],
        record["iterations"],
    )
    return Label(_sample(record), result)

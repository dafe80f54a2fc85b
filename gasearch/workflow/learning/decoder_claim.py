"""A claim put to the test: that spectra from a decoder teach the Eliashberg equations as well as Einstein models do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from gasearch.files import replace_text, writing_to
from gasearch.learning.claim import SETS, Case, Design, Interval, Trial, difference, trial
from gasearch.learning.crystals import densities
from gasearch.learning.spectra import read_spectra
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.report.decoder_claim import CaseErrors, plot_decoder_claim

#: Raised by one whenever trials of an older version would be misread.
VERSION: Final = 2
_NAME: Final = "decoder-claim"


def decoder_claim(
    folder: Path, spectra: Path | None, trials: int, design: Design, seed: int, say: Callable[[str], None]
) -> None:
    """Make trials, ask about collected spectra (if any) and crystals, and draw; all ranks make trials.

    Finished trials are kept in the folder, and found there by the same command.
    """
    cases = [] if spectra is None else [Case(one.name, one.material, one.spectrum) for one in read_spectra(spectra)]
    run_on_all_ranks(lambda executor: _drive(folder, cases, trials, design, seed, say, executor))


def _drive(
    folder: Path,
    cases: Sequence[Case],
    trials: int,
    design: Design,
    seed: int,
    say: Callable[[str], None],
    executor: QueueExecutor,
) -> None:
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not cases:
        say("there are no spectra of real materials: crystals alone are asked about (give --collected FOLDER)")
    found = _trials(folder, cases, range(seed, seed + trials), design, say, executor)
    materials = {case.name: case.material for case in cases}
    report: dict[str, Any] = {"trials": trials, "seed": seed, "design": asdict(design), "sets": list(SETS)}
    pictures = []
    for name, kind in (("real spectra", "real"), ("crystals left out of the base", "crystals")):
        errors = [getattr(one, kind) for one in found]
        if not any(errors):
            continue
        means = _means(errors)
        interval = difference(errors, materials, seed)
        report[name] = {"errors": means, "decoder less Einstein": asdict(interval), "verdict": interval.verdict}
        pictures.append(CaseErrors(name, means, SETS, _sentence(interval)))
        say(_table(name, means, interval))
    with writing_to(folder):
        paths = plot_decoder_claim(pictures, folder / _NAME)
    replace_text(folder / f"{_NAME}.json", json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    say("\n".join(map(str, paths)))


def _trials(
    folder: Path,
    cases: Sequence[Case],
    seeds: range,
    design: Design,
    say: Callable[[str], None],
    executor: QueueExecutor,
) -> list[Trial]:
    """Return trials: those that the folder has, and, added to it, the others."""
    path = folder / f"trials-{_digest(cases, design)}.json"
    kept = {int(key): one for key, one in json.loads(path.read_text(encoding="utf-8")).items()} if path.exists() else {}
    missing = [one for one in seeds if one not in kept]
    if missing:
        say("phonons of metals and alloys, for the base")
        crystals = densities(executor)
        say(f"{len(missing)} trials: base of {len(crystals)} crystals, {design.added} spectra added")
        futures = {one: executor.submit(trial, one, design, crystals, cases) for one in missing}
        for one, future in futures.items():
            kept[one] = asdict(future.result())
            replace_text(path, json.dumps(kept, ensure_ascii=False) + "\n")
    return [Trial(**kept[one]) for one in seeds]


def _digest(cases: Sequence[Case], design: Design) -> str:
    """Return what trials that may be mixed have in common."""
    moments = [(case.name, case.material, *vars(case.spectrum.moments()).values()) for case in cases]
    return hashlib.sha256(repr((VERSION, design, moments)).encode()).hexdigest()[:12]


def _means(errors: Sequence[dict[str, Sequence[float]]]) -> dict[str, list[float]]:
    names = sorted(set().union(*errors))
    return {name: np.mean([one[name] for one in errors if name in one], axis=0).tolist() for name in names}


def _table(title: str, means: dict[str, list[float]], interval: Interval) -> str:
    lines = [f"{'mean |Δ ln Tc|, %: ' + title:<52}" + "".join(f"{name:>17}" for name in SETS)]
    lines += [f"  {name:<50}" + "".join(f"{100 * one:>17.1f}" for one in row) for name, row in means.items()]
    return "\n".join([*lines, f"  {_sentence(interval)}"])


def _sentence(interval: Interval) -> str:
    return (
        f"decoder less Einstein: {100 * interval.mean:+.1f} %, from {100 * interval.low:+.1f} to "
        f"{100 * interval.high:+.1f} with 95 %, by {interval.materials} materials: {interval.verdict}"
    )

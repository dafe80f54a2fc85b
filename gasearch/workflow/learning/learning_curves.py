"""Errors of formulas and regressors against the number of spectra that they learn from: table and figure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from gasearch.files import replace_text, writing_to
from gasearch.learning.curves import LEARNERS, SIZES, curve_point
from gasearch.learning.floor import floors
from gasearch.learning.synthetic import joined
from gasearch.learning.tc_formula import Errors
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.report.learning_curves import plot_learning_curves
from gasearch.workflow.learning.labels import kept_labels

_NAME: Final = "learning-curves"
#: Spectra that are held out.
_TEST: Final = 3000


def learning_curves(folder: Path, spectra: int, seed: int, say: Callable[[str], None]) -> None:
    """Label spectra, learn from more and more of them, and draw; all ranks label and learn.

    Labels are kept in the folder, and found there by the same command, also if it asks for more.
    """
    run_on_all_ranks(lambda executor: _drive(folder, spectra, seed, say, executor))


def _drive(folder: Path, spectra: int, seed: int, say: Callable[[str], None], executor: QueueExecutor) -> None:
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
    say(f"label {spectra} spectra to learn from and {_TEST} to test by the Eliashberg equations")
    learn = kept_labels(folder, "learn", 2 * seed, spectra, executor)
    test = kept_labels(folder, "test", 2 * seed + 1, _TEST, executor)
    sizes = [size for size in SIZES if size < spectra] + [spectra]
    futures = {
        (name, size): executor.submit(curve_point, name, learn[:size], test, seed)
        for size in sizes
        for name, (_, most) in LEARNERS.items()
        if size <= most
    }
    points: dict[str, dict[int, dict[str, Errors]]] = {name: {} for name in LEARNERS}
    for (name, size), future in futures.items():
        points[name][size] = future.result()
        say(f"  {size:>7} spectra  {100 * points[name][size]['all'].rms:6.2f} %  {name}")
    floor = floors(joined([learn, test]))
    report: dict[str, Any] = {
        "spectra": spectra,
        "seed": seed,
        "least rms error": floor,
        "errors": {name: {n: _plain(one) for n, one in by.items()} for name, by in points.items()},
    }
    replace_text(folder / f"{_NAME}.json", json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    say(_table(points, sizes))
    curves = {name: {size: one["all"].rms for size, one in by.items()} for name, by in points.items()}
    with writing_to(folder):
        paths = plot_learning_curves(curves, {name: one["all"] for name, one in floor.items()}, folder / _NAME)
    say("\n".join(map(str, paths)))


def _plain(errors: dict[str, Errors]) -> dict[str, dict[str, float]]:
    return {group: asdict(one) for group, one in errors.items()}


def _table(points: dict[str, dict[int, dict[str, Errors]]], sizes: list[int]) -> str:
    """Return rms errors by learner, group and number of spectra."""
    lines = [f"{'rms error, %, by spectra learned from':<42}" + "".join(f"{size:>9}" for size in sizes)]
    for name, by in points.items():
        for group in next(iter(by.values())):
            cells = (f"{100 * by[size][group].rms:.1f}" if size in by else "–" for size in sizes)
            lines.append(f"{f'{name}: {group}':<42}" + "".join(f"{cell:>9}" for cell in cells))
    return "\n".join(lines)

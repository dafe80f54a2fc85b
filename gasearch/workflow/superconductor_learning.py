"""Everything about formulas for Tc and the autoencoder of α²F from nothing: labels, errors, and the figure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from gasearch.files import replace_text, writing_to
from gasearch.learning.autoencoder import Autoencoder, PrincipalComponents, Training, train
from gasearch.learning.fidelity import Fidelity, fidelity, novelty, shapes_of, smooth_problems
from gasearch.learning.synthetic import Group, Table
from gasearch.learning.tc_formula import FORMULAS, Found, by_formula, by_group, find, held_out, polished
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.report.superconductor_learning import Comparison, Shapes, plot_superconductor_learning
from gasearch.units import K_PER_THZ
from gasearch.workflow.labels import kept_labels

#: Terms of the largest sum on the front.
_TERMS: Final = 3
#: Spectra that are decoded and solved.
_DECODED: Final = 150
_WORKFLOW: Final = (
    r"α²F → shape over $\omega/\omega_{{\max}}$ (λ and $\omega_{{\max}}$ apart) → encoder → {bottleneck} numbers → "
    "decoder → softmax; generated: normal codes, decoded"
)


def superconductor_learning(
    folder: Path, spectra: int, training: Training, seed: int, say: Callable[[str], None]
) -> None:
    """Label spectra, compare and search formulas, train the autoencoder, and draw; all ranks label.

    Labels are kept in the folder, and found there by the same command.
    """
    run_on_all_ranks(lambda executor: _drive(folder, spectra, training, seed, say, executor))


def _drive(
    folder: Path,
    spectra: int,
    training: Training,
    seed: int,
    say: Callable[[str], None],
    executor: QueueExecutor,
) -> None:
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
    say(f"label {spectra} spectra to learn from, and half as many of each kind to test, by the Eliashberg equations")
    learn = kept_labels(folder, "learn", 2 * seed, spectra, executor)
    test = kept_labels(folder, "test", 2 * seed + 1, spectra // 2, executor)
    extreme = kept_labels(folder, "extreme", 2 * seed + 1, spectra // 10, executor, (Group.EXTREME,))
    report: dict[str, Any] = {"spectra": spectra, "seed": seed}
    report["errors"] = {name: _errors(by_formula(name, test), test) for name in FORMULAS}
    report["errors beyond materials"] = {name: _errors(by_formula(name, extreme), extreme) for name in FORMULAS}
    say(_table(report["errors"]))
    say("search formulas")
    report["front"] = _front(learn, test)
    report["front with omega_ph"] = [_point(one, learn, test) for one in find(learn, _TERMS, with_end=True)[1:]]
    for name in ("front", "front with omega_ph"):
        for point in report[name]:
            say(
                f"  {name}: {point['constants']} constants, {100 * point['test']['all']['rms']:.2f} %  {point['terms']}"
            )
    say("train the autoencoder")
    shapes, generated, about = _autoencoder(training, spectra // 2, seed, executor)
    report["autoencoder"] = about
    say(json.dumps(about, indent=1))
    comparisons = [_comparison(name, test) for name in ("allen_dynes", "sisso_2026")]
    workflow = _WORKFLOW.format(bottleneck=training.bottleneck)
    path = folder / "superconductor-learning"
    with writing_to(folder):
        paths = plot_superconductor_learning(comparisons, shapes, generated, workflow, path)
    replace_text(path.with_suffix(".json"), json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    say("\n".join(map(str, paths)))


def _errors(tc: np.ndarray, table: Table) -> dict[str, dict[str, float]]:
    return {group: asdict(errors) for group, errors in by_group(tc, table).items()}


def _table(errors: dict[str, dict[str, dict[str, float]]]) -> str:
    """Return rms and median errors by formula and group, for the terminal."""
    groups = list(next(iter(errors.values())))
    lines = [f"{'rms (median) error, %':<24}" + "".join(f"{group:>16}" for group in groups)]
    for name, by in errors.items():
        cells = (f"{100 * by[group]['rms']:.1f} ({100 * by[group]['median']:.1f})" for group in groups)
        lines.append(f"{name:<24}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)


def _front(learn: Table, test: Table) -> list[dict[str, Any]]:
    """Return the best formula of each size, with its errors on the test set and on each group when held out."""
    without = held_out(learn, _TERMS)
    return [
        _point(one, learn, test) | {"held_out_rms": {group: found[size].rms for group, found in without.items()}}
        for size, one in enumerate(find(learn, _TERMS))
    ]


def _point(found: Found, learn: Table, test: Table) -> dict[str, Any]:
    best = polished(found, learn) if found.names else found
    return {
        "constants": best.constants,
        "terms": list(best.names),
        "coefficients": [round(value, 4) for value in best.coefficients],
        "skeleton": {name: round(value, 4) for name, value in vars(best.skeleton).items()},
        "test": _errors(best.tc(test), test),
    }


def _comparison(name: str, table: Table) -> Comparison:
    tc = by_formula(name, table)
    rms = {group: errors.rms for group, errors in by_group(tc, table).items()}
    return Comparison(name, table.reduced_tc, tc / (K_PER_THZ * table.omega_log), rms)


def _autoencoder(
    training: Training, count: int, seed: int, executor: QueueExecutor
) -> tuple[Shapes, Shapes, dict[str, Any]]:
    """Train on smooth spectra; return reconstructions, generated shapes, and what was measured of both."""
    shapes = shapes_of(smooth_problems(2 * seed, count))
    held = smooth_problems(2 * seed + 1, max(count // 5, _DECODED))
    test = shapes_of(held)
    validation = len(shapes) // 8
    model = train(shapes[validation:], shapes[:validation], training)
    components = PrincipalComponents.of(shapes[validation:], training.bottleneck)
    autoencoder = fidelity(held[:_DECODED], _through(model), executor)
    pca: Fidelity = fidelity(held[:_DECODED], components.reconstruct, executor)
    about = {
        "bottleneck": training.bottleneck,
        "epochs": len(model.losses),
        "median errors, autoencoder": asdict(autoencoder),
        "median errors, PCA": asdict(pca),
        "generated": asdict(novelty(model, shapes[validation:], test, seed)),
    }
    some = test[:3]
    reconstructed = Shapes("held-out spectra", some, _through(model)(some), components.reconstruct(some))
    return reconstructed, Shapes("generated spectra", None, model.sample(3, np.random.default_rng(seed))), about


def _through(model: Autoencoder) -> Callable[[np.ndarray], np.ndarray]:
    return lambda shapes: model.decode(model.encode(shapes))

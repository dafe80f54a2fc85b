"""Everything about formulas for Tc and the autoencoder of α²F from nothing: labels, errors, and the figure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numpy as np

from gasearch.files import replace_text, writing_to
from gasearch.learning.autoencoder import Autoencoder, PrincipalComponents, Training, shape_of, train
from gasearch.learning.fidelity import Fidelity, fidelity, novelty, shapes_of, smooth_problems
from gasearch.learning.floor import floors
from gasearch.learning.latent import Generator
from gasearch.learning.spectra import Collected, read_spectra
from gasearch.learning.synthetic import Group, Problem, Table, joined, row, table, tc_of
from gasearch.learning.tc_formula import FORMULAS, Found, at_omega_2, by_formula, by_group, find, held_out, polished
from gasearch.parallel.executor import QueueExecutor, run_on_all_ranks
from gasearch.report.superconductor_learning import Comparison, Shapes, plot_superconductor_learning
from gasearch.units import K_PER_THZ
from gasearch.workflow.learning.labels import kept_labels

#: Terms of the largest sum on the front.
_TERMS: Final = 4
#: μ* at which collected spectra are compared.
_MU_STAR: Final = 0.1
#: Normal distributions in the latent space, at most; one of them to compare with.
_LATENTS: Final = {"one normal distribution": 1, "mixture": 24}
#: Spectra that are decoded and solved.
_DECODED: Final = 150
_WORKFLOW: Final = (
    r"α²F → shape over $\omega/\omega_{{\max}}$ (λ and $\omega_{{\max}}$ apart) → encoder → {bottleneck} numbers → "
    "decoder → softmax\ngenerated: draws of a mixture of normal codes, decoded"
)


def superconductor_learning(
    folder: Path, spectra: int, collected: Path | None, training: Training, seed: int, say: Callable[[str], None]
) -> None:
    """Label spectra, compare and search formulas, train the autoencoder, and draw; all ranks label.

    Labels are kept in the folder, and found there by the same command. Formulas are compared on collected spectra, too,
    if there are any, and these are decoded in the figure.
    """
    real = [] if collected is None else read_spectra(collected)
    run_on_all_ranks(lambda executor: _drive(folder, spectra, real, training, seed, say, executor))


def _drive(
    folder: Path,
    spectra: int,
    real: Sequence[Collected],
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
    if real:
        report["collected"] = _collected(real)
        say(_collected_table(report["collected"]))
    report["least rms error"] = floors(joined([learn, test]))
    say(_floor_table(report["least rms error"]))
    say("search formulas")
    there = at_omega_2(learn), at_omega_2(test)
    report["front"] = _front(*there)
    report["front, μ* at ω_ph"] = _points(learn, test)
    report["front, and ω_ph"] = _points(*there, with_end=True)
    for name in ("front", "front, μ* at ω_ph", "front, and ω_ph"):
        for point in report[name]:
            say(
                f"  {name}: {point['constants']} constants, {100 * point['test']['all']['rms']:.2f} %  {point['terms']}"
            )
    say("train the autoencoder")
    shapes, generated, about = _autoencoder(training, spectra // 2, real, seed, executor)
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
        point | {"held_out_rms": {group: found[size].rms for group, found in without.items()}}
        for size, point in enumerate(_points(learn, test))
    ]


def _points(learn: Table, test: Table, with_end: bool = False) -> list[dict[str, Any]]:
    return [_point(one, learn, test) for one in find(learn, _TERMS, with_end)]


def _point(found: Found, learn: Table, test: Table) -> dict[str, Any]:
    best = polished(found, learn) if found.names else found
    return {
        "constants": best.constants,
        "terms": list(best.names),
        "coefficients": [round(value, 4) for value in best.coefficients],
        "skeleton": {name: round(value, 4) for name, value in vars(best.skeleton).items()},
        "test": _errors(best.tc(test), test),
    }


def _collected(real: Sequence[Collected]) -> dict[str, dict[str, float]]:
    """Return Tc, K, of collected spectra at one μ*, by the Eliashberg equations and by every formula."""
    rows = table([row(one, tc_of(one)) for one in (Problem(Group.METAL, it.spectrum, _MU_STAR) for it in real)])
    by_method = {"eliashberg": rows.tc} | {name: by_formula(name, rows) for name in FORMULAS}
    return {it.name: {name: float(tc[i]) for name, tc in by_method.items()} for i, it in enumerate(real)}


def _collected_table(found: dict[str, dict[str, float]]) -> str:
    methods = list(next(iter(found.values())))
    lines = [f"{f'Tc (K), μ* = {_MU_STAR:g}':<46}" + "".join(f"{name:>18}" for name in methods)]
    lines += [f"{name:<46}" + "".join(f"{tc:>18.3f}" for tc in one.values()) for name, one in found.items()]
    return "\n".join(lines)


def _floor_table(floor: dict[str, dict[str, float]]) -> str:
    groups = list(next(iter(floor.values())))
    lines = [f"{'least rms error, %, if known are':<36}" + "".join(f"{group:>10}" for group in groups)]
    lines += [f"{name:<36}" + "".join(f"{100 * x:>10.1f}" for x in one.values()) for name, one in floor.items()]
    return "\n".join(lines)


def _comparison(name: str, table: Table) -> Comparison:
    tc = by_formula(name, table)
    rms = {group: errors.rms for group, errors in by_group(tc, table).items()}
    return Comparison(name, table.reduced_tc, tc / (K_PER_THZ * table.omega_log), rms)


def _autoencoder(
    training: Training, count: int, real: Sequence[Collected], seed: int, executor: QueueExecutor
) -> tuple[Shapes, Shapes, dict[str, Any]]:
    """Train on smooth spectra; return reconstructions, generated shapes, and what was measured of both."""
    known = smooth_problems(2 * seed, count)
    shapes = shapes_of(known)
    held = smooth_problems(2 * seed + 1, max(count // 5, _DECODED))
    test = shapes_of(held)
    validation = len(shapes) // 8
    model = train(shapes[validation:], shapes[:validation], training)
    generators = {name: _generator(model, known[validation:], seed, most) for name, most in _LATENTS.items()}
    components = PrincipalComponents.of(shapes[validation:], training.bottleneck)
    autoencoder = fidelity(held[:_DECODED], _through(model), executor)
    pca: Fidelity = fidelity(held[:_DECODED], components.reconstruct, executor)
    about = {
        "bottleneck": training.bottleneck,
        "epochs": len(model.losses),
        "median errors, autoencoder": asdict(autoencoder),
        "median errors, PCA": asdict(pca),
        "generated": {
            name: asdict(novelty(one, known[validation:], test, seed, executor)) for name, one in generators.items()
        },
    }
    shown = _first_of_each(real)
    some = np.array([shape_of(one.spectrum) for one in shown]) if shown else test[:3]
    title = f"real spectra: {', '.join(one.material for one in shown)}" if shown else "held-out spectra"
    reconstructed = Shapes(title, some, _through(model)(some), components.reconstruct(some))
    drawn = generators["mixture"].sample(3, np.random.default_rng(seed))[0]
    return reconstructed, Shapes("generated spectra", None, drawn), about


def _generator(model: Autoencoder, problems: list[Problem], seed: int, most: int) -> Generator:
    lam, end = np.array([(one.spectrum.moments().lam, one.spectrum.omega_ph) for one in problems]).T
    return Generator.of(model, shapes_of(problems), lam, end, seed, most)


def _first_of_each(real: Sequence[Collected]) -> list[Collected]:
    """Return three spectra, of as many materials as there are; none if there are fewer than three."""
    by_material = list({one.material: one for one in reversed(real)}.values())
    rest = [one for one in real if one not in by_material]
    return [*by_material, *rest][:3] if len(real) > 2 else []


def _through(model: Autoencoder) -> Callable[[np.ndarray], np.ndarray]:
    return lambda shapes: model.decode(model.encode(shapes))

"""Subcommands of potentials: pretrain; potential show, potential validate."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gasearch.cli.command import add_command, add_group, add_programs, say, warn, workers_of
from gasearch.errors import PotentialError

if TYPE_CHECKING:
    from gasearch.potential.card import PotentialCard


def add_potential(commands: Any) -> None:
    """Declare them."""
    pretrain = add_command(
        commands,
        "pretrain",
        _pretrain,
        "make a potential from small cells labelled with DFT, or go on with it",
        "INPUT",
        "gasearch pretrain inputs/pretrain-h-s.yaml --output potentials/mine",
    )
    pretrain.add_argument("--output", "-o", type=Path, metavar="DIR", help="default: potentials/ and the input's name")
    pretrain.add_argument("--work", type=Path, metavar="DIR", help="labels and models; default: runs/ and that name")
    add_programs(pretrain, "pw.x", hours=1)

    example = "gasearch potential show potentials/h-s-200gpa"
    below = add_group(commands, "potential", "what is known of a potential", example)
    show = add_command(below, "show", _potential_show, "print its card", "PATH", example)
    show.add_argument("--json", action="store_true", help="all of it, for programs")
    validate = add_command(
        below,
        "validate",
        _potential_validate,
        "compare it with labelled structures of the same functional",
        "PATH",
        "gasearch potential validate potentials/h-s-200gpa --structures dft.extxyz --json",
    )
    validate.add_argument("--structures", type=Path, required=True, metavar="FILE", help="energies, forces, stresses")
    validate.add_argument("--json", action="store_true", help="errors with counts, to be read by programs")


def _pretrain(options: Namespace) -> None:
    from functools import partial

    from gasearch.cli.pw_options import runner_of
    from gasearch.config import load_pretraining, renewed_pretraining, to_yaml
    from gasearch.pretrain.pretraining import pretrain

    settings = load_pretraining(options.path)
    name = options.path.stem
    work, output = options.work or Path("runs", name), options.output or Path("potentials", name)
    runner = runner_of(options, settings.dft)
    as_text = partial(to_yaml, settings)
    pretrain(settings, runner, work, output, as_text, say, workers_of(options), renewed_pretraining)


def _potential_show(options: Namespace) -> None:
    import json
    import tomllib

    from gasearch.potential.card import CARD, card_file, check_model, find_models

    models, card = find_models(options.path)
    if card is None:
        raise PotentialError(f"nothing is known of {models[0]}: there is no {CARD} beside it")
    for model in models:
        check_model(card, model)
    if options.json:
        return print(json.dumps(tomllib.loads(card_file(options.path).read_text(encoding="utf-8")), indent=1))
    print(f"model        {models[0]} (sha256 as in its card)")
    print("\n".join(_card_lines(card)))


def _card_lines(card: PotentialCard) -> Iterator[str]:
    """Yield what a card says, as far as it says it."""
    labels, order, build = (card.facts.get(name, {}) for name in ("labels", "test_order_above_hull", "build"))
    yield f"elements     {', '.join(card.elements)}"
    yield f"pressure     {card.pressure_GPa[0]:g} to {card.pressure_GPa[1]:g} GPa"
    if {"cells", "functional", "ecutwfc", "k_spacing_per_A"} <= labels.keys():
        yield (
            f"labels       {labels['cells']} cells, {labels['functional']}, {labels.get('pseudopotentials', '')}, "
            f"{labels['ecutwfc']:g} Ry, {labels['k_spacing_per_A']:g}/Å"
        )
    if card.committee:
        models, limit = len(card.committee.files) + 1, card.committee.spread_limit_meV_per_atom
        yield f"committee    {models} models; unknown where they spread by over {limit:g} meV/atom"
    for name, errors in card.errors.items():
        yield f"{name}: {errors} rms on {errors.cells} cells"
    if "spearman" in order:
        yield f"order above hull: rank correlation {order['spearman']:.2f} on {order['cells']} test cells"
    if "note" in build:
        yield f"note: {build['note']}"


def _potential_validate(options: Namespace) -> None:
    import json
    import math

    from gasearch.potential.load import load_potential
    from gasearch.potential.settings import MaceSettings
    from gasearch.pretrain.references import read_references
    from gasearch.pretrain.validation import count_labels, rms_errors

    references = read_references(options.structures)
    errors = rms_errors(load_potential(MaceSettings(kind="mace", path=options.path)), references, shifted=True)
    counts = count_labels(references)
    if options.json:
        values = {name: None if math.isnan(value) else value for name, value in vars(errors).items()}
        print(json.dumps({**values, "counts": counts}, indent=1))
        return
    if counts["energies"] and math.isnan(errors.rmse_energy_meV_per_atom):
        warn(["too few energies to compare: one of each element fits all of them"])
    print(f"energy  {errors.rmse_energy_meV_per_atom:9.1f} meV/atom  rms of {counts['energies']}, shifted per element")
    print(f"force   {errors.rmse_force_meV_per_A:9.0f} meV/Å     rms of {counts['forces']} components")
    print(f"stress  {errors.rmse_stress_GPa:9.2f} GPa       rms of {counts['stresses']} components")

"""Subcommands of what is learned: tc train, tc rank, tc collect; figure."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import Any

from gasearch.cli.command import add_command, add_group, count, say
from gasearch.errors import InputError


def add_tc_learning(below: Any) -> None:
    """Declare those of ``tc``."""
    what = "train a model that ranks candidates, from a table of Tc; its card says how far to trust it"
    example = "gasearch tc train jarvis_hydride_pressure_953.csv --model hydrides --output models/hydrides"
    train = add_command(below, "train", _train, what, "TABLE", example)
    kinds = (
        "hydrides: columns source_id, pressure_GPa, formula, tc_K, split\nsupercon: columns name, Tc\n"
        "electronic: columns formula, Tc, lambda, dos_ef, debye_temp"
    )
    train.add_argument("--model", choices=("hydrides", "supercon", "electronic"), required=True, help=kinds)
    train.add_argument("--output", "-o", type=Path, required=True, metavar="DIR", help="model and card are put there")
    train.add_argument("--trees", type=count, default=100, metavar="N", help="of the forest; default: 100")
    _add_seed(train)
    train.add_argument("--json", action="store_true", help="nothing but what its card says, for programs")

    what = "order exported candidates by expected Tc, before the electron-phonon runs"
    example = "gasearch tc rank candidates --model models/hydrides --model models/supercon"
    rank = add_command(below, "rank", _rank, what, "FOLDER", example)
    what = "folder of a model; the first that knows a candidate speaks"
    rank.add_argument("--model", type=Path, action="append", required=True, metavar="DIR", help=what)
    what = (
        "of an atom of each element, eV/Å² per spin and formula unit, for McMillan and Hopfield's λ; such as H=2.5,S=3"
    )
    rank.add_argument("--eta", type=_eta, default={}, metavar="X=η", help=what)
    rank.add_argument("--json", action="store_true", help="everything that is known, for programs")

    what = "gather finished spectra, with where they come from, into a folder to learn from; no two alike"
    example = "gasearch tc collect candidates/ alpha2f-of-others/ --to spectra"
    collect = add_command(below, "collect", _collect, what, None, example)
    what = "directories, searched for electron-phonon.json and files named as codes name them; or files"
    collect.add_argument("paths", type=Path, nargs="+", metavar="DIR", help=what)
    collect.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="may hold spectra already")
    collect.add_argument("--format", metavar="NAME", help="of files given by themselves; see gasearch tc alpha2f")
    collect.add_argument("--unit", metavar="UNIT", help="of columns: THz, meV, eV, cm-1, K, Ry or Ha")


def add_figure(commands: Any) -> None:
    """Declare figures that are made from nothing."""
    what = "label spectra by the Eliashberg equations, compare and search formulas for Tc, train an autoencoder of α²F"
    example = "mpirun -n 2 gasearch figure superconductor-learning --spectra 5000"
    below = add_group(commands, "figure", "make a figure from nothing", example)
    figure = add_command(below, "superconductor-learning", _superconductor_learning, what, None, example)
    _add_output(figure, "superconductor-learning")
    figure.add_argument("--spectra", type=count, default=5000, metavar="N", help="to learn from; default: 5000")
    _add_collected(figure)
    figure.add_argument("--bottleneck", type=count, default=8, metavar="N", help="of the autoencoder; default: 8")
    figure.add_argument("--epochs", type=count, default=300, metavar="N", help="at most; default: 300")
    _add_seed(figure)

    what = "ask whether spectra from a decoder teach the Eliashberg equations as well as Einstein models do"
    example = "mpirun -n 2 gasearch figure decoder-claim --collected spectra"
    claim = add_command(below, "decoder-claim", _decoder_claim, what, None, example)
    _add_output(claim, "decoder-claim")
    _add_collected(claim)
    claim.add_argument("--trials", type=count, default=10, metavar="N", help="everything drawn again; default: 10")
    claim.add_argument("--added", type=count, default=300, metavar="N", help="spectra added to the base; default: 300")
    _add_seed(claim)

    what = "errors of formulas and regressors against the number of spectra that they learn from"
    example = "mpirun -n 2 gasearch figure learning-curves --spectra 100000"
    curves = add_command(below, "learning-curves", _learning_curves, what, None, example)
    _add_output(curves, "superconductor-learning")
    curves.add_argument("--spectra", type=count, default=5000, metavar="N", help="at most; default: 5000")
    _add_seed(curves)


def _add_output(figure: ArgumentParser, name: str) -> None:
    default = Path("runs", name)
    figure.add_argument("--output", "-o", type=Path, default=default, metavar="DIR", help=f"default: {default}")


def _add_seed(command: ArgumentParser) -> None:
    command.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")


def _add_collected(figure: ArgumentParser) -> None:
    what = "of spectra of real materials, as gasearch tc collect fills it"
    figure.add_argument("--collected", type=Path, metavar="FOLDER", help=what)


def _learning_curves(options: Namespace) -> None:
    from gasearch.workflow.learning.learning_curves import learning_curves

    if options.spectra < 200:
        raise InputError(f"--spectra: found {options.spectra}; allowed is 200 or more")
    learning_curves(options.output, options.spectra, options.seed, say)


def _decoder_claim(options: Namespace) -> None:
    from gasearch.learning.claim import Design
    from gasearch.workflow.learning.decoder_claim import decoder_claim

    decoder_claim(options.output, options.collected, options.trials, Design(added=options.added), options.seed, say)


def _superconductor_learning(options: Namespace) -> None:
    from gasearch.learning.autoencoder import Training
    from gasearch.workflow.learning.superconductor_learning import superconductor_learning

    if options.spectra < 200:
        raise InputError(f"--spectra: found {options.spectra}; allowed is 200 or more")
    training = Training(bottleneck=options.bottleneck, epochs=options.epochs, seed=options.seed)
    superconductor_learning(options.output, options.spectra, options.collected, training, options.seed, say)


def _train(options: Namespace) -> None:
    import json

    from gasearch.learning.card import write_model
    from gasearch.learning.electronic import information
    from gasearch.learning.forest import Growth
    from gasearch.learning.ranking import train
    from gasearch.learning.tables import read_electronic, read_hydrides, read_supercon
    from gasearch.potential.card import sha256_of

    readers = {"hydrides": read_hydrides, "supercon": read_supercon, "electronic": read_electronic}
    data = readers[options.model](options.path)
    growth = Growth(trees=options.trees)
    say(f"{len(data.tc)} rows, {data.left_out} left out")
    model, report = train(options.model, data, growth, options.seed)
    if options.model == "electronic":
        report["descriptors"] = information(data, growth, options.seed)
    source = {"data": options.path.name, "data_sha256": sha256_of(options.path), "seed": options.seed}
    write_model(model, {**source, "growth": vars(growth), **report}, options.output)
    print(json.dumps(report, indent=1))


def _collect(options: Namespace) -> None:
    from gasearch.workflow.coupling.collection import collect

    tally = collect(options.paths, options.to, say, options.format, options.unit)
    say(f"{options.to}: {tally.added} added, {tally.present} were there already, {tally.refused} refused")


def _rank(options: Namespace) -> None:
    import json

    from gasearch.learning.card import read_model
    from gasearch.learning.ranking import rank
    from gasearch.workflow.dft.candidate_folders import FILE, candidate_folders

    found = {folder.name: _candidate(folder / FILE) for folder in candidate_folders(options.path)}
    verdicts = rank(found, [read_model(one) for one in options.model], options.eta)
    if options.json:
        print(json.dumps([vars(one) for one in verdicts], indent=1, ensure_ascii=False))
        return
    print(f"{'Tc (K)':>14}  {'P (GPa)':>8}  {'best P':>7}  {'states':>7}  {'λ(η)':>5}  candidate")
    for one in verdicts:
        tc = "–" if one.tc is None else f"{one.tc:.1f} ± {one.deviation:.1f}"
        best = "–" if one.best_pressure_GPa is None else f"{one.best_pressure_GPa:.0f}"
        dos = "–" if one.dos_per_eV_and_atom is None else f"{one.dos_per_eV_and_atom:.3f}"
        lam = "–" if one.lambda_hopfield is None else f"{one.lambda_hopfield:.2f}"
        print(f"{tc:>14}  {one.pressure_GPa:8.1f}  {best:>7}  {dos:>7}  {lam:>5}  {one.name}  ({one.reason})")


def _eta(text: str) -> dict[str, float]:
    from gasearch.crystal.composition import SYMBOLS

    pairs = [part.partition("=") for part in text.split(",")]
    try:
        eta = {symbol.strip(): float(value) for symbol, _, value in pairs}
    except ValueError:
        eta = {}
    if not eta or not set(eta) <= set(SYMBOLS[1:]) or not all(0 < value < float("inf") for value in eta.values()):
        raise ArgumentTypeError(f"found {text!r}; allowed is a positive number for each element, such as H=2.5,S=3")
    return eta


def _candidate(path: Path) -> dict[str, Any]:
    import json

    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {key: document[key] for key in ("formula", "pressure_GPa", "structure", "electrons", "phonons")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no candidate ({error!r}); export it again") from error

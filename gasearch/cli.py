"""The command ``gasearch``: thin functions over the rooms, and the only place where errors become exit codes.

Nothing heavy is imported until a command needs it, so that help and checks answer at once.
"""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawTextHelpFormatter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from gasearch.errors import GasearchError, InputError, PotentialError
from gasearch.parallel.executor import is_first_rank

_DESCRIPTION = (
    "From chemical elements and a pressure to convex hulls, by a genetic algorithm on machine-learned potentials; "
    "and from electron-phonon coupling to Tc."
)
_EXAMPLE = """\
  gasearch init H S --pressure 200              write an input with every setting explained
  gasearch check h-s-200gpa.yaml                find every mistake in it before a run does
  mpirun -n 2 gasearch run h-s-200gpa.yaml      search; the same command resumes a run that was ended"""


def entry() -> None:
    """Run the command line and leave Python with its exit code."""
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except GasearchError as error:
        # Every rank finds the same mistake in an input; one says so.
        if is_first_rank():
            print(_explained(error), file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has enough; Python would complain once more when it flushes at exit.
        sys.stdout = None
        return 0
    return 0


def _explained(error: GasearchError) -> str:
    if not isinstance(error, InputError) or len(error.problems) == 1:
        return f"gasearch: {error}"
    return "\n  ".join([f"gasearch: {len(error.problems)} problems in the input", *error.problems])


def _run(options: Namespace) -> None:
    from gasearch.config import load, to_yaml, warnings
    from gasearch.workflow.plan import Plan
    from gasearch.workflow.run import run

    config = load(options.path)
    directory = options.run_dir or Path("runs", options.path.stem)
    plan = Plan(
        space=config.space,
        pressure=config.pressure,
        potential=config.potential,
        seed=config.seed,
        relaxation=config.relaxation,
        search=config.search,
        prototypes=config.prototypes,
        seeds=config.seeds,
    )
    if is_first_rank():
        _warn(warnings(config))
    run(plan, directory, to_yaml(config, directory), _say)


def _check(options: Namespace) -> None:
    from gasearch.config import load, to_yaml, warnings

    config = load(options.path)
    print(to_yaml(config, options.path.parent), end="")
    _warn(warnings(config, options.ranks))


def _init(options: Namespace) -> None:
    from gasearch.config import example

    name = "-".join([*options.endpoints, f"{options.pressure:g}GPa"]).lower()
    path = options.output or Path(f"{name}.yaml")
    text = example(options.endpoints, options.pressure, options.potential, path.parent)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}; choose another file with --output") from error
    _say(f"wrote {path}; next: gasearch check {path}")


def _pretrain(options: Namespace) -> None:
    from gasearch.config import load_pretraining, to_yaml
    from gasearch.pretrain.build import pretrain

    settings = load_pretraining(options.path)
    name = options.path.stem
    work, output = options.work or Path("runs", name), options.output or Path("potentials", name)
    pretrain(settings, work, output, to_yaml(settings, work), _say, options.workers)


def _status(options: Namespace) -> None:
    from gasearch.workflow.pictures import snapshot
    from gasearch.workflow.run_directory import existing_run, is_running

    directory = existing_run(options.path)
    unfinished = "running" if is_running(directory) else "not finished; the same `gasearch run` goes on with it"
    summary = snapshot(directory.summary)
    failures = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in summary["failures"].items())
    hull = [phase["formula"] for phase in snapshot(directory.hull)["phases"] if phase["on_hull"]]
    print(f"state        {summary['finished'] or unfinished}")
    print(f"candidates   {summary['candidates']}, of which {summary['relaxations']} were relaxed")
    print(f"individuals  {summary['individuals']}, besides {summary['duplicates']} duplicates")
    print(f"failures     {failures or 'none'}")
    print(f"hull         {' '.join(hull) or 'incomplete: an endpoint has no phase yet'}")


def _plot(options: Namespace) -> None:
    from gasearch.workflow.pictures import draw, draw_comparison
    from gasearch.workflow.run_directory import existing_run

    directory = existing_run(options.path)
    for path in [*draw(directory), *draw_comparison(directory)]:
        print(path)


def _hull(options: Namespace) -> None:
    import json

    from gasearch.workflow.pictures import snapshot
    from gasearch.workflow.run_directory import existing_run

    document = snapshot(existing_run(options.path).hull)
    if options.json:
        print(json.dumps(document, indent=1))
        return
    print(f"{'formula':<14}{'space group':<13}{'atoms':>5}{'H (eV/atom)':>14}{'above hull (meV/atom)':>23}")
    for phase in document["phases"]:
        above = 1000 * phase["above_hull_eV_per_atom"]
        print(
            f"{phase['formula']:<14}{phase['space_group']:<13}{phase['atoms']:>5}"
            f"{phase['enthalpy_eV_per_atom']:>14.4f}{above:>23.1f}"
        )


def _tc_alpha2f(options: Namespace) -> None:
    import json

    from gasearch.superconductivity.alpha2f import Alpha2F
    from gasearch.superconductivity.eliashberg import Convention, Coulomb
    from gasearch.superconductivity.estimate import estimate, text
    from gasearch.superconductivity.readers import at_smearing, read

    spectra = read(options.path, options.format, options.unit, options.tolerance)
    spectrum = at_smearing(spectra, options.smearing, options.path)
    if options.plot and not isinstance(spectrum, Alpha2F):
        raise InputError(f"--plot: {options.path} holds no α²F(ω) that could be drawn; leave it out")
    coulomb = Coulomb(options.mu_star, Convention(options.mu_star_convention), options.lambda_sf)
    result = estimate(spectrum, coulomb, options.debye, str(options.path), options.smearing)
    print(json.dumps(result.to_dict(), indent=1) if options.json else text(result))
    _warn(result.warnings)
    if options.plot:
        from gasearch.files import writing_to
        from gasearch.report.spectrum import plot_alpha2f

        title = f"{options.path.name}: λ = {result.moments.lam:.3f}"
        with writing_to(options.plot):
            paths = plot_alpha2f(spectrum.omega, spectrum.values, spectrum.cumulative(), title, options.plot)
        print("\n".join(map(str, paths)), file=sys.stderr)


def _refine(options: Namespace) -> None:
    import shlex

    from gasearch.espresso.protocol import PROTOCOLS
    from gasearch.espresso.runner import default_pseudo_dir
    from gasearch.units import MEV_PER_EV
    from gasearch.workflow.refine import RefineSettings, refine

    settings = RefineSettings(
        protocol=PROTOCOLS[options.protocol].with_settings(options.ecutwfc, options.k_spacing, options.degauss),
        pseudo_dir=(options.pseudo_dir or default_pseudo_dir()).resolve(),
        window=options.window / MEV_PER_EV,
        budget=options.budget,
        references=tuple(options.reference),
        workers=options.workers,
        timeout=3600 * options.timeout,
        launcher=tuple(shlex.split(options.launcher)),
    )
    refine(settings, options.path, _say)


def _export(options: Namespace) -> None:
    from gasearch.units import MEV_PER_EV
    from gasearch.workflow.export import export

    for folder in export(options.path, options.to, options.window / MEV_PER_EV, all_phases=options.all):
        print(folder)


def _potential_show(options: Namespace) -> None:
    from gasearch.potential.card import CARD, check_model, find_model

    model, card = find_model(options.path)
    if card is None:
        raise PotentialError(f"nothing is known of {model}: there is no {CARD} beside it")
    check_model(card, model)
    print(f"model        {model} (sha256 as in its card)")
    print(f"elements     {', '.join(card.elements)}")
    print(f"pressure     {card.pressure_GPa[0]:g} to {card.pressure_GPa[1]:g} GPa")
    for name, errors in card.errors.items():
        print(
            f"{name}: {errors.rmse_energy_meV_per_atom:.1f} meV/atom, {errors.rmse_force_meV_per_A:.0f} meV/Å, "
            f"{errors.rmse_stress_GPa:.2f} GPa rms on {errors.cells} cells"
        )


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
    print(f"energy  {errors.rmse_energy_meV_per_atom:9.1f} meV/atom  rms of {counts['energies']}, shifted per element")
    print(f"force   {errors.rmse_force_meV_per_A:9.0f} meV/Å     rms of {counts['forces']} components")
    print(f"stress  {errors.rmse_stress_GPa:9.2f} GPa       rms of {counts['stresses']} components")


def _say(line: str) -> None:
    print(line, flush=True)


def _warn(warnings: Iterable[str]) -> None:
    for warning in warnings:
        print(f"gasearch: warning: {warning}", file=sys.stderr)


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        "gasearch", description=_DESCRIPTION, epilog=_epilog(_EXAMPLE), formatter_class=RawTextHelpFormatter
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    run = _command(commands, "run", _run, "search, or resume a search", "INPUT", "mpirun -n 2 gasearch run input.yaml")
    run.add_argument("--run-dir", type=Path, metavar="DIR", help="default: runs/ and the name of the input")

    check = _command(
        commands, "check", _check, "print an input with all its defaults", "INPUT", "gasearch check input.yaml"
    )
    check.add_argument("--ranks", type=int, default=1, metavar="N", help="warn of what does not suit N ranks")

    init = _command(commands, "init", _init, "write an input with comments", None, "gasearch init H S --pressure 200")
    init.add_argument("endpoints", nargs="+", metavar="ELEMENT", help="one to five elements or compounds, such as H3S")
    init.add_argument("--pressure", type=float, required=True, metavar="P", help="GPa")
    init.add_argument("--potential", type=Path, metavar="PATH", help="MACE model, or its folder")
    init.add_argument("--output", "-o", type=Path, metavar="FILE", help="default: named after elements and pressure")

    pretrain = _command(
        commands,
        "pretrain",
        _pretrain,
        "make a potential from small cells labelled with DFT, or go on with it",
        "INPUT",
        "gasearch pretrain inputs/pretrain-h-s.yaml --output potentials/h-s-200gpa",
    )
    pretrain.add_argument("--output", "-o", type=Path, metavar="DIR", help="default: potentials/ and the input's name")
    pretrain.add_argument("--work", type=Path, metavar="DIR", help="labels and models; default: runs/ and that name")
    _add_workers(pretrain)

    _command(commands, "status", _status, "say how far a run is", "DIR", "gasearch status runs/h-s-200gpa")
    _command(commands, "plot", _plot, "draw hulls and progress", "DIR", "gasearch plot runs/h-s-200gpa")

    hull = _command(
        commands, "hull", _hull, "list phases, nearest to the hull first", "DIR", "gasearch hull runs/x --json"
    )
    hull.add_argument("--json", action="store_true", help="everything that is known of them")

    _add_refine(commands)
    export = _command(
        commands,
        "export",
        _export,
        "write refined metals for other programs",
        "DIR",
        "gasearch export DIR --to candidates",
    )
    export.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="one folder a phase is made there")
    export.add_argument("--window", type=float, default=50.0, metavar="MEV", help="above the DFT hull; default: 50")
    export.add_argument("--all", action="store_true", help="also what has a gap, or no density of states")

    potential = commands.add_parser("potential", help="what is known of a potential")
    below = potential.add_subparsers(metavar="COMMAND", required=True)
    _command(below, "show", _potential_show, "print its card", "PATH", "gasearch potential show potentials/h-s-200gpa")
    validate = _command(
        below,
        "validate",
        _potential_validate,
        "compare it with labelled structures of the same functional",
        "PATH",
        "gasearch potential validate potentials/h-s-200gpa --structures dft.extxyz --json",
    )
    validate.add_argument("--structures", type=Path, required=True, metavar="FILE", help="energies, forces, stresses")
    validate.add_argument("--json", action="store_true", help="errors with counts, to be read by programs")
    _add_tc(commands)
    return parser


def _add_tc(commands: Any) -> None:
    below = commands.add_parser("tc", help="from electron-phonon coupling to Tc").add_subparsers(
        metavar="COMMAND", required=True
    )
    example = "gasearch tc alpha2f alpha2F.dat --format qe-alpha2f --smearing 0.02 --mu-star 0.1 --json"
    alpha2f = _command(below, "alpha2f", _tc_alpha2f, "estimate Tc from a file of α²F", "FILE", example)
    formats = "qe-alpha2f, qe-a2fdos, qe-lambda, epw, abinit, elk, or columns"
    alpha2f.add_argument("--format", required=True, metavar="NAME", help=formats)
    alpha2f.add_argument("--unit", metavar="UNIT", help="of columns: THz, meV, eV, cm-1, K, Ry or Ha")
    alpha2f.add_argument("--smearing", type=float, metavar="S", help="which, in the file's unit, if there are several")
    alpha2f.add_argument(
        "--tolerance", type=float, default=0.02, metavar="SHARE", help="of λ that may be unphysical (0.02)"
    )
    alpha2f.add_argument("--mu-star", type=float, default=0.10, metavar="MU", help="Coulomb pseudopotential (0.10)")
    alpha2f.add_argument(
        "--mu-star-convention",
        choices=("rescaled", "as_given"),
        default="rescaled",
        help="whether it belongs to the end of the phonons (rescaled) or to ten times that",
    )
    alpha2f.add_argument("--lambda-sf", type=float, default=0.0, metavar="L", help="coupling to paramagnons (0)")
    alpha2f.add_argument("--debye", type=float, metavar="K", help="Debye temperature, for McMillan's formula")
    alpha2f.add_argument("--plot", type=Path, metavar="FILE", help="draw α²F and cumulative λ as PNG and SVG")
    alpha2f.add_argument("--json", action="store_true", help="everything that is known, for programs")


def _positive(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise ArgumentTypeError(f"{text} is not a number above 0")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ArgumentTypeError(f"{text} is less than 1")
    return number


def _add_workers(command: ArgumentParser) -> None:
    cores = os.cpu_count() or 1
    what = f"calculations at a time, where there is no mpirun; default: the cores here, {cores}"
    command.add_argument("--workers", type=_count, default=cores, metavar="N", help=what)


def _add_refine(commands: Any) -> None:
    what = "relax phases near the hull by DFT, and draw their hull beside the potential's; the same command resumes"
    example = "mpirun -n 2 gasearch refine runs/h-s-200gpa --reference known/hydrogen.cif"
    refine = _command(commands, "refine", _refine, what, "DIR", example)
    add = refine.add_argument
    add("--window", type=_positive, default=50.0, metavar="MEV", help="above the hull, to begin with; default: 50")
    add("--budget", type=_count, default=40, metavar="N", help="candidates at most; default: 40")
    add("--protocol", choices=("fast", "standard", "precise"), default="fast", help="how accurate; default: fast")
    add("--reference", type=Path, action="append", default=[], metavar="FILE", help="known structures, refined, too")
    add("--ecutwfc", type=_positive, metavar="RY", help="instead of the protocol's; four times it for the density")
    add("--k-spacing", type=_positive, metavar="S", help="1/Å, with 2π; instead of the protocol's")
    add("--degauss", type=_positive, metavar="RY", help="smearing; instead of the protocol's")
    add("--pseudo-dir", type=Path, metavar="DIR", help="holds X.UPF for each element X; default: PseudoDojo PBE")
    _add_workers(refine)
    add("--launcher", default="", metavar="COMMAND", help="starts pw.x on several ranks: 'mpirun -n 4'")
    add("--timeout", type=_positive, default=6.0, metavar="HOURS", help="for one run of pw.x; default: 6")


def _command(
    commands: Any, name: str, function: Callable[[Namespace], None], what: str, path: str | None, example: str
) -> ArgumentParser:
    """Add a subcommand, with the path that it takes, an example and the exit codes in its help."""
    command = commands.add_parser(
        name, help=what, description=what, epilog=_epilog(f"  {example}"), formatter_class=RawTextHelpFormatter
    )
    command.set_defaults(command=function)
    if path:
        command.add_argument("path", type=Path, metavar=path)
    return command


def _epilog(examples: str) -> str:
    codes = {kind.exit_code: kind.__doc__.splitlines()[0] for kind in GasearchError.__subclasses__()}
    codes |= {0: "Done.", 1: "A bug: please report it with what was printed."}
    return "\n".join(
        ["examples:", examples, "", "exit codes:", *(f"  {code}  {codes[code]}" for code in sorted(codes))]
    )

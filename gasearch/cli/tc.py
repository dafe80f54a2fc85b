"""Subcommands of superconductivity: tc (that is, tc run), tc alpha2f."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gasearch.cli.command import (
    add_cluster,
    add_command,
    add_group,
    add_programs,
    cluster_of,
    grid,
    positive,
    print_json,
    say,
    warn,
    workers_of,
)
from gasearch.cli.learning import add_tc_learning
from gasearch.errors import InputError

if TYPE_CHECKING:
    from gasearch.superconductivity.eliashberg import Coulomb


#: What may follow ``tc``; whatever else does is a folder of candidates.
_COMMANDS = ("run", "alpha2f", "train", "rank", "collect", "-h", "--help")


def add_tc(commands: Any) -> None:
    """Declare them."""
    example = "gasearch tc alpha2f alpha2F.dat --format columns --unit THz"
    below = add_group(commands, "tc", "from electron-phonon coupling to Tc", example)
    what = "compute couplings and Tc of exported candidates with ph.x; the same command resumes"
    example = "mpirun -n 2 gasearch tc candidates/"
    run = add_command(below, "run", _tc_run, what, "CANDIDATES", example)
    protocols = ("fast", "standard", "precise")
    run.add_argument("--protocol", choices=protocols, default="fast", help="how accurate; default: fast")
    run.add_argument("--q-grid", type=grid, metavar="NxNxN", help="phonons; instead of the protocol's")
    run.add_argument(
        "--ecutwfc", type=positive, metavar="RY", help="instead of the protocol's; 4 times for the density"
    )
    run.add_argument("--k-spacing", type=positive, metavar="S", help="1/Å, with 2π; instead of the protocol's")
    _add_coulomb(run)
    add_programs(run, "ph.x", 24.0)
    add_cluster(run)
    run.add_argument("--json", action="store_true", help="everything that was computed, for programs")

    example = "gasearch tc alpha2f alpha2F.dat --format qe-alpha2f --smearing 0.02 --mu-star 0.1 --json"
    alpha2f = add_command(below, "alpha2f", _tc_alpha2f, "estimate Tc from a file of α²F", "FILE", example)
    formats = "qe-alpha2f, qe-a2fdos, qe-lambda, epw, abinit, elk, or columns"
    alpha2f.add_argument("--format", required=True, metavar="NAME", help=formats)
    alpha2f.add_argument("--unit", metavar="UNIT", help="of columns: THz, meV, eV, cm-1, K, Ry or Ha")
    alpha2f.add_argument("--smearing", type=float, metavar="S", help="which, in the file's unit, if there are several")
    alpha2f.add_argument(
        "--tolerance", type=float, default=0.02, metavar="SHARE", help="of λ that may be unphysical (0.02)"
    )
    _add_coulomb(alpha2f)
    alpha2f.add_argument("--debye", type=float, metavar="K", help="Debye temperature, for McMillan's formula")
    alpha2f.add_argument("--plot", type=Path, metavar="FILE", help="draw α²F and cumulative λ as PNG and SVG")
    alpha2f.add_argument("--json", action="store_true", help="everything that is known, for programs")
    add_tc_learning(below)


def _add_coulomb(command: ArgumentParser) -> None:
    command.add_argument("--mu-star", type=float, default=0.10, metavar="MU", help="Coulomb pseudopotential (0.10)")
    command.add_argument(
        "--mu-star-convention",
        choices=("rescaled", "as_given"),
        default="rescaled",
        help="whether it belongs to the end of the phonons (rescaled) or to ten times that",
    )
    command.add_argument("--lambda-sf", type=float, default=0.0, metavar="L", help="coupling to paramagnons (0)")


def _coulomb(options: Namespace) -> Coulomb:
    from gasearch.superconductivity.eliashberg import Convention, Coulomb

    return Coulomb(options.mu_star, Convention(options.mu_star_convention), options.lambda_sf)


def with_run(arguments: list[str]) -> list[str]:
    """Return the command line with the subcommand ``run`` where ``tc`` has none: ``gasearch tc candidates/``."""
    if arguments[:1] != ["tc"] or len(arguments) < 2 or arguments[1] in _COMMANDS:
        return arguments
    return ["tc", "run", *arguments[1:]]


def _tc_run(options: Namespace) -> None:
    from gasearch.espresso.installation import default_pseudo_dir
    from gasearch.espresso.protocol import PHONON_PROTOCOLS
    from gasearch.espresso.settings import launch_words
    from gasearch.workflow.coupling.electron_phonon import TcSettings, compute_tc
    from gasearch.workflow.dft.candidate_folders import read_candidates

    try:
        launcher = launch_words(options.launcher)
    except ValueError as error:
        raise InputError(f"--{error}") from error
    settings = TcSettings(
        protocol=PHONON_PROTOCOLS[options.protocol].with_settings(options.ecutwfc, options.k_spacing),
        pseudo_dir=(options.pseudo_dir or default_pseudo_dir()).resolve(),
        coulomb=_coulomb(options),
        q_grid=options.q_grid,
        workers=workers_of(options),
        timeout=3600 * options.timeout,
        launcher=launcher,
        cluster=cluster_of(options),
    )
    compute_tc(settings, options.path, say)
    if options.json:
        print_json(file for one in read_candidates(options.path) for file in one.documents)


def _tc_alpha2f(options: Namespace) -> None:
    import json

    from gasearch.superconductivity.alpha2f import Alpha2F
    from gasearch.superconductivity.estimate import estimate, text
    from gasearch.superconductivity.readers import at_smearing, read

    spectra = read(options.path, options.format, options.unit, options.tolerance)
    spectrum = at_smearing(spectra, options.smearing, options.path)
    if options.plot and not isinstance(spectrum, Alpha2F):
        raise InputError(f"--plot: {options.path} holds no α²F(ω) that could be drawn; leave it out")
    result = estimate(spectrum, _coulomb(options), options.debye, str(options.path), options.smearing)
    print(json.dumps(result.to_dict(), indent=1) if options.json else text(result))
    warn(result.warnings)
    if options.plot:
        from gasearch.files import writing_to
        from gasearch.report.spectrum import plot_alpha2f

        title = f"{options.path.name}: λ = {result.moments.lam:.3f}"
        with writing_to(options.plot):
            paths = plot_alpha2f(spectrum.omega, spectrum.values, spectrum.cumulative(), title, options.plot)
        print("\n".join(map(str, paths)), file=sys.stderr)

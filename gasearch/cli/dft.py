"""Subcommands of DFT, and of what follows it: refine, phonons, export."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gasearch.cli.command import (
    add_cluster,
    add_command,
    add_programs,
    cluster_of,
    count,
    keyword_arguments,
    opened,
    positive,
    print_json,
    say,
    warn,
    workers_of,
)
from gasearch.errors import InputError

if TYPE_CHECKING:
    from gasearch.espresso.settings import RefineSettings


def add_dft(commands: Any) -> None:
    """Declare them."""
    what = "relax phases near the hull by DFT, and draw their hull beside the potential's; the same command resumes"
    example = "mpirun -n 2 gasearch refine runs/h-s-200gpa --reference known/hydrogen.cif"
    refine = add_command(commands, "refine", _refine, what, "DIR", example)
    add = refine.add_argument
    add("--window", type=positive, metavar="MEV", help="above the hull, to begin with; default: the input's, or 50")
    add("--budget", type=count, metavar="N", help="candidates at most; default: the input's, or 40")
    protocols = ("fast", "standard", "precise")
    add("--protocol", choices=protocols, help="how accurate; default: the input's, or fast")
    add("--no-known", action="store_true", help="without the known phases of the elements at the pressure")
    add("--reference", type=Path, action="append", default=[], metavar="FILE", help="known structures, refined, too")
    add("--ecutwfc", type=positive, metavar="RY", help="instead of the protocol's; four times it for the density")
    add("--k-spacing", type=positive, metavar="S", help="1/Å, with 2π; instead of the protocol's")
    add("--degauss", type=positive, metavar="RY", help="smearing; instead of the protocol's")
    add_programs(refine, "pw.x", 6.0)
    refine.set_defaults(timeout=None)
    add_cluster(refine)
    add("--calculator", metavar="IMPORT.PATH", help="an ASE calculator that relaxes instead of pw.x")
    add("--arguments", default="{}", metavar="JSON", help="keyword arguments of the calculator")
    add("--json", action="store_true", help="what DFT says, for programs")

    what = "say which refined metals are stable, by phonons with the search's potential"
    phonons = add_command(commands, "phonons", _phonons, what, "DIR", "gasearch phonons runs/h-s-200gpa")
    add = phonons.add_argument
    add("--window", type=positive, default=50.0, metavar="MEV", help="above the DFT hull; default: 50")
    add("--min-length", type=positive, default=7.0, metavar="A", help="of the supercell; default: 7")
    add("--max-atoms", type=count, default=256, metavar="N", help="in it, at most; default: 256")
    add("--displacement", type=positive, default=0.01, metavar="A", help="of an atom; default: 0.01")
    add("--json", action="store_true", help="the verdicts, for programs")

    export = add_command(
        commands,
        "export",
        _export,
        "write refined metals for other programs",
        "DIR",
        "gasearch export DIR --to candidates",
    )
    export.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="one folder a phase is made there")
    export.add_argument("--window", type=positive, default=50.0, metavar="MEV", help="above the DFT hull; default: 50")
    export.add_argument("--all", action="store_true", help="also what has a gap, or no density of states")
    export.add_argument("--vasp", action="store_true", help="with inputs of VASP, without POTCAR")


def _refine(options: Namespace) -> None:
    from gasearch.workflow.dft.refine import refine

    directory, config = opened(options.path)
    refine(_refine_settings(options, config.refine), options.path, say, cluster_of(options) or config.cluster)
    if options.json:
        print_json(directory.refined_phases)


def _refine_settings(options: Namespace, begun: RefineSettings | None) -> RefineSettings:
    """Return the settings of the run's input with the options in place of its own."""
    from gasearch.espresso.settings import RefineSettings
    from gasearch.units import MEV_PER_EV

    try:
        given = {
            "window": options.window and options.window / MEV_PER_EV,
            "budget": options.budget,
            "protocol": options.protocol,
            "known": False if options.no_known else None,
            "references": tuple(options.reference) or None,
            "ecutwfc": options.ecutwfc,
            "k_spacing": options.k_spacing,
            "degauss": options.degauss,
            "pseudo_dir": options.pseudo_dir,
            "launcher": options.launcher or None,
            "timeout": options.timeout and 3600 * options.timeout,
            "ase_calculator": options.calculator,
            "ase_arguments": keyword_arguments(options.arguments) or None,
        }
        known = {name: value for name, value in given.items() if value is not None}
        settings = replace(begun or RefineSettings(), **known)
        return replace(settings, workers=workers_of(options, settings.launcher))
    except ValueError as error:
        raise InputError(f"--{error}") from error


def _phonons(options: Namespace) -> None:
    from gasearch.phonon.phonons import PhononSettings
    from gasearch.units import MEV_PER_EV
    from gasearch.workflow.dft.phonons import phonons

    window = options.window / MEV_PER_EV
    settings = PhononSettings(window, options.min_length, options.max_atoms, options.displacement)
    directory, config = opened(options.path)
    phonons(settings, config.potential, options.path, say)
    if options.json:
        print_json(sorted(directory.phonons.glob("*.json")))


def _export(options: Namespace) -> None:
    from gasearch.espresso.settings import ExportSettings
    from gasearch.units import MEV_PER_EV
    from gasearch.workflow.dft.export import export, unknown

    settings = ExportSettings(options.to, options.window / MEV_PER_EV, options.all, options.vasp)
    for folder in export(settings, options.path):
        print(folder)
    warn(unknown(settings, options.path))

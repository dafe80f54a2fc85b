"""Subcommands of DFT: refine, export."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from gasearch.cli.command import add_command, add_programs, count, positive, say, words


def add_dft(commands: Any) -> None:
    """Declare them."""
    what = "relax phases near the hull by DFT, and draw their hull beside the potential's; the same command resumes"
    example = "mpirun -n 2 gasearch refine runs/h-s-200gpa --reference known/hydrogen.cif"
    refine = add_command(commands, "refine", _refine, what, "DIR", example)
    add = refine.add_argument
    add("--window", type=positive, default=50.0, metavar="MEV", help="above the hull, to begin with; default: 50")
    add("--budget", type=count, default=40, metavar="N", help="candidates at most; default: 40")
    add("--protocol", choices=("fast", "standard", "precise"), default="fast", help="how accurate; default: fast")
    add("--reference", type=Path, action="append", default=[], metavar="FILE", help="known structures, refined, too")
    add("--ecutwfc", type=positive, metavar="RY", help="instead of the protocol's; four times it for the density")
    add("--k-spacing", type=positive, metavar="S", help="1/Å, with 2π; instead of the protocol's")
    add("--degauss", type=positive, metavar="RY", help="smearing; instead of the protocol's")
    add_programs(refine, "pw.x", 6.0)

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


def _refine(options: Namespace) -> None:
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
        launcher=words(options.launcher),
    )
    refine(settings, options.path, say)


def _export(options: Namespace) -> None:
    from gasearch.units import MEV_PER_EV
    from gasearch.workflow.export import export

    for folder in export(options.path, options.to, options.window / MEV_PER_EV, all_phases=options.all):
        print(folder)

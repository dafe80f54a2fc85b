"""Subcommands of screens for superconductors that phonons do not make: screen nesting, screen magnetism."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gasearch.cli.command import add_command, add_programs, count, grid, positive, say
from gasearch.errors import InputError

if TYPE_CHECKING:
    from gasearch.crystal.crystal import Crystal
    from gasearch.espresso.protocol import DftProtocol
    from gasearch.espresso.runner import PwRunner


def add_screen(commands: Any) -> None:
    """Declare them."""
    below = commands.add_parser("screen", help="look for nesting and soft magnetism").add_subparsers(
        metavar="COMMAND", required=True
    )
    what = "nesting function and bare susceptibility of a metal, from bands of pw.x on a full grid"
    example = "gasearch screen nesting chromium.cif --grid 24x24x24 --temperature 300"
    command = add_command(below, "nesting", _nesting, what, "STRUCTURE", example)
    add = command.add_argument
    add("--grid", type=grid, metavar="NxNxN", help="of pw.x's k-points; default: as for densities of states")
    add("--times", type=count, default=4, metavar="N", help="denser, the interpolated grid; default: 4")
    add("--temperature", type=positive, default=600.0, metavar="K", help="of occupations and δ(E); default: 600")
    add("--stoner", type=positive, metavar="EV", help="I, for the enhanced susceptibility χ0/(1 - I χ0) of one spin")
    _add_dft(command)


def _add_dft(command: ArgumentParser) -> None:
    add = command.add_argument
    add("--output", "-o", type=Path, metavar="FOLDER", help="default: named after the structure")
    add("--protocol", choices=("fast", "standard", "precise"), default="standard", help="of DFT; default: standard")
    add("--ecutwfc", type=positive, metavar="RY", help="instead of the protocol's; four times it for the density")
    add("--ecutrho", type=positive, metavar="RY", help="for the density; ultrasoft pseudopotentials need 8 to 12 times")
    add("--k-spacing", type=positive, metavar="S", help="1/Å, with 2π, of the SCF; instead of the protocol's")
    add("--degauss", type=positive, metavar="RY", help="smearing of the SCF; instead of the protocol's")
    add_programs(command, "pw.x", 6.0, several=False)


def _protocol(options: Namespace) -> DftProtocol:
    from dataclasses import replace

    from gasearch.espresso.protocol import PROTOCOLS

    protocol = PROTOCOLS[options.protocol].with_settings(options.ecutwfc, options.k_spacing, options.degauss)
    if options.ecutrho is None:
        return protocol
    return replace(protocol, pw=replace(protocol.pw, ecutrho=options.ecutrho))


def _runner(options: Namespace, folder: Path) -> PwRunner:
    from gasearch.espresso.runner import PwRunner, default_pseudo_dir
    from gasearch.espresso.settings import launch_words

    try:
        launcher = launch_words(options.launcher)
    except ValueError as error:
        raise InputError(f"--{error}") from error
    pseudo_dir = (options.pseudo_dir or default_pseudo_dir()).resolve()
    return PwRunner(
        _protocol(options).pw,
        pseudo_dir,
        timeout=3600 * options.timeout,
        launcher=launcher,
        kept=folder / "calculations",
    )


def _structure(options: Namespace) -> Crystal:
    from gasearch.crystal.symmetry import primitive
    from gasearch.workflow.structure_files import read_structures

    found = read_structures([options.path])
    if len(found) != 1:
        raise InputError(f"{options.path} holds {len(found)} structures: give a file with one")
    return primitive(found[0])


def _folder(options: Namespace, what: str) -> Path:
    return options.output or Path(f"{options.path.stem}-{what}")


def _nesting(options: Namespace) -> None:
    from dataclasses import replace

    from gasearch.espresso.pw import k_grid
    from gasearch.workflow.nesting import NestingSettings, screen_nesting

    crystal, folder = _structure(options), _folder(options, "nesting")
    settings = NestingSettings(
        grid=options.grid or k_grid(crystal, _protocol(options).dos_k_spacing),
        times=options.times,
        temperature=options.temperature,
        stoner=options.stoner,
    )
    # Without spins: what is asked is which order the metal without one would choose.
    runner = replace(_runner(options, folder), spins=(0.0,) * len(crystal))
    screen_nesting(settings, runner, crystal, folder, say)

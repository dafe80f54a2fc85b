"""Subcommands of screens for superconductors that phonons do not make: screen nesting, screen magnetism."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gasearch.cli.command import (
    add_command,
    add_group,
    add_programs,
    count,
    grid,
    keyword_arguments,
    positive,
    say,
    workers_of,
)
from gasearch.cli.pw_options import add_pw_settings, protocol_of, runner_of
from gasearch.errors import InputError

if TYPE_CHECKING:
    from gasearch.crystal.crystal import Crystal
    from gasearch.workflow.beyond.magnets import Magnet


#: Å, within which a file's structure has the symmetry that it is given.
_SYMPREC = 0.01


def add_screen(commands: Any) -> None:
    """Declare them."""
    example = "gasearch screen nesting chromium.cif"
    below = add_group(commands, "screen", "look for nesting and soft magnetism", example)
    what = "nesting function and bare susceptibility of a metal, from bands of pw.x on a full grid"
    example = "gasearch screen nesting chromium.cif --grid 24x24x24 --temperature 300"
    command = add_command(below, "nesting", _nesting, what, "STRUCTURE", example)
    add = command.add_argument
    add("--grid", type=grid, metavar="NxNxN", help="of pw.x's k-points; default: as for densities of states")
    add("--times", type=count, default=4, metavar="N", help="denser, the interpolated grid; default: 4")
    add("--temperature", type=positive, default=600.0, metavar="K", help="of occupations and δ(E); default: 600")
    add("--stoner", type=positive, metavar="EV", help="I, for the enhanced susceptibility χ0/(1 - I χ0) of one spin")
    _add_dft(command)
    add_programs(command, "pw.x", 6.0, several=False)

    what = "moments of magnets against pressure, from several orderings, up and down; the softest magnets first"
    example = "gasearch screen magnetism iron.cif --pressures 0 20 40 60 --pseudo-dir pseudo"
    command = add_command(below, "magnetism", _magnetism, what, "STRUCTURE", example)
    add = command.add_argument
    add("others", type=Path, nargs="*", metavar="STRUCTURE", help="more of them, for a ranking")
    add("--pressures", type=float, nargs="+", required=True, metavar="P", help="GPa")
    add("--moment", type=positive, default=3.0, metavar="M", help="μB that each magnetic atom begins with; default: 3")
    add("--antiferromagnets", type=int, default=2, metavar="N", help="orderings besides the ferromagnet; default: 2")
    add("--multiple", type=count, default=2, metavar="N", help="of the primitive cell, their cells; default: 2")
    add("--elements", nargs="+", metavar="X", help="that may have moments; default: magnetic d and f elements")
    add("--no-return", action="store_true", help="up in pressure only, not down again")
    add("--calculator", metavar="IMPORT.PATH", help="an ASE calculator with moments and stress, instead of pw.x")
    add("--arguments", default="{}", metavar="JSON", help="keyword arguments of the calculator")
    _add_dft(command)
    add_programs(command, "pw.x", 6.0)


def _add_dft(command: ArgumentParser) -> None:
    add = command.add_argument
    add("--output", "-o", type=Path, metavar="FOLDER", help="default: named after the structure")
    add("--protocol", choices=("fast", "standard", "precise"), default="standard", help="of DFT; default: standard")
    add_pw_settings(command)


def _structure(path: Path) -> Crystal:
    from gasearch.crystal.symmetry import symmetrized
    from gasearch.workflow.record.structure_files import read_structures

    found = read_structures([path])
    if len(found) != 1:
        raise InputError(f"{path} holds {len(found)} structures: give a file with one")
    # pw.x finds the rotations of a cubic or hexagonal crystal in the standard orientation alone.
    return symmetrized(found[0], _SYMPREC)


def _folder(options: Namespace, what: str) -> Path:
    return options.output or Path(f"{options.path.stem}-{what}")


def _nesting(options: Namespace) -> None:
    from dataclasses import replace

    from gasearch.espresso.pw import k_grid
    from gasearch.workflow.beyond.nesting import NestingSettings, screen_nesting

    crystal, folder = _structure(options.path), _folder(options, "nesting")
    protocol = protocol_of(options, options.protocol)
    settings = NestingSettings(
        grid=options.grid or k_grid(crystal, protocol.dos_k_spacing),
        times=options.times,
        temperature=options.temperature,
        stoner=options.stoner,
    )
    # Without spins: what is asked is which order the metal without one would choose.
    runner = replace(runner_of(options, protocol.pw, folder), spins=(0.0,) * len(crystal))
    screen_nesting(settings, runner, crystal, folder, say)


def _magnetism(options: Namespace) -> None:
    from gasearch.crystal.composition import SYMBOLS
    from gasearch.espresso.pw import MAGNETIC
    from gasearch.workflow.beyond.following import MagnetismSettings
    from gasearch.workflow.beyond.magnetism import screen_magnetism

    if unknown := sorted(set(options.elements or ()) - set(SYMBOLS)):
        raise InputError(f"--elements: {', '.join(unknown)} is no element; give symbols such as Fe Mn")
    folder = _folder(options, "magnetism")
    crystals = _named_structures([options.path, *options.others])
    settings = MagnetismSettings(
        pressures=tuple(sorted(set(options.pressures))),
        moment=options.moment,
        antiferromagnets=options.antiferromagnets,
        multiple=options.multiple,
        back=not options.no_return,
        elements=frozenset(map(SYMBOLS.index, options.elements)) if options.elements else MAGNETIC,
        workers=workers_of(options),
    )
    screen_magnetism(settings, _magnet(options, folder), crystals, folder, say)


def _named_structures(paths: list[Path]) -> dict[str, Crystal]:
    names = [path.stem for path in paths]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"several structures are named {', '.join(repeated)}: give the files different names")
    return {path.stem: _structure(path) for path in paths}


def _magnet(options: Namespace, folder: Path) -> Magnet:
    from gasearch.workflow.beyond.magnets import CalculatorMagnet, EspressoMagnet

    protocol = protocol_of(options, options.protocol)
    if options.calculator:
        try:
            arguments = keyword_arguments(options.arguments)
        except ValueError as error:
            raise InputError(f"--{error}") from error
        return CalculatorMagnet(options.calculator, arguments, protocol.descent)
    return EspressoMagnet(runner_of(options, protocol.pw, folder), protocol)

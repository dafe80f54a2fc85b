"""Subcommands beyond the hull: what survives decompression, and behind which barrier."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gasearch.cli.command import add_command, count, opened, positive, say, warn
from gasearch.errors import InputError

if TYPE_CHECKING:
    from gasearch.potential.settings import PotentialSettings


def add_quench(commands: Any) -> None:
    """Declare them."""
    what = "find the barrier from one structure to another, by a nudged elastic band of atoms and lattice"
    example = "gasearch barrier Im-3m.cif R3m.cif --potential potentials/h-s-200gpa --pressure 150 200"
    barrier = add_command(commands, "barrier", _barrier, what, "START", example)
    add = barrier.add_argument
    add("end", type=Path, metavar="END", help="a structure of the same composition")
    wanted = "a MACE model or its folder, a run's directory, or the import path of an ASE calculator"
    add("--potential", required=True, metavar="WHAT", help=wanted)
    add("--pressure", type=float, nargs="+", default=[0.0], metavar="P", help="GPa, one or more; default: 0")
    add("--paths", type=count, default=3, metavar="N", help="ways to map atoms and lattice that are tried; default: 3")
    add("--multiple", type=count, default=1, metavar="N", help="times the smallest common cell; default: 1")
    add("--images", type=count, default=7, metavar="N", help="between the two ends; default: 7")
    add("--max-force", type=positive, default=0.01, metavar="F", help="eV/Å that may be left; default: 0.01")
    add("--max-steps", type=count, default=600, metavar="N", help="evaluations of all images; default: 600")
    add("--temperature", type=positive, default=300.0, metavar="T", help="K, of the lifetime; default: 300")
    add("--attempts", type=positive, metavar="THZ", help="attempt frequency of the lifetime; default: k_BT/h")
    add("--output", "-o", type=Path, default=Path("barrier"), metavar="FOLDER", help="default: barrier")


def _barrier(options: Namespace) -> None:
    from gasearch.screening.band import BandSettings
    from gasearch.screening.barrier import BarrierSettings
    from gasearch.workflow.barrier import BarrierTask, barrier

    band = BandSettings(images=options.images, max_force=options.max_force, max_steps=options.max_steps)
    task = BarrierTask(
        start=options.path,
        end=options.end,
        potential=_potential(options.potential),
        pressures_GPa=tuple(sorted(set(options.pressure))),
        temperature=options.temperature,
        attempts=options.attempts,
        settings=BarrierSettings(options.paths, options.multiple, band),
        output=options.output,
    )
    barrier(task, say, warn)


def _potential(text: str) -> PotentialSettings:
    """Return the potential that a user names."""
    from gasearch.potential.settings import AseSettings, MaceSettings

    path = Path(text)
    if (path / "input.yaml").is_file():
        return opened(path)[1].potential
    if path.exists():
        return MaceSettings(kind="mace", path=path)
    calculator = AseSettings(kind="ase", calculator=text)
    if calculator.problems(()):
        raise InputError(
            f"--potential {text}: there is no such file or run, and it is no import path such as "
            "ase.calculators.emt.EMT"
        )
    return calculator

"""Subcommands beyond the hull: what survives decompression, behind which barrier, and what grows from a glass."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gasearch.cli.command import (
    add_command,
    add_programs,
    count,
    keyword_arguments,
    not_negative,
    opened,
    positive,
    say,
    warn,
    workers_of,
)
from gasearch.cli.pw_options import add_pw_settings, protocol_of, runner_of
from gasearch.errors import InputError

if TYPE_CHECKING:
    from gasearch.config import Config
    from gasearch.potential.settings import PotentialSettings
    from gasearch.workflow.beyond.extension import Extension
    from gasearch.workflow.dft.engines import Engine

#: Keyword arguments (JSON) of a calculator unless a user gives some.
_NONE = "{}"


def add_quench(commands: Any) -> None:
    """Declare them."""
    _add_quench(commands)
    _add_barrier(commands)
    _add_amorphous(commands)


def _add_quench(commands: Any) -> None:
    what = "follow phases of a run down in pressure: against the hull, and to where they are no minimum any more"
    quench = add_command(commands, "quench", _quench, what, "DIR", "gasearch quench runs/h-s-200gpa --to 100 --steps 5")
    add = quench.add_argument
    add("--to", type=float, default=0.0, metavar="P", help="GPa, the lowest pressure; default: 0")
    add("--steps", type=count, default=9, metavar="N", help="pressures in all, evenly spaced; default: 9")
    add("--follow", type=not_negative, default=10.0, metavar="MEV", help="above the run's hull; default: 10")
    add("--window", type=positive, default=100.0, metavar="MEV", help="of the phases of the hulls; default: 100")
    add("--structure", type=Path, action="append", default=[], metavar="FILE", help="more structures to follow")
    beside = "a run at a lower pressure with the same potential, whose phases count for the hulls; may be given again"
    add("--beside", type=Path, action="append", default=[], metavar="DIR", help=beside)
    add("--no-phonons", action="store_true", help="strains and moves within the primitive cell alone")
    add("--min-length", type=positive, default=7.0, metavar="A", help="of the phonons' supercell; default: 7")
    add("--max-atoms", type=count, default=256, metavar="N", help="in it, at most; default: 256")
    wanted = "DFT of what is followed and of the potential's hull at each pressure, at this protocol"
    add("--dft", choices=("fast", "standard", "precise"), help=wanted)
    wanted = "label up to N cells met at pressures beyond the potential's training, and train it further with them"
    add("--extend", type=count, metavar="N", help=wanted)
    add_pw_settings(quench)
    add_programs(quench, "pw.x", 6.0)


def _add_barrier(commands: Any) -> None:
    what = "find the barrier from one structure to another, by a nudged elastic band of atoms and lattice"
    example = "gasearch barrier Im-3m.cif R3m.cif --potential potentials/h-s-200gpa --pressure 150 200"
    barrier = add_command(commands, "barrier", _barrier, what, "START", example)
    add = barrier.add_argument
    add("end", type=Path, metavar="END", help="a structure of the same composition")
    wanted = "a MACE model or its folder, a run's directory, or the import path of an ASE calculator"
    add("--potential", required=True, metavar="WHAT", help=wanted)
    add("--arguments", default=_NONE, metavar="JSON", help="keyword arguments of the calculator")
    add("--pressure", type=float, nargs="+", default=[0.0], metavar="P", help="GPa, one or more; default: 0")
    add("--paths", type=count, default=3, metavar="N", help="ways to map atoms and lattice that are tried; default: 3")
    add("--multiple", type=count, default=1, metavar="N", help="times the smallest common cell; default: 1")
    add("--images", type=count, default=7, metavar="N", help="between the two ends; default: 7")
    add("--max-force", type=positive, default=0.01, metavar="F", help="eV/Å that may be left; default: 0.01")
    add("--max-steps", type=count, default=600, metavar="N", help="evaluations of all images; default: 600")
    add("--temperature", type=positive, default=300.0, metavar="T", help="K, of the lifetime; default: 300")
    add("--attempts", type=positive, metavar="THZ", help="attempt frequency of the lifetime; default: k_BT/h")
    add("--output", "-o", type=Path, default=Path("barrier"), metavar="FOLDER", help="default: barrier")
    wanted = "DFT of the ends and the highest image, nothing moved, at this protocol"
    add("--dft", choices=("fast", "standard", "precise"), help=wanted)
    add_pw_settings(barrier)
    add_programs(barrier, "pw.x", 6.0, several=False)


def _add_amorphous(commands: Any) -> None:
    what = "melt, quench and compress a mixture by a run's potential: which crystals resemble the glass?"
    example = "gasearch amorphous runs/h-s-200gpa --formula H3S --pressure 150 200 --structure known/Im-3m.cif"
    glass = add_command(commands, "amorphous", _amorphous, what, "DIR", example)
    add = glass.add_argument
    add("--formula", required=True, metavar="FORMULA", help="of the mixture, between the run's endpoints: H3S")
    add("--pressure", type=float, nargs="+", metavar="P", help="GPa, one or more; default: that of the run")
    add("--melt-pressure", type=float, metavar="P", help="GPa, of melt and quench; default: the lowest of these")
    add("--atoms", type=count, default=48, metavar="N", help="in the cell, about; default: 48")
    add("--replicas", type=count, default=3, metavar="N", help="independent glasses; default: 3")
    add("--seed", type=int, default=0, metavar="N", help="of all chance; default: 0")
    add("--melt", type=positive, default=4000.0, metavar="T", help="K, of the melt; default: 4000")
    add("--melt-time", type=positive, default=5.0, metavar="PS", help="ps; default: 5")
    add("--temperature", type=positive, default=300.0, metavar="T", help="K, after the quench; default: 300")
    add("--rate", type=positive, default=100.0, metavar="R", help="K/ps (10¹² K/s) of the quench; default: 100")
    add("--compression-time", type=positive, default=1.0, metavar="PS", help="ps to each pressure; default: 1")
    add("--time-step", type=positive, metavar="FS", help="fs; default: by the lightest element, 0.5 with hydrogen")
    add("--structure", type=Path, action="append", default=[], metavar="FILE", help="more crystals to compare with")
    add("--window", type=positive, default=100.0, metavar="MEV", help="of the run's crystals; default: 100")


def _quench(options: Namespace) -> None:
    import numpy as np

    from gasearch.phonon.phonons import PhononSettings
    from gasearch.screening.decompression import DecompressionSettings
    from gasearch.units import MEV_PER_EV, pressure_from_GPa, pressure_to_GPa
    from gasearch.workflow.beyond.quench import QuenchTask, quench

    _, config = opened(options.path)
    highest = pressure_to_GPa(config.pressure)
    if options.to > highest:
        raise InputError(
            f"--to {options.to:g} lies above the pressure of the search, {highest:g} GPa: give a lower one"
        )
    if options.steps < 2:
        raise InputError("--steps 1 leaves no way down: give 2 or more, of which the pressure of the search is one")
    pressures = np.unique(np.linspace(options.to, highest, options.steps))[::-1]
    settings = DecompressionSettings(
        pressures=tuple(pressure_from_GPa(pressure) for pressure in pressures.tolist()),
        follow=options.follow / MEV_PER_EV,
        window=options.window / MEV_PER_EV,
        phonons=None
        if options.no_phonons
        else PhononSettings(min_length=options.min_length, max_atoms=options.max_atoms),
    )
    task = QuenchTask(
        settings=settings,
        potential=config.potential,
        relaxation=config.relaxation,
        path=options.path,
        beside=tuple(options.beside),
        files=tuple(options.structure),
        dft=_engine(options),
        extension=_extension(options, config),
    )
    quench(task, say, warn, workers_of(options) if options.dft else 1)


def _extension(options: Namespace, config: Config) -> Extension | None:
    """Return what carries the potential to other pressures, if asked for; it learns as a search's feedback does."""
    from functools import partial

    from gasearch.workflow.beyond.extension import Extension

    if options.extend is None:
        return None
    learns = config.search.feedback
    make_runner = partial(runner_of, options)
    return Extension.of(
        config.potential, options.extend, learns.tuning_epochs, learns.learning_rate, make_runner, workers_of(options)
    )


def _engine(options: Namespace) -> Engine | None:
    """Return what does the DFT of a decompression, if it was asked for."""
    from gasearch.workflow.dft.engines import EspressoEngine

    if options.dft is None:
        return None
    protocol = protocol_of(options, options.dft)
    return EspressoEngine(runner_of(options, protocol.pw, options.path / "quench"), protocol)


def _barrier(options: Namespace) -> None:
    from gasearch.screening.band import BandSettings
    from gasearch.screening.barrier import BarrierSettings
    from gasearch.workflow.beyond.barrier import BarrierTask, barrier

    band = BandSettings(images=options.images, max_force=options.max_force, max_steps=options.max_steps)
    task = BarrierTask(
        start=options.path,
        end=options.end,
        potential=_potential(options.potential, options.arguments),
        pressures_GPa=tuple(sorted(set(options.pressure))),
        temperature=options.temperature,
        attempts=options.attempts,
        settings=BarrierSettings(options.paths, options.multiple, band),
        output=options.output,
        check=runner_of(options, protocol_of(options, options.dft).pw, options.output) if options.dft else None,
    )
    barrier(task, say, warn)


def _amorphous(options: Namespace) -> None:
    from gasearch.crystal.composition import Composition
    from gasearch.screening.amorphous import MeltQuenchSettings
    from gasearch.units import MEV_PER_EV, pressure_from_GPa
    from gasearch.workflow.beyond.amorphous import AmorphousTask, amorphous

    _, config = opened(options.path)
    given = sorted(set(map(pressure_from_GPa, options.pressure or ()))) or [config.pressure]
    melt_pressure = given[0] if options.melt_pressure is None else pressure_from_GPa(options.melt_pressure)
    try:
        formula = Composition.from_formula(options.formula)
        settings = MeltQuenchSettings(
            pressures=tuple(given),
            melt_pressure=melt_pressure,
            atoms=options.atoms,
            replicas=options.replicas,
            seed=options.seed,
            melt_temperature=options.melt,
            temperature=options.temperature,
            melt_time=options.melt_time,
            rate=options.rate,
            compression_time=options.compression_time,
            time_step=options.time_step,
        )
    except ValueError as error:
        raise InputError(f"amorphous: {error}") from error
    window, files = options.window / MEV_PER_EV, tuple(options.structure)
    task = AmorphousTask(options.path, formula, settings, config.potential, config.relaxation, window, files)
    amorphous(task, say, warn)


def _potential(text: str, arguments: str) -> PotentialSettings:
    """Return the potential that a user names, with the arguments (JSON) of a calculator."""
    from gasearch.potential.settings import AseSettings, MaceSettings

    path = Path(text)
    if path.exists() and arguments != _NONE:
        raise InputError(f"--arguments: only a calculator has some, and {text} is a file or a folder; leave them out")
    if (path / "input.yaml").is_file():
        return opened(path)[1].potential
    if path.exists():
        return MaceSettings(kind="mace", path=path)
    try:
        calculator = AseSettings(kind="ase", calculator=text, arguments=keyword_arguments(arguments))
    except ValueError as error:
        raise InputError(f"--{error}") from error
    if calculator.problems(()):
        raise InputError(
            f"--potential {text}: there is no such file or run, and it is no import path such as "
            "ase.calculators.emt.EMT"
        )
    return calculator

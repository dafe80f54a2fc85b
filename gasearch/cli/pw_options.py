"""Options of commands that run pw.x with a protocol of their own, outside a run."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from gasearch.cli.command import positive
from gasearch.errors import InputError

if TYPE_CHECKING:
    from gasearch.espresso.protocol import DftProtocol
    from gasearch.espresso.pw import PwSettings
    from gasearch.espresso.runner import PwRunner


def add_pw_settings(command: ArgumentParser) -> None:
    """Add what a user may choose in place of the protocol's settings."""
    add = command.add_argument
    add("--ecutwfc", type=positive, metavar="RY", help="instead of the protocol's; four times it for the density")
    add("--ecutrho", type=positive, metavar="RY", help="for the density; ultrasoft pseudopotentials need 8 to 12 times")
    add("--k-spacing", type=positive, metavar="S", help="1/Å, with 2π, of the SCF; instead of the protocol's")
    add("--degauss", type=positive, metavar="RY", help="smearing of the SCF; instead of the protocol's")


def protocol_of(options: Namespace, name: str) -> DftProtocol:
    """Return a protocol with what the user has chosen."""
    from dataclasses import replace

    from gasearch.espresso.protocol import PROTOCOLS

    protocol = PROTOCOLS[name].with_settings(options.ecutwfc, options.k_spacing, options.degauss)
    if options.ecutrho is None:
        return protocol
    return replace(protocol, pw=replace(protocol.pw, ecutrho=options.ecutrho))


def runner_of(options: Namespace, settings: PwSettings, folder: Path | None = None) -> PwRunner:
    """Return what runs pw.x as the options of `add_programs` say, and keeps its calculations below a folder if any."""
    from gasearch.espresso.installation import default_pseudo_dir
    from gasearch.espresso.runner import PwRunner
    from gasearch.espresso.settings import launch_words

    try:
        launcher = launch_words(options.launcher)
    except ValueError as error:
        raise InputError(f"--{error}") from error
    return PwRunner(
        settings,
        (options.pseudo_dir or default_pseudo_dir()).resolve(),
        timeout=3600 * options.timeout,
        launcher=launcher,
        kept=folder.resolve() / "calculations" if folder else None,
    )

"""Subcommand completion: a script with which a shell completes commands, options and paths."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gasearch.cli.command import add_command

_EXAMPLES = """\
bash:  gasearch completion bash > ~/.local/share/bash-completion/completions/gasearch
  zsh:   gasearch completion zsh > ~/.zsh/completions/_gasearch   (a folder of $fpath)
  fish:  gasearch completion fish > ~/.config/fish/completions/gasearch.fish"""


def add_completion(commands: Any, parser: ArgumentParser) -> None:
    """Declare it; ``parser`` is what it completes."""
    completion = add_command(
        commands, "completion", _completion, "print a script that completes commands in a shell", None, _EXAMPLES
    )
    completion.add_argument("shell", choices=("bash", "zsh", "fish"), metavar="SHELL", help="bash, zsh or fish")
    completion.set_defaults(parser=parser)


def _completion(options: Namespace) -> None:
    import shtab

    for action in _actions(options.parser):
        if action.type is Path:
            action.complete = shtab.FILE
    print(shtab.complete(options.parser, shell=options.shell))


def _actions(parser: ArgumentParser) -> Iterator[Any]:
    """Yield the arguments of a parser and of all below it."""
    for action in parser._actions:
        yield action
        for below in (action.choices or {}).values() if isinstance(action.choices, dict) else ():
            yield from _actions(below)

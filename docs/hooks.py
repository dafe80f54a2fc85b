"""What the documentation takes from the code itself, so that it cannot be out of date, and the README's pictures."""

import re
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files


def on_files(files: Files, config: Any) -> Files:
    """Add the pictures of the README, which lie outside of the documentation."""
    for name in re.findall(r"!\[[^\]]*\]\(([\w./-]+)\)", Path("README.md").read_text(encoding="utf-8")):
        files.append(File.generated(config, name, abs_src_path=str(Path(name).resolve())))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Put what the code knows where a page asks for it."""
    for mark, write in {"<!-- input -->": _input, "<!-- commands -->": _commands}.items():
        if mark in markdown:
            markdown = markdown.replace(mark, write())
    return markdown


def _input() -> str:
    """Return the commented input, as `gasearch init` writes it."""
    from gasearch.config import example

    here = Path.cwd()
    text = example(["H", "S"], 200.0, here / "potentials" / "h-s-200gpa", here)
    return f"```yaml\n{text}```"


def _commands() -> str:
    """Return the exit codes, and the help of each command."""
    from gasearch.cli.command import epilog
    from gasearch.cli.program import _parser

    codes = epilog("").partition("exit codes:\n")[2]
    helps = [f"## {parser.prog}\n\n```text\n{_short(parser)}\n```" for parser in _leaves(_parser())]
    return "\n\n".join([f"## Exit codes\n\n```text\n{codes}\n```", *helps])


def _short(parser: ArgumentParser) -> str:
    return parser.format_help().partition("\nexit codes:")[0].strip()


def _leaves(parser: ArgumentParser) -> Iterator[ArgumentParser]:
    below = [action.choices for action in parser._actions if isinstance(action.choices, dict)]
    if not below:
        yield parser
    for children in below:
        for child in children.values():
            yield from _leaves(child)

"""What the documentation takes from the code itself, so that it cannot be out of date."""

from pathlib import Path
from typing import Any


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Put the commented input, as `gasearch init` writes it, where a page asks for it."""
    from gasearch.config import example

    here = Path.cwd()
    text = example(["H", "S"], 200.0, here / "potentials" / "h-s-200gpa", here)
    return markdown.replace("<!-- input -->", f"```yaml\n{text}```")

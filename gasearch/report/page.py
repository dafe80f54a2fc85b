"""One page of HTML that works offline: everything that it needs is inside."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from gasearch.files import replace_text


def write_page(document: Mapping[str, Any], path: Path) -> None:
    """Write a document as a page; see `gasearch.workflow.page.page_document` for what is in it.

    Raises
    ------
    RunDirectoryError
        If it cannot be written.
    """
    from plotly.offline import get_plotlyjs

    assets = files("gasearch.report") / "assets"
    parts = {
        "title": f"{'–'.join(document['endpoints'])} at {document['pressure_GPa']:g} GPa",
        "css": (assets / "page.css").read_text(encoding="utf-8"),
        "js": (assets / "page.js").read_text(encoding="utf-8"),
        "plotly": get_plotlyjs(),
        "data": _inside_script(document),
    }
    template = (assets / "page.html").read_text(encoding="utf-8")
    replace_text(path, re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], template))


def _inside_script(document: Mapping[str, Any]) -> str:
    """Return JSON that no text in it can end the script around it."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")

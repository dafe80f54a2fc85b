"""One page of HTML that works offline: everything that it needs is inside."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from gasearch.files import replace_text

#: In the order in which a browser reads them.
_SCRIPTS: Final = ("tools.js", "structure.js", "physics.js", "page.js")


def write_page(runs: Sequence[Mapping[str, Any]], path: Path, refresh_s: float | None = None) -> None:
    """Write runs as a page; see `gasearch.workflow.view.page.page_document` for what is in each.

    Parameters
    ----------
    runs : sequence of mapping
    path : Path
    refresh_s : float or None
        Seconds after which it loads itself again; None for never.

    Raises
    ------
    RunDirectoryError
        If it cannot be written.
    """
    from plotly.offline import get_plotlyjs

    parts = {
        "title": _title(runs),
        "css": _asset("page.css"),
        "js": "\n".join(map(_asset, _SCRIPTS)),
        "plotly": get_plotlyjs(),
        "data": _inside_script({"runs": list(runs), "refresh_s": refresh_s}),
    }
    replace_text(path, re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _asset("page.html")))


def _title(runs: Sequence[Mapping[str, Any]]) -> str:
    systems = dict.fromkeys("–".join(run["endpoints"]) for run in runs)
    pressures = sorted({run["pressure_GPa"] for run in runs})
    return f"{', '.join(systems)} at {' to '.join(f'{p:g}' for p in dict.fromkeys((pressures[0], pressures[-1])))} GPa"


def _asset(name: str) -> str:
    return (files("gasearch.report") / "assets" / name).read_text(encoding="utf-8")


def _inside_script(document: Mapping[str, Any]) -> str:
    """Return JSON that no text in it can end the script around it."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")

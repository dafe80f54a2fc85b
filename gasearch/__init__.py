"""gasearch: from chemical elements and a pressure to predicted superconductors.

For notebooks, ``gasearch.load_run(directory)`` gives the phases that a search has found, and
``gasearch.load_refined(directory)`` the same as DFT has relaxed them.
"""

from __future__ import annotations

from typing import Any

__all__ = ["load_refined", "load_run"]


def __getattr__(name: str) -> Any:
    # Only when it is asked for: the command line must not wait for it.
    if name in __all__:
        from gasearch.workflow.view import results

        return getattr(results, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

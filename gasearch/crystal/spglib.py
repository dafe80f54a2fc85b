"""Calls of spglib, the only ones: how it says that it fails is known here alone."""

from __future__ import annotations

from typing import Any

from gasearch.quiet import ignoring


def ask(function: str, *arguments: Any, **settings: float) -> Any:
    """Call a function of spglib by name; None where it fails, whichever of its two ways of saying so is in force."""
    import spglib

    with ignoring(DeprecationWarning):
        try:
            return getattr(spglib, function)(*arguments, **settings)
        except spglib.SpglibError:
            return None

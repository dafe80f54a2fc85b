"""Searches as a user starts them, with an input that is changed a little; for the benchmarks beside this file."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

#: What follows a search, and is no part of what is measured.
STAGES = ("refine", "phonons", "export")
#: The search that is measured unless another is named.
INPUT = Path(__file__).parent.parent / "inputs" / "h-s-200gpa.yaml"


def changed(path: Path, change: Callable[[dict[str, Any]], object], copy: Path) -> Path:
    """Write a copy of an input's search, after a change of its settings, and return the copy."""
    settings = {key: value for key, value in yaml.safe_load(path.read_text()).items() if key not in STAGES}
    if "path" in settings["potential"]:
        settings["potential"]["path"] = str((path.parent / settings["potential"]["path"]).resolve())
    change(settings)
    copy.write_text(yaml.safe_dump(settings, sort_keys=False))
    return copy


def search_command(path: Path, directory: Path, ranks: int) -> list[str]:
    """Return the command of a search; one rank is without mpirun, which would bind it to the first core."""
    launcher = ["mpirun", "-n", str(ranks)] if ranks > 1 else []
    return [*launcher, sys.executable, "-m", "gasearch", "run", str(path), "--run-dir", str(directory)]

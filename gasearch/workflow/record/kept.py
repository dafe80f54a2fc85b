"""Where a result is kept, named by what was asked: a changed question never meets an old answer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gasearch.files import replace_text
from gasearch.workflow.record.snapshots import snapshot


def kept_file(folder: Path, asked: Any) -> Path:
    """Return the file in a folder for the answer to what is asked, plain data as of JSON."""
    return folder / f"{hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:20]}.json"


def kept_answer(folder: Path, asked: Any, answer: Callable[[], Any]) -> Any:
    """Return plain data that answers plain data; found in a folder, or else asked for and put there."""
    file = kept_file(folder, asked)
    if not file.exists():
        replace_text(file, json.dumps(answer()) + "\n")
    return snapshot(file)

"""Where a result is kept, named by what was asked: a changed question never meets an old answer."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any


def kept_file(folder: Path, asked: Any) -> Path:
    """Return the file in a folder for the answer to what is asked, plain data as of JSON."""
    return folder / f"{hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:20]}.json"

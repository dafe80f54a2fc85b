"""The documentation builds, with no broken link and with what it takes from the code."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_documentation_builds(tmp_path: Path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    assert "max_force_eV_per_A" in (tmp_path / "input.html").read_text()
    assert "gasearch run" in (tmp_path / "index.html").read_text()

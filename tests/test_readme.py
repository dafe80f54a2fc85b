"""What the README tells a newcomer to type works."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"<!-- tested -->\n```bash\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0])
def test_a_block_runs_as_it_stands(block: str, tmp_path: Path):
    (tmp_path / "inputs").symlink_to(ROOT / "inputs")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euc", block], cwd=tmp_path, env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_there_are_such_blocks():
    assert len(BLOCKS) >= 2


def test_files_that_the_readme_names_exist():
    for name in re.findall(r"inputs/[\w./-]+\.yaml", TEXT):
        assert (ROOT / name).is_file(), name

from pathlib import Path

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal

RECORDED = Path(__file__).parents[1] / "data" / "espresso"


@pytest.fixture
def recorded():
    """The text that pw.x 6.7 printed for the `hs` crystal."""
    return lambda name: (RECORDED / f"{name}.out").read_text()


@pytest.fixture
def hs() -> Crystal:
    cell = np.diag([2.2, 2.3, 2.4]) + 0.1
    return Crystal(cell, [[0, 0, 0], [0.5, 0.45, 0.55]], [16, 1])

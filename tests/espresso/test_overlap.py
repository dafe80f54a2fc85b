from pathlib import Path

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.overlap import overlap_warnings
from gasearch.espresso.pw import PwSettings
from gasearch.espresso.runner import PwRunner
from gasearch.espresso.upf import read_radius

RADII = {1: 0.63, 11: 1.24, 16: 1.14, 17: 1.73}


def caesium_chloride(numbers: list[int], edge: float) -> Crystal:
    return Crystal(edge * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], numbers)


def test_atoms_that_are_too_near_for_their_pseudopotentials_are_named_once():
    crystals = [caesium_chloride([11, 17], edge) for edge in (2.7, 2.555)]
    assert [line[:35] for line in overlap_warnings(RADII, crystals)] == [
        "Na–Cl: at 2.21 Å pseudopotentials o",
        "Cl–Cl: at 2.56 Å pseudopotentials o",
    ]


def test_what_is_known_to_work_is_not_warned_of():
    """H3S Im-3m at 200 GPa, sulphur R-3m there, and molecular hydrogen."""
    h3s = Crystal(
        1.4925 * (np.ones((3, 3)) - 2 * np.eye(3)),
        np.vstack([np.zeros(3), (np.ones((3, 3)) - np.eye(3)) / 2]),
        [16, 1, 1, 1],
    )
    molecule = Crystal(3 * np.eye(3), [[0, 0, 0], [0.25, 0, 0]], [1, 1])
    assert list(overlap_warnings(RADII, [h3s, molecule])) == []
    assert list(overlap_warnings({}, [caesium_chloride([11, 17], 2.0)])) == []


def test_radii_are_read_from_pseudopotentials(tmp_path: Path):
    found = PwRunner(PwSettings(), default_pseudo_dir()).radii([1, 17, 17])
    assert found == pytest.approx({1: 0.63, 17: 1.73}, abs=5e-3)
    assert read_radius("<UPF version='2.0.1'> nothing") is None
    assert read_radius('cutoff_radius="1.0D+00" cutoff_radius = " 5.0E-01"') == pytest.approx(0.529, abs=1e-3)

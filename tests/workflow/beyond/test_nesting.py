"""The screen for nesting, with the bands of a lattice whose answer is known in place of pw.x."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.errors import CalculationError
from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.pw import PwSettings
from gasearch.espresso.record import ScfFailure, ScfProblem
from gasearch.espresso.runner import PwRunner
from gasearch.outcomes import BandGrid
from gasearch.workflow.beyond import nesting
from gasearch.workflow.beyond.nesting import NestingSettings, coarser, screen_nesting

LATTICE = Crystal(np.eye(3) * 3.0, [[0, 0, 0]], [1])
RUNNER = PwRunner(PwSettings(), default_pseudo_dir(), spins=(0.0,))
#: Denser by 3, a grid with the corner of the zone among its points.
SETTINGS = NestingSettings(grid=(8, 8, 8), times=3, temperature=2000.0)


def simple_cubic(*_) -> BandGrid:
    """Half a filled band, which nests at the corner of the zone, above a full one, around 0.3 eV."""
    k = np.meshgrid(*[2 * np.pi * np.arange(8) / 8] * 3, indexing="ij")
    band = -2 * sum(np.cos(x) for x in k)
    return BandGrid(LATTICE.cell, np.array([np.full_like(band, -30.0), band]) + 0.3, electrons=3.0)


@pytest.fixture
def bands(monkeypatch):
    monkeypatch.setattr(nesting, "full_grid", simple_cubic)


def test_the_corner_of_the_zone_is_found_written_and_drawn(bands, tmp_path):
    said: list[str] = []
    found = screen_nesting(SETTINGS, RUNNER, LATTICE, tmp_path / "out", said.append)
    document = json.loads((tmp_path / "out" / "nesting.json").read_text())
    for name in ("chi0", "xi"):
        highest = document[name]["peaks"][0]
        assert np.abs(highest["q"]) == pytest.approx([0.5, 0.5, 0.5])
        assert highest["length"] == pytest.approx(np.sqrt(3) * np.pi / 3.0)
        assert highest["over_mean"] > 1.3
    assert document["xi"]["mean"] == pytest.approx(document["dos_at_fermi_per_eV_spin_and_cell"] ** 2)
    assert document["interpolated_grid"] == [24, 24, 24] and document["bands_at_fermi"] == 1
    assert found.warnings == ()
    for name in ("nesting-planes", "nesting-path", "fermi-surface"):
        assert (tmp_path / "out" / f"{name}.png").stat().st_size > 0
    assert any(line.startswith("chi0") for line in said)


def test_the_enhanced_susceptibility_is_beside_them(bands, tmp_path):
    settings = NestingSettings(SETTINGS.grid, SETTINGS.times, SETTINGS.temperature, stoner=1.0)
    document_of = json.loads
    screen_nesting(settings, RUNNER, LATTICE, tmp_path, lambda line: None)
    document = document_of((tmp_path / "nesting.json").read_text())
    bare, full = (document[name]["peaks"][0]["height"] for name in ("chi0", "chi"))
    assert full == pytest.approx(bare / (1 - bare))


def test_an_order_that_grows_by_itself_is_named(bands, tmp_path):
    said: list[str] = []
    found = screen_nesting(NestingSettings((8, 8, 8), 3, 2000.0, 50.0), RUNNER, LATTICE, tmp_path, said.append)
    document = json.loads((tmp_path / "nesting.json").read_text())
    assert "chi" not in document and document["chi0"]["peaks"]
    instability = document["instability"]
    assert instability["orders"] and np.abs(instability["q"]) == pytest.approx([0.5, 0.5, 0.5])
    assert instability["highest"] == pytest.approx(50 * document["chi0"]["peaks"][0]["height"])
    assert instability["ferromagnet"] == pytest.approx(50 * found.at_fermi)
    assert any("an order grows by itself" in line for line in said)


def test_a_ferromagnet_is_the_highest_peak_at_zero(monkeypatch, tmp_path):
    # Near the top of the band of fcc its density of states is highest.
    cell = 1.8 * (np.ones((3, 3)) - np.eye(3))

    def nearly_full(*_) -> BandGrid:
        x, y, z = np.meshgrid(*[2 * np.pi * np.arange(12) / 12] * 3, indexing="ij")
        band = -2 * sum(np.cos(phase) for phase in (x, y, z, x - y, y - z, x - z))
        return BandGrid(cell, band[None], electrons=1.85)

    monkeypatch.setattr(nesting, "full_grid", nearly_full)
    said: list[str] = []
    fcc = Crystal(cell, [[0, 0, 0]], [1])
    found = screen_nesting(replace(SETTINGS, grid=(12, 12, 12)), RUNNER, fcc, tmp_path, said.append)
    highest = found.peaks["chi0"][0]
    assert highest.length == 0 and highest.height == pytest.approx(found.at_fermi, rel=1e-6)
    assert all(peak.length > 0 for peak in found.peaks["xi"])
    assert any(line.startswith("chi0  0.0000, 0.0000, 0.0000") for line in said)


def test_a_band_that_does_not_cross_is_warned_of(monkeypatch, tmp_path):
    def two(*_) -> BandGrid:
        grid = simple_cubic()
        # The full band comes within 10 k_B T (1.7 eV at 2000 K) of the Fermi energy.
        return BandGrid(grid.cell, grid.energies + np.array([29.0, 0.0]).reshape(2, 1, 1, 1), 3.0)

    monkeypatch.setattr(nesting, "full_grid", two)
    found = screen_nesting(SETTINGS, RUNNER, LATTICE, tmp_path, lambda line: None)
    assert any("band 1 does not cross" in warning for warning in found.warnings)
    alone = screen_nesting(SETTINGS, RUNNER, LATTICE, tmp_path / "alone", lambda line: None)
    assert found.responses["chi0"].values[0, 0, 0] > 1.1 * found.at_fermi
    assert found.responses["intra"].values[0, 0, 0] == pytest.approx(alone.at_fermi, rel=1e-6)


def test_a_temperature_below_the_grid_is_warned_of(bands, tmp_path):
    found = screen_nesting(NestingSettings((8, 8, 8), 1, 100.0), RUNNER, LATTICE, tmp_path, lambda line: None)
    assert "denser grid or a higher temperature" in found.warnings[0]


def test_bands_that_cannot_be_had_are_an_error(monkeypatch, tmp_path):
    monkeypatch.setattr(nesting, "full_grid", lambda *_: ScfFailure(ScfProblem.CRASHED, "no reason"))
    with pytest.raises(CalculationError, match="no bands"):
        screen_nesting(SETTINGS, RUNNER, LATTICE, tmp_path, lambda line: None)


@pytest.mark.parametrize("times", range(1, 13))
def test_the_grid_of_the_fermi_surface_divides_that_of_the_bands(times):
    step = coarser(times)
    assert times % step == 0
    assert times // step >= min(times, 2)

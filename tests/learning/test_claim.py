import json
from pathlib import Path

import numpy as np
import pytest

from gasearch.cli import main
from gasearch.learning.autoencoder import Training
from gasearch.learning.claim import SETS, Case, Design, difference, trial
from gasearch.learning.crystals import Density, crystal_spectrum, densities
from gasearch.learning.spectra import material_key
from gasearch.parallel.executor import serial_executor


def density(formula: str, end: float) -> Density:
    """Debye's, up to an end, THz."""
    omega = np.linspace(0.05, 1.0, 60) * end
    return Density(formula, omega, omega**2 / (omega**2).sum())


def test_phonons_of_metals_and_alloys(monkeypatch: pytest.MonkeyPatch):
    known = (("Al", "Cu A1", ("Al",)), ("Cu3Au", "AuCu3 L1_2", ("Au", "Cu")))
    monkeypatch.setattr("gasearch.learning.crystals.CRYSTALS", known)
    with serial_executor() as executor:
        aluminium, alloy = densities(executor)
    assert 7 < aluminium.omega.max() < 11  # measured: about 10 THz
    assert len(alloy.omega) > len(aluminium.omega)
    assert alloy.weights.sum() == pytest.approx(1)
    one = crystal_spectrum(alloy, 0.7, np.random.default_rng(0))
    assert one.moments().lam == pytest.approx(0.7)
    assert one.omega_ph == alloy.omega.max()


def test_the_verdict_follows_from_the_interval():
    names = [f"m{i}" for i in range(8)]
    rng = np.random.default_rng(0)
    even = [{name: (0.1, 0.05, 0.05 + rng.normal(0, 0.01)) for name in names} for _ in range(5)]
    worse = [{name: (0.1, 0.02, 0.05 + rng.normal(0, 0.001)) for name in names} for _ in range(5)]
    assert difference(even, {}, 0).verdict == "undecided"
    assert difference(worse, {}, 0).verdict == "Einstein models are better"
    better = [{name: (0, 0.05, 0.02) for name in names}] * 3
    assert difference(better, {}, 0).verdict == "the decoder is better"
    # One material decides nothing, however often it is asked about.
    assert difference([{"a": (0, 0.05, 0.02)}] * 3, {}, 0).verdict == "undecided"


def test_of_differences_that_are_none_one_in_twenty_seems_to_be_one():
    """Four materials that differ more among each other than trials do."""
    rng, decided = np.random.default_rng(0), 0
    for _ in range(60):
        of_material = {name: rng.normal(0, 0.02) for name in ("Al", "Nb", "Pb", "MgB2")}
        trials = [{name: (0, 0, shift + rng.normal(0, 0.005)) for name, shift in of_material.items()} for _ in range(4)]
        decided += difference(trials, {}, 0).verdict != "undecided"
    assert decided <= 6


def test_another_spelling_is_the_same_material():
    assert material_key("Ni3Al") == material_key("AlNi3") == material_key("Al2Ni6") != material_key("NiAl3")
    assert material_key("elph") == "elph"


def test_spectra_of_one_material_are_one_witness():
    errors = [{"a1": (0, 0.0, 0.3), "a2": (0, 0.0, 0.3), "b": (0, 0.2, 0.0)}]
    interval = difference(errors, {"a1": "A", "a2": "A", "b": "B"}, 0)
    assert interval.mean == pytest.approx(0.05)
    assert interval.low < 0 < interval.high


def test_a_trial_holds_no_material_that_it_is_asked_about():
    crystals = [density(name, end) for name, end in (("A", 5.0), ("B", 8.0), ("C", 6.0), ("D", 7.0))]
    case = Case("b", "B", crystal_spectrum(crystals[1], 1.0, np.random.default_rng(5)))
    design = Design(couplings=8, added=30, training=Training(bottleneck=2, hidden=8, epochs=2, batch=8))
    found, again = (trial(0, design, crystals, [case]) for _ in range(2))
    assert found == again
    assert set(found.real) == {"b"}
    assert "B" not in found.crystals
    assert all(len(errors) == len(SETS) for errors in (*found.real.values(), *found.crystals.values()))


@pytest.mark.slow
def test_the_command(tmp_path: Path):
    reference = Path(__file__).parents[2] / "runs" / "reference"
    assert main(["tc", "collect", str(reference), "--to", str(tmp_path / "spectra")]) == 0
    claim = ["figure", "decoder-claim", "--collected", str(tmp_path / "spectra"), "--added", "40"]
    assert main([*claim, "--trials", "2", "-o", str(tmp_path)]) == 0
    report = json.loads((tmp_path / "decoder-claim.json").read_text())
    assert report["real spectra"]["verdict"]
    assert main([*claim, "--trials", "2", "-o", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "decoder-claim.json").read_text()) == report

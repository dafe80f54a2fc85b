"""Quantum ESPRESSO as what relaxes magnets, with what it printed for ferromagnetic iron."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.cutoff import CutoffCheck
from gasearch.espresso.protocol import PROTOCOLS
from gasearch.espresso.pw import PwSettings, read_scf
from gasearch.espresso.record import Record
from gasearch.outcomes import Failure
from gasearch.workflow.beyond import magnets
from gasearch.workflow.beyond.magnets import EspressoMagnet, MagneticState

RECORDED = Path(__file__).parents[2] / "data" / "espresso"
IRON = Crystal((np.ones((3, 3)) - 2 * np.eye(3)) * 1.423, [[0, 0, 0]], [26])


@dataclass(frozen=True)
class IronRunner:
    """Says what pw.x said of iron, and keeps what it was asked."""

    asked: list[str]
    relaxed: str = "End of BFGS Geometry Optimization\n"
    settings: PwSettings = field(default_factory=PwSettings)
    spins: tuple[float, ...] | None = None
    pseudo_dir: Path = Path("/pseudo")

    def valences(self, numbers):
        return np.full(len(numbers), 8.0)

    def core_corrections(self, numbers):
        return {z: z != 26 for z in numbers}

    def run(self, steps, crystal, results=()) -> Record:
        self.asked.append(steps[0].text)
        if "vc-relax" in steps[0].text:
            return Record((self.relaxed,))
        files = {"data-file-schema.xml": (RECORDED / "fe_spins.xml").read_text()} if results else {}
        return Record(((RECORDED / "fe_spins.out").read_text(),), files)

    def scf(self, crystal):
        return read_scf(self.run([Step("scf")], crystal).printed[0], len(crystal))


@dataclass(frozen=True)
class Step:
    text: str


def test_a_start_in_bohr_magnetons_becomes_a_share_of_the_valence_electrons():
    asked: list[str] = []
    found = EspressoMagnet(IronRunner(asked), PROTOCOLS["fast"]).relax(IRON, np.array([3.0]), 0.0)
    assert isinstance(found, MagneticState)
    assert found.moments.tolist() == [2.4185] and found.magnetization == 2.34 and found.metal is True
    assert found.enthalpy == pytest.approx(-759.21, abs=0.01)
    assert "starting_magnetization(1) = 0.375" in asked[0] and "starting_magnetization(1) = 0.375" in asked[-1]
    assert "disk_io = 'low'" in asked[-1]


def test_a_relaxation_that_fails_is_a_value():
    asked: list[str] = []
    stopped = IronRunner(asked, relaxed=f"{'%' * 30}\n Error in routine electrons\n{'%' * 30}\n")
    found = EspressoMagnet(stopped, PROTOCOLS["fast"]).relax(IRON, np.zeros(1), 0.0)
    assert isinstance(found, Failure) and "electrons" in found.detail
    assert not any("nspin" in text for text in asked)


def test_a_pseudopotential_without_a_core_correction_is_warned_of():
    asked: list[str] = []
    magnet = EspressoMagnet(IronRunner(asked), PROTOCOLS["fast"])
    (core,) = magnet.warnings(IRON, frozenset([26]))
    assert "Fe has no core correction" in core
    assert magnet.warnings(IRON, frozenset([25])) == []
    assert not any("nspin" in text for text in asked)


def test_a_cutoff_that_is_too_low_for_the_stress_is_warned_of(monkeypatch):
    monkeypatch.setattr(magnets, "check_cutoff", lambda *_: CutoffCheck(40.0, 0.1, 0.2))
    (cutoff,) = EspressoMagnet(IronRunner([]), PROTOCOLS["fast"]).warnings(IRON, frozenset([25]))
    assert "at 40 Ry" in cutoff and "raise --ecutwfc" in cutoff

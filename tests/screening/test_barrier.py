import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.spatial.transform import Rotation

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import supercell
from gasearch.outcomes import Relaxed
from gasearch.potential.lennard_jones import LennardJones
from gasearch.potential.potential import Batch, Potential
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings
from gasearch.screening.band import BandSettings, find_band
from gasearch.screening.barrier import BarrierSettings, barrier_paths, log_lifetime
from gasearch.screening.correspondence import correspondences
from gasearch.screening.surface import Surface

ARGON = (0.0104, 3.4)
FCC = Crystal(2.65 * (np.ones((3, 3)) - np.eye(3)), [[0, 0, 0]], [18])
HCP = Crystal(
    3.75 * np.array([[1, 0, 0], [-0.5, 0.75**0.5, 0], [0, 0, (8 / 3) ** 0.5]]),
    [[1 / 3, 2 / 3, 1 / 4], [2 / 3, 1 / 3, 3 / 4]],
    [18, 18],
)
TIGHT = RelaxationSettings(max_force=1e-5, max_stress=1e-7, max_steps=600)
EXACT = BandSettings(max_force=5e-4, rattle=0.0)


@pytest.fixture(scope="module")
def argon() -> LennardJones:
    return LennardJones({(18, 18): ARGON}, cutoff_sigma=4.0)


def relaxed(potential: Potential, crystals: list[Crystal], pressure: float = 0.0) -> list[Relaxed]:
    results = BatchRelaxer(potential, TIGHT).relax(crystals, pressure)
    assert all(isinstance(result, Relaxed) for result in results)
    return results


def body_centred(axis: float, ratio: float, number: int) -> Crystal:
    cell = np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]) / 2
    return Crystal(axis * cell @ np.diag([1, 1, ratio]), [[0, 0, 0]], [number])


def bain_scan(potential: Potential, number: int, volume: float, pressure: float, ratios: np.ndarray) -> np.ndarray:
    """The lowest enthalpy over volumes at each c/a of a body-centred tetragonal crystal, eV per atom."""

    def enthalpy(ratio: float) -> float:
        def at(v: float) -> float:
            crystal = body_centred((2 * v / ratio) ** (1 / 3), ratio, number)
            return float(potential.compute(Batch.from_crystals([crystal])).energy[0]) + pressure * v

        return minimize_scalar(at, bounds=(0.7 * volume, 1.3 * volume), method="bounded").fun

    return np.array([enthalpy(ratio) for ratio in ratios])


@pytest.mark.parametrize("pressure", [0.0, 0.05])
def test_between_two_orientations_of_fcc_the_saddle_is_the_third_extremum_of_bain_s_path(
    argon: LennardJones, pressure: float
):
    """bcc is a maximum for all tetragonal strains here; the way leads past it, over the minimum at c/a < 1."""
    start = relaxed(argon, [FCC], pressure)[0]
    ends = correspondences(start.crystal, start.crystal, 2)[1]
    surface = Surface.of(argon, ends, pressure)
    band = find_band(surface, surface.ends(ends), EXACT)
    scan = bain_scan(argon, 18, start.crystal.volume, pressure, np.linspace(0.7, 1.0, 31))
    assert band.converged
    assert scan.argmin() not in (0, len(scan) - 1)
    assert band.enthalpies.max() - start.enthalpy == pytest.approx(scan.min() - start.enthalpy, rel=5e-3)
    # As high from both ends, and the same on both sides of its middle.
    profile = band.enthalpies - band.enthalpies[0]
    assert profile == pytest.approx(profile[::-1], abs=1e-5)


def test_between_bcc_and_fcc_the_barrier_is_that_of_bain_s_path(morse: Potential):
    scan = bain_scan(morse, 11, 23.3, 0.0, np.append(np.linspace(1.0, 1.3, 31), 2**0.5))
    assert 1 < scan.argmax() < len(scan) - 2
    bcc, fcc = relaxed(morse, [body_centred(3.6, ratio, 11) for ratio in (1.0, 2**0.5)])
    path = barrier_paths(morse, bcc, fcc, 0.0, BarrierSettings(paths=1, band=EXACT))[0]
    assert path.forward == pytest.approx(scan.max() - scan[0], rel=5e-3)
    assert path.backward == pytest.approx(scan.max() - scan[-1], rel=5e-3)
    assert path.downhill == 1


def test_from_fcc_to_hcp_and_back_the_saddle_is_the_same(argon: LennardJones):
    fcc, hcp = relaxed(argon, [FCC, HCP])
    settings = BarrierSettings(paths=1, band=EXACT)
    there, back = (barrier_paths(argon, *ends, 0.0, settings)[0] for ends in ((fcc, hcp), (hcp, fcc)))
    assert there.atoms == 2
    assert there.band.converged
    assert there.downhill == back.downhill == 1
    assert there.forward == pytest.approx(back.backward, rel=2e-3)
    assert there.backward == pytest.approx(back.forward, rel=2e-3)
    assert there.forward - there.backward == pytest.approx(
        2 * (hcp.enthalpy_per_atom - fcc.enthalpy_per_atom), abs=1e-6
    )


def test_a_barrier_does_not_depend_on_how_crystals_are_written(argon: LennardJones):
    fcc, hcp = relaxed(argon, [FCC, HCP])
    larger = supercell(hcp.crystal, np.array([[1, 1, 0], [0, 1, 0], [0, 0, 1]]))
    turn, shift = Rotation.random(random_state=1).as_matrix(), np.array([0.3, 0.2, 0.9])
    turned = Crystal(larger.cell @ turn, larger.frac[::-1] + shift, larger.numbers)
    settings = BarrierSettings(paths=1, band=EXACT)
    same = Relaxed(turned, hcp.energy, hcp.enthalpy, 1, 0.0, 0.0)
    plain, disguised = (barrier_paths(argon, fcc, end, 0.0, settings)[0] for end in (hcp, same))
    assert disguised.forward == pytest.approx(plain.forward, rel=2e-3)


def test_the_lowest_of_several_paths_comes_first(argon: LennardJones):
    fcc, hcp = relaxed(argon, [FCC, HCP])
    said: list[str] = []
    paths = barrier_paths(argon, fcc, hcp, 0.0, BarrierSettings(paths=3, band=BandSettings()), said.append)
    assert len(paths) == len(said) == 3
    assert paths[0].forward == min(path.forward for path in paths if path.band.converged)
    assert paths[0].forward < paths[-1].forward


def test_a_phase_has_no_barrier_to_itself(argon: LennardJones):
    start = relaxed(argon, [HCP])[0]
    (path,) = barrier_paths(argon, start, start, 0.0, BarrierSettings())
    assert path.forward == path.backward == 0.0


def test_a_path_that_is_not_found_in_time_is_no_barrier(argon: LennardJones):
    fcc, hcp = relaxed(argon, [FCC, HCP])
    settings = BarrierSettings(paths=1, band=BandSettings(max_force=1e-4, max_steps=2))
    (path,) = barrier_paths(argon, fcc, hcp, 0.0, settings)
    assert not path.band.converged
    assert path.downhill is None


def test_at_room_temperature_one_electronvolt_is_crossed_in_hours():
    thermal = 8.617333262e-5 * 300
    assert log_lifetime(1.0, 300.0) == pytest.approx(math.log10(math.exp(1 / thermal) / (thermal / 4.135667696e-15)))
    assert log_lifetime(0.0, 300.0, attempts=10.0) == pytest.approx(-13)

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.pw import PwSettings
from gasearch.espresso.vc_relax import Descent, read_vc_relax, write_vc_relax
from gasearch.units import pressure_from_GPa

PRESSURE = pressure_from_GPa(200.0)
DESCENT = Descent(max_force=0.0257, max_stress=pressure_from_GPa(0.5), steps=17)


@pytest.fixture
def helium() -> Crystal:
    """What the recorded relaxation started from."""
    return Crystal((np.ones((3, 3)) - 2 * np.eye(3)) * 0.9, [[0, 0, 0]], [2])


def test_input_asks_for_the_pressure_and_the_residuals_in_the_units_of_pw(hs):
    text = write_vc_relax(hs, PwSettings(), DESCENT, PRESSURE, "/pseudo")
    assert "press = 2000.000000, press_conv_thr = 5.000000" in text
    assert "nstep = 17" in text and "forc_conv_thr = 9.996e-04" in text
    assert text.index("&ELECTRONS") < text.index("&IONS") < text.index("&CELL") < text.index("ATOMIC_SPECIES")


def test_the_last_structure_of_a_converged_relaxation_is_read(recorded, helium):
    result = read_vc_relax(recorded("vc_relaxed"), helium, PRESSURE)
    assert result.ended and result.steps == 4
    assert result.crystal.cell[0, 1] == pytest.approx(0.872661370, abs=1e-9)
    assert list(result.crystal.numbers) == [2]


def test_out_of_steps_the_structure_that_was_computed_is_taken_not_the_one_that_would_be_next(recorded):
    start = Crystal(np.diag([1.6, 1.6, 1.7]), [[0, 0, 0], [0.5, 0.5, 0.48]], [1, 1])
    result = read_vc_relax(recorded("vc_out_of_steps"), start, PRESSURE)
    assert result.ended and result.steps == 1
    assert result.crystal is start


def test_output_that_breaks_off_anywhere_gives_the_lowest_structure_so_far(recorded, helium):
    text = recorded("vc_relaxed")
    end = text.index("End of BFGS")
    enthalpies = []
    for length in range(0, end, 400):
        result = read_vc_relax(text[:length], helium, PRESSURE)
        assert not result.ended
        enthalpies.append(result.steps)
    assert enthalpies == sorted(enthalpies) and enthalpies[0] == 0
    assert read_vc_relax("", helium, PRESSURE).crystal is helium

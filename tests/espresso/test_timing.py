import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import supercell
from gasearch.espresso.timing import cpu_seconds, predicted, relative_scf_time

SCF = """     number of k points=    20  Marzari-Vanderbilt smearing, width (Ry)=  0.0200
     convergence has been achieved in  10 iterations
     PWSCF        :   {time} CPU   1h 2m WALL
"""


@pytest.mark.parametrize(
    ("time", "seconds"), [("0.59s", 0.59), ("1m23.45s", 83.45), ("2h 3m", 7380.0), ("1d 1h 1m", 90060.0)]
)
def test_the_processor_time_is_read(time: str, seconds: float):
    assert cpu_seconds(SCF.format(time=time)) == pytest.approx(seconds)


def test_an_output_that_ends_early_has_no_time():
    with pytest.raises(ValueError, match="ends before"):
        cpu_seconds(SCF.partition("PWSCF")[0])


def test_time_grows_with_modes_and_k_points():
    scf = SCF.format(time="20.00s")
    few = predicted(scf, 3, [20, 30], 100)
    assert predicted(scf, 3, [20, 30], 200) - few == pytest.approx(100.0)
    assert predicted(scf, 12, [20, 30], 100) - 100.0 == pytest.approx(4 * (few - 100.0))


def test_a_supercell_on_as_many_k_points_takes_the_square_of_its_size():
    cubic = Crystal(2.0 * np.eye(3), np.zeros((1, 3)), np.array([1]))
    doubled = supercell(cubic, 2 * np.eye(3, dtype=int))
    assert relative_scf_time(doubled, 10.0) == pytest.approx(64 * relative_scf_time(cubic, 10.0))
    assert relative_scf_time(cubic, 0.4) > relative_scf_time(cubic, 0.8)

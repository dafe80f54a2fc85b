import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gasearch.crystal.crystal import Crystal
from gasearch.errors import InputError
from gasearch.screening.magnetism import (
    Collapse,
    MagneticCurve,
    hysteresis,
    lowest,
    per_GPa,
    ranked,
    softness,
    transitions,
)
from gasearch.screening.orderings import orderings
from gasearch.units import pressure_from_GPa

IRON = frozenset([26])


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.floats(0.3, 0.9), st.floats(0.5, 4.0), st.integers(8, 30))
def test_a_moment_that_goes_like_a_square_root_is_found_again_within_the_grid(critical, moment, count):
    pressures = np.linspace(0, 1, count)
    moments = moment * np.sqrt(np.clip(1 - pressures / critical, 0, None))
    found = softness(pressures, moments)
    step = pressures[1]
    assert found.kind is Collapse.CONTINUOUS
    assert abs(found.pressure - critical) <= step
    assert found.low <= found.pressure <= found.high
    # m² is linear: where the bracket holds the end, it is exact.
    if moments[pressures < critical][-1] > 0.1:
        assert found.pressure == pytest.approx(critical)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.floats(0.3, 0.9), st.floats(0.5, 4.0), st.floats(0.0, 0.4), st.integers(8, 30))
def test_a_moment_that_drops_is_found_again_within_the_grid(critical, moment, decay, count):
    pressures = np.linspace(0, 1, count)
    moments = np.where(pressures < critical, moment * np.exp(-decay * pressures), 0.0)
    found = softness(pressures, moments)
    assert found.kind is Collapse.ABRUPT
    assert abs(found.pressure - critical) <= pressures[1]
    assert found.slope == pytest.approx(decay)
    # m² goes like exp(−2 decay P), and falls most at first.
    step = pressures[1]
    assert found.steepest == pytest.approx((1 - np.exp(-2 * decay * step)) / (2 * step), abs=1e-9)


def test_what_stays_magnetic_and_what_never_was():
    pressures = np.array([0.0, 1.0, 2.0])
    stays, never = softness(pressures, np.array([2.0, 1.9, 1.8])), softness(pressures, np.zeros(3))
    assert stays.kind is Collapse.NONE and stays.low == 2.0 and np.isnan(stays.pressure)
    assert never.kind is Collapse.NEVER_MAGNETIC and np.isnan(never.slope)


def test_failed_points_are_left_out_and_signs_do_not_matter():
    moments = np.array([-2.0, np.nan, -1.9, 0.0])
    found = softness(np.arange(4.0), moments)
    assert (found.low, found.high) == (2.0, 3.0)
    assert found.slope == pytest.approx(np.log(2.0 / 1.9) / 2)


def test_one_magnetic_pressure_is_no_slope():
    found = softness(np.arange(2.0), np.array([1.0, 0.0]))
    assert found.kind is Collapse.ABRUPT and np.isnan(found.slope) and found.pressure == 0.5


def test_a_moment_that_comes_back_lower_shows_hysteresis():
    pressures = np.arange(6.0)
    up = softness(pressures, np.array([2.0, 2, 2, 2, 0, 0]))
    down = softness(pressures, np.array([2.0, 2, 0, 0, 0, 0]))
    assert hysteresis(up, down) == 1.0
    assert hysteresis(up, up) is None


def test_the_ground_state_is_the_lowest_at_each_pressure():
    pressures = np.arange(3.0)
    fm = MagneticCurve("FM", True, pressures, np.array([2.0, 1.5, np.nan]), np.array([-1.0, 0.0, np.nan]))
    nm = MagneticCurve("NM", True, pressures, np.zeros(3), np.array([0.0, -0.5, 1.0]))
    ground = lowest([nm, fm])
    assert ground.start == "FM, NM"
    assert ground.moments.tolist() == [2.0, 0.0, 0.0]
    assert ground.enthalpies.tolist() == [-1.0, -0.5, 1.0]


def test_a_transition_lies_where_enthalpies_cross():
    pressures = np.arange(4.0)
    bcc = MagneticCurve("bcc", True, pressures, np.full(4, 2.0), 12.0 * pressures)
    hcp = MagneticCurve("hcp", True, pressures, np.zeros(4), 15.0 + 6.0 * pressures)
    (found,) = transitions([hcp, bcc])
    assert (found.before, found.after, found.pressure) == ("bcc", "hcp", 2.5)
    assert transitions([bcc]) == []


def test_a_transition_to_what_is_not_known_before_is_between_two_pressures():
    pressures = np.arange(3.0)
    one = MagneticCurve("one", True, pressures, np.zeros(3), np.array([0.0, 1.0, 2.0]))
    other = MagneticCurve("other", True, pressures, np.zeros(3), np.array([np.nan, np.nan, 1.0]))
    assert [found.pressure for found in transitions([one, other])] == [1.5]


def test_soft_magnets_come_first():
    pressures = np.arange(5.0)
    curves = {
        "hard": np.full(5, 2.0),
        "none": np.zeros(5),
        "abrupt": np.array([2.0, 2, 2, 0, 0]),
        "soft": np.sqrt(np.clip(1 - pressures / 3.5, 0, None)),
    }
    found = {name: softness(pressures, moments) for name, moments in curves.items()}
    assert ranked(found) == ["soft", "abrupt", "hard", "none"]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.lists(st.floats(25.0, 79.0), min_size=2, max_size=6, unique=True), st.floats(0.5, 4.0))
def test_the_order_of_soft_magnets_does_not_depend_on_the_grid(ends, moment):
    pressures = np.linspace(0, 80, 5)
    curves = {f"{end}": softness(pressures, moment * np.sqrt(np.clip(1 - pressures / end, 0, None))) for end in ends}
    slopes = {end: 1 / (2 * float(end)) for end in curves if curves[end].kind is Collapse.CONTINUOUS}
    for end, slope in slopes.items():
        assert curves[end].steepest == pytest.approx(slope)
    order = [end for end in ranked(curves) if end in slopes]
    assert order == sorted(slopes, key=float)


def test_slopes_are_told_per_gigapascal():
    found = softness(np.array([pressure_from_GPa(p) for p in (0.0, 10.0)]), np.array([2.0, 1.0]))
    assert per_GPa(found.slope) == pytest.approx(np.log(2) / 10)


@pytest.fixture
def bcc() -> Crystal:
    return Crystal((np.ones((3, 3)) - 2 * np.eye(3)) * 1.42, [[0, 0, 0]], [26])


def test_the_orderings_of_bcc_in_two_cells_are_its_two_layered_ones(bcc):
    found = orderings(bcc, IRON, count=10)
    assert [one.name for one in found] == ["NM", "FM", "AFM1", "AFM2"]
    neighbours = sorted(_unlike_neighbours(one.crystal, one.signs) for one in found[2:])
    # Layers along (110) leave half of the eight neighbours alike, those along (001) none.
    assert neighbours == [4, 8]


def _unlike_neighbours(crystal: Crystal, signs: np.ndarray) -> int:
    atoms = crystal.frac @ crystal.cell
    shifts = np.array(np.meshgrid(*[[-2, -1, 0, 1, 2]] * 3)).reshape(3, -1).T @ crystal.cell
    away = np.linalg.norm(atoms + shifts[:, None] - atoms[0], axis=2)
    near = (away > 0.1) & (away < 1.1 * 1.42 * np.sqrt(3))
    return int((near * (signs != signs[0])).sum())


def test_orderings_leave_other_elements_without_moments():
    rock_salt = Crystal((np.ones((3, 3)) - np.eye(3)) * 2.1, [[0, 0, 0], [0.5, 0.5, 0.5]], [26, 8])
    nonmagnetic, ferromagnet, *others = orderings(rock_salt, IRON)
    assert nonmagnetic.signs.tolist() == [0, 0] and ferromagnet.signs.tolist() == [1, 0]
    assert len(others) == 2
    for one in others:
        assert one.signs.sum() == 0 and not one.signs[one.crystal.numbers == 8].any()


def test_other_elements_do_not_take_the_place_of_antiferromagnets():
    # Two layers of iron between eighteen atoms of oxygen.
    oxygen = [[x / 3, y / 3, z] for x in range(3) for y in range(3) for z in (0.25, 0.75)]
    crystal = Crystal(np.diag([6.0, 6.0, 8.0]), [[0, 0, 0], [0, 0, 0.5], *oxygen], [26, 26, *[8] * 18])
    assert [one.name for one in orderings(crystal, IRON)][2:] == ["AFM1", "AFM2"]


def test_a_crystal_without_magnetic_atoms_is_refused(bcc):
    with pytest.raises(InputError, match="no magnetic atoms"):
        orderings(bcc, frozenset([25]))

import numpy as np
import pytest

from gasearch.learning.synthetic import MATERIALS, RATIO, Group, labelled, problem, tc_of
from gasearch.parallel.executor import serial_executor
from gasearch.units import K_PER_THZ


@pytest.mark.parametrize("group", Group)
def test_a_problem_is_made_by_its_seed_and_number_alone(group: Group):
    one, again, other = problem(3, 7, (group,)), problem(3, 7, (group,)), problem(3, 8, (group,))
    assert one.mu_star == again.mu_star != other.mu_star
    assert one.spectrum.moments() == again.spectrum.moments() != other.spectrum.moments()


def test_problems_span_what_they_should():
    problems = [problem(0, number) for number in range(300)]
    moments = [one.spectrum.moments() for one in problems]
    ratios = np.array([one.omega_log / one.omega_2 for one in moments])
    assert {one.group for one in problems} == set(MATERIALS)
    assert ((ratios >= RATIO[0]) & (ratios <= 1 + 1e-9)).all()
    assert ratios.min() < 0.5
    lams = np.array([one.lam for one in moments])
    assert lams.min() < 0.2
    assert 5 < lams.max() <= 10.001


def test_labels_are_those_of_each_problem_whoever_does_them():
    with serial_executor() as executor:
        table = labelled(5, 60, executor)
    assert len(table) == 60
    one = problem(5, 55)
    assert table.tc[55] == tc_of(one)
    assert table.group[55] == one.group
    bound = 0.1828 * K_PER_THZ * table.omega_2 * np.sqrt(table.lam)
    assert (table.tc <= bound).all()  # Allen and Dynes's

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.potential.lennard_jones import LennardJones
from gasearch.screening.correspondence import correspondences
from gasearch.screening.surface import Surface


@pytest.fixture
def surface(kob_andersen: LennardJones) -> Surface:
    start = Crystal(np.diag([2.0, 2.1, 4.3]), [[0, 0, 0], [0.1, 0.5, 0.3], [0.5, 0.4, 0.7]], [29, 13, 29])
    end = Crystal(2.6 * np.eye(3) + 0.1, [[0, 0, 0], [0.5, 0.5, 0.2], [0.1, 0.4, 0.6]], [29, 13, 29])
    return Surface.of(kob_andersen, correspondences(start, end, 1)[0], 0.3)


def middle(surface: Surface) -> np.ndarray:
    """A point where nothing is symmetric."""
    rng, deformation = np.random.default_rng(0), np.eye(3) + 0.1 * np.diag([1, -1, 0.5]) + 0.05
    places = rng.random((3, 3)) @ surface.reference * 0.2 + np.arange(3)[:, None] * [0.2, 0.1, 1.4]
    return np.concatenate([places, surface.scale * deformation])


def test_the_gradient_is_that_of_the_enthalpy(surface: Surface):
    point, step = middle(surface), 1e-5
    _, gradient = surface.enthalpies(point[None])
    for direction in np.random.default_rng(1).normal(size=(6, *point.shape)):
        direction[-3:] += direction[-3:].swapaxes(-1, -2)
        up, down = surface.enthalpies(np.array([point + step * direction, point - step * direction]))[0]
        assert (up - down) / (2 * step) == pytest.approx((gradient[0] * direction).sum(), rel=1e-5, abs=1e-5)


def test_its_curvatures_are_none_below_zero_in_a_minimum(kob_andersen: LennardJones):
    fcc = Crystal(1.55 * (np.ones((3, 3)) - np.eye(3)), [[0, 0, 0]], [29])
    ends = correspondences(fcc, fcc, 2)
    surface = Surface.of(kob_andersen, ends[1], 0.0)
    # Between two orientations of fcc lies bcc, a maximum along Bain's path for Lennard-Jones.
    first, last = surface.ends(ends[1])
    assert surface.directions_downhill(first) == 0
    assert surface.directions_downhill((first + last) / 2) >= 1

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gasearch.crystal.crystal import Crystal
from gasearch.pretrain.diversity import descriptors, farthest_first

POINTS = np.array([[0.0], [0.1], [1.0], [5.0], [5.05]])


def test_points_far_from_all_others_come_first():
    assert farthest_first(POINTS, 3, known=np.array([[0.0]])) == [4, 2, 1]


def test_what_is_near_something_known_is_no_news():
    assert farthest_first(POINTS, 5, known=np.array([[0.0], [5.0]]), nearest=0.2) == [2]
    assert farthest_first(POINTS, 5, known=POINTS) == []


def test_nothing_to_choose_from():
    assert farthest_first(np.empty((0, 3)), 4) == []
    assert farthest_first(POINTS, 0) == []


@given(arrays(float, (12, 3), elements=st.floats(-5, 5)), st.integers(1, 12))
def test_what_is_left_out_is_as_near_as_the_chosen_are_apart(points, count):
    """The property by which the traversal is within a factor of two of the best cover."""
    chosen = farthest_first(points, count)
    cover = np.linalg.norm(points[:, None] - points[chosen][None], axis=2).min(axis=1).max()
    apart = [np.linalg.norm(points[a] - points[b]) for i, a in enumerate(chosen) for b in chosen[:i]]
    assert len(set(chosen)) == len(chosen)
    assert cover <= min(apart, default=np.inf) + 1e-12


def test_descriptors_tell_structures_apart_and_not_their_settings():
    cubic = Crystal(2.5 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [1, 16])
    shifted = Crystal(2.5 * np.eye(3), [[0.3, 0.1, 0], [0.8, 0.6, 0.5]], [1, 16])
    rocksalt = Crystal(2.5 * (np.ones((3, 3)) - np.eye(3)), [[0, 0, 0], [0.5, 0.5, 0.5]], [1, 16])
    a, b, c = descriptors([cubic, shifted, rocksalt], (1, 16))
    assert np.linalg.norm(a - b) == pytest.approx(0.0, abs=1e-6)
    assert np.linalg.norm(a - c) > 0.1

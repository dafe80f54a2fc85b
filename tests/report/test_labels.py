import itertools

import numpy as np
import pytest

from gasearch.report.labels import below_the_line, from_the_middle, gap, place_boxes

FRAME = np.array([[0.0, 0.0], [500.0, 300.0]])
NOTHING = np.empty((0, 2))


def overlap(a: np.ndarray, b: np.ndarray) -> bool:
    return bool((a[0] < b[1]).all() and (a[1] > b[0]).all())


@pytest.mark.parametrize("seed", range(5))
def test_labels_cover_neither_each_other_nor_leave_the_frame(seed: int):
    rng = np.random.default_rng(seed)
    places = np.column_stack([np.linspace(20, 480, 9), rng.uniform(60, 240, 9)])
    sizes = np.tile([50.0, 24.0], (9, 1))
    boxes = place_boxes(places, below_the_line(places), sizes, FRAME, places)
    assert not any(overlap(a, b) for a, b in itertools.combinations(boxes, 2))
    assert all((box[0] >= FRAME[0]).all() and (box[1] <= FRAME[1]).all() for box in boxes)
    assert not any(((places > box[0]) & (places < box[1])).all(axis=1).any() for box in boxes)


def test_a_box_has_the_size_of_its_label_and_lies_in_the_direction_preferred():
    place, size = np.array([[250.0, 150.0]]), np.array([[40.0, 20.0]])
    for direction in np.array([[0.0, -1.0], [1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]]):
        (box,) = place_boxes(place, direction[None], size, FRAME, NOTHING)
        assert np.allclose(box[1] - box[0], size[0])
        assert (box.mean(axis=0) - place[0]) @ direction > 0.9 * np.linalg.norm(box.mean(axis=0) - place[0])


def test_directions_below_a_line_are_normal_to_its_chords():
    places = np.array([[0.0, 0.0], [1.0, -1.0], [3.0, -1.0], [4.0, 0.0]])
    directions = below_the_line(places)
    assert (directions[:, 1] < 0).all()
    assert directions[1] @ (places[2] - places[0]) == pytest.approx(0.0)


def test_directions_from_the_middle_sum_to_nothing():
    places = np.random.default_rng(0).random((7, 2))
    assert np.allclose(from_the_middle(places).sum(axis=0), 0.0)


def test_a_label_is_nearer_to_its_own_point_than_to_any_other():
    """Points so near to each other that outwards alone would put a label beside a neighbour."""
    rng = np.random.default_rng(3)
    for _ in range(20):
        places = 500 + rng.uniform(-60, 60, (5, 2))
        sizes, frame = np.full((5, 2), [40.0, 20.0]), np.array([[0.0, 0.0], [1000.0, 1000.0]])
        boxes = place_boxes(places, from_the_middle(places), sizes, frame, places)
        nearest = [int(np.argmin(gap(box, places))) for box in boxes]
        assert sum(found == k for k, found in enumerate(nearest)) >= 4

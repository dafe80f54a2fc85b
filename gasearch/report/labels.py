"""Places for labels beside points: geometry alone, in any unit that suits a page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: Distances between a point and its label, and directions, that are tried.
_RADII = (10.0, 18.0, 28.0, 40.0)
_ANGLES = np.radians(np.arange(-90.0, 270.0, 15.0))
#: Free space between two labels.
_MARGIN = 6.0


def from_the_middle(places: np.ndarray) -> np.ndarray:
    """Return directions (n, 2) away from the middle of places (n, 2)."""
    return places - places.mean(axis=0)


def below_the_line(places: np.ndarray) -> np.ndarray:
    """Return directions (n, 2) at right angles below a line through places (n, 2), which go from left to right."""
    ahead, behind = np.vstack([places[1:], places[-1:]]), np.vstack([places[:1], places[:-1]])
    chords = ahead - behind
    return np.column_stack([chords[:, 1], -chords[:, 0]])


def place_boxes(
    places: np.ndarray, outwards: np.ndarray, sizes: np.ndarray, frame: np.ndarray, obstacles: np.ndarray
) -> list[np.ndarray]:
    """Return a box for each label, outwards from its place where nothing is in the way.

    Parameters
    ----------
    places : (n, 2) array
        What the labels name.
    outwards : (n, 2) array
        Directions that are preferred.
    sizes : (n, 2) array
        Width and height of each.
    frame : (2, 2) array
        Lower left and upper right corner of where labels may be.
    obstacles : (m, 2) array
        Points that a label should not cover.

    Returns
    -------
    list of (2, 2) arrays
        Lower left and upper right corner of each box. Taken one by one, the best place that is left to each.
    """
    boxes: list[np.ndarray] = []
    for k, (place, preferred, size) in enumerate(zip(places, np.arctan2(*outwards.T[::-1]), sizes, strict=True)):
        elsewhere = np.delete(places, k, axis=0)
        options = [(radius, angle) for radius in _RADII for angle in _ANGLES]
        tried = [_beside(place, size, radius, angle) for radius, angle in options]
        costs = [
            _obstruction(box, boxes, frame, obstacles)
            + _confusion(box, place, elsewhere)
            + radius
            + 4.0 * (1.0 - np.cos(angle - preferred))
            for box, (radius, angle) in zip(tried, options, strict=True)
        ]
        boxes.append(tried[int(np.argmin(costs))])
    return boxes


def _beside(place: np.ndarray, size: np.ndarray, radius: float, angle: float) -> np.ndarray:
    """Return a box in a direction from a place."""
    direction = np.array([np.cos(angle), np.sin(angle)])
    centre = place + direction * (radius + size / 2)
    return np.array([centre - size / 2, centre + size / 2])


def gap(box: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return how far points (n, 2) are from a box (n,); 0 within it."""
    return np.linalg.norm(points - np.clip(points, box[0], box[1]), axis=1)


def _confusion(box: np.ndarray, place: np.ndarray, others: np.ndarray) -> float:
    """Return how bad it is that a box is as near to another place that has a name as to its own."""
    nearest = gap(box, others).min(initial=np.inf)
    return 300.0 if nearest < gap(box, place[None])[0] + 2.0 else 0.0


def _obstruction(box: np.ndarray, others: Sequence[np.ndarray], frame: np.ndarray, obstacles: np.ndarray) -> float:
    """Return how bad a box is: other labels and the frame weigh most, then obstacles."""
    lower, upper = box[0] - _MARGIN, box[1] + _MARGIN
    overlaps = sum(bool((lower < other[1]).all() and (upper > other[0]).all()) for other in others)
    outside = np.clip(frame[0] - box[0], 0, None).sum() + np.clip(box[1] - frame[1], 0, None).sum()
    covered = ((obstacles > box[0]) & (obstacles < box[1])).all(axis=1).sum()
    return 1000.0 * overlaps + 50.0 * float(outside) + 10.0 * float(covered)

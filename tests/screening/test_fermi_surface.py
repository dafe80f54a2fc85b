import numpy as np
import pytest

from gasearch.screening.bands import FermiBands
from gasearch.screening.fermi_surface import BrillouinZone, fermi_surface

FCC = 4.0 * (np.ones((3, 3)) - np.eye(3)) / 2
HEXAGONAL = np.array([[2.5, 0, 0], [-1.25, 2.5 * 3**0.5 / 2, 0], [0, 0, 4.0]])


def volume(faces) -> float:
    """Of a convex body around the origin."""
    return sum(
        abs(np.linalg.det([face[0], face[k], face[k + 1]])) / 6 for face in faces for k in range(1, len(face) - 1)
    )


def area(triangles: np.ndarray) -> float:
    first, second = triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]
    return np.linalg.norm(np.cross(first, second), axis=1).sum() / 2


@pytest.mark.parametrize(
    ("cell", "faces"), [(3.0 * np.eye(3), 6), (FCC, 14), (HEXAGONAL, 8), (2.9 * (np.ones((3, 3)) / 2 - np.eye(3)), 12)]
)
def test_the_zone_has_the_volume_of_the_reciprocal_cell(cell, faces):
    reciprocal = 2 * np.pi * np.linalg.inv(cell).T
    zone = BrillouinZone.of(reciprocal)
    assert len(zone.faces) == len(zone.vectors) == faces
    assert volume(zone.faces) == pytest.approx(abs(np.linalg.det(reciprocal)))
    # The choice of lattice vectors does not matter.
    skewed = np.array([[1, 1, 0], [0, 1, 2], [0, 0, 1]]) @ reciprocal
    assert volume(BrillouinZone.of(skewed).faces) == pytest.approx(volume(zone.faces))


def free_electrons(cell: np.ndarray, wave_number: float, grid: int, count: int) -> FermiBands:
    """The lowest bands of free electrons, k² − k_F² in Å⁻²."""
    reciprocal = 2 * np.pi * np.linalg.inv(cell).T
    places = np.stack(np.meshgrid(*[np.arange(grid) / grid] * 3, indexing="ij"), axis=-1)
    multiples = np.stack(np.meshgrid(*[np.arange(-3, 4)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    squared = np.array([(((places + m) @ reciprocal) ** 2).sum(axis=-1) for m in multiples])
    return FermiBands(cell, np.sort(squared, axis=0)[:count] - wave_number**2)


@pytest.mark.parametrize("cell", [FCC, HEXAGONAL, HEXAGONAL[[1, 0, 2]]])
def test_a_sphere_within_the_zone(cell):
    zone = BrillouinZone.of(2 * np.pi * np.linalg.inv(cell).T)
    radius = 0.9 * np.linalg.norm(zone.vectors, axis=1).min() / 2
    first, second = fermi_surface(free_electrons(cell, radius, 48, 2))
    assert np.linalg.norm(first, axis=2) == pytest.approx(radius, rel=3e-3)
    assert area(first) == pytest.approx(4 * np.pi * radius**2, rel=5e-3)
    # Normals point outwards, to higher energies: the enclosed volume has a sign.
    assert np.linalg.det(first).sum() / 6 == pytest.approx(4 * np.pi * radius**3 / 3, rel=1e-2)
    assert not len(second)


@pytest.mark.parametrize("cell", [FCC, HEXAGONAL])
def test_a_sphere_that_reaches_beyond_the_zone_is_folded_into_it_whole(cell):
    zone = BrillouinZone.of(2 * np.pi * np.linalg.inv(cell).T)
    radius = 1.12 * np.linalg.norm(zone.vectors, axis=1).min() / 2
    pieces = fermi_surface(free_electrons(cell, radius, 48, 4))
    assert sum(len(piece) > 0 for piece in pieces) > 1
    # What is lost is a strip along the kinks where bands touch, as wide as the grid's steps.
    coarse = fermi_surface(free_electrons(cell, radius, 24, 4))
    errors = [abs(sum(map(area, found)) / (4 * np.pi * radius**2) - 1) for found in (coarse, pieces)]
    assert errors[1] < 0.04
    assert errors[1] < 0.65 * errors[0]
    corners = np.concatenate(pieces).reshape(-1, 3)
    assert (corners @ zone.vectors.T <= (zone.vectors**2).sum(axis=1) / 2 + 1e-6).all()

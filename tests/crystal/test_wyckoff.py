import numpy as np
import pytest

from gasearch.crystal.wyckoff import wyckoff_table


@pytest.fixture(scope="module")
def halls() -> dict[int, int]:
    """Hall numbers of the standard settings: unique axis b, hexagonal axes, origin choice 2."""
    import spglib

    choices: dict[int, dict[str, int]] = {}
    for hall in range(1, 531):
        kind = spglib.get_spacegroup_type(hall)
        choices.setdefault(kind.number, {}).setdefault(kind.choice, hall)
    return {number: found.get("2", found.get("H", min(found.values()))) for number, found in choices.items()}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("number", range(1, 231))
def test_positions_are_orbits_of_the_group(number, halls):
    """Each position is one orbit of the operations that spglib lists for the group, each point once."""
    import spglib

    operations = spglib.get_symmetry_from_database(halls[number])
    table = wyckoff_table(number)
    parameters = np.random.default_rng(number).uniform(0.05, 0.45, 3)
    for position in table.positions:
        points = position.points(parameters)
        images = np.einsum("gij,j->gi", operations["rotations"], points[0] @ table.to_primitive)
        images = (images + operations["translations"]) @ np.linalg.inv(table.to_primitive)
        apart = images[:, None] - points
        hits = (np.abs(apart - np.rint(apart)).max(axis=-1) < 1e-6).sum(axis=0)
        assert (hits == len(operations["rotations"]) / len(points)).all()


def test_multiplicities_of_well_known_groups():
    found = {p.letter: (p.multiplicity, p.freedom) for p in wyckoff_table(225).positions}
    assert (found["a"], found["c"], found["f"], found["l"]) == ((1, 0), (2, 0), (8, 1), (48, 3))
    assert wyckoff_table(47)["A"].multiplicity == 8
    assert wyckoff_table(1).positions[0].freedom == 3

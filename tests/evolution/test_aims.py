"""A search with more than one aim: the sorting, the ranking, and a toy problem whose front is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gasearch.crystal.composition import Composition, CompositionSpace
from gasearch.crystal.crystal import Crystal
from gasearch.errors import InputError
from gasearch.evolution.aims import Aims, by_composition
from gasearch.evolution.archive import Archive, TwinTolerance
from gasearch.evolution.candidate import Individual, Outcome
from gasearch.evolution.descriptors import DESCRIPTORS, descriptor
from gasearch.evolution.operators import RANDOM
from gasearch.evolution.pareto import crowding, fronts
from gasearch.evolution.search import Search, SearchSettings
from gasearch.evolution.selection import CompositionChoice, ParentChoice, SelectionSettings
from gasearch.evolution.termination import Termination
from gasearch.outcomes import Relaxed

SPACE = CompositionSpace((Composition.from_formula("H"), Composition.from_formula("S")), 1, 8)
H, S, HS, H3S = map(Composition.from_formula, ("H", "S", "HS", "H3S"))


def crystal(composition: Composition, volume_per_atom: float, seed: int) -> Crystal:
    rng = np.random.default_rng(seed)
    numbers = composition.numbers()
    cell = np.eye(3) + 0.2 * rng.normal(size=(3, 3))
    cell *= (volume_per_atom * len(numbers) / abs(np.linalg.det(cell))) ** (1 / 3)
    return Crystal(cell, rng.random((len(numbers), 3)), numbers)


def individual(id: int, composition: Composition, enthalpy: float, volume: float = 10.0, spread: float = np.nan):
    fingerprint = np.eye(64)[id % 64]
    return Individual(id, crystal(composition, volume, id), enthalpy, fingerprint, RANDOM, (), spread)


def archive(*more: Individual, max_spread: float = np.inf) -> Archive:
    found = Archive(SPACE, TwinTolerance(), max_spread)
    for one in (individual(60, H, 0.0), individual(61, S, 0.0), *more):
        found.admit(one)
    return found


class TestSorting:
    @settings(deadline=None, derandomize=True, max_examples=60)
    @given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=25))
    def test_fronts_are_peeled_by_the_definition(self, points):
        ranks = fronts(np.array(points, float))
        left, rank = set(range(len(points))), 0

        def dominates(a: int, b: int) -> bool:
            pairs = list(zip(points[a], points[b], strict=True))
            return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)

        while left:
            front = {i for i in left if not any(dominates(j, i) for j in left)}
            assert {i for i in left if ranks[i] == rank} == front
            left, rank = left - front, rank + 1

    def test_crowding_is_the_cuboid_of_the_neighbours(self):
        points = np.array([[0.0, 4.0], [1.0, 2.0], [3.0, 1.0], [4.0, 0.0]])
        found = crowding(points, fronts(points))
        assert np.isinf(found[[0, 3]]).all()
        assert found[1:3] == pytest.approx([3 / 4 + 3 / 4, 3 / 4 + 2 / 4])

    def test_degenerate_fronts(self):
        assert fronts(np.zeros((0, 2))).tolist() == []
        assert fronts(np.ones((4, 2))).tolist() == [0, 0, 0, 0]
        assert np.isinf(crowding(np.array([[1.0, 2.0]]), np.array([0]))).all()
        # A constant objective changes nothing between the ends of the other.
        points = np.array([[0.0, 1.0], [1.0, 1.0], [4.0, 1.0]])
        found = crowding(points, np.zeros(3, int))
        assert found[1] == pytest.approx(1.0) and np.isinf(found[[0, 2]]).all()


class TestStanding:
    def test_compounds_are_ranked_by_both(self):
        found = archive(
            individual(0, HS, -0.2, volume=10.0),
            individual(1, HS, -0.1, volume=12.0),
            individual(2, HS, -0.1, volume=11.0),
            individual(3, HS, 0.2, volume=20.0),
        )
        standing = Aims({"volume_per_atom": "highest"}, within=0.2).standing(found)
        assert [found.individuals[place].id for place in standing.places] == [0, 1, 2]
        assert standing.ranks.tolist() == [0, 0, 1]
        assert standing.weights == pytest.approx([1.0, 0.95, 0.9])
        lowest = Aims({"volume_per_atom": "lowest"}, within=0.2).standing(found)
        assert lowest.ranks.tolist() == [0, 2, 1]
        assert by_composition(found, standing) == {HS: 1.0}

    def test_elements_do_not_dominate_what_is_compared_by_composition(self):
        found = archive(individual(0, HS, -0.2), individual(1, H3S, -0.05))
        standing = Aims({"hydrogen_share": "highest"}, within=0.2).standing(found)
        assert [found.individuals[place].id for place in standing.places] == [0, 1]
        assert standing.ranks.tolist() == [0, 0]

    def test_an_element_alone_is_ranked(self):
        alone = Archive(CompositionSpace((H,), 1, 4), TwinTolerance())
        alone.admit(individual(0, H, 0.0))
        assert Aims({"volume_per_atom": "lowest"}, 0.2).standing(alone).ranks.tolist() == [0]

    def test_without_a_hull_or_anyone_to_rank_there_is_none(self):
        aims = Aims({"hydrogen_share": "highest"}, 0.2)
        assert aims.standing(Archive(SPACE, TwinTolerance())) is None
        assert aims.standing(archive()) is None
        assert Aims({"hydrogen_distance": "lowest"}, 0.2).standing(archive(individual(0, HS, 0.9))) is None

    def test_what_is_doubtful_or_has_no_value_is_left_out(self):
        doubtful = individual(0, HS, -0.3, spread=0.5)
        found = archive(doubtful, individual(1, HS, -0.1, spread=0.01), max_spread=0.1)
        standing = Aims({"volume_per_atom": "lowest"}, 0.5).standing(found)
        assert [found.individuals[place].id for place in standing.places] == [1]
        sulphur = CompositionSpace((S,), 1, 4)
        alone = Archive(sulphur, TwinTolerance())
        alone.admit(individual(0, S, 0.0))
        assert Aims({"hydrogen_distance": "lowest"}, 0.2).standing(alone) is None

    def test_members_of_the_first_fronts_are_parents_whatever_their_composition_holds(self):
        crowd = [individual(i, HS, -0.2 + 0.001 * i, volume=10.0) for i in range(8)]
        wide = individual(20, HS, -0.05, volume=14.0)
        found, settings = archive(*crowd, wide), SelectionSettings(per_composition=2)
        standing = Aims({"volume_per_atom": "highest"}, 0.3).standing(found)
        without, with_aims = ParentChoice(found, settings), ParentChoice(found, settings, standing)
        place = found.individuals.index(wide)
        assert place not in without.places and place in with_aims.places
        assert set(without.places.tolist()) <= set(with_aims.places.tolist())
        assert with_aims.fitness[with_aims.places.tolist().index(place)] > 1.0

    def test_compositions_that_stand_well_are_visited(self):
        choice = CompositionChoice(SPACE, SelectionSettings(exploration=0.0))
        found = archive(individual(0, HS, -0.4), individual(1, H3S, 0.1))
        for one in found.individuals:
            choice.record(one.crystal.composition, one.enthalpy_per_atom, new=True)
        place = choice.reduced.index(H3S)
        plain, aimed = choice.odds(found.hull), choice.odds(found.hull, {H3S: 1.0})
        assert aimed[place] > plain[place]
        assert (plain == choice.odds(found.hull, None)).all()


class TestDescriptors:
    def test_their_values(self):
        salt = Crystal(np.eye(3) * 2.0, [[0, 0, 0], [0.5, 0.5, 0.5], [0.5, 0, 0]], [1, 16, 1])
        values = {name: function(salt) for name, function in DESCRIPTORS.items()}
        assert values["hydrogen_share"] == pytest.approx(2 / 3)
        assert values["volume_per_atom"] == pytest.approx(8 / 3)
        assert values["atoms"] == 3
        assert values["hydrogen_distance"] == values["shortest_distance"] == pytest.approx(1.0)

    def test_a_users_function_is_found_by_its_path(self, tmp_path, monkeypatch):
        (tmp_path / "my_aims.py").write_text("def cells(crystal):\n    return crystal.volume\n\nbroken = 3\n")
        monkeypatch.syspath_prepend(tmp_path)
        assert descriptor("my_aims.cells")(Crystal(np.eye(3) * 2, [[0, 0, 0]], [1])) == pytest.approx(8)
        with pytest.raises(InputError, match="no function"):
            descriptor("my_aims.broken")
        with pytest.raises(InputError, match="cannot be imported"):
            descriptor("my_aims.missing")
        with pytest.raises(InputError, match="cannot be imported"):
            descriptor("no_such_module.function")

    def test_a_users_function_that_raises_is_named(self, tmp_path, monkeypatch):
        (tmp_path / "raising_aims.py").write_text("def bad(crystal):\n    raise KeyError('lost')\n")
        monkeypatch.syspath_prepend(tmp_path)
        with pytest.raises(InputError, match=r"raising_aims.bad failed for HS \(KeyError"):
            Aims({"raising_aims.bad": "lowest"}, 0.2).standing(archive(individual(0, HS, -0.1)))

    def test_a_misspelt_name_is_corrected(self):
        with pytest.raises(ValueError, match="did you mean hydrogen_share"):
            SelectionSettings(aims={"hydrogen_shre": "highest"})


class Toy:
    """A world in which a structure is two numbers: ``u`` buys volume for enthalpy, ``v`` costs enthalpy alone.

    The front is v = 0: the volume per atom is 10 + u, and the enthalpy above the hull 0.15 u.
    """

    STEP = 0.15

    def __init__(self, aims: dict[str, str], seed: int):
        selection = SelectionSettings(aims=aims, aims_within=0.5)
        settings = SearchSettings(
            block=4, lag=0, first_generation=30, selection=selection, termination=Termination(candidates=400)
        )
        self.search = Search(SPACE, settings, seed)
        self.genes: dict[int, np.ndarray] = {}
        self.seed = seed

    def run(self, candidates: int = 400) -> None:
        while self.search.told < candidates:
            for candidate in self.search.ask(self.search.told).candidates:
                self.search.tell(self._outcome(candidate))

    def _outcome(self, candidate) -> Outcome:
        rng = np.random.default_rng([self.seed, candidate.id])
        if candidate.parents:
            genes = np.clip(self.genes[candidate.parents[0].id] + self.STEP * rng.normal(size=2), 0, 1)
        else:
            genes = np.array([0.2, 1.0]) * rng.random(2)
        self.genes[candidate.id] = genes
        u, v = genes
        made = crystal(candidate.composition, 10 + u, candidate.id)
        hydrogen = np.mean(made.numbers == 1)
        hull = -4 * hydrogen * (1 - hydrogen)
        enthalpy = (hull + 0.15 * u + 0.15 * v) * len(made)
        relaxed = Relaxed(made, enthalpy, enthalpy, 1, 0.0, 0.0)
        fingerprint = rng.normal(size=64)
        parents = tuple(parent.id for parent in candidate.parents)
        return Outcome(
            candidate.id, candidate.operator, parents, made, relaxed, fingerprint / np.linalg.norm(fingerprint)
        )


def front_of(toy: Toy) -> np.ndarray:
    """Volume gained, and enthalpy paid above what the best structure of that volume would cost, on the front."""
    standing = Aims({"volume_per_atom": "highest"}, 0.5).standing(toy.search.archive)
    first = standing.ranks == 0
    u = standing.values[first, 0] - 10
    return np.column_stack([u, standing.above[first] - 0.15 * u])


@pytest.mark.parametrize("seed", [1, 2])
def test_a_toy_problem_with_a_known_front_is_found(seed):
    aimed, plain = Toy({"volume_per_atom": "highest"}, seed), Toy({}, seed)
    aimed.run()
    plain.run()
    found = front_of(aimed)
    assert found[:, 0].max() > 0.95
    assert found[:, 1].max() < 0.1
    # It is covered: no gap of more than a third of it.
    assert np.diff(np.sort(found[:, 0])).max() < 0.33
    # The hull alone does not lead to its far end.
    assert front_of(plain)[:, 0].max() < 0.75


def test_the_same_search_twice_is_the_same():
    first, second = Toy({"hydrogen_share": "highest"}, 5), Toy({"hydrogen_share": "highest"}, 5)
    first.run(100)
    second.run(100)
    told = [[(i.id, i.operator, i.parents) for i in toy.search.archive.individuals] for toy in (first, second)]
    assert told[0] == told[1]


def test_without_aims_nothing_is_ranked():
    toy = Toy({}, 1)
    toy.run(60)
    assert toy.search.standing() is None

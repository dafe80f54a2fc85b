"""What the search does with what it is told."""

from dataclasses import replace

import numpy as np
import pytest

from gasearch.crystal.composition import Composition, CompositionSpace
from gasearch.crystal.crystal import Crystal
from gasearch.crystal.fingerprint import fingerprint
from gasearch.evolution.archive import Archive, TwinTolerance
from gasearch.evolution.candidate import Individual, Outcome
from gasearch.evolution.operators import RANDOM, OperatorWeights
from gasearch.evolution.search import GAIN_OFF_HULL, Search, SearchSettings
from gasearch.evolution.selection import CompositionChoice, ParentChoice, SelectionSettings, drawn
from gasearch.evolution.termination import Termination
from gasearch.outcomes import Failure, Reason, Relaxed

ELEMENTS = (1, 16)
SPACE = CompositionSpace((Composition.from_formula("H"), Composition.from_formula("S")), 1, 6)


def crystal(formula: str, seed: int = 0) -> Crystal:
    numbers = Composition.from_formula(formula).numbers()
    rng = np.random.default_rng(seed)
    return Crystal(np.diag([3.0, 3.2, 3.5]) + 0.2 * rng.normal(size=(3, 3)), rng.random((len(numbers), 3)), numbers)


def individual(id: int, formula: str, enthalpy: float, seed: int | None = None) -> Individual:
    made = crystal(formula, id if seed is None else seed)
    return Individual(id, made, enthalpy, fingerprint(made, ELEMENTS), RANDOM, ())


def outcome(id: int, formula: str, enthalpy: float, seed: int | None = None) -> Outcome:
    one = individual(id, formula, enthalpy, seed)
    total = enthalpy * len(one.crystal)
    relaxed = Relaxed(one.crystal, total, total, 7, 0.0, 0.0)
    return Outcome(id, RANDOM, (), one.crystal, relaxed, one.fingerprint)


class TestArchive:
    def test_no_hull_until_every_endpoint_is_known(self):
        archive = Archive(SPACE, TwinTolerance())
        assert not archive.admit(individual(0, "H", -1.0))
        assert not archive.admit(individual(1, "HS", -2.0))
        assert archive.hull is None
        assert archive.admit(individual(2, "S", -1.0))
        assert archive.hull_ids == {0, 1, 2}

    def test_distances_follow_the_hull(self):
        archive = Archive(SPACE, TwinTolerance())
        for id, (formula, enthalpy) in enumerate([("H", -1.0), ("S", -1.0), ("HS", -1.5), ("H3S", -1.1)]):
            archive.admit(individual(id, formula, enthalpy))
        assert archive.above[3] == pytest.approx(0.15)
        archive.admit(individual(4, "H3S", -1.4))
        assert archive.above.tolist() == pytest.approx([0, 0, 0, 0.3, 0])

    def test_volumes_are_those_of_the_phases_that_coexist(self):
        archive = Archive(SPACE, TwinTolerance())
        assert archive.volume(Composition.from_formula("HS")) is None
        for id, formula in enumerate(["H", "S"]):
            archive.admit(individual(id, formula, -1.0))
        expected = 2 * archive.individual(0).crystal.volume + archive.individual(1).crystal.volume
        assert archive.volume(Composition.from_formula("H2S")) == pytest.approx(expected)

    def test_a_better_relaxed_twin_takes_the_place(self):
        archive = Archive(SPACE, TwinTolerance())
        archive.admit(individual(0, "H", -1.0, seed=5))
        archive.admit(individual(1, "S", -1.0))
        better = individual(2, "H", -1.001, seed=5)
        twin = archive.twin_of(better)
        assert twin is not None and twin.id == 0
        assert archive.replace(twin, better)
        assert len(archive) == 2 and archive.individual(0) is better and archive.individual(2) is better
        assert archive.hull_ids == {1, 2}

    def test_a_twin_that_is_no_lower_than_rounding_stays_on_the_hull(self):
        archive = Archive(SPACE, TwinTolerance())
        archive.admit(individual(0, "H", -1.0, seed=5))
        archive.admit(individual(1, "S", -1.0))
        assert not archive.replace(archive.individual(0), individual(2, "H", -1.0 - 1e-13, seed=5))
        assert archive.hull_ids == {1, 2}

    @pytest.mark.parametrize(("formula", "enthalpy", "seed"), [("H", -1.0, 6), ("H", -1.1, 5), ("S", -1.0, 5)], ids=str)
    def test_other_structure_enthalpy_or_element_is_no_twin(self, formula, enthalpy, seed):
        archive = Archive(SPACE, TwinTolerance())
        archive.admit(individual(0, "H", -1.0, seed=5))
        assert archive.twin_of(individual(1, formula, enthalpy, seed)) is None


class TestDoubt:
    """What a committee disagrees about is kept, but it is on no hull, and no parent."""

    def archive(self, *enthalpies: tuple[str, float, float]) -> Archive:
        archive = Archive(SPACE, TwinTolerance(), max_spread=0.05)
        for id, (formula, enthalpy, spread) in enumerate(enthalpies):
            archive.admit(replace(individual(id, formula, enthalpy), spread=spread))
        return archive

    def test_it_lies_below_the_hull_that_it_does_not_define(self):
        archive = self.archive(("H", -1.0, 0.01), ("S", -1.0, 0.0), ("HS", -9.0, 0.06), ("HS", -1.5, np.nan))
        assert archive.hull_ids == {0, 1, 3}
        assert archive.above.tolist() == pytest.approx([0.0, 0.0, -7.5, 0.0])
        assert [archive.doubtful(i) for i in archive.individuals] == [False, False, True, False]

    def test_an_endpoint_that_is_doubtful_is_none(self):
        archive = self.archive(("H", -1.0, 0.01), ("S", -1.0, 0.06))
        assert archive.hull is None
        archive.admit(individual(2, "S", -0.5))
        assert archive.hull_ids == {0, 2}

    def test_it_is_never_a_parent(self):
        archive = self.archive(("H", -1.0, 0.01), ("S", -1.0, 0.0), ("HS", -9.0, 0.06), ("HS", -1.5, 0.01))
        assert sorted(archive.best(1)) == [0, 1, 3]

    def test_repetitions_of_it_are_found(self):
        archive = self.archive(("H", -1.0, 0.06))
        assert archive.twin_of(individual(1, "H", -1.001, seed=0)) is archive.individuals[0]

    @pytest.mark.parametrize("spread", [0.01, np.nan])
    def test_a_twin_that_is_not_doubtful_takes_its_place(self, spread):
        archive = self.archive(("H", -1.0, 0.06), ("S", -1.0, 0.0))
        archive.replace(archive.individual(0), replace(individual(2, "H", -1.001, seed=0), spread=spread))
        assert archive.hull_ids == {1, 2}

    def test_a_doubtful_twin_takes_no_place(self):
        archive = self.archive(("H", -1.0, 0.01), ("S", -1.0, 0.0))
        assert not archive.replace(archive.individual(0), replace(individual(2, "H", -1.001, seed=0), spread=0.06))
        assert archive.individual(2) is archive.individual(0) and archive.hull_ids == {0, 1}

    def test_without_a_limit_nothing_is_doubtful(self):
        archive = Archive(SPACE, TwinTolerance())
        assert not archive.doubtful(replace(individual(0, "H", -1.0), spread=9.0))

    def test_a_search_neither_rewards_nor_follows_it(self):
        settings = SearchSettings(block=1, lag=0, first_generation=8, max_spread=0.05)
        search = Search(SPACE, settings, seed=1)
        for id, (formula, enthalpy, spread) in enumerate([("H", -1.0, 0.0), ("S", -1.0, 0.0), ("HS", -9.0, 0.06)]):
            told = outcome(id, formula, enthalpy)
            search.tell(replace(told, result=replace(told.result, spread=spread)))
        assert [change.id for change in search.story] == [1]
        odds = search.compositions.odds(search.archive.hull)
        assert odds.max() == pytest.approx(odds[search.compositions.reduced.index(Composition.from_formula("H2S"))])


class TestSearch:
    def search(self, **settings) -> Search:
        return Search(SPACE, SearchSettings(block=1, lag=0, first_generation=8, **settings), seed=1)

    def test_out_of_order_is_refused(self):
        with pytest.raises(ValueError, match="0 is next"):
            self.search().tell(outcome(1, "H", -1.0))

    def test_failures_are_counted_and_never_admitted(self):
        search = self.search()
        search.tell(Outcome(0, RANDOM, (), crystal("H2"), Failure(Reason.COLLAPSED, steps=3)))
        search.tell(Outcome(1, RANDOM, (), None, Failure(Reason.NOT_BUILT)))
        assert (search.relaxations, len(search.archive)) == (1, 0)

    def test_twins_are_not_admitted(self):
        search = self.search()
        for id in range(2):
            search.tell(outcome(id, "H2", -1.0, seed=3))
        assert (search.twins, len(search.archive), search.relaxations) == (1, 1, 2)

    def test_operators_gain_by_what_children_improve(self):
        search = self.search()
        founders = [("H", -1.0), ("S", -1.0), ("HS", -1.5), ("H3S", -1.0), *[("H2S", -1.1)] * 4]
        children = [("HS", -1.6), ("H3S", -1.05), ("H3S", -0.9)]
        for id, (formula, enthalpy) in enumerate(founders + children):
            search.tell(outcome(id, formula, enthalpy))
        assert search.weights.tries[RANDOM] == len(children)
        assert search.weights.gains[RANDOM] == pytest.approx(1.0 + GAIN_OFF_HULL)

    def test_the_story_never_rises(self):
        search, rng = self.search(), np.random.default_rng(0)
        for id in range(60):
            formula = str(rng.choice(["H", "S", "HS", "H2S", "H3S", "HS2"]))
            search.tell(outcome(id, formula, -1 - 0.5 * rng.random()))
        means = [change.mean_enthalpy for change in search.story]
        assert len(means) > 2 and np.all(np.diff(means) <= 1e-12)

    def test_the_endpoints_come_first(self):
        block = [self.search().ask(first).candidates[0] for first in range(4)]
        assert {c.composition.reduced.formula for c in block[:2]} == {"H", "S"}

    def test_ask_does_not_change_the_state(self):
        search = self.search()
        for id, formula in enumerate(["H", "S", "H3S", "HS", "H2S", "HS2", "H5S", "S3"]):
            search.tell(outcome(id, formula, -1.0))
        first, second = (search.ask(8).candidates[0] for _ in range(2))
        assert (first.operator, first.composition) == (second.operator, second.composition)
        assert [p.id for p in first.parents] == [p.id for p in second.parents]

    def test_a_composition_outside_the_space_is_left_out(self):
        windows = CompositionSpace(SPACE.endpoints, 1, 6, ((0.0, 0.5), (0.5, 1.0)))
        search = Search(windows, SearchSettings(block=1, lag=0), seed=1)
        search.tell(outcome(0, "H5S", -9.0))
        assert len(search.archive) == 0

    def test_settings_name_unknown_operators(self):
        with pytest.raises(ValueError, match=r"unknown swap; there are random, heredity"):
            SearchSettings(operators={"swap": 1.0})


class TestOperatorWeights:
    def test_without_experience_the_base_weights_hold(self):
        weights = OperatorWeights({"a": 1.0, "b": 3.0, "c": 0.0})
        assert weights.names == ("a", "b")
        assert weights.probabilities() == pytest.approx([0.25, 0.75])

    def test_what_gains_is_drawn_more_often_and_nothing_dies(self):
        weights = OperatorWeights({"a": 1.0, "b": 1.0})
        for _ in range(500):
            weights.record("a", 0.5)
            weights.record("b", 0.0)
        assert weights.probabilities()[0] > 0.6
        assert weights.probabilities()[1] > 0.05

    def test_fixed_weights_stay(self):
        weights = OperatorWeights({"a": 1.0, "b": 1.0}, adapt=False)
        weights.record("a", 1.0)
        assert weights.probabilities() == pytest.approx([0.5, 0.5])


class TestSelection:
    def archive(self) -> Archive:
        archive = Archive(SPACE, TwinTolerance())
        phases = [("H", -1.0), ("S", -1.0), ("HS", -1.5), ("HS", -1.4), ("HS", -0.9), ("H3S", -0.5), ("HS2", -1.3)]
        for id, (formula, enthalpy) in enumerate(phases):
            archive.admit(individual(id, formula, enthalpy))
        return archive

    def test_parents_are_near_the_composition_and_low(self):
        choice = ParentChoice(self.archive(), SelectionSettings(exploration=0.0, width=0.1))
        rng = np.random.default_rng(0)
        ids = [choice.draw(np.array([0.5, 0.5]), 1, rng)[0].id for _ in range(300)]
        counts = {id: ids.count(id) for id in range(7)}
        assert counts[2] > counts[3] > counts[4]
        assert counts[0] < 0.05 * len(ids)

    def test_two_parents_differ(self):
        choice = ParentChoice(self.archive(), SelectionSettings())
        rng = np.random.default_rng(0)
        assert all(a.id != b.id for a, b in (choice.draw(np.array([0.5, 0.5]), 2, rng) for _ in range(100)))

    def test_too_few_parents_is_none(self):
        archive = Archive(SPACE, TwinTolerance())
        assert (
            ParentChoice(archive, SelectionSettings()).draw(np.array([0.5, 0.5]), 1, np.random.default_rng(0)) is None
        )

    def test_only_the_lowest_of_a_composition_are_parents(self):
        archive = self.archive()
        choice = ParentChoice(archive, SelectionSettings(per_composition=1))
        assert {archive.individuals[place].id for place in choice.places} == {0, 1, 2, 5, 6}

    def test_compositions_are_all_reached_and_fruitless_ones_less(self):
        choice, rng = CompositionChoice(SPACE, SelectionSettings()), np.random.default_rng(0)
        assert {choice.founder(rng) for _ in range(3000)} == set(SPACE.compositions)
        before = choice.odds(None)
        assert {choice.draw(before, rng) for _ in range(3000)} == set(SPACE.compositions)
        hs = Composition.from_formula("HS")
        for _ in range(100):
            choice.record(hs, np.inf, new=False)
        place = choice.reduced.index(hs)
        assert choice.odds(None)[place] < 0.2 * before[place]

    def test_indices_are_drawn_in_proportion_to_weights(self):
        rng, weights = np.random.default_rng(0), np.array([0.0, 3.0, 0.0, 1.0, 0.0])
        counts = np.bincount([drawn(weights, rng) for _ in range(4000)], minlength=5)
        assert counts[[0, 2, 4]].sum() == 0
        assert abs(counts[1] / 4000 - 0.75) < 0.03

    def test_founders_have_every_number_of_atoms_equally_often(self):
        choice, rng = CompositionChoice(SPACE, SelectionSettings()), np.random.default_rng(0)
        sizes = sorted({c.n_atoms for c in SPACE.compositions})
        drawn = np.array([choice.founder(rng).n_atoms for _ in range(4000)])
        share = np.array([(drawn == n).mean() for n in sizes])
        assert np.abs(share - 1 / len(sizes)).max() < 4 * np.sqrt(1 / len(sizes) / 4000)

    def test_small_cells_come_first(self):
        choice, rng = CompositionChoice(SPACE, SelectionSettings()), np.random.default_rng(0)
        hs, h2s2 = (Composition.from_formula(f) for f in ("HS", "H2S2"))
        only = np.zeros(len(choice.reduced))
        only[choice.reduced.index(hs)] = 1.0
        cells = [choice.draw(only, rng) for _ in range(3000)]
        assert cells.count(hs) == pytest.approx(2 * cells.count(h2s2), rel=0.2)

    def test_cells_that_give_nothing_new_are_drawn_less(self):
        choice, rng = CompositionChoice(SPACE, SelectionSettings()), np.random.default_rng(0)
        hs, h2s2 = (Composition.from_formula(f) for f in ("HS", "H2S2"))
        for _ in range(59):
            choice.record(hs, -1.0, new=False)
            choice.record(h2s2, -1.0, new=True)
        only = np.zeros(len(choice.reduced))
        only[choice.reduced.index(hs)] = 1.0
        cells = [choice.draw(only, rng) for _ in range(2000)]
        assert cells.count(h2s2) > 10 * cells.count(hs) > 0

    def test_compositions_near_the_hull_are_favoured(self):
        archive, choice = self.archive(), CompositionChoice(SPACE, SelectionSettings(exploration=0.0))
        for one in (archive.individuals[place] for place in (2, 5, 6)):
            choice.record(one.crystal.composition, one.enthalpy_per_atom, new=True)
        odds = dict(zip((c.formula for c in choice.reduced), choice.odds(archive.hull), strict=True))
        assert odds["HS"] > odds["HS2"] > odds["H3S"]


def test_termination_counts_attempts():
    limits = Termination(candidates=100, unchanged=30)
    assert limits.reason(50, 40) is None
    assert "100 candidates" in limits.reason(100, 99)
    assert "not changed for 30" in limits.reason(80, 49)


def test_what_a_twin_gains_by_being_relaxed_farther_does_not_keep_a_search_going():
    search = Search(SPACE, SearchSettings(termination=Termination(candidates=100, unchanged=3)), seed=0)
    told = [("H", -1.0, 1), ("S", -1.0, 2), ("HS", -1.5, 3)] + [("HS", -1.5 - 1e-8 * k, 3) for k in range(1, 5)]
    for id, (formula, enthalpy, seed) in enumerate(told):
        search.tell(outcome(id, formula, enthalpy, seed))
    assert [change.id for change in search.story] == [1, 2, 3, 4, 5, 6]
    assert search.stop_reason(5) is None and "not changed for 3" in search.stop_reason(6)
    search.tell(outcome(7, "HS", -1.7, 3))
    assert search.stop_reason(8) is None

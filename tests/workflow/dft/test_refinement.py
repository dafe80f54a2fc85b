from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.symmetry import SpaceGroup
from gasearch.outcomes import Attempt, Failure, Reason, RefinedPhase, Relaxed
from gasearch.workflow.dft.refinement import (
    CLOSED,
    Judged,
    Proposal,
    Variant,
    best_variant,
    hull_of,
    judge,
    largest_drop,
    not_judged,
    symmetry_variants,
    twins,
    until_closed,
)

FAILED = Failure(Reason.SCF)
HYDROGEN = Crystal(np.eye(3) * 1.2, [[0, 0, 0]], [1])
P1 = SpaceGroup(1, "P1")


def phase(enthalpy: float, crystal: Crystal = HYDROGEN) -> RefinedPhase:
    """A refined phase with an enthalpy per atom."""
    total = enthalpy * len(crystal)
    return RefinedPhase(Relaxed(crystal, total, total, 9, 0.0, 0.0), 0.0, (Attempt("", "", 9),))


def proposal(name: str, share: float, above: float | None) -> Proposal:
    return Proposal(name, HYDROGEN, np.array([1 - share, share]), above, above)


def answers(shifts: dict[str, float | None]):
    """Judge all: enthalpies are the distances to a flat hull by the potential, shifted."""

    def judge_all(proposals: Sequence[Proposal]) -> list[Judged]:
        asked.append([p.name for p in proposals])
        results = [FAILED if (shift := shifts.get(p.name, 0.0)) is None else phase(p.above + shift) for p in proposals]
        return [Judged(p, (Variant(0.0, P1, r),), best_variant([r])) for p, r in zip(proposals, results, strict=True)]

    asked: list[list[str]] = []
    judge_all.asked = asked
    return judge_all


PROPOSALS = [
    proposal("A", 0.0, 0.0),
    proposal("B", 1.0, 0.0),
    proposal("near", 0.5, 0.03),
    proposal("mid", 0.4, 0.08),
    proposal("far", 0.3, 0.15),
]


def test_higher_symmetry_is_kept_unless_dft_says_that_it_is_worse():
    low, high = phase(-1.0), phase(-0.9995)
    assert best_variant([low, high]) is high
    assert best_variant([low, phase(-0.99)]) is low
    assert best_variant([low, FAILED]) is low
    assert best_variant([FAILED, FAILED]) is None


def test_variants_are_more_symmetric_at_larger_tolerances_and_each_group_comes_once():
    almost = Crystal(np.diag([3.0, 3.0, 3.05]), [[0, 0, 0], [0.5, 0.5, 0.52]], [1, 16])
    found = list(symmetry_variants(almost))
    assert [group.number for _, group, _ in found] == [99, 221]
    assert np.ptp(found[-1][2].cell.diagonal()) < 1e-9
    cubic = Crystal(np.eye(3) * 3.0, [[0, 0, 0], [0.5, 0.5, 0.5]], [1, 16])
    assert len(list(symmetry_variants(cubic))) == 1


def test_every_variant_is_refined_and_the_worker_says_which_is_kept():
    class Refiner:
        def refine(self, start, pressure):
            return phase(0.1 if space_is_cubic(start) else 0.0, start)

    def space_is_cubic(crystal):
        return np.ptp(crystal.cell.diagonal()) < 1e-6

    almost = Crystal(np.diag([3.0, 3.0, 3.05]), [[0, 0, 0], [0.5, 0.5, 0.52]], [1, 16])
    judged = judge(Refiner(), 0.0, Proposal("1", almost, np.array([0.5, 0.5]), 0.0, 0.0))
    assert judged.kept is judged.variants[0].result and len(judged.variants) == 2


def test_the_same_group_in_a_smaller_cell_is_another_variant():
    # A chain along c that is dimerised by 0.12 Å has the type of its undimerised self, in twice the cell.
    chain = Crystal(np.diag([3.0, 3.0, 4.0]), [[0, 0, 0.015], [0, 0, 0.485]], [1, 1])
    found = [(group.number, len(variant)) for _, group, variant in symmetry_variants(chain)]
    assert found == [(123, 2), (123, 1)]


def test_what_nobody_could_judge_is_a_failure_among_others():
    judged = not_judged(PROPOSALS[0], "job 7 ended as OUT_OF_MEMORY")
    assert judged.kept is None and judged.variants[0].result.detail == "job 7 ended as OUT_OF_MEMORY"


def test_what_is_doubtful_is_not_on_the_hull():
    below = Proposal("?", PROPOSALS[0].crystal, PROPOSALS[0].shares, -1.0, -0.05, doubtful=True)
    assert not below.on_hull and replace(below, doubtful=False).on_hull


def test_without_a_candidate_off_the_hull_nothing_is_closed():
    verdict = until_closed(PROPOSALS, 0.002, 10, 0.2, answers({"near": -0.5}))
    assert not verdict.closed and "no candidate off the hull" in verdict.reason and verdict.largest_drop == 0


def test_what_could_not_be_refined_leaves_the_window_open():
    verdict = until_closed(PROPOSALS, 0.05, 10, 0.2, answers({"near": None}))
    assert not verdict.closed and "1 of" in verdict.reason


def test_a_window_wider_than_any_fall_is_closed():
    judge_all = answers({"near": -0.01})
    verdict = until_closed(PROPOSALS, 0.05, 10, 0.2, judge_all)
    assert verdict.closed and verdict.reason == CLOSED and verdict.window == 0.05
    assert judge_all.asked == [["A", "B", "near"]]
    assert verdict.largest_drop == pytest.approx(0.01)


def test_the_window_grows_to_the_largest_fall_and_nothing_is_asked_twice():
    judge_all = answers({"near": -0.1})
    verdict = until_closed(PROPOSALS, 0.05, 10, 0.2, judge_all)
    assert verdict.closed and verdict.window == pytest.approx(0.1)
    assert judge_all.asked == [["A", "B", "near"], ["mid"]]


def test_a_spent_budget_and_the_end_of_what_is_known_are_said():
    spent = until_closed(PROPOSALS, 0.05, 3, 0.2, answers({"near": -0.1}))
    assert not spent.closed and "budget of 3" in spent.reason
    ended = until_closed(PROPOSALS, 0.05, 10, 0.12, answers({"near": -0.5}))
    assert not ended.closed and "120 meV/atom" in ended.reason and ended.window == 0.12


def test_what_nobody_knows_is_not_closed():
    """All phases that are known were refined, and one fell by more than the distance up to which they are known."""
    verdict = until_closed(PROPOSALS, 0.05, 10, 0.03, answers({"near": -0.04}))
    assert not verdict.closed and "30 meV/atom" in verdict.reason


def test_a_phase_that_all_others_rise_above_counts_as_fallen():
    judge_all = answers({"A": 0.3, "B": 0.3})
    assert largest_drop(judge_all(PROPOSALS)) == pytest.approx(0.3)


def test_without_an_endpoint_nothing_is_closed():
    verdict = until_closed(PROPOSALS, 0.05, 10, 0.2, answers({"B": None}))
    assert not verdict.closed and np.isinf(verdict.largest_drop)
    assert hull_of(verdict.judged) is None


def test_references_are_on_the_hull_but_do_not_widen_the_window():
    candidates = answers({})(PROPOSALS)
    reference = Judged(Proposal("ref", HYDROGEN, np.array([1.0, 0.0])), (), phase(-0.4))
    assert largest_drop([*candidates, reference]) == largest_drop(candidates)
    assert hull_of([*candidates, reference]).enthalpies.min() == -0.4


def test_what_relaxes_to_the_same_structure_is_found():
    def judged(name, enthalpy, crystal, above=0.0):
        return Judged(Proposal(name, crystal, np.ones(1), above, above), (), phase(enthalpy, crystal))

    bcc = Crystal((np.ones((3, 3)) - 2 * np.eye(3)) * 0.75, [[0, 0, 0]], [1])
    turned = Crystal(HYDROGEN.cell @ np.array([[0, 1, 0], [1, 0, 0], [0, 0, -1]]), HYDROGEN.frac, [1])
    found = twins(
        [judged("high", 0.001, turned), judged("low", 0.0, HYDROGEN), judged("bcc", 0.0, bcc), judged("far", 0.1, bcc)]
    )
    assert found == {"high": "low"}
    assert twins([judged("ref", 0.0, HYDROGEN, None), judged("own", 0.001, turned)]) == {"ref": "own"}

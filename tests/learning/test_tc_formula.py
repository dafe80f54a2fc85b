import numpy as np
import pytest

from gasearch.learning.synthetic import MATERIALS, labelled
from gasearch.learning.tc_formula import Found, by_formula, by_group, corrections, find, polished
from gasearch.parallel.executor import serial_executor


@pytest.fixture(scope="module")
def tables():
    with serial_executor() as executor:
        return labelled(0, 450, executor), labelled(1, 450, executor)


def test_the_formula_of_2026_beats_the_others_on_every_group(tables):
    errors = {
        name: by_group(by_formula(name, tables[1]), tables[1]) for name in ("sisso_2026", "allen_dynes", "xie_2022")
    }
    for group in (*MATERIALS, "all"):
        ours, *others = (errors[name][group].rms for name in errors)
        assert ours < min(others)
    assert errors["sisso_2026"]["all"].rms < 0.075
    assert errors["sisso_2026"]["all"].below < 0.003


def test_the_search_ends_near_the_formula(tables):
    learn, test = tables
    found = find(learn, largest=2)
    assert [one.constants for one in found] == [5, 6, 7]
    best = polished(found[-1], learn)
    ours = by_group(by_formula("sisso_2026", test), test)["all"].rms
    assert by_group(best.tc(test), test)["all"].rms < 1.25 * ours


def test_no_term_breaks_a_limit(tables):
    """All terms vanish for weak coupling, and for strong coupling those without μ*; none is large in between."""
    from dataclasses import replace

    table = tables[0][:50]
    for lam in (1e-6, 1e6):
        there = replace(table, lam=np.full(50, lam), mu_star=np.zeros(50))
        assert all(np.abs(term.values).max() < 1e-5 for term in corrections(there))
    assert all(np.abs(term.values).max() < 3 for term in corrections(table))
    assert isinstance(find(table, 1)[0], Found)

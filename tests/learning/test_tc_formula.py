import numpy as np
import pytest

from gasearch.learning.synthetic import MATERIALS, labelled
from gasearch.learning.tc_formula import (
    SISSO_2026_TERMS,
    Found,
    Skeleton,
    at_omega_2,
    by_formula,
    by_group,
    corrections,
    find,
    polished,
)
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
    assert errors["sisso_2026"]["all"].rms < 0.06
    assert errors["sisso_2026"]["all"].below < 0.0012


def test_the_search_ends_near_the_formula(tables):
    learn, test = map(at_omega_2, tables)
    found = find(learn, largest=2)
    assert [one.constants for one in found] == [5, 6, 7]
    best = polished(found[-1], learn)
    ours = by_group(by_formula("sisso_2026", tables[1]), tables[1])["all"].rms
    assert by_group(best.tc(test), test)["all"].rms < 1.35 * ours


def test_the_formula_is_the_form_that_it_is_said_to_be(tables):
    """Written out for one spectrum, and as a sum of terms with μ* at ω̄₂ for many, it is the same."""
    skeleton = Skeleton(a=0.828, p=1.112, n=1.194, c=4.99, s=0.233)
    form = Found(skeleton, SISSO_2026_TERMS, (4.21, -1.324, 347, 26.4))
    assert form.tc(at_omega_2(tables[1])) == pytest.approx(by_formula("sisso_2026", tables[1]), rel=1e-6)


def test_no_term_breaks_a_limit(tables):
    """All terms vanish for weak coupling, and for strong coupling those without μ*; none is large in between."""
    from dataclasses import replace

    table = tables[0][:50]
    for lam in (1e-6, 1e6):
        there = replace(table, lam=np.full(50, lam), mu_star=np.zeros(50))
        assert all(np.abs(term.values).max() < 1e-5 for term in corrections(there))
    assert all(np.abs(term.values).max() < 3 for term in corrections(table))
    assert isinstance(find(table, 1)[0], Found)

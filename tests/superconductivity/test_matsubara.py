import numpy as np
import pytest

from gasearch.superconductivity.matsubara import FULL, Thinning


@pytest.mark.parametrize("power", [1, 2, 3])
def test_thinned_sums_of_powers_are_the_sums(power: int):
    n, weights, (count,) = Thinning().points((20000,))
    exact = np.sum(1.0 / (2 * np.arange(count) + 1) ** power)
    assert weights @ (1.0 / (2 * n + 1) ** power) == pytest.approx(exact, rel=1e-5)
    assert len(n) < 100


def test_cubic_polynomials_are_summed_exactly():
    n, weights, (count,) = Thinning(0.7, 4).points((1000,))
    for power in range(4):
        assert weights @ n**power == pytest.approx(float(np.sum(np.arange(count, dtype=float) ** power)), rel=1e-12)


def test_blocks_end_at_each_count_and_cover_all():
    n, weights, ends = Thinning().points((100, 1000))
    assert ends[0] >= 100
    assert ends[1] >= 1000
    assert weights[n < ends[0]].sum() == ends[0]
    assert weights.sum() == ends[1]


def test_nothing_is_thinned_unless_asked_for():
    n, weights, (count,) = FULL.points((100,))
    np.testing.assert_allclose(n, np.arange(count))
    assert (weights == 1).all()

"""λ of a grid of q-points: what is summed, which smearing is quoted, and what is said against it."""

from dataclasses import replace

import numpy as np
import pytest

from gasearch.errors import SpectrumError
from gasearch.superconductivity.electron_phonon import QPoint, electron_phonon, plateau
from gasearch.superconductivity.eliashberg import Coulomb
from gasearch.superconductivity.lambda_files import QPointCouplings
from gasearch.units import EV_PER_RYDBERG, THZ_PER_RYDBERG

SMEARINGS = tuple(0.005 * np.arange(1, 11))
#: λ against the smearing: too few k-points at first, then a plateau, then a slope.
CURVE = np.array([0.2, 0.6, 0.9, 0.98, 1.0, 1.01, 0.95, 0.85, 0.75, 0.65])
STATES = 5.0
GRID = (4, 4, 4)


def point(place: tuple[int, int, int], star: int, couplings: list[float], frequency: float = 8.0) -> QPoint:
    """A point with modes of one frequency (THz) whose couplings follow the curve."""
    squared = np.full(len(couplings), (frequency / THZ_PER_RYDBERG) ** 2)
    values = CURVE[:, None] * couplings
    found = QPointCouplings(np.array(place, float), squared, SMEARINGS, values, (STATES,) * len(SMEARINGS))
    return QPoint(np.array(place), star, np.zeros(len(couplings), bool), found)


def points(far: float = 1.2) -> list[QPoint]:
    """A grid of 64 points whose coarser one of 8 has λ = 1 on the plateau."""
    gamma = replace(point((0, 0, 0), 1, [7.0, 7.0, 7.0]), acoustic=np.ones(3, bool))
    return [gamma, point((2, 0, 0), 7, [8 / 21] * 3), point((1, 0, 0), 56, [far / 3] * 3)]


def result(points: list[QPoint], reference: float | None = 2 * STATES / EV_PER_RYDBERG, grid=GRID):
    return electron_phonon(points, (grid, (8, 8, 8), (16, 16, 16)), reference, Coulomb(0.1))


def test_stars_weigh_and_translations_at_gamma_do_not_couple():
    found = result(points())
    quoted = found.plateau.middle
    assert found.spectra[quoted].moments().lam == pytest.approx(CURVE[quoted] * (7 * 8 / 7 + 56 * 1.2) / 64)
    assert found.dos == pytest.approx(2 * STATES / EV_PER_RYDBERG)


def test_the_first_plateau_is_quoted():
    found = result(points())
    assert (found.plateau.first, found.plateau.last) == (3, 5) and found.plateau.flat
    assert found.tc.smearing == pytest.approx(0.025)
    assert not any("plateau" in warning for warning in found.warnings)


def test_without_a_plateau_the_flattest_place_is_quoted_and_it_is_said():
    falling = np.array(SMEARINGS) ** -0.3
    flattest = plateau(np.array(SMEARINGS), falling, np.ones(10, bool))
    assert not flattest.flat
    steep = [replace(p, couplings=replace(p.couplings, couplings=falling[:, None] * np.ones(3))) for p in points()]
    assert any("no plateau" in warning for warning in result(steep).warnings)


def test_smearings_with_a_wrong_density_of_states_are_not_quoted():
    smearings = np.array(SMEARINGS)
    allowed = smearings > 0.03
    assert plateau(smearings, np.ones(10), np.ones(10, bool)).first == 0
    assert plateau(smearings, np.ones(10), allowed).first == 6
    assert plateau(smearings, np.ones(10), np.zeros(10, bool)).first == 0


@pytest.mark.parametrize(("factor", "warned"), [(1.0, False), (1.05, False), (1.3, True), (0.7, True)])
def test_another_density_of_states_is_said_and_never_used(factor: float, warned: bool):
    found = result(points(), reference=factor * 2 * STATES / EV_PER_RYDBERG)
    assert any("was not rescaled" in warning for warning in found.warnings) == warned
    assert found.tc.moments.lam == result(points()).tc.moments.lam


def test_an_unknown_density_of_states_is_said():
    assert any("not known" in warning for warning in result(points(), reference=None).warnings)


@pytest.mark.parametrize(("far", "converged"), [(1.0, True), (1.03, True), (1.2, False), (0.7, False)])
def test_a_grid_is_converged_if_the_coarser_one_in_it_gives_the_same(far: float, converged: bool):
    found = result(points(far))
    assert found.coarser.q_grid == (2, 2, 2)
    assert found.coarser.lam == pytest.approx(CURVE[found.plateau.middle])
    assert found.converged_in_q == converged
    assert any("unconverged in q" in warning for warning in found.warnings) != converged


def test_one_grid_alone_is_not_converged():
    small = [points()[0], point((1, 0, 0), 7, [0.4] * 3)]
    found = result(small, grid=(2, 2, 2))
    assert found.coarser is None and not found.converged_in_q
    assert "unconverged in q: there is one grid, and none to compare with" in found.warnings


def test_stars_that_do_not_make_up_the_grid_are_a_mistake():
    with pytest.raises(ValueError, match="do not make up the grid"):
        result(points()[1:])


def test_a_coupling_at_an_imaginary_frequency_is_refused():
    wrong = points()[1]
    wrong = replace(wrong, couplings=replace(wrong.couplings, squared=-wrong.couplings.squared))
    with pytest.raises(SpectrumError, match="imaginary"):
        result([points()[0], wrong, points()[2]])

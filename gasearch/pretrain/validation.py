"""How wrong a potential is on labelled cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from gasearch.crystal.composition import CompositionSpace
from gasearch.crystal.crystal import Crystal
from gasearch.potential.card import RmsErrors
from gasearch.potential.committee import Committee
from gasearch.potential.potential import Potential, compute_all
from gasearch.pretrain.diversity import descriptors
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.sampling import Split, split_of
from gasearch.thermodynamics.hull import above_own_hull
from gasearch.units import GPA_PER_EV_PER_A3, MEV_PER_EV


def held_out(labels: Sequence[Label]) -> np.ndarray:
    """Return which cells (n,) are a test: those of the test split that are like no cell of another split.

    The same structure is reached from several origins: an fcc lattice is a scan and a prototype, and relaxations end
    in one minimum. So a test cell does not count that is, but for its volume, a cell that was trained on or chose the
    epoch: of the same composition, with a fingerprint nearer than `_ALIKE`.
    """
    crystals = [label.sample.crystal for label in labels]
    test = np.array([split_of(label.sample.origin) is Split.TEST for label in labels], dtype=bool)
    elements = tuple(sorted({z for crystal in crystals for z in crystal.composition.elements}))
    marks = descriptors([crystal.scaled_to(_VOLUME * len(crystal)) for crystal in crystals], elements)
    _, composition = np.unique([c.composition.reduced.formula for c in crystals], return_inverse=True)
    for group in range(composition.max() + 1):
        ours, others = np.flatnonzero(test & (composition == group)), np.flatnonzero(~test & (composition == group))
        if ours.size and others.size:
            test[ours] = (marks[ours] @ marks[others].T).max(axis=1) < 1 - 2 * _ALIKE
    return test


@dataclass(frozen=True)
class RankCorrelation:
    """How well a potential orders labelled cells by their enthalpy above hull.

    Parameters
    ----------
    cells : int
        Cells that are ordered.
    compositions : int
        Different reduced formulas among them.
    spearman : float
        Spearman's rank correlation; NaN for fewer than three cells.
    """

    cells: int
    compositions: int
    spearman: float


#: Cosine distance of two fingerprints up to which two crystals of one composition are one structure; copies that differ
#: by a rattled strain of 5 % are 0.07 apart, copies of one minimum less than 0.02.
_ALIKE: Final = 0.03
#: Volume at which structures are compared, Å³ per atom; any would do.
_VOLUME: Final = 10.0


def above_hull(labels: Sequence[Label], compositions: CompositionSpace, *pressures: float) -> np.ndarray:
    """Return each labelled cell's enthalpy E + PV (n,) above the hull of all of them, eV/atom.

    Cells are taken as they are, not relaxed: a pressure (eV/Å³) is what their volumes are judged by. Of several it is
    the one at which a cell is nearest to the hull: what is stable at either end of a range is near it.
    """
    energies = np.array([label.result.energy for label in labels])
    crystals = [label.sample.crystal for label in labels]
    return np.min([_above_hull(crystals, energies, compositions, pressure) for pressure in pressures], axis=0)


def _above_hull(
    crystals: Sequence[Crystal], energies: np.ndarray, compositions: CompositionSpace, pressure: float
) -> np.ndarray:
    volumes = np.array([crystal.volume for crystal in crystals])
    enthalpies = (energies + pressure * volumes) / [len(crystal) for crystal in crystals]
    shares = np.array([compositions.fractions(crystal.composition) for crystal in crystals])
    return above_own_hull(shares, enthalpies)


def rank_correlation(
    potential: Potential,
    labels: Sequence[Label],
    ordered: np.ndarray,
    compositions: CompositionSpace,
    pressure: float,
    window: float = 0.3,
) -> RankCorrelation:
    """Compare the order of cells by enthalpy above hull, the labels' by their hull and the potential's by its own.

    Parameters
    ----------
    potential : Potential
    labels : sequence of Label
        Both hulls are those of all of them: cells so high that the potential was not meant for them do not belong here.
    ordered : (n,) array of bool
        Which cells are ordered, such as those held out; of these, those within the window by their labels.
    compositions : CompositionSpace
    pressure : float
        eV/Å³.
    window : float
        Enthalpy above hull, eV/atom.
    """
    from scipy.stats import spearmanr

    crystals = [label.sample.crystal for label in labels]
    wanted = above_hull(labels, compositions, pressure)
    energies = compute_all(potential, crystals).energy
    found = _above_hull(crystals, energies, compositions, pressure)
    chosen = np.flatnonzero(ordered & (wanted < window))
    formulas = {crystals[i].composition.reduced.formula for i in chosen}
    known = len(chosen) > 2
    spearman = float(spearmanr(wanted[chosen], found[chosen]).statistic) if known else float("nan")
    return RankCorrelation(len(chosen), len(formulas), spearman)


@dataclass(frozen=True)
class SpreadQuality:
    """How well a committee's spread tells the error of its first member.

    Parameters
    ----------
    cells : int
    spearman : float
        Rank correlation of the spread and of the absolute error of the energy.
    limit : float
        Spread, eV/atom, that 95 % of the cells do not exceed.
    """

    cells: int
    spearman: float
    limit: float


def spread_quality(committee: Committee, labels: Sequence[Label]) -> SpreadQuality:
    """Compare spread and error on labelled cells that no member was trained on; at least three."""
    from scipy.stats import spearmanr

    crystals = [label.sample.crystal for label in labels]
    spread, sizes = committee.spread(crystals), [len(crystal) for crystal in crystals]
    energies = np.array([label.result.energy for label in labels])
    error = np.abs(compute_all(committee.lead, crystals).energy - energies) / sizes
    return SpreadQuality(len(labels), float(spearmanr(spread, error).statistic), float(np.quantile(spread, 0.95)))


def rms_errors(potential: Potential, labels: Sequence[Label], *, shifted: bool = False) -> RmsErrors:
    """Return the root mean square errors of a potential on labelled cells; what is NaN in a label does not count.

    With ``shifted``, energies are compared after the energy of each element that fits best is added: other programs,
    and other pseudopotentials, count them from other zeros. Where all energies can be fitted so, nothing is
    left to compare, and their error is NaN.
    """
    crystals = [label.sample.crystal for label in labels]
    result = compute_all(potential, crystals)
    sizes = np.array([len(crystal) for crystal in crystals])
    wanted = np.array([label.result.energy for label in labels])
    found = result.energy + (_fitted_shift(wanted - result.energy, crystals) if shifted else 0.0)
    forces = np.concatenate([label.result.forces for label in labels])
    stress = np.array([label.result.stress for label in labels])
    return RmsErrors(
        cells=len(labels),
        rmse_energy_meV_per_atom=_rms_error(found / sizes, wanted / sizes) * MEV_PER_EV,
        rmse_force_meV_per_A=_rms_error(result.forces, forces) * MEV_PER_EV,
        rmse_stress_GPa=_rms_error(result.stress, stress) * GPA_PER_EV_PER_A3,
    )


def count_labels(labels: Sequence[Label]) -> dict[str, int]:
    """Return how many energies, and Cartesian components of forces and stresses, are not NaN."""
    kinds = {"energies": "energy", "forces": "forces", "stresses": "stress"}
    return {
        k: int(sum(np.isfinite(getattr(label.result, name)).sum() for label in labels)) for k, name in kinds.items()
    }


def energies_per_element(counts: np.ndarray, energies: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return those energies (k,) of the elements that fit energies (n,) of cells best, by least squares.

    ``counts`` (n, k) are the cells' atoms of each element, ``weights`` (n,) those of the squared errors per atom.
    """
    factor = np.sqrt(weights) / counts.sum(axis=1)
    return np.linalg.lstsq(factor[:, None] * counts, factor * energies)[0]


def _fitted_shift(difference: np.ndarray, crystals: Sequence[Crystal]) -> np.ndarray:
    """Return the cells' sums (n,) of those energies of the elements that fit these of the cells (n,) best, per atom."""
    elements = tuple(sorted({z for crystal in crystals for z in crystal.composition.elements}))
    counts, known = np.array([crystal.composition.vector(elements) for crystal in crystals]), np.isfinite(difference)
    if known.sum() <= np.linalg.matrix_rank(counts[known]):
        # So few energies fit without an error, whatever they are.
        return np.full(len(crystals), np.nan)
    return counts @ energies_per_element(counts[known], difference[known], np.ones(known.sum()))


def _rms_error(found: np.ndarray, wanted: np.ndarray) -> float:
    """Root mean square error where there is a number to compare with; NaN if there is none."""
    known = np.isfinite(wanted)
    return float(np.sqrt(np.mean(np.square(found - wanted)[known]))) if known.any() else float("nan")

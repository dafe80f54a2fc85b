import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.symmetry import space_group
from gasearch.outcomes import Failure, Reason
from gasearch.phonon.phonons import PhononSettings
from gasearch.potential.lennard_jones import LennardJones
from gasearch.potential.potential import Batch, BatchResult
from gasearch.screening.decompression import NO_MINIMUM, Verdict, check, failed, lowest_minimum

FCC = Crystal(1.55 * (np.ones((3, 3)) - np.eye(3)), [[0, 0, 0]], [29])
BCC = Crystal(1.2 * (np.ones((3, 3)) - 2 * np.eye(3)), [[0, 0, 0]], [29])


def test_fcc_is_a_minimum_by_strains_and_by_phonons(kob_andersen: LennardJones):
    found = check(kob_andersen, FCC, 0.0, PhononSettings(min_length=4.0))
    assert found.verdict is Verdict.MINIMUM
    assert found.elasticity.stable
    assert found.phonons.lowest > -0.1


def test_bcc_falls_and_it_is_said_what_into(kob_andersen: LennardJones):
    found = check(kob_andersen, BCC, 0.0, None)
    assert found.verdict is Verdict.ELASTIC
    assert "not positive definite" in found.detail
    assert space_group(found.leads_to).symbol in ("Fm-3m", "P6_3/mmc", "R-3m")


class Wells:
    """Two atoms whose fractional distance x has the energy Σ cos 4πxᵢ: at ½, ½, ½ it falls along each axis."""

    name, elements, shortest_distances = "wells", None, {}

    def compute(self, batch: Batch) -> BatchResult:
        energy, forces, stress = np.zeros(len(batch)), np.zeros_like(batch.positions), np.zeros_like(batch.cells)
        for s, atoms in enumerate(batch.slices):
            cell, inverse = batch.cells[s], np.linalg.inv(batch.cells[s])
            volume = np.linalg.det(cell)
            x = (batch.positions[atoms] @ inverse)[1] - (batch.positions[atoms] @ inverse)[0]
            slope = inverse @ (-4 * np.pi * 0.05 * np.sin(4 * np.pi * x))
            energy[s] = 0.05 * np.cos(4 * np.pi * x).sum() + 0.02 * (volume - 15.0) ** 2
            forces[atoms] = [slope, -slope]
            stress[s] = 0.04 * (volume - 15.0) * np.eye(3)
        return BatchResult(energy, forces, stress, {})


def test_of_modes_that_are_soft_alike_the_lowest_mixture_is_followed():
    crystal = Crystal(2.5 * np.eye(3), [[0, 0, 0], [0.5, 0.5, 0.5]], [11, 17])
    found = check(Wells(), crystal, 0.0, None)
    assert found.verdict is Verdict.ELASTIC and len(found.elasticity.modes) == 3
    distance = np.abs(found.leads_to.frac[1] - found.leads_to.frac[0])
    assert np.minimum(distance, 1 - distance) == pytest.approx([0.25] * 3, abs=5e-3)


def test_what_does_not_relax_is_lost(kob_andersen: LennardJones):
    nothing = Crystal(50 * np.eye(3), [[0, 0, 0]], [29])
    assert check(kob_andersen, nothing, 5.0, None).verdict in (Verdict.LOST, Verdict.TRANSFORMED)


@pytest.mark.parametrize("reason", Reason)
def test_what_only_did_not_end_is_not_lost(reason: Reason):
    gone = failed(Failure(reason)).verdict in NO_MINIMUM
    assert gone == (reason in (Reason.EXPLODED, Reason.COLLAPSED))


@pytest.mark.parametrize(
    ("verdicts", "lowest"),
    [
        ([Verdict.MINIMUM, Verdict.UNSURE, Verdict.PHONON, Verdict.MINIMUM], 3.0),
        ([Verdict.UNSURE, Verdict.MINIMUM, Verdict.UNSURE], 2.0),
        ([Verdict.UNSURE, Verdict.UNSURE], None),
        ([Verdict.ELASTIC, Verdict.MINIMUM], None),
        ([Verdict.MINIMUM, Verdict.MINIMUM], 2.0),
    ],
)
def test_what_the_potential_cannot_tell_is_no_minimum(verdicts: list[Verdict], lowest: float | None):
    assert lowest_minimum([3.0, 2.0, 1.0, 0.0][: len(verdicts)], verdicts) == lowest

import shutil
import warnings
from pathlib import Path

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.errors import PotentialError
from gasearch.outcomes import Failure, Reason, Relaxed
from gasearch.potential.card import CARD, read_card, sha256_of
from gasearch.potential.committee import Committee, JudgedRelaxer
from gasearch.potential.lennard_jones import LennardJones
from gasearch.potential.load import identity, load_committee, spread_limit
from gasearch.potential.potential import Batch, BatchResult
from gasearch.potential.settings import AseSettings, MaceSettings


def argon(epsilon: float) -> LennardJones:
    return LennardJones({(18, 18): (epsilon, 3.4)}, cutoff_sigma=3.0)


@pytest.fixture
def crystals() -> list[Crystal]:
    return [Crystal(a * np.eye(3), np.zeros((1, 3)), [18]) for a in np.linspace(3.3, 4.0, 40)]


def test_the_mean_and_the_spread_are_those_of_the_members(crystals):
    batch = Batch.from_crystals(crystals)
    energies = np.array([argon(e).compute(batch).energy for e in (0.01, 0.02, 0.06)])
    committee = Committee([argon(e) for e in (0.01, 0.02, 0.06)])
    np.testing.assert_allclose(committee.compute(batch).energy, energies.mean(axis=0))
    np.testing.assert_allclose(committee.spread(crystals), energies.std(axis=0, ddof=1))


def test_members_that_agree_do_not_spread_and_one_alone_cannot_tell(crystals):
    assert Committee([argon(0.01)] * 3).spread(crystals) == pytest.approx(0.0, abs=1e-15)
    assert np.isnan(Committee([argon(0.01)]).spread(crystals)).all()


def test_a_member_without_an_answer_disagrees_beyond_any_limit(crystals):
    lost = argon(0.01)
    lost.compute = lambda batch: BatchResult(np.full(len(batch), np.inf), np.zeros((1, 3)), np.zeros((1, 3, 3)))
    assert np.isposinf(Committee([argon(0.01), argon(0.02), lost]).spread(crystals[:1])).all()


def test_the_spread_is_per_atom(crystals):
    single, committee = crystals[0], Committee([argon(0.01), argon(0.02)])
    double = Crystal(single.cell * [[2], [1], [1]], [[0, 0, 0], [0.5, 0, 0]], [18, 18])
    assert committee.spread([double]) == pytest.approx(committee.spread([single]))


class Relaxer:
    """Every other structure fails; the others are relaxed as they are."""

    def relax(self, crystals, pressure, ceilings=None):
        return [
            Relaxed(c, 0.0, 0.0, 1, 0.0, 0.0) if i % 2 else Failure(Reason.STEP_LIMIT) for i, c in enumerate(crystals)
        ]


def test_what_is_relaxed_is_judged_and_failures_stay_failures(crystals):
    committee = Committee([argon(0.01), argon(0.02)])
    outcomes = JudgedRelaxer(Relaxer(), committee).relax(crystals, 0.0)
    assert [isinstance(o, Failure) for o in outcomes] == [i % 2 == 0 for i in range(len(crystals))]
    np.testing.assert_allclose([o.spread for o in outcomes[1::2]], committee.spread(crystals[1::2]))
    assert JudgedRelaxer(Relaxer(), committee).relax([], 0.0) == []


@pytest.fixture
def folder(tiny_mace: Path, tmp_path: Path) -> Path:
    """A potential with a second model, the same but for a shift of an atom's energy."""
    shutil.copy(tiny_mace, tmp_path / "mace.model")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch

        model = torch.load(tiny_mace, weights_only=False)
        model.atomic_energies_fn.atomic_energies += 0.2
        torch.save(model, tmp_path / "mace-1.model")
    sums = [sha256_of(tmp_path / name) for name in ("mace.model", "mace-1.model")]
    (tmp_path / CARD).write_text(
        f'elements = ["H", "S"]\nmodel = "mace.model"\nsha256 = "{sums[0]}"\npressure_GPa = [100, 300]\n'
        f'[committee]\nfiles = ["mace-1.model"]\nsha256 = ["{sums[1]}"]\nspread_limit_meV_per_atom = 25.0\n'
    )
    return tmp_path


def test_a_committee_is_loaded_through_its_card(folder):
    settings = MaceSettings("mace", folder)
    committee = load_committee(settings)
    hydrogen = Crystal(1.6 * np.eye(3), np.zeros((1, 3)), [1])
    assert committee.spread([hydrogen]) == pytest.approx(0.2 / np.sqrt(2), rel=1e-4)
    assert spread_limit(settings) == pytest.approx(0.025)
    assert read_card(folder).to_dict()["committee"]["files"] == ["mace-1.model"]


def test_a_member_alone_has_no_committee(folder):
    assert load_committee(MaceSettings("mace", folder / "mace-1.model")) is None
    assert load_committee(AseSettings("ase", "ase.calculators.emt.EMT")) is None


def test_another_member_is_another_potential(folder):
    settings, before = MaceSettings("mace", folder), identity(MaceSettings("mace", folder))
    (folder / "mace-1.model").write_bytes((folder / "mace.model").read_bytes())
    assert identity(settings) != before
    with pytest.raises(PotentialError, match=r"mace-1.model is not the model of its card"):
        load_committee(settings)


def test_sums_that_are_missing_are_missed(folder):
    card = folder / CARD
    card.write_text(card.read_text().replace('files = ["mace-1.model"]', 'files = ["mace-1.model", "mace-2.model"]'))
    with pytest.raises(PotentialError, match="2 files but 1 sums"):
        read_card(folder)

"""Texts of ph.x, as 6.7 wrote them for aluminium, and the inputs that ask for them."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gasearch.crystal.crystal import Crystal
from gasearch.espresso import ph
from gasearch.espresso.installation import default_pseudo_dir
from gasearch.espresso.ph import PhSettings
from gasearch.espresso.protocol import PHONON_PROTOCOLS
from gasearch.espresso.pw import PwSettings, starting_spins
from gasearch.espresso.record import Step
from gasearch.espresso.runner import run_program

AL = Path(__file__).parents[1] / "data" / "espresso" / "al"
FCC = (np.ones((3, 3)) - np.eye(3)) / 2
ALUMINIUM = Crystal(4.04 * FCC, [[0, 0, 0]], [13])
SETTINGS = PhSettings(PwSettings(), (2, 2, 2), (4, 4, 4), (8, 8, 8))


def text(name: str) -> str:
    return (AL / name).read_text()


@pytest.mark.parametrize(("q", "k", "dense"), [((3, 3, 3), (4, 4, 4), (8, 8, 8)), ((2, 2, 2), (6, 6, 6), (8, 8, 8))])
def test_grids_that_do_not_fit_are_refused(q, k, dense):
    with pytest.raises(ValueError, match="must be a multiple"):
        PhSettings(PwSettings(), q, k, dense)


@given(st.lists(st.floats(1.5, 12.0), min_size=3, max_size=3), st.sampled_from(sorted(PHONON_PROTOCOLS)))
def test_grids_of_a_protocol_fit_every_cell(lengths: list[float], name: str):
    protocol = PHONON_PROTOCOLS[name]
    crystal = Crystal(np.diag(lengths), [[0, 0, 0]], [1])
    found = protocol.settings(crystal)
    reciprocal = 2 * np.pi / np.array(lengths)
    assert (reciprocal / found.k_grid <= protocol.pw.k_spacing * (1 + 1e-6)).all()
    assert (reciprocal / found.q_grid <= protocol.q_spacing * (1 + 1e-6)).all()
    assert not (np.array(found.dense_grid) % found.k_grid).any()


def test_protocols_are_in_order():
    spacings = [(one.q_spacing, one.pw.k_spacing, -one.pw.ecutwfc) for one in PHONON_PROTOCOLS.values()]
    assert spacings == sorted(spacings, reverse=True)
    assert all(one.pw.ecutrho == 4 * one.pw.ecutwfc for one in PHONON_PROTOCOLS.values())


def test_a_users_grid_takes_the_place_of_the_protocols():
    found = PHONON_PROTOCOLS["fast"].with_settings(ecutwfc=30.0, k_spacing=0.8).settings(ALUMINIUM, (3, 3, 3))
    assert (found.q_grid, found.k_grid, found.dense_grid) == ((3, 3, 3), (6, 6, 6), (12, 12, 12))
    assert (found.pw.ecutwfc, found.pw.ecutrho) == (30.0, 120.0)


def test_a_q_point_begins_with_the_electrons_that_respond():
    scf, phonon = ph.q_point_steps(ALUMINIUM, SETTINGS, "/pseudo", {13: 26.98}, 2)
    assert scf.program == "pw.x" and "4 4 4 0 0 0" in scf.text and "la2F" not in scf.text
    assert phonon.program == "ph.x" and "start_q = 2, last_q = 2" in phonon.text
    assert "amass(1) = 26.98" in phonon.text and "el_ph_nsigma = 10" in phonon.text
    dense = ph.dense_step(ALUMINIUM, SETTINGS, "/pseudo")
    assert "la2F = .true." in dense.text and "8 8 8 0 0 0" in dense.text


@pytest.mark.skipif(shutil.which("ph.x") is None, reason="Quantum ESPRESSO is not installed")
def test_what_is_run_by_hand_gives_frequencies_and_couplings(tmp_path: Path):
    # Hydrogen in a simple cubic cell, with settings that are quick and wrong; its mass is that of hydrogen.
    crystal = Crystal(1.5 * np.eye(3), [[0, 0, 0]], [1])
    settings = PhSettings(PwSettings(20.0, 80.0, conv_thr=1e-10), (1, 1, 1), (2, 2, 2), (4, 4, 4))
    texts = ph.inputs(crystal, settings, str(default_pseudo_dir()), {1: 1.008})
    assert list(texts) == ["scf-dense.in", "scf.in", "ph.in"]
    for program, text in zip(("pw.x", "pw.x", "ph.x"), texts.values(), strict=True):
        assert "JOB DONE" in run_program(Step(program, text), tmp_path, 120.0)
    assert ph.read_dynamical((tmp_path / "dyn1").read_text()).frequencies.shape == (3,)
    assert (tmp_path / "elph_dir" / "elph.inp_lambda.1").exists()


def test_spins_begin_aligned_or_not_at_all():
    iron = Crystal(ALUMINIUM.cell, ALUMINIUM.frac, [26])
    settings = [replace(SETTINGS, spins=starting_spins(aligned)) for aligned in (True, False)]
    inputs = [ph.q_point_steps(iron, how, "/pseudo", {26: 55.85}, 1)[0].text for how in settings]
    spins = ["nspin = 2" in text for text in inputs]
    assert spins == [True, False]


def test_masses_follow_the_order_of_the_species():
    salt = Crystal(np.eye(3) * 3, [[0, 0, 0], [0.5, 0.5, 0.5], [0.2, 0, 0]], [16, 1, 1])
    assert ph.mass_settings(salt, {1: 1.008, 16: 32.06}) == "amass(1) = 32.060000, amass(2) = 1.008000"


def test_irreducible_q_points_are_read_and_lie_on_the_grid():
    q = ph.fractional(ph.read_q_points(text("dyn0")), ALUMINIUM)
    assert q.shape == (3, 3)
    np.testing.assert_allclose(2 * q, np.rint(2 * q), atol=1e-9)


def test_the_phonons_of_a_q_point_are_read():
    found = ph.read_dynamical(text("dyn2"))
    assert found.star == 4 and found.displacements.shape == (3, 1, 3)
    assert found.frequencies == pytest.approx([3.458756, 3.458756, 10.181413])
    np.testing.assert_allclose(ph.fractional(found.q, ALUMINIUM), [0, 0, -0.5], atol=1e-8)
    longitudinal = found.displacements[2, 0].real @ found.q / np.linalg.norm(found.q)
    assert abs(longitudinal) == pytest.approx(1.0, abs=1e-5)
    assert not found.acoustic(np.ones(1)).any()


def test_translations_are_told_from_an_unstable_optical_mode():
    translations = np.repeat(np.eye(3)[:, None, :], 2, axis=1) / np.sqrt(2)
    masses = np.array([1.0, 3.0])
    optical = np.stack([np.stack([3 * axis, -axis]) / np.sqrt(10) for axis in np.eye(3)])
    mixed = np.concatenate([optical[:1], translations, optical[1:]]).astype(complex)
    found = ph.Phonons(np.zeros(3), 1, np.array([-5.0, 0.1, 0.1, 0.1, 9.0, 9.0]), mixed)
    assert found.acoustic(masses).tolist() == [False, True, True, True, False, False]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8, 0.97])
def test_a_dyn_file_that_ends_early_is_refused(share: float):
    whole = text("dyn2")
    with pytest.raises(ValueError, match="ends before"):
        ph.read_dynamical(whole[: int(share * len(whole))])

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.symmetry import space_group
from gasearch.outcomes import Stability, StabilityVerdict
from gasearch.phonon.phonons import (
    Phonons,
    PhononSettings,
    compute_phonons,
    force_constants,
    frozen_in,
    supercell_size,
)
from gasearch.phonon.stability import judged, stability
from gasearch.potential.lennard_jones import LennardJones
from gasearch.potential.potential import Batch
from gasearch.potential.relaxation import BatchRelaxer, RelaxationSettings
from gasearch.units import pressure_from_GPa

PRESSURE = pressure_from_GPa(1.0)
SETTINGS = PhononSettings(min_length=10.0)
FCC = Crystal((np.ones((3, 3)) - np.eye(3)) * 2.6, [[0, 0, 0]], [18])
CUBIC = Crystal(np.eye(3) * 3.6, [[0, 0, 0]], [18])
#: Of 1 eV/(Å² u), as an angular frequency over 2π: √(eV/u)/Å = 98.2269 THz·rad.
THZ = 98.22694788 / (2 * np.pi)


@pytest.fixture(scope="module")
def argon() -> LennardJones:
    return LennardJones({(18, 18): (0.0104, 3.4)}, 5.0)


def relaxed(potential: LennardJones, crystal: Crystal) -> Crystal:
    limits = RelaxationSettings(max_force=1e-4, max_stress=pressure_from_GPa(0.001), max_steps=300)
    return BatchRelaxer(potential, limits).relax([crystal], PRESSURE)[0].crystal


@pytest.fixture(scope="module")
def fcc_phonons(argon) -> Phonons:
    return compute_phonons(argon, relaxed(argon, FCC), SETTINGS)


def test_the_supercell_is_long_enough_unless_it_would_have_too_many_atoms():
    slab = Crystal(np.diag([2.0, 3.0, 20.0]), np.zeros((1, 3)), [18])
    assert supercell_size(slab, PhononSettings(min_length=8.0)) == (4, 3, 1)
    assert supercell_size(slab, PhononSettings(min_length=8.0, max_atoms=7)) == (3, 2, 1)


def test_close_packing_is_stable_and_sound_has_no_frequency(fcc_phonons):
    assert fcc_phonons.supercell == (3, 3, 3) and len(fcc_phonons.wave_vectors) == 27
    assert np.abs(fcc_phonons.frequencies[0]).max() < 1e-3
    assert fcc_phonons.frequencies[1:].min() > 0.5
    assert judged(fcc_phonons).verdict is StabilityVerdict.STABLE


def test_force_constants_are_those_of_one_displaced_atom(argon, fcc_phonons):
    """In a supercell M⟨ω²⟩ is the force that drives one atom back, over its displacement."""
    shifts = np.array(list(np.ndindex(fcc_phonons.supercell)))
    frac = (fcc_phonons.crystal.frac + shifts) / fcc_phonons.supercell
    cell = fcc_phonons.crystal.cell * np.array(fcc_phonons.supercell)[:, None]
    positions, step = frac @ cell, 0.01
    positions[0, 0] += step
    moved = Crystal(cell, positions @ np.linalg.inv(cell), np.full(len(frac), 18))
    force = argon.compute(Batch.from_crystals([moved])).forces[0, 0]
    assert force_constants(fcc_phonons) == pytest.approx([-force / step], rel=1e-2)
    found = judged(fcc_phonons)
    assert found.force_constants == pytest.approx({"Ar": -force / step}, rel=1e-2)
    assert found.mean_square == pytest.approx((fcc_phonons.frequencies**2).mean())


@pytest.mark.parametrize(("point", "mode"), [(1, 0), (5, 2), (20, 1)])
def test_a_frozen_mode_costs_what_its_frequency_says(argon, fcc_phonons, point, mode):
    """The energy of a frozen pattern is ½ Σ m ω² u²; this fixes the phases of the patterns, too."""
    amplitude = 0.02
    moved, still = (frozen_in(fcc_phonons, point, mode, a) for a in (amplitude, 0.0))
    energies = argon.compute(Batch.from_crystals([moved, still])).energy
    u = (moved.frac - still.frac - np.rint(moved.frac - still.frac)) @ moved.cell
    omega = fcc_phonons.frequencies[point, mode] / THZ
    expected = 0.5 * fcc_phonons.masses[0] * omega**2 * (u**2).sum()
    assert np.linalg.norm(u, axis=1).max() == pytest.approx(amplitude)
    assert energies[0] - energies[1] == pytest.approx(expected, rel=2e-2)


def test_simple_cubic_packing_is_unstable_and_its_softest_mode_leads_downhill(argon):
    found = stability(argon, relaxed(argon, CUBIC), PRESSURE, SETTINGS)
    assert found.verdict is StabilityVerdict.UNSTABLE
    assert found.soft_modes[0].frequency == found.lowest < -0.5
    assert np.isnan(found.mean_square) and found.force_constants == {}
    assert "i THz at" in found.detail and "mostly Ar" in found.detail
    assert found.leads_to is not None and found.lowers_by > 0.005
    assert space_group(found.leads_to).number != 221


def test_what_the_potential_moves_elsewhere_it_cannot_judge(argon):
    apart = Crystal(np.diag([3.4, 3.4, 9.0]), [[0, 0, 0], [0.5, 0.5, 0.2]], [18, 18])
    found = stability(argon, apart, PRESSURE, SETTINGS)
    assert found.verdict is StabilityVerdict.UNKNOWN and "another structure" in found.detail


def test_a_supercell_that_is_less_symmetric_gives_the_same_sound(argon, fcc_phonons):
    crystal = fcc_phonons.crystal
    doubled = Crystal(np.diag([1, 1, 2]) @ crystal.cell, [[0, 0, 0], [0, 0, 0.5]], [18, 18])
    found = compute_phonons(argon, doubled, PhononSettings(min_length=4.0))
    assert found.supercell == (2, 2, 1) and np.abs(found.frequencies[0, :3]).max() < 1e-3
    assert judged(found).verdict is StabilityVerdict.STABLE


def test_small_imaginary_frequencies_are_no_proof():
    def phonons(lowest: float) -> Phonons:
        vectors = np.eye(3).reshape(1, 3, 1, 3).astype(complex)
        return Phonons(FCC, (1, 1, 1), np.zeros((1, 3)), np.array([[lowest, 0.0, 20.0]]), vectors, np.ones(1))

    verdicts = [judged(phonons(lowest)).verdict for lowest in (-0.05, -1.0, -5.0)]
    assert verdicts == [StabilityVerdict.STABLE, StabilityVerdict.UNKNOWN, StabilityVerdict.UNSTABLE]
    assert isinstance(judged(phonons(0.0)), Stability)

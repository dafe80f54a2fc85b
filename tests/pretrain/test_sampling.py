from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.geometry import too_close
from gasearch.errors import CalculationError
from gasearch.espresso.timing import relative_scf_time
from gasearch.pretrain.sampling import (
    LATTICES,
    Kind,
    SamplingSettings,
    Split,
    affordable,
    atomic_volume,
    diverse_samples,
    lattice,
    minimum_distances,
    prototype_samples,
    random_samples,
    rattled,
    split_of,
    volume_scans,
)

SETTINGS = SamplingSettings()


@pytest.mark.parametrize(
    ("name", "contacts", "distance"),
    [("sc", 6, 1.0), ("bcc", 8, 3**0.5 / 2 * 2 ** (1 / 3)), ("fcc", 12, 4 ** (1 / 3) / 2**0.5)],
)
def test_lattices_have_their_coordination(name, contacts, distance):
    cell = lattice(name, 1, 1.0).cell
    shifts = np.stack(np.meshgrid(*[range(-2, 3)] * 3), axis=-1).reshape(-1, 3)
    lengths = np.sort(np.linalg.norm(shifts @ cell, axis=1))[1:]
    assert np.allclose(lengths[:contacts], distance)
    assert lengths[contacts] > distance * 1.1


def test_lattices_have_unit_volume():
    assert all(abs(np.linalg.det(cell)) == pytest.approx(1.0) for cell in LATTICES.values())


@pytest.mark.parametrize("volume", [0.6, 1.6, 10.0, 11.0, 250.0])
def test_atomic_volume_is_where_the_pressure_is(volume):
    tried = []

    def pressure(crystal: Crystal) -> float:
        tried.append(crystal.volume)
        return volume / crystal.volume

    assert atomic_volume(pressure, 16, 1.0) == pytest.approx(volume, rel=0.03)
    assert min(tried) > 0.7 * min(volume, 10.0)
    assert len(set(tried)) == len(tried) < 25


def test_an_atom_without_a_volume_at_the_pressure_is_named():
    with pytest.raises(CalculationError, match="S has no volume"):
        atomic_volume(lambda crystal: 1.0, 16, 2.0)


def test_minimum_distances_scale_with_the_radii():
    found = minimum_distances({1: 4 * np.pi / 3, 16: 8 * 4 * np.pi / 3}, fraction=0.5)
    assert found == pytest.approx({(1, 1): 1.0, (1, 16): 1.5, (16, 16): 2.0})


def test_scan_covers_every_element_lattice_and_volume(space):
    scans = list(volume_scans(space, SETTINGS))
    assert len(scans) == 2 * len(LATTICES) * len(SETTINGS.scan)
    assert len({s.origin for s in scans}) == 2 * len(LATTICES)
    hydrogen = sorted({round(s.crystal.volume / 1.6, 6) for s in scans if s.crystal.numbers[0] == 1})
    assert hydrogen == pytest.approx(SETTINGS.scan)


def test_random_samples_depend_on_their_number_alone(space):
    np.random.seed(0)
    once = list(random_samples(space, SETTINGS, 1, 0, 12))
    np.random.seed(1)
    later = list(random_samples(space, SETTINGS, 1, 6, 6))
    tail = [s for s in once if s.origin >= "random-00006"]
    assert [s.origin for s in tail] == [s.origin for s in later]
    assert all(np.array_equal(a.crystal.frac, b.crystal.frac) for a, b in zip(tail, later, strict=True))


def test_random_samples_are_small_and_open_enough(space):
    samples = list(random_samples(space, SETTINGS, 2, 0, 25))
    assert len(samples) > 20
    assert all(len(s.crystal) <= 6 and not too_close(s.crystal, space.minimum_distances) for s in samples)
    ratios = [np.log(s.crystal.volume / space.volume(s.crystal.composition)) for s in samples]
    assert 0.05 < np.std(ratios) < 0.5


def test_rattled_copies_keep_origin_and_composition(space):
    parent = next(s for s in random_samples(space, SETTINGS, 3, 0, 5) if len(s.crystal) > 1)
    rng = np.random.default_rng(0)
    copy = next(c for c in (rattled(parent, space.minimum_distances, SETTINGS, rng) for _ in range(20)) if c)
    assert copy.origin == parent.origin and copy.kind is Kind.RATTLED
    assert copy.crystal.composition == parent.crystal.composition
    assert not np.allclose(copy.crystal.cell, parent.crystal.cell)


def test_split_is_a_function_of_the_origin_and_near_its_shares():
    counts = Counter(split_of(f"random-{k:05d}") for k in range(2000))
    assert 150 < counts[Split.TEST] < 250 and 150 < counts[Split.VALIDATION] < 250
    assert split_of("random-00007") is split_of("random-00007")


def test_every_member_of_a_committee_has_the_same_test_cells_and_its_own_validation():
    origins = [f"random-{k:05d}" for k in range(300)]
    of = [{split: {o for o in origins if split_of(o, m) is split} for split in Split} for m in range(3)]
    assert of[0][Split.TEST] == of[1][Split.TEST] == of[2][Split.TEST]
    assert not of[0][Split.VALIDATION] & of[1][Split.VALIDATION] and of[2][Split.VALIDATION]


def test_what_a_search_asked_for_is_trained_on():
    assert {split_of(f"feedback-1-{k}") for k in range(50)} == {Split.TRAIN}


def test_prototypes_occupy_the_elements_in_every_way_and_can_be_left_out(space):
    samples = list(prototype_samples(space, SETTINGS, 0))
    assert len({s.origin for s in samples}) == len(samples) > 20
    formulas = {s.crystal.composition.reduced.formula for s in samples}
    assert {"H", "S", "HS", "H3S", "HS3"} <= formulas
    ratios = [np.log(s.crystal.volume / space.volume(s.crystal.composition)) for s in samples]
    assert np.std(ratios) > 0.1
    assert not list(prototype_samples(space, replace(SETTINGS, prototypes=False), 0))


def test_the_least_alike_are_taken_from_a_pool(space):
    count, everything = 8, replace(SETTINGS, dearest_share=0.0)
    pool = list(random_samples(space, SETTINGS, 1, 0, 3 * count))
    taken = diverse_samples(space, replace(everything, pool=3), 1, count, 0.4)
    parents = [s for s in taken if s.kind is Kind.RANDOM]
    assert len(parents) == count and {s.origin for s in taken} <= {s.origin for s in pool}
    assert [s.origin for s in diverse_samples(space, replace(everything, pool=1), 1, count, 0.4)] == [
        s.origin for s in pool if s.origin < f"random-{count:05d}"
    ]


def test_what_is_left_out_takes_longer_than_all_that_stays(space):
    samples = list(random_samples(space, SETTINGS, 4, 0, 20))
    parents = [s for s in samples if s.kind is Kind.RANDOM]
    kept = affordable(samples, replace(SETTINGS, dearest_share=0.25), 0.4)
    left_out = [s for s in parents if s not in kept]
    assert len(left_out) == round(0.25 * len(parents)) and [s for s in parents if s in kept] == kept
    times = [[relative_scf_time(s.crystal, 0.4) for s in group] for group in (kept, left_out)]
    assert max(times[0]) <= min(times[1])

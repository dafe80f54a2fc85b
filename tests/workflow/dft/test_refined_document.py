import json
from dataclasses import replace

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.symmetry import SpaceGroup
from gasearch.outcomes import Attempt, ElectronicStructure, Failure, Reason, RefinedPhase, Relaxed, SpinStart
from gasearch.units import pressure_from_GPa
from gasearch.workflow.dft.refined_document import (
    aligned_in,
    refined_document,
    structure_document,
    structure_from,
    with_earlier_electrons,
)
from gasearch.workflow.dft.refinement import CLOSED, Judged, Proposal, Variant, Verdict

SETTINGS = {"ecutwfc": 50.0}
HYDROGEN = Crystal(np.eye(3) * 1.2, [[0, 0, 0]], [1])
SULPHUR = Crystal(np.eye(3) * 2.2, [[0, 0, 0]], [16])
SULPHIDE = Crystal(np.eye(3) * 2.5, [[0, 0, 0], [0.5, 0.5, 0.5]], [1, 16])
FOUND = {
    "pressure_GPa": 200.0,
    "endpoints": ["H", "S"],
    "phases": [
        {"shares": [1.0, 0.0], "enthalpy_eV_per_atom": -1.0},
        {"shares": [0.0, 1.0], "enthalpy_eV_per_atom": -3.0},
        {"shares": [0.5, 0.5], "enthalpy_eV_per_atom": -2.1},
    ],
}


def judged(name, crystal, shares, enthalpy, mlip=None, above=None) -> Judged:
    total = enthalpy * len(crystal)
    relaxed = Relaxed(crystal, total, total, 9, 0.01, pressure_from_GPa(0.5))
    phase = RefinedPhase(relaxed, 1.0, (Attempt("", "small", 9),))
    proposal = Proposal(name, crystal, np.array(shares), mlip, above)
    return Judged(proposal, (Variant(0.02, SpaceGroup(221, "Pm-3m"), phase),), phase)


CANDIDATES = (
    judged("1", HYDROGEN, [1.0, 0.0], -1.2, -1.0, 0.0),
    judged("2", SULPHUR, [0.0, 1.0], -3.2, -3.0, 0.0),
    judged("3", SULPHIDE, [0.5, 0.5], -2.4, -2.1, 0.0),
)
REFERENCE = judged("known.cif#0", HYDROGEN.scaled_to(1.5), [1.0, 0.0], -1.3)


def document(more=(), electrons=None) -> dict:
    verdict = Verdict(CANDIDATES, 0.05, 0.01, CLOSED)
    found = refined_document(FOUND, SETTINGS, {}, verdict, [*CANDIDATES, *more], electrons or {})
    return json.loads(json.dumps(found))


def by_name(found: dict) -> dict[str, dict]:
    return {phase["name"]: phase for phase in found["phases"]}


def test_starts_with_and_without_spins_are_both_told():
    starts = (SpinStart(True, -2.4, 1.9, ""), SpinStart(False, -2.5, 0.0, ""))
    phase = replace(CANDIDATES[2].kept, spins=starts)
    told = by_name(document([replace(CANDIDATES[2], kept=phase, proposal=REFERENCE.proposal)]))["known.cif#0"]
    assert [start["start"] for start in told["dft"]["spin_starts"]] == ["aligned", "none"]
    assert not aligned_in(told) and aligned_in(by_name(document())["3"])


def test_each_method_has_its_own_hull_and_endpoints():
    sulphide = by_name(document())["3"]
    assert sulphide["mlip"]["formation_eV_per_atom"] == pytest.approx(-0.1)
    assert sulphide["dft"]["formation_eV_per_atom"] == pytest.approx(-0.2)
    assert sulphide["dft"]["max_stress_GPa"] == pytest.approx(0.5)


def test_a_reference_lowers_the_dft_hull_and_says_how_far_the_search_lies_above_it():
    found = document([REFERENCE])
    (reference,) = found["references"]
    assert reference["endpoint"] == "H" and reference["search"] == "1"
    assert reference["search_above_reference_eV_per_atom"] == pytest.approx(0.1)
    assert by_name(found)["1"]["dft"]["above_hull_eV_per_atom"] == pytest.approx(0.1)
    assert by_name(found)["3"]["dft"]["formation_eV_per_atom"] == pytest.approx(-0.15)
    assert by_name(found)["known.cif#0"]["mlip"] is None


def test_failures_are_told_and_without_an_endpoint_there_is_no_hull():
    failure = Failure(Reason.SCF, 3, None, "first: it did not")
    failed = Judged(CANDIDATES[1].proposal, (Variant(0.02, SpaceGroup(1, "P1"), failure),), None)
    found = refined_document(
        FOUND, SETTINGS, {}, Verdict((failed,), 0.05, np.inf, "spent"), [CANDIDATES[0], failed], {}
    )
    assert not found["complete"] and found["window"]["largest_drop_meV_per_atom"] is None
    assert found["phases"][0]["dft"]["above_hull_eV_per_atom"] is None
    assert found["failures"][0]["variants"][0]["detail"] == "first: it did not"


def test_states_at_the_fermi_energy_are_given_per_cell_spin_atom_and_valence_electron():
    energies = np.array([0.0, 1.0])
    electrons = ElectronicStructure(
        SULPHIDE, 0.5, 0.0, 7.0, energies, np.array([1.0, 3.0]), {(1, "s"): np.array([0.5, 0.5])}, 8
    )
    found = by_name(document(electrons={"3": electrons}))["3"]["electrons"]
    assert found["dos_at_fermi_per_eV"] == pytest.approx(
        {"cell": 2.0, "cell_and_spin": 1.0, "atom": 1.0, "valence_electron": 2 / 7}
    )
    assert found["projected_per_eV_and_cell"] == {"H-s": 0.5}


def test_a_peak_at_the_fermi_energy_is_told_from_a_slope():
    energies = np.linspace(-2, 2, 401)

    def at_fermi(dos: np.ndarray) -> dict:
        electrons = ElectronicStructure(SULPHIDE, 0.0, 0.0, 7.0, energies, dos)
        return by_name(document(electrons={"3": electrons}))["3"]["electrons"]

    peak, slope = at_fermi(1 + 2 / (1 + (energies / 0.1) ** 2)), at_fermi(3 + energies)
    # The mean of 2/(1 + x²/w²) within ±r is 2 w arctan(r/w)/r.
    mean = 1 + 2 * 0.1 * np.arctan(0.5 / 0.1) / 0.5
    assert peak["peak_at_fermi"] == pytest.approx(3 / mean, rel=0.01) and peak[
        "slope_at_fermi_per_eV"
    ] == pytest.approx(0)
    assert slope["peak_at_fermi"] == pytest.approx(1) and slope["slope_at_fermi_per_eV"] == pytest.approx(1 / 3)


def test_densities_of_states_of_the_same_structures_are_taken_over():
    electrons = {"3": ElectronicStructure(SULPHIDE, 0.5, 0.0, 7.0, np.array([0.0, 1.0]), np.ones(2))}
    earlier, now = document(electrons=electrons), document()
    earlier["provenance"] = now["provenance"] = {"quantum_espresso": "7.2"}
    assert by_name(with_earlier_electrons(now, earlier))["3"]["electrons"] == by_name(earlier)["3"]["electrons"]
    assert by_name(with_earlier_electrons(now, earlier))["1"]["electrons"] is None
    assert by_name(with_earlier_electrons(now, earlier | {"settings": {"ecutwfc": 9.0}}))["3"]["electrons"] is None
    other = earlier | {"provenance": {"quantum_espresso": "6.7"}}
    assert by_name(with_earlier_electrons(now, other))["3"]["electrons"] is None
    by_name(earlier)["3"]["structure"]["cell_A"][0][0] += 0.1
    assert by_name(with_earlier_electrons(now, earlier))["3"]["electrons"] is None


def test_structures_come_back_as_they_were():
    again = structure_from(json.loads(json.dumps(structure_document(SULPHIDE))))
    assert np.array_equal(again.cell, SULPHIDE.cell) and np.array_equal(again.frac, SULPHIDE.frac)
    assert np.array_equal(again.numbers, SULPHIDE.numbers)

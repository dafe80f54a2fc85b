import shutil

import numpy as np
import pytest

from gasearch.crystal.band_path import band_path
from gasearch.crystal.crystal import Crystal
from gasearch.espresso.electronic import electronic_structure, read_electronic, read_path, steps
from gasearch.espresso.installation import PROGRAMS, default_pseudo_dir
from gasearch.espresso.pw import PwSettings
from gasearch.espresso.record import ScfFailure
from gasearch.espresso.runner import PwRunner
from gasearch.outcomes import ElectronicStructure

needs_espresso = pytest.mark.skipif(shutil.which("projwfc.x") is None, reason="Quantum ESPRESSO is not installed")
QUICK = PwSettings(ecutwfc=25.0, ecutrho=100.0, k_spacing=1.2, degauss=0.02)
HS = Crystal(np.eye(3) * 3.0, [[0, 0, 0], [0.5, 0.5, 0.5]], [1, 16])


def xml(electrons: float, eigenvalues: list[list[float]], fermi: float) -> str:
    """What pw.x 6.7 writes of bands; energies in hartree."""
    entries = "".join(
        f"<ks_energies><eigenvalues>{' '.join(map(str, k))}</eigenvalues></ks_energies>" for k in eigenvalues
    )
    inner = f"<nelec>{electrons}</nelec><fermi_energy>{fermi}</fermi_energy>{entries}"
    return f"<espresso><output><band_structure>{inner}</band_structure></output></espresso>"


def files(bands: str) -> dict[str, str]:
    return {
        "data-file-schema.xml": bands,
        "dos": "#  E (eV)   dos(E)     Int dos(E) EFermi =    0.500 eV\n 0.0 1.0 0.0\n 1.0 3.0 2.0\n",
        "pdos.pdos_tot": "# E (eV)  dos(E)    pdos(E)\n 0.0 9.0 9.0\n 1.0 9.0 9.0\n",
        "pdos.pdos_atm#1(H)_wfc#1(s)": "# E (eV)   ldos(E)   pdos(E)\n 0.0 0.5 0.5\n 1.0 0.7 0.7\n",
        "pdos.pdos_atm#2(S)_wfc#1(s)": "# E (eV)   ldos(E)   pdos(E)\n 0.0 0.1-120 0.1-120\n 1.0 0.2 0.2\n",
        "pdos.pdos_atm#2(S)_wfc#2(p)": "# E (eV)   ldos(E)   pdos(E)\n 0.0 0.4 0.1\n 1.0 1.0 0.1\n",
    }


def test_states_at_the_fermi_energy_and_their_projections_are_interpolated():
    found = read_electronic(files(xml(7.0, [[-1, 0, 1, 2], [-1, 0, 1, 2]], 0.5 / 27.211386)), HS)
    assert found.metal and found.gap == 0.0 and found.k_points == 2
    assert found.fermi_energy == pytest.approx(0.5, abs=1e-6)
    assert found.dos_at_fermi == pytest.approx(2.0, abs=1e-5)
    assert found.projected_at_fermi == pytest.approx({(1, "s"): 0.6, (16, "s"): 0.1, (16, "p"): 0.7}, abs=1e-5)


def test_a_gap_is_between_the_highest_full_and_the_lowest_empty_band_of_all_k():
    found = read_electronic(files(xml(4.0, [[-1.0, 0.10, 0.5], [-1.0, 0.2, 0.3]], 0.0)), HS)
    assert not found.metal and found.dos_at_fermi == 0.0
    assert found.gap == pytest.approx(0.1 * 27.211386, rel=1e-6)
    assert found.fermi_energy == pytest.approx(0.25 * 27.211386, rel=1e-6)


def test_bands_that_overlap_make_a_metal():
    assert read_electronic(files(xml(4.0, [[-1.0, 0.1, 0.3], [-1.0, 0.4, 0.6]], 0.35)), HS).metal


def test_the_programs_follow_one_another_around_the_fermi_energy():
    chain = steps(HS, QUICK, 0.6, "/pseudo", 10.0, band_path(HS, 30))
    assert [step.program for step in chain] == ["pw.x", "pw.x", *PROGRAMS]
    assert "disk_io = 'low'" in chain[0].text and "tetrahedra_opt" in chain[2].text
    assert "K_POINTS crystal\n30\n0.000000000000 0.000000000000 0.000000000000 1.0\n" in chain[1].text
    assert "Emin = 4.000, Emax = 14.000" in chain[3].text


@needs_espresso
@pytest.mark.parametrize(("number", "is_metal"), [(1, True), (2, False)])
def test_hydrogen_atoms_are_a_metal_and_helium_is_none(number, is_metal, tmp_path):
    crystal = Crystal((np.ones((3, 3)) - 2 * np.eye(3)) * 0.87, [[0, 0, 0]], [number])
    found = electronic_structure(PwRunner(QUICK, default_pseudo_dir(), scratch=tmp_path), crystal, 0.7)
    assert isinstance(found, ElectronicStructure)
    assert found.metal is is_metal and (found.gap > 5.0) is not is_metal
    assert found.valence_electrons == number
    assert found.bands.shape[0] == len(found.path.points) and (np.diff(found.bands, axis=1) >= 0).all()
    # Helium fills its lowest band; that of hydrogen is half filled.
    assert (found.bands[:, 0].max() < found.fermi_energy) is not is_metal
    # Nearly free electrons: half filled, the DOS of a single band of this width.
    if is_metal:
        assert 0.02 < found.dos_at_fermi < 0.3
        assert 0.5 < sum(found.projected_at_fermi.values()) / found.dos_at_fermi < 1.05


def test_spins_are_counted_apart():
    """One electron of two has its spin up: the lowest band of each is full, the other's is empty."""
    up, down = [-0.5, 0.2], [0.1, 0.4]
    bands = xml(1.0, [[*up, *down], [*up, *down]], 0.0).replace("<nelec>", "<lsda>true</lsda><nelec>")
    spin_files = files(bands) | {
        "dos": "#  E (eV)   dosup(E)     dosdw(E)   Int dos(E)\n 0.0 1.0 0.5 0.0\n 1.0 3.0 0.5 2.0\n"
    }
    found = read_electronic(spin_files, HS, 1.0)
    assert found.magnetization == 1.0 and found.k_points == 2
    assert found.gap == pytest.approx(0.6 * 27.211386, rel=1e-6)
    assert found.dos.tolist() == [1.5, 3.5]
    assert read_path("bands (ev):\n\n  1.0 2.0\n\n" * 4, 2).shape == (2, 4)


@needs_espresso
def test_spins_are_tried_where_an_element_asks_for_it(tmp_path, monkeypatch):
    """Hydrogen atoms far from each other: one electron each, its spin free; together they lose it."""
    monkeypatch.setattr("gasearch.espresso.pw.MAGNETIC", frozenset({1}))
    runner = PwRunner(QUICK, default_pseudo_dir(), scratch=tmp_path)
    free = electronic_structure(runner, Crystal(np.eye(3) * 4.5, [[0, 0, 0]], [1]), 1.2)
    assert free.magnetization == pytest.approx(1.0, abs=1e-2) and not free.metal
    assert free.bands.shape[0] == len(free.path.points) and free.bands.shape[1] % 2 == 0
    # The SCF ends when the energy does not change; the last tenth of a moment hardly changes it.
    assert abs(runner.scf(Crystal(np.eye(3) * 1.2, [[0, 0, 0]], [1])).magnetization) < 0.2


@needs_espresso
def test_a_failed_scf_is_a_value(tmp_path):
    overlapping = Crystal(np.eye(3) * 2.0, [[0, 0, 0], [0, 0, 1e-6]], [1, 1])
    assert isinstance(electronic_structure(PwRunner(QUICK, default_pseudo_dir()), overlapping, 0.7), ScfFailure)

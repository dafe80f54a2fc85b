import numpy as np
import pytest

from gasearch.errors import InputError
from gasearch.outcomes import BandGrid
from gasearch.screening.bands import FermiBands, denser, fermi_bands
from gasearch.screening.susceptibility import density, enhanced, nesting, peaks, susceptibility

PI = np.pi


def waves(*divisions: int) -> list[np.ndarray]:
    """Phases 2πk along each axis, shaped to broadcast."""
    return np.meshgrid(*(2 * PI * np.arange(n) / n for n in divisions), indexing="ij", sparse=True)


def tight_binding(*divisions: int, filling_energy: float = 0.0, cell: np.ndarray | None = None) -> FermiBands:
    """A chain, square or cubic lattice with hopping 1 eV along axes with more than one division."""
    energies = np.zeros(divisions)
    for n, k in zip(divisions, waves(*divisions), strict=True):
        energies = energies - 2 * np.cos(k) * (n > 1)
    return FermiBands(np.eye(3) if cell is None else cell, energies[None] - filling_energy)


def random_bands(seed: int = 0) -> FermiBands:
    rng = np.random.default_rng(seed)
    return FermiBands(np.eye(3), rng.normal(size=(2, 4, 3, 5)))


def by_definition(bands: FermiBands, temperature: float, interband: bool) -> np.ndarray:
    """Eq. of the docstring as a sum over pairs of states."""
    e = bands.energies
    f = 1 / (1 + np.exp(e / temperature))
    chi = np.zeros(bands.grid)
    for q in np.ndindex(bands.grid):
        e_q, f_q = (np.roll(x, [-i for i in q], axis=(1, 2, 3)) for x in (e, f))
        for n in range(len(e)):
            for m in range(len(e)) if interband else [n]:
                gap = e_q[m] - e[n]
                same = np.abs(gap) < 1e-9
                ratio = (f[n] - f_q[m]) / np.where(same, 1.0, gap)
                chi[q] += np.where(same, f[n] * (1 - f[n]) / temperature, ratio).mean()
    return chi


@pytest.mark.parametrize("interband", [True, False])
@pytest.mark.parametrize("temperature", [0.3, 0.003])
def test_the_transform_is_the_sum_over_pairs_of_states(temperature, interband):
    bands = random_bands()
    expected = by_definition(bands, temperature, interband)
    found = susceptibility(bands, temperature, interband).values
    # The definition keeps q and −q apart only by what time reversal makes equal.
    backwards = np.roll(np.flip(expected), 1, axis=(0, 1, 2))
    assert np.allclose(expected, backwards)
    assert np.allclose(found, expected, rtol=1e-6)


def test_nesting_is_the_sum_over_pairs_of_states():
    bands, temperature = random_bands(1), 0.2
    surface = density(bands, temperature)
    expected = [(surface * np.roll(surface, [-i for i in q], axis=(0, 1, 2))).mean() for q in np.ndindex(bands.grid)]
    assert np.allclose(nesting(bands, temperature).values.ravel(), expected)


@pytest.mark.parametrize("filling", [0.0, -0.7, 1.1])
def test_a_chain_peaks_at_twice_its_fermi_wave_vector(filling):
    bands = tight_binding(2000, 1, 1, filling_energy=filling)
    fermi = np.arccos(-filling / 2)
    nested = min(2 * fermi, 2 * PI - 2 * fermi)
    for response in (susceptibility(bands, 0.005), nesting(bands, 0.005)):
        highest = peaks(response, beyond=0.3)[0]
        assert highest.length == pytest.approx(nested, rel=0.01)


def test_the_peak_of_a_chain_grows_with_the_logarithm_of_temperature():
    # χ0(2k_F) = N(E_F) ln(1/T) + …, with N(E_F) of one spin: doi:10.1103/RevModPhys.60.1129, section II.
    bands = tight_binding(40000, 1, 1)
    hot, cold = (susceptibility(bands, t).values.max() for t in (0.02, 0.005))
    assert (cold - hot) / np.log(4) == pytest.approx(1 / (2 * PI), rel=0.01)


def test_a_half_filled_square_lattice_peaks_at_its_corner():
    bands = tight_binding(128, 128, 1)
    for response in (susceptibility(bands, 0.05), nesting(bands, 0.05)):
        highest = peaks(response, beyond=1.0)[0]
        assert np.abs(highest.q[:2]) == pytest.approx([0.5, 0.5])
        assert highest.images == 1


def lindhard(x: np.ndarray) -> np.ndarray:
    """χ0(q)/N(E_F) of free electrons, zero temperature, x = q/2k_F (J. Lindhard, Mat. Fys. Medd. 28(8), 1954)."""
    return 0.5 + (1 - x**2) / (4 * x) * np.log(np.abs((1 + x) / (1 - x)))


def test_free_electrons_have_lindhards_function():
    n, fermi = 96, 14.0
    axes = [np.fft.fftfreq(n, 1 / n)] * 3
    squared = sum(k**2 for k in np.meshgrid(*axes, indexing="ij", sparse=True))
    bands = FermiBands(np.eye(3), (squared / fermi**2 - 1)[None])
    chi = susceptibility(bands, 0.02).values
    # Farther out, k + q would leave the cell.
    q = np.array([7, 14, 21, 34])
    # N(E_F) = 4π k_F³ / (2 E_F) states in n³ points; the band's energy is in units of E_F.
    at_fermi = 2 * PI * fermi**3 / n**3
    assert chi[0, 0, 0] / at_fermi == pytest.approx(1.0, rel=0.01)
    assert chi[q, 0, 0] / at_fermi == pytest.approx(lindhard(q / (2 * fermi)), rel=0.01)


def test_sum_rules():
    bands, temperature = tight_binding(24, 24, 24, filling_energy=-1.3), 0.15
    at_fermi = density(bands, temperature).mean()
    assert nesting(bands, temperature).mean == pytest.approx(at_fermi**2, rel=1e-10)
    chi = susceptibility(bands, temperature)
    assert chi.values[0, 0, 0] == pytest.approx(at_fermi, rel=1e-6)
    assert chi.at([0.01, 0, 0]) == pytest.approx(at_fermi, rel=0.01)


def test_without_interband_pairs_several_bands_have_their_density_at_zero():
    bands, temperature = random_bands(2), 0.4
    chi = susceptibility(bands, temperature, interband=False)
    assert chi.values[0, 0, 0] == pytest.approx(density(bands, temperature).mean(), rel=1e-6)
    assert susceptibility(bands, temperature).values[0, 0, 0] > chi.values[0, 0, 0]


def test_it_has_the_symmetry_of_the_lattice():
    bands = tight_binding(12, 12, 12, filling_energy=-1.0)
    for response in (susceptibility(bands, 0.2), nesting(bands, 0.2)):
        values = response.values
        assert np.allclose(values, values.transpose(1, 2, 0))
        assert np.allclose(values, values.transpose(1, 0, 2))
        assert np.allclose(values, np.roll(np.flip(values, 0), 1, 0))


def test_stoner_enhancement_grows_until_the_order_does():
    chi = susceptibility(tight_binding(32, 32, 1), 0.1)
    highest = chi.values.max()
    assert enhanced(chi, 0.5 / highest).values.max() == pytest.approx(2 * highest)
    with pytest.raises(InputError, match="grows by itself"):
        enhanced(chi, 1.01 / highest)


def test_a_width_is_that_of_the_peak():
    # ξ of a chain at half filling: δ has the width of the temperature, over the velocity 2.
    narrow, broad = (peaks(nesting(tight_binding(20000, 1, 1), t), beyond=0.5)[0].width for t in (0.02, 0.04))
    assert broad / narrow == pytest.approx(2, rel=0.05)


def coarse(divisions: tuple[int, int, int], electrons: float = 1.0) -> BandGrid:
    bands = tight_binding(*divisions)
    deep = np.full_like(bands.energies, -20.0)
    return BandGrid(np.eye(3), np.concatenate([deep, bands.energies]) + 0.4, electrons + 2)


def test_interpolation_meets_the_bands_between_the_points():
    exact = tight_binding(48, 48, 48).energies[0]
    assert np.abs(denser(tight_binding(16, 16, 16).energies[0], 3) - exact).max() < 0.005


def test_the_fermi_energy_holds_the_electrons():
    # Half filling: zero, wherever the zero of energy was.
    bands = fermi_bands(coarse((12, 12, 12)), 2, 0.1)
    assert bands.energies.shape == (1, 24, 24, 24)
    assert np.abs(bands.energies - tight_binding(24, 24, 24).energies).max() < 0.02


def test_what_has_no_fermi_surface_is_refused():
    gapped = BandGrid(np.eye(3), np.array([-3.0, 3.0]).reshape(2, 1, 1, 1) * np.ones((2, 4, 4, 4)), 2.0)
    with pytest.raises(InputError, match="no band crosses"):
        fermi_bands(gapped, 1, 0.05)
    with pytest.raises(InputError, match="without spins"):
        fermi_bands(BandGrid(np.eye(3), gapped.energies, 2.0, per_band=1), 1, 0.05)

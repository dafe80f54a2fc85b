"""Files of real calculations, in the folder that GASEARCH_SAMPLES names; without it these tests are skipped."""

import os
from pathlib import Path

import pytest

from gasearch.errors import SpectrumError
from gasearch.superconductivity.eliashberg import Convention, Coulomb
from gasearch.superconductivity.estimate import estimate
from gasearch.superconductivity.readers import read
from gasearch.units import K_PER_THZ

SAMPLES = Path(os.environ.get("GASEARCH_SAMPLES", "samples"))


def sample(name: str) -> Path:
    if not (SAMPLES / name).exists():
        pytest.skip(f"the sample {name} is not at {SAMPLES}")
    return SAMPLES / name


@pytest.mark.parametrize(
    ("convention", "low", "high"), [(Convention.RESCALED, 9.0, 10.0), (Convention.AS_GIVEN, 10.5, 10.7)]
)
def test_niobium(convention: Convention, low: float, high: float):
    niobium = read(sample("Nb_isome/Nb_col15.dat"), "columns", "THz")[None]
    assert low < estimate(niobium, Coulomb(0.12, convention)).tc["eliashberg"] < high


def test_aluminium_as_lambda_x_sums_it():
    """λ and ω_log (K) at three smearings, from the output of lambda.x on the same files, which have four decimals."""
    spectra = read(sample("Al_qe_reference/lambda.in"), "qe-lambda")
    for smearing, lam, omega_log_K in ((0.01, 0.434897, 352.859), (0.03, 0.366955, 328.919), (0.05, 0.383794, 321.634)):
        moments = spectra[smearing].moments()
        assert moments.lam == pytest.approx(lam, abs=1e-3)
        assert K_PER_THZ * moments.omega_log == pytest.approx(omega_log_K, rel=1e-3)


def test_aluminium_of_matdyn():
    assert read(sample("Al_qe_reference/a2F.dos10"), "qe-a2fdos")[None].moments().lam == pytest.approx(
        0.36465, rel=1e-3
    )
    with pytest.raises(SpectrumError, match=r"negative α²F makes 36\.1% of λ"):
        read(sample("Al_qe_reference/a2F.dos1"), "qe-a2fdos")


def test_aluminium_of_abinit():
    aluminium = read(sample("Al_abinit/al_888k_161616q_A2F.nc"), "abinit")[None]
    columns = read(sample("Al_abinit/al_888k_161616q_A2F_qintp.dat"), "columns", "meV")[None]
    assert aluminium.moments().lam == pytest.approx(columns.moments().lam, rel=1e-5)
    assert aluminium.parts.shape == (3, 479)


def test_magnesium_diboride_of_epw():
    spectra = read(sample("MgB2_epw/MgB2.a2f"), "epw")
    assert len(spectra) == 10
    assert spectra[0.5].moments().lam == pytest.approx(0.93973, rel=1e-4)


def test_lead_with_negative_lobes():
    """Its α²F was broadened by Methfessel and Paxton's function: what is negative is refused, unless it may be."""
    path = sample("Pb_qe/alpha2F.dat")
    with pytest.raises(SpectrumError, match="Methfessel–Paxton"):
        read(path, "qe-alpha2f")
    spectrum = read(path, "qe-alpha2f", tolerance=0.1)[0.01]
    assert 0.04 < spectrum.negative_share < 0.05
    assert read(sample("Pb_qe/lambda.dat"), "qe-lambda")[0.01].lam == pytest.approx(0.770675)

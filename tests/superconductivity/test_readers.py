"""Every format comes back as it was written; what is damaged, cut short or inconsistent is said to be."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gasearch.errors import SpectrumError
from gasearch.superconductivity import writers
from gasearch.superconductivity.alpha2f import Alpha2F
from gasearch.superconductivity.modes import Modes
from gasearch.superconductivity.moments import Moments
from gasearch.superconductivity.readers import FORMATS, UNITS, at_smearing, read
from gasearch.units import K_PER_THZ, MEV_PER_THZ, THZ_PER_RYDBERG


@pytest.fixture
def spectrum() -> Alpha2F:
    """Aluminium-like, with three branches, on the middles of intervals as matdyn.x has them."""
    omega = 0.05 * (np.arange(220) + 0.5)
    branches = [a * omega * np.exp(-(((omega - w) / 0.9) ** 2)) for a, w in ((0.03, 5.0), (0.05, 6.5), (0.08, 8.5))]
    return Alpha2F(omega, np.sum(branches, axis=0), "made up", parts=np.array(branches))


def write(spectrum: Alpha2F, format: str, path: Path) -> None:
    """Write a file of each format, with the spectrum at the smearing 0.02 where there are several."""
    smeared = {0.01: spectrum.weakened(1.3), 0.02: spectrum}
    if format == "abinit":
        writers.write_abinit(spectrum, path)
        return
    text: dict[str, Callable[[], str]] = {
        "qe-alpha2f": lambda: writers.qe_alpha2f(smeared),
        "qe-a2fdos": lambda: writers.qe_a2fdos(spectrum),
        "qe-lambda": lambda: writers.qe_lambda({s: one.moments() for s, one in smeared.items()}),
        "epw": lambda: writers.epw(smeared),
        "elk": lambda: writers.elk(spectrum),
        "columns": lambda: writers.columns(spectrum, "meV"),
    }
    path.write_text(text[format]())


def read_back(format: str, path: Path):
    spectra = read(path, format, "meV" if format == "columns" else None)
    return at_smearing(spectra, 0.02 if len(spectra) > 1 else None, path)


@pytest.mark.parametrize("format", FORMATS)
def test_round_trip(format: str, spectrum: Alpha2F, tmp_path: Path):
    write(spectrum, format, tmp_path / "file")
    found = read_back(format, tmp_path / "file")
    if isinstance(found, Moments):
        assert found.lam == pytest.approx(spectrum.moments().lam, abs=1e-6)
        assert K_PER_THZ * found.omega_log == pytest.approx(K_PER_THZ * spectrum.moments().omega_log, abs=1e-3)
        return
    np.testing.assert_allclose(found.omega, spectrum.omega, rtol=1e-8)
    np.testing.assert_allclose(found.values, spectrum.values, rtol=1e-8, atol=1e-12)
    if format in ("qe-a2fdos", "abinit"):
        np.testing.assert_allclose(found.parts, spectrum.parts, rtol=1e-8, atol=1e-12)


@pytest.mark.parametrize("unit", UNITS)
def test_columns_in_every_unit(unit: str, spectrum: Alpha2F, tmp_path: Path):
    (tmp_path / "a2f").write_text(writers.columns(spectrum, unit))
    np.testing.assert_allclose(read(tmp_path / "a2f", "columns", unit)[None].omega, spectrum.omega, rtol=1e-8)


def test_a_spectrum_in_the_wrong_unit_is_refused(spectrum: Alpha2F, tmp_path: Path):
    path = tmp_path / "columns.dat"
    np.savetxt(path, np.column_stack([spectrum.omega / UNITS["meV"], spectrum.values]))
    with pytest.raises(SpectrumError, match="is its unit, eV, right"):
        read(path, "columns", "eV")
    assert read(path, "columns", "meV")[None].omega_ph == pytest.approx(spectrum.omega_ph)


def test_units_are_consistent():
    """1 meV = 8.0655 cm⁻¹ = 11.6045 K, 1 Ha = 27.2114 eV."""
    assert UNITS["meV"] / UNITS["cm-1"] == pytest.approx(8.065544)
    assert UNITS["meV"] / UNITS["K"] == pytest.approx(11.604518)
    assert UNITS["Ha"] / UNITS["eV"] == pytest.approx(27.211386)
    assert UNITS["Ha"] / UNITS["Ry"] == 2


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("seed", range(3))
def test_damaged_files_give_an_error_or_a_spectrum_but_never_a_traceback(format, seed, spectrum, tmp_path: Path):
    path, rng = tmp_path / "file", np.random.default_rng(seed)
    write(spectrum, format, path)
    whole = path.read_bytes()
    for _ in range(40):
        data = bytearray(whole)
        for place in rng.integers(len(data), size=rng.integers(1, 6)):
            data[place] = rng.integers(256)
        path.write_bytes(bytes(data[: rng.integers(len(data))] if rng.random() < 0.5 else data))
        try:
            found = read_back(format, path)
        except SpectrumError as error:
            assert str(path) in str(error)
        else:
            assert (found if isinstance(found, Moments) else found.moments()).lam > 0


@pytest.mark.parametrize("format", ["qe-a2fdos", "epw", "abinit"])
def test_files_that_state_their_coupling_cannot_be_cut_short(format: str, spectrum: Alpha2F, tmp_path: Path):
    path = tmp_path / "file"
    write(spectrum, format, path)
    whole = path.read_bytes()
    for share in np.linspace(0.0, 0.9, 15):
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(SpectrumError):
            read(path, format)


@pytest.mark.parametrize("format", ["qe-alpha2f", "elk", "columns"])
def test_a_line_that_is_cut_is_found(format: str, spectrum: Alpha2F, tmp_path: Path):
    path = tmp_path / "file"
    write(spectrum, format, path)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:50], lines[50].rpartition(" ")[0]]))
    with pytest.raises(SpectrumError, match="line 51: found"):
        read_back(format, path)


@pytest.mark.parametrize(("format", "old"), [("qe-a2fdos", "lambda = "), ("epw", "coupling\n  # ")])
def test_a_coupling_that_the_spectrum_does_not_have_is_found(format: str, old: str, spectrum: Alpha2F, tmp_path: Path):
    path = tmp_path / "file"
    write(spectrum, format, path)
    text = path.read_text()
    begin = text.index(old) + len(old)
    path.write_text(text[:begin] + "9.9" + text[begin + 16 if format == "epw" else begin + 12 :])
    with pytest.raises(SpectrumError, match="the file states"):
        read(path, format)


def test_wrapped_lines_of_old_versions_are_read(spectrum: Alpha2F, tmp_path: Path):
    rows = zip(spectrum.omega / THZ_PER_RYDBERG, spectrum.values, spectrum.parts.T, strict=True)
    body = "".join(
        f"{w:15.9f}{total:12.6f}\n" + "".join(f"{part:16.8f}" for part in parts) + "\n" for w, total, parts in rows
    )
    head = "\n # Eliashberg function a2F (per both spin)\n #  frequencies in Rydberg  \n # DOS: total, modes\n\n"
    (tmp_path / "a2F.dos1").write_text(f"{head}{body}  lambda = {spectrum.moments().lam:.12f} Delta = 1.5E-05\n")
    found = read(tmp_path / "a2F.dos1", "qe-a2fdos")[None]
    np.testing.assert_allclose(found.values, spectrum.values, atol=1e-6)
    assert found.parts.shape == (3, 220)


def test_old_files_of_epw_have_no_header_and_no_integral(spectrum: Alpha2F, tmp_path: Path):
    body = "".join(
        f"{w:12.7f}{v:12.7f}{v:12.7f}\n" for w, v in zip(spectrum.omega * MEV_PER_THZ, spectrum.values, strict=True)
    )
    lam = spectrum.moments().lam
    foot = (
        f" Integrated el-ph coupling\n  #   {lam:.7f} {lam:.7f}\n Phonon smearing (meV)\n  #   0.5 0.55\n"
        f" Electron smearing (eV)   0.1\n Fermi window (eV)   0.4\n Summed el-ph coupling  {lam:.7f}\n"
    )
    (tmp_path / "x.a2f").write_text(body + foot)
    assert list(read(tmp_path / "x.a2f", "epw")) == [0.5, 0.55]
    with pytest.raises(SpectrumError, match=r"give one of 0.5 \(λ = "):
        at_smearing(read(tmp_path / "x.a2f", "epw"), None, tmp_path)


def elph_inp_lambda(q: str, omega: list[float], couplings: list[list[float]]) -> str:
    """What ph.x writes for one q-point: ω² in Ry², and λ for each smearing."""
    text = f"  {q}  {len(couplings)}  {len(omega)}\n"
    text += "".join(f"{np.sign(w) * (w / THZ_PER_RYDBERG) ** 2:14.6E}" for w in omega) + "\n"
    for i, values in enumerate(couplings):
        text += f"     Gaussian Broadening:   {0.01 * (i + 1):.3f} Ry, ngauss=   0\n"
        text += "     DOS =  2.123229 states/spin/Ry/Unit Cell at Ef=  8.328621 eV\n"
        text += "".join(f"     lambda({j:5d})={lam:8.4f}   gamma={0.5:8.2f} GHz\n" for j, lam in enumerate(values, 1))
    return text


@pytest.fixture
def lambda_in(tmp_path: Path) -> Path:
    """Two q-points with the weights 1 and 3, two smearings, three modes."""
    (tmp_path / "elph.inp_lambda.1").write_text(
        elph_inp_lambda("0.0 0.0 0.0", [0.01, 0.01, 0.01], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    )
    (tmp_path / "elph.inp_lambda.2").write_text(
        elph_inp_lambda("0.5 -0.5 0.5", [2.0, 2.0, 4.0], [[0.4, 0.4, 0.8], [0.2, 0.2, 0.4]])
    )
    path = tmp_path / "lambda.in"
    path.write_text(
        "10 0.12 1 ! emax, degauss, smearing\n 2 ! q-points\n 0.0 0.0 0.0 1.0\n 0.5 -0.5 0.5 3.0 ! the last\n"
        "elph_dir/elph.inp_lambda.1 ! files\nelph_dir/elph.inp_lambda.2\n0.10\n"
    )
    return path


def test_couplings_at_q_points_are_summed_with_their_weights(lambda_in: Path):
    spectra = read(lambda_in, "qe-lambda")
    assert list(spectra) == [0.01, 0.02]
    first = spectra[0.01]
    assert isinstance(first, Modes)
    moments = first.moments()
    assert moments.lam == pytest.approx(0.75 * 1.6)
    assert moments.omega_log == pytest.approx(np.sqrt(8.0), rel=1e-5)
    assert spectra[0.02].moments().lam == pytest.approx(0.75 * 0.8)


def test_couplings_without_weights_are_refused(lambda_in: Path):
    with pytest.raises(SpectrumError, match=r"give the lambda\.in"):
        read(lambda_in.with_name("elph.inp_lambda.2"), "qe-lambda")


def test_couplings_of_unstable_modes_are_refused(lambda_in: Path):
    lambda_in.with_name("elph.inp_lambda.2").write_text(
        elph_inp_lambda("0.5 -0.5 0.5", [-2.0, 2.0, 4.0], [[0.4, 0.4, 0.8], [0.2, 0.2, 0.4]])
    )
    with pytest.raises(SpectrumError, match=r"25\.0% of λ is negative or of imaginary modes"):
        read(lambda_in, "qe-lambda")


def test_couplings_that_are_cut_short_or_missing_are_found(lambda_in: Path):
    path = lambda_in.with_name("elph.inp_lambda.2")
    whole = path.read_text()
    for share in np.linspace(0.0, 0.9, 10):
        path.write_text(whole[: int(share * len(whole))])
        with pytest.raises(SpectrumError):
            read(lambda_in, "qe-lambda")
    path.unlink()
    with pytest.raises(SpectrumError, match="cannot be read"):
        read(lambda_in, "qe-lambda")


def test_a_unit_is_needed_for_columns_and_wrong_elsewhere(spectrum: Alpha2F, tmp_path: Path):
    (tmp_path / "a2f").write_text(writers.columns(spectrum, "THz"))
    with pytest.raises(SpectrumError, match="the unit of columns must be said"):
        read(tmp_path / "a2f", "columns")
    with pytest.raises(SpectrumError, match="has its own unit"):
        read(tmp_path / "a2f", "elk", "THz")
    with pytest.raises(SpectrumError, match="found 'vasp'; allowed is one of qe-alpha2f"):
        read(tmp_path / "a2f", "vasp")


def test_modes_must_be_known_for_a2f_dos(two_peaks: Alpha2F):
    with pytest.raises(ValueError, match="has none"):
        writers.qe_a2fdos(two_peaks)

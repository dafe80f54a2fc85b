"""What matdyn.x writes, read back; and λ of a mode from its linewidth, as ph.x has it."""

from pathlib import Path

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.espresso.matdyn import PhononBands, read_bands, read_phonon_dos, steps
from gasearch.espresso.ph import PhSettings
from gasearch.espresso.pw import PwSettings
from gasearch.superconductivity.lambda_files import read_couplings
from gasearch.units import THZ_PER_RYDBERG

AL = Path(__file__).parents[1] / "data" / "espresso" / "al"
ALUMINIUM = Crystal(4.04 * (np.ones((3, 3)) - np.eye(3)) / 2, [[0, 0, 0]], [13])


def listed(*rows: list[float]) -> str:
    modes = len(rows[0])
    lines = [f" &plot nbnd={modes:4d}, nks={len(rows):4d} /"]
    for row in rows:
        lines += [
            "            0.000000  0.000000  0.353553",
            *("".join(f"{x:10.4f}" for x in row[i : i + 6]) for i in (0, 6)),
        ]
    return "\n".join(lines) + "\n"


def test_bands_are_read_whatever_their_lines():
    frequencies = [100.0 * n for n in range(1, 13)]
    files = {"path.freq": listed(frequencies, frequencies)} | {
        f"elph.gamma.{n}": listed([12345.6789] * 12, [2.0 * n] * 12) for n in range(1, 11)
    }
    found = read_bands(files)
    assert found.frequencies.shape == (2, 12) and found.linewidths.shape == (10, 2, 12)
    assert found.frequencies[1, 2] == pytest.approx(300 * 0.0299792458)
    assert found.linewidths[4, 0, 0] == pytest.approx(12.3456789)
    assert found.linewidths[4, 1, 0] == pytest.approx(0.010)


@pytest.mark.parametrize(
    "damage", [lambda text: text[:-20], lambda text: text[5:], lambda text: text.replace("1", "*")]
)
def test_damaged_bands_are_refused(damage):
    files = {"path.freq": damage(listed([1.0] * 12, [1.0] * 12))}
    files |= {f"elph.gamma.{n}": listed([1.0] * 12, [1.0] * 12) for n in range(1, 11)}
    with pytest.raises(ValueError):
        read_bands(files)


def test_the_coupling_of_a_mode_follows_from_its_width_as_ph_has_it():
    text = (AL / "elph.inp_lambda.2").read_text()
    point = read_couplings(AL / "elph.inp_lambda.2")
    widths = [float(line.split("gamma=")[1].split()[0]) for line in text.splitlines() if "gamma=" in line]
    widths = 1e-3 * np.array(widths).reshape(10, 1, 3)
    bands = PhononBands(THZ_PER_RYDBERG * np.sqrt(point.squared)[None], widths)
    for place in range(3, 10):
        np.testing.assert_allclose(bands.couplings(place, point.dos[place])[0], point.couplings[place], rtol=0.01)


def test_nothing_couples_where_there_is_no_frequency():
    bands = PhononBands(np.array([[-1.0, 0.0, 9.0]]), np.ones((10, 1, 3)))
    assert (bands.couplings(0, 2.0)[0] > 0).tolist() == [False, False, True]


def test_the_density_of_states_is_in_thz():
    omega, states = read_phonon_dos(" # Frequency[cm^-1] DOS PDOS\n 0.0 0.0 0.0\n 1.0E+02 2.0E-02 1.0E-02\n")
    assert omega[1] == pytest.approx(2.99792458)
    assert states[1] == pytest.approx(0.02 / 0.0299792458)


def test_the_densities_come_before_the_path():
    settings = PhSettings(PwSettings(), (2, 2, 2), (4, 4, 4), (8, 8, 8))
    found = steps(ALUMINIUM, settings, {13: 26.98}, np.array([[0, 0, 0], [0.5, 0, 0.5]]))
    assert [step.program for step in found] == ["q2r.x", "matdyn.x", "matdyn.x"]
    assert "nk1 = 16, nk2 = 16, nk3 = 16" in found[1].text
    assert found[2].text.endswith(
        "\n2\n0.0000000000 0.0000000000 0.0000000000\n0.5000000000 0.0000000000 0.5000000000\n"
    )

import numpy as np

from gasearch.report.electrons import ElectronPicture, plot_electrons

ENERGIES = np.linspace(-6.0, 4.0, 101)
PICTURE = ElectronPicture(ENERGIES, 1 + 0.1 * ENERGIES**2, {"H-s": 0 * ENERGIES + 0.4, "S-p": 0 * ENERGIES + 0.5})


def test_a_density_of_states_is_drawn_with_and_without_bands(tmp_path):
    distances = np.array([0.0, 1.0, 2.0, 2.0, 3.0])
    bands = np.column_stack([np.cos(distances), np.cos(distances) + 2])
    ticks = [(0.0, "Γ"), (2.0, "H|P1"), (3.0, "N")]
    with_bands = ElectronPicture(PICTURE.energies, PICTURE.dos, PICTURE.projections, distances, bands, ticks)
    for name, picture in {"dos": PICTURE, "both": with_bands}.items():
        files = plot_electrons(picture, "H$_3$S", tmp_path / name)
        assert [file.name for file in files] == [f"{name}.png", f"{name}.svg"]
    once = (tmp_path / "both.svg").read_bytes()
    plot_electrons(with_bands, "H$_3$S", tmp_path / "both")
    assert (tmp_path / "both.svg").read_bytes() == once

import numpy as np
import pytest

from gasearch.superconductivity.alpha2f import Alpha2F


@pytest.fixture
def two_peaks() -> Alpha2F:
    """A smooth spectrum of 500 samples that resembles niobium's: λ near 1, phonons to 6 THz."""
    omega = np.linspace(0.0, 8.0, 500)
    values = 0.25 * np.exp(-(((omega - 1.7) / 0.5) ** 2)) + 0.75 * np.exp(-(((omega - 4.3) / 0.8) ** 2))
    return Alpha2F(omega, np.where(omega > 0, values, 0.0) * np.minimum(omega, 1.0) ** 2, source="two peaks")

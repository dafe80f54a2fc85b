"""Files of α²F for other programs, which `gasearch.superconductivity.readers` reads back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from gasearch.superconductivity.alpha2f import Alpha2F
from gasearch.superconductivity.moments import Moments
from gasearch.superconductivity.readers import UNITS
from gasearch.units import K_PER_THZ, MEV_PER_THZ, THZ_PER_RYDBERG

Smeared = Mapping[float, Alpha2F]


def columns(spectrum: Alpha2F, unit: str) -> str:
    """Return two columns, frequency in one of `UNITS` and α²F."""
    return f"# omega ({unit})  alpha2F\n" + _rows(spectrum.omega / UNITS[unit], spectrum.values)


def elk(spectrum: Alpha2F) -> str:
    """Return ALPHA2F.OUT of Elk: Ha and α²F."""
    return _rows(spectrum.omega / UNITS["Ha"], spectrum.values)


def qe_alpha2f(spectra: Smeared) -> str:
    """Return alpha2F.dat of lambda.x: THz, and α²F for each smearing (Ry); all have the same frequencies."""
    head = "# E(THz) " + " ".join(f"{smearing:.6f}" for smearing in spectra)
    return f"{head}\n" + _rows(_frequencies(spectra), *(one.values for one in spectra.values()))


def qe_a2fdos(spectrum: Alpha2F) -> str:
    """Return a2F.dosN of matdyn.x: Ry, total, modes, and at the end λ; the modes must be known.

    Raises
    ------
    ValueError
        If they are not.
    """
    if spectrum.parts is None:
        raise ValueError("a2F.dos lists the modes, and this spectrum has none")
    head = (
        "\n # Eliashberg function a2F (per both spin)\n #  frequencies in Rydberg\n"
        " # DOS normalized to E in Rydberg: a2F_total, a2F(mode)\n\n"
    )
    omega = spectrum.omega / THZ_PER_RYDBERG
    end = f" lambda = {spectrum.moments().lam:.10f} Delta = {omega[1] - omega[0]:.10E}\n"
    return head + _rows(omega, spectrum.values, *spectrum.parts) + end


def qe_lambda(moments: Mapping[float, Moments]) -> str:
    """Return lambda.dat of lambda.x for each smearing (Ry); densities of states, which are not known, are zero."""
    rows = (
        f"{smearing:.3f} {one.lam:.6f} {one.lam:.6f} {K_PER_THZ * one.omega_log:.3f} 0.0\n"
        for smearing, one in moments.items()
    )
    return "# degauss   lambda    int alpha2F  <log w>     N(Ef)\n" + "".join(rows)


def epw(spectra: Smeared) -> str:
    """Return prefix.a2f of EPW for each phonon smearing (meV); the other smearings, which are not known, are zero."""
    omega = _frequencies(spectra) * MEV_PER_THZ
    values = [one.values for one in spectra.values()]
    couplings = [one.moments().lam for one in spectra.values()]
    return (
        f" w[meV] a2f and integrated 2*a2f/w for {len(spectra)} smearing values\n"
        + _rows(omega, *values, *(one.cumulative() for one in spectra.values()))
        + f" Integrated el-ph coupling\n  # {_line(couplings)}\n Phonon smearing (meV)\n  # {_line(list(spectra))}\n"
        + " Electron smearing (eV) 0.0\n Fermi window (eV) 0.0\n"
        + f" Summed el-ph coupling {couplings[0]:.7f}\n"
    )


def write_abinit(spectrum: Alpha2F, path: Path) -> None:
    """Write the α²F of an _A2F.nc of ABINIT: Ha, the total and the modes, and ∫ α²F/ω dω."""
    from scipy.io import netcdf_file

    total_and_modes = [spectrum.values, *(() if spectrum.parts is None else spectrum.parts)]
    values = np.array([total_and_modes])
    cumulative = np.zeros_like(values)
    cumulative[0, 0] = spectrum.cumulative() / 2
    with netcdf_file(path, "w") as file:
        for name, size in zip(("number_of_spins", "natom3p1", "a2f_nomega_qintp"), values.shape, strict=True):
            file.createDimension(name, size)
        file.createVariable("a2f_mesh_qintp", "d", ("a2f_nomega_qintp",))[:] = spectrum.omega / UNITS["Ha"]
        for name, array in (("values", values), ("lambdaw", cumulative)):
            axes = ("number_of_spins", "natom3p1", "a2f_nomega_qintp")
            file.createVariable(f"a2f_{name}_qintp", "d", axes)[:] = array


def _frequencies(spectra: Smeared) -> np.ndarray:
    """Return the frequencies (n,), THz, that all spectra must share."""
    first, *others = (one.omega for one in spectra.values())
    if not all(np.array_equal(first, other) for other in others):
        raise ValueError("spectra of one file must have the same frequencies")
    return first


def _rows(*arrays: np.ndarray) -> str:
    return "".join(_line(row) + "\n" for row in np.column_stack(arrays).tolist())


def _line(row: Sequence[float]) -> str:
    return " ".join(f"{value:16.9E}" for value in row)

"""Nesting and the bare susceptibility of bands, with constant matrix elements: sums over states are all there is.

Both are correlations of functions of k, so that fast Fourier transforms give every q of the grid at once. Everything
is of one spin and one cell. Real matrix elements, which fall with |q| and between unlike orbitals, are not known here:
compare peaks with one another and with the mean, and not heights with those of other programs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gasearch.errors import InputError
from gasearch.screening.bands import FermiBands, interpolated, occupation

#: Points of the integral over imaginary time: its error is below 1e-6 while the bands are narrower than 1e5 k_B T.
_TIMES = 48
#: Relative difference by which a point must exceed its neighbours, to be a peak and no rounding.
_ROUNDING = 1e-9
#: Relative difference of the heights of peaks at the same |q| up to which they count as images of one: interpolated
#: bands have the symmetry of the crystal only nearly.
_IMAGES = 0.005


@dataclass(frozen=True, eq=False)
class Response:
    """A function of q on the grid of the bands.

    Parameters
    ----------
    cell : (3, 3) array
        Å.
    values : (n1, n2, n3) array
        At q = (i/n1, j/n2, k/n3) in units of the reciprocal vectors.
    """

    cell: np.ndarray
    values: np.ndarray

    def at(self, q: np.ndarray) -> np.ndarray:
        """Return it at points (..., 3) in units of the reciprocal vectors, by cubic splines."""
        return interpolated(self.values, np.asarray(q, float))

    @property
    def mean(self) -> float:
        """Over the zone."""
        return float(self.values.mean())


@dataclass(frozen=True)
class Peak:
    """A local maximum of a response.

    Parameters
    ----------
    q : tuple of float
        In units of the reciprocal vectors, −0.5 to 0.5.
    length : float
        |q|, the shortest of all that are equivalent, Å⁻¹, the factor 2π included.
    height : float
    over_mean : float
        Height over the mean.
    width : float
        Full width at half of the height above the mean, in the direction where it is narrowest, Å⁻¹; a grid cannot show
        less than twice its spacing.
    images : int
        Peaks of the same height and |q|: symmetry makes them equivalent.
    """

    q: tuple[float, ...]
    length: float
    height: float
    over_mean: float
    width: float
    images: int


def density(bands: FermiBands, temperature: float) -> np.ndarray:
    """Return Σ_n −f′(ε_n) at each k (n1, n2, n3), 1/eV: δ(ε) at the temperature k_B T (eV); its mean is N(E_F)."""
    f = occupation(bands.energies, temperature)
    return (f * (1 - f)).sum(axis=0) / temperature


def nesting(bands: FermiBands, temperature: float) -> Response:
    """Return ξ(q) = ⟨Σ_nm δ(ε_nk) δ(ε_mk+q)⟩_k, 1/eV²; its mean is N(E_F)².

    δ is −f′ at k_B T (eV).
    """
    surface = density(bands, temperature)
    return Response(bands.cell, _correlation(surface, surface))


def susceptibility(bands: FermiBands, temperature: float, interband: bool = True) -> Response:
    """Return χ0(q) = ⟨Σ_nm (f_nk − f_mk+q) / (ε_mk+q − ε_nk)⟩_k, static, 1/eV.

    (f₁ − f₂)/(ε₂ − ε₁) = ∫₀^β f₁ e^{ε₁τ} (1 − f₂) e^{−ε₂τ} dτ makes it an integral of correlations; where the energies
    are equal, it is −f′.

    Parameters
    ----------
    bands : FermiBands
    temperature : float
        k_B T, eV.
    interband : bool
        Whether pairs of different bands count. Without them χ0(0) is N(E_F); with them, and constant matrix elements,
        it is more.
    """
    groups = [bands.energies] if interband else list(bands.energies[:, None])
    values = sum(_susceptibility(energies, temperature) for energies in groups)
    return Response(bands.cell, values)


def _susceptibility(energies: np.ndarray, temperature: float) -> np.ndarray:
    beta = 1 / temperature
    total = np.zeros(energies.shape[1:])
    for tau, weight in zip(*_imaginary_times(beta, np.ptp(energies)), strict=True):
        # Neither overflows: each exponent is that of a Fermi function times one between 0 and β.
        full = np.exp(energies * tau - np.logaddexp(0, beta * energies)).sum(axis=0)
        empty = np.exp(energies * (beta - tau) - np.logaddexp(0, beta * energies)).sum(axis=0)
        total += weight * _correlation(full, empty)
    # From β/2 on, full and empty have changed places, and q its sign.
    return total + _negative(total)


def _imaginary_times(beta: float, bandwidth: float) -> tuple[np.ndarray, np.ndarray]:
    """Return points and weights for 0 to β/2; they crowd where e^{−ετ} changes quickly."""
    x, w = np.polynomial.legendre.leggauss(_TIMES)
    reach = np.log1p(max(beta * bandwidth, 10.0))
    u = reach * (x + 1) / 2
    scale = beta / 2 / np.expm1(reach)
    return scale * np.expm1(u), w * reach / 2 * scale * np.exp(u)


def _correlation(f: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Return ⟨f(k) g(k + q)⟩_k for every q of the grid."""
    from scipy.fft import irfftn, rfftn

    return irfftn(np.conj(rfftn(f)) * rfftn(g), s=f.shape) / f.size


def _negative(values: np.ndarray) -> np.ndarray:
    """Return the function of −q."""
    return np.roll(np.flip(values), 1, axis=(0, 1, 2))


def enhanced(chi: Response, stoner: float) -> Response:
    """Return χ = χ0/(1 − I χ0) with the Stoner parameter I, eV, for χ0 of one spin.

    Raises
    ------
    InputError
        If I max χ0 ≥ 1: the state without spins is unstable, and χ means nothing.
    """
    highest = stoner * float(chi.values.max())
    if highest >= 1:
        raise InputError(
            f"with I = {stoner:g} eV, I χ0 is {highest:.2f} at its peak: an order grows by itself where it exceeds 1; "
            f"an I below {1 / float(chi.values.max()):.3g} eV has a finite enhancement"
        )
    return Response(chi.cell, chi.values / (1 - stoner * chi.values))


def peaks(response: Response, count: int = 5, beyond: float = 0.0) -> list[Peak]:
    """Return the highest local maxima, one of each set that symmetry makes equal.

    Those up to ``beyond`` (Å⁻¹) from Γ are left out: any Fermi surface nests with itself there.
    """
    from scipy.ndimage import maximum_filter

    values, lengths = response.values, _lengths(response)
    footprint = [min(3, n) for n in values.shape]
    top = values >= maximum_filter(values, size=footprint, mode="wrap") * (1 - _ROUNDING)
    # A plateau, as along an axis on which nothing depends, is as high as its neighbours; only the mean is no peak.
    places = np.argwhere(top & (lengths > beyond) & (values > response.mean * (1 + _ROUNDING)))
    order = np.lexsort((lengths[tuple(places.T)].round(6), -values[tuple(places.T)].round(9)))
    return _distinct(response, places[order], lengths, count)


def _distinct(response: Response, places: np.ndarray, lengths: np.ndarray, count: int) -> list[Peak]:
    found: list[Peak] = []
    while len(places) and len(found) < count:
        heights, away = response.values[tuple(places.T)], lengths[tuple(places.T)]
        same = np.isclose(heights, heights[0], rtol=_IMAGES) & np.isclose(away, away[0], rtol=1e-6)
        found.append(_peak(response, places[0], int(same.sum())))
        places = places[~same]
    return found


def _peak(response: Response, place: np.ndarray, images: int) -> Peak:
    values, shape = response.values, np.array(response.values.shape)
    height = float(values[tuple(place)])
    away = np.roll(_lengths(response), place, axis=(0, 1, 2))
    below = away[values < (height + response.mean) / 2]
    q = place / shape
    return Peak(
        q=tuple((q - np.rint(q)).tolist()),
        length=float(_lengths(response)[tuple(place)]),
        height=height,
        over_mean=height / response.mean,
        width=2 * float(below.min(initial=np.inf)),
        images=images,
    )


def _lengths(response: Response) -> np.ndarray:
    """Return |q| (n1, n2, n3), Å⁻¹, of the shortest equivalent of each point."""
    from gasearch.crystal.geometry import reduced_cell, shortest_images

    reciprocal = 2 * np.pi * np.linalg.inv(response.cell).T
    cell, change = reduced_cell(reciprocal)
    axes = np.meshgrid(*(np.arange(n) / n for n in response.values.shape), indexing="ij")
    q = np.stack(axes, axis=-1).reshape(-1, 3) @ change
    # In parts: each point has 27 images.
    parts = [shortest_images(part, cell) for part in np.array_split(q, 1 + len(q) // 100_000)]
    return np.concatenate(parts).reshape(response.values.shape)

"""An autoencoder of α²F: what a few numbers can hold of the shape of a spectrum, and new spectra from them.

A shape is the density of λ over ω/ω_max, dλ/d(ω/ω_max)/λ = 2α²F/(λω)·ω_max, in bins that add up to 1; λ and ω_max are
kept apart, so that every decoded spectrum has them exactly. The decoder ends in a softmax: nothing is negative.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from gasearch.superconductivity.modes import Modes, Spectrum

#: Bins over 0 … ω_max.
BINS: Final = 96
_CENTRES: Final = (np.arange(BINS) + 0.5) / BINS


@dataclass(frozen=True)
class Training:
    """How the network is trained.

    Parameters
    ----------
    bottleneck : int
        Numbers that a shape is reduced to.
    hidden : int
        Units of each of the two hidden layers of encoder and decoder.
    epochs : int
        At most.
    patience : int
        Epochs without a better validation loss after which it stops.
    batch : int
    rate : float
    seed : int
    """

    bottleneck: int = 8
    hidden: int = 128
    epochs: int = 300
    patience: int = 25
    batch: int = 64
    rate: float = 2e-3
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Autoencoder:
    """Weights of encoder and decoder as plain arrays: matrices (in, out) and biases (out,), in turn.

    Parameters
    ----------
    encoder, decoder : tuple of arrays
    losses : (epochs, 2) array
        Of training and of validation.
    """

    encoder: tuple[np.ndarray, ...]
    decoder: tuple[np.ndarray, ...]
    losses: np.ndarray

    def encode(self, shapes: np.ndarray) -> np.ndarray:
        """Return codes (n, k) of shapes (n, bins)."""
        return _through(self.encoder, _scaled(shapes))

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Return shapes (n, bins) of codes (n, k): positive, and adding up to 1."""
        logits = _through(self.decoder, codes)
        weights = np.exp(logits - logits.max(1, keepdims=True))
        return weights / weights.sum(1, keepdims=True)


def shape_of(spectrum: Spectrum) -> np.ndarray:
    """Return the shape (bins,) of a spectrum."""
    lines, end = spectrum.lines(), spectrum.omega_ph
    place = np.clip(lines.omega / end * BINS - 0.5, 0, BINS - 1)
    lower = np.minimum(place.astype(int), BINS - 2)
    share = place - lower
    shape = np.zeros(BINS)
    np.add.at(shape, lower, (1 - share) * lines.couplings)
    np.add.at(shape, lower + 1, share * lines.couplings)
    return shape / shape.sum()


def spectrum_of(shape: np.ndarray, lam: float, omega_max: float) -> Modes:
    """Return the spectrum of a shape (bins,) with λ and ω_max, THz."""
    return Modes(_CENTRES * omega_max, lam * shape)


def train(shapes: np.ndarray, validation: np.ndarray, settings: Training) -> Autoencoder:
    """Train on shapes (n, bins) until the loss on the validation set (m, bins) no longer falls.

    The loss is the distance between cumulative shapes (a Wasserstein distance), so that a peak that is slightly shifted
    costs little, as it does in Tc.
    """
    import torch

    torch.manual_seed(settings.seed)
    widths = (BINS, settings.hidden, settings.hidden, settings.bottleneck)
    encoder, decoder = _network(torch, widths), _network(torch, widths[::-1])
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=settings.rate)
    x, y = (torch.tensor(one, dtype=torch.float32) for one in (shapes, validation))

    def loss(batch: torch.Tensor) -> torch.Tensor:
        decoded = torch.softmax(decoder(encoder(_scaled(batch))), dim=1)
        far = (decoded - batch).cumsum(1).abs().mean(1)
        return (far + 0.02 * (decoded - batch).abs().sum(1)).mean()

    best, best_loss, since, losses = None, float("inf"), 0, []
    for _ in range(settings.epochs):
        total = 0.0
        for rows in torch.randperm(len(x)).split(settings.batch):
            optimizer.zero_grad()
            one = loss(x[rows])
            one.backward()
            optimizer.step()
            total += float(one.detach()) * len(rows)
        with torch.no_grad():
            losses.append((total / len(x), float(loss(y))))
        since += 1
        if losses[-1][1] < best_loss:
            best_loss, since = losses[-1][1], 0
            best = tuple(tuple(_arrays(network)) for network in (encoder, decoder))
        if since > settings.patience:
            break
    return Autoencoder(*best, np.array(losses))


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """The same by a projection: what an autoencoder must beat.

    Parameters
    ----------
    mean : (bins,) array
    axes : (k, bins) array
    """

    mean: np.ndarray
    axes: np.ndarray

    @staticmethod
    def of(shapes: np.ndarray, count: int) -> PrincipalComponents:
        """Return the first components of shapes (n, bins)."""
        mean = shapes.mean(0)
        return PrincipalComponents(mean, np.linalg.svd(shapes - mean, full_matrices=False)[2][:count])

    def reconstruct(self, shapes: np.ndarray) -> np.ndarray:
        """Return shapes (n, bins) as the components hold them, what is negative set to zero."""
        found = np.maximum(self.mean + (shapes - self.mean) @ self.axes.T @ self.axes, 0.0)
        return found / found.sum(1, keepdims=True)


def _scaled(shapes: np.ndarray) -> np.ndarray:
    """Return what the network sees of shapes: cumulative sums, which are smooth even for lines."""
    return 2 * shapes.cumsum(1) - 1


def _network(torch, widths: Sequence[int]):
    layers = []
    for first, second in itertools.pairwise(widths):
        layers += [torch.nn.Linear(first, second), torch.nn.SiLU()]
    return torch.nn.Sequential(*layers[:-1])


def _arrays(network) -> list[np.ndarray]:
    """Return copies of the matrices (in, out) and biases of a network, in turn."""
    return [value.detach().numpy().astype(float).T.copy() for value in network.parameters()]


def _through(layers: Sequence[np.ndarray], values: np.ndarray) -> np.ndarray:
    """Return what linear layers make of values (n, in), with SiLU between them."""
    for i in range(0, len(layers), 2):
        values = values @ layers[i] + layers[i + 1]
        if i + 2 < len(layers):
            values = values / (1 + np.exp(-values))
    return values

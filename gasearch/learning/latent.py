"""New spectra from an autoencoder: where in its latent space the training set lies, and draws from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from gasearch.learning.autoencoder import Autoencoder
from gasearch.quiet import ignoring

#: Normal distributions of a mixture, at most.
_MOST: Final = 24
#: Rows for each, at least.
_ROWS: Final = 20


@dataclass(frozen=True, eq=False)
class Mixture:
    """A mixture of normal distributions.

    Parameters
    ----------
    weights : (m,) array
    means : (m, k) array
    factors : (m, k, k) array
        Cholesky factors of the covariances.
    """

    weights: np.ndarray
    means: np.ndarray
    factors: np.ndarray

    @staticmethod
    def of(rows: np.ndarray, seed: int, most: int = _MOST) -> Mixture:
        """Fit rows (n, k): as many normal distributions, up to ``most``, as Bayes's information criterion justifies."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture

        counts = [1, *(m for m in (2, 3, 4, 6, 8, 12, 16, 24) if m <= min(most, len(rows) // _ROWS))]
        with ignoring(ConvergenceWarning):  # one that has not settled is judged by the criterion as well
            models = [GaussianMixture(m, reg_covar=1e-5, random_state=seed).fit(rows) for m in counts]
        best = min(models, key=lambda model: model.bic(rows))
        return Mixture(best.weights_, best.means_, np.linalg.cholesky(best.covariances_))

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Return rows (count, k)."""
        which = rng.choice(len(self.weights), count, p=self.weights / self.weights.sum())
        normal = rng.normal(size=(count, self.means.shape[1]))
        return self.means[which] + np.einsum("nij,nj->ni", self.factors[which], normal)


@dataclass(frozen=True, eq=False)
class Generator:
    """A decoder, and the joint distribution of codes, ln λ and ln ω_max of what it was trained on.

    Parameters
    ----------
    model : Autoencoder
    mixture : Mixture
        Of scaled columns: codes, ln λ, ln ω_max (THz).
    centre, scale : (k + 2,) arrays
    """

    model: Autoencoder
    mixture: Mixture
    centre: np.ndarray
    scale: np.ndarray

    @staticmethod
    def of(
        model: Autoencoder, shapes: np.ndarray, lam: np.ndarray, omega_max: np.ndarray, seed: int, most: int = _MOST
    ) -> Generator:
        """Fit the distribution to shapes (n, bins) with λ and ω_max (n,), THz."""
        rows = np.column_stack([model.encode(shapes), np.log(lam), np.log(omega_max)])
        centre, scale = rows.mean(0), rows.std(0)
        scale = np.where(scale > 0, scale, 1.0)
        return Generator(model, Mixture.of((rows - centre) / scale, seed, most), centre, scale)

    def sample(self, count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return shapes (count, bins), λ and ω_max (count,), THz."""
        rows = self.centre + self.scale * self.mixture.sample(count, rng)
        return self.model.decode(rows[:, :-2]), np.exp(rows[:, -2]), np.exp(rows[:, -1])

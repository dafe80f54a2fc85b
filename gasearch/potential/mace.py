"""MACE models; the only file of this room that imports torch and mace."""

from __future__ import annotations

import contextlib
import ctypes
import io
import logging
import os
import platform
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from gasearch.errors import PotentialError
from gasearch.potential.card import CARD, PotentialCard, check_model, find_model
from gasearch.potential.device import Device, device_name
from gasearch.potential.neighbours import PairCache
from gasearch.potential.potential import Batch, BatchResult, check_elements
from gasearch.quiet import ignoring

if TYPE_CHECKING:
    import torch

#: Of the neighbour list, Å: pairs in it are dropped again before the model sees them.
_SKIN = 1.0


class Turns:
    """Who may use torch: any number of threads that evaluate, or one that loads.

    Unpickling a model traces parts of it anew, and meanwhile changes what calls of any module do.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._evaluating = self._to_load = 0

    @contextlib.contextmanager
    def evaluating(self) -> Iterator[None]:
        """Wait until no thread loads."""
        with self._changed:
            self._changed.wait_for(lambda: not self._to_load)
            self._evaluating += 1
        try:
            yield
        finally:
            with self._changed:
                self._evaluating -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def loading(self) -> Iterator[None]:
        """Wait until no other thread evaluates or loads."""
        with self._changed:
            self._to_load += 1
            try:
                self._changed.wait_for(lambda: not self._evaluating)
                yield
            finally:
                self._to_load -= 1
                self._changed.notify_all()


_TURNS = Turns()


class Mace:
    """A MACE model (doi:10.48550/arXiv.2206.07697) from a file.

    A model file is code when it is loaded, so its sha256 is compared with the card beside it first; where there is no
    card, a warning is logged.

    Parameters
    ----------
    path : Path
        Model file, or a folder that holds a model and its card.toml.
    dtype : str
        Precision of the model; everything around it is float64.
    device : str
        ``auto`` takes a GPU where there is one; the ranks of a node take its GPUs in turn.
    trusted : bool
        Whether the file was made here, so that nothing needs to be said of one without a card.

    Raises
    ------
    PotentialError
        If there is no such file, it is not what its card says, or it holds no MACE model.
    """

    name = "MACE"

    def __init__(
        self,
        path: Path,
        dtype: Literal["float32", "float64"] = "float32",
        device: Device = "auto",
        trusted: bool = False,
    ):
        file, card = _checked_file(Path(path), trusted)
        self._model = _loaded(file)
        self.shortest_distances = card.shortest_distances_A if card else {}
        import torch

        self._dtype = getattr(torch, dtype)
        # A driver that is too old for torch shows GPUs of which none can be used.
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        self._device = torch.device(device_name(device, gpus, os.environ))
        self._model.to(device=self._device, dtype=self._dtype).eval().requires_grad_(False)
        torch.set_num_threads(1)  # every rank has one core
        _keep_freed_memory()
        self._atomic_numbers = self._model.atomic_numbers.cpu().numpy()
        self.elements = tuple(sorted(self._atomic_numbers.tolist()))
        self._cutoff = float(self._model.r_max)
        self._cache = PairCache(lambda numbers: np.full((len(numbers), len(numbers)), self._cutoff), _SKIN)

    @property
    def atomic_energies(self) -> dict[int, float]:
        """Atomic number → energy of the atom alone, eV, that the model counts from."""
        energies = self._model.atomic_energies_fn.atomic_energies.detach().cpu().double().numpy().reshape(-1)
        return dict(zip(self._atomic_numbers.tolist(), energies.tolist(), strict=True))

    def compute(self, batch: Batch) -> BatchResult:
        """Return energies, forces and stresses; one pass forward and one backward for the whole batch.

        The model sees the vectors of the edges alone, as shifts between atoms at the origin: so they are exact in
        single precision, and its gradient with respect to them gives forces and stress at once.
        """
        check_elements(self, batch.numbers)
        pairs = self._cache.pairs(batch)
        vectors = pairs.vectors(batch)
        within = np.flatnonzero((vectors * vectors).sum(axis=0) < self._cutoff**2)
        first, second = (np.repeat(atoms, pairs.counts)[within] for atoms in (pairs.first, pairs.second))
        edges = np.concatenate([vectors[:, within], -vectors[:, within]], axis=1).T
        index = np.stack([np.concatenate([first, second]), np.concatenate([second, first])])
        with _TURNS.evaluating():
            node_energy, gradient = self._evaluate(batch, index, edges)
        pull = np.zeros_like(vectors)
        pull[:, within] = (gradient[: len(within)] - gradient[len(within) :]).T
        energy = np.add.reduceat(node_energy, batch.offsets[:-1])
        return BatchResult(energy, *pairs.forces_and_stress(batch, vectors, pull))

    def _evaluate(self, batch: Batch, index: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energies of the atoms, and the gradient of the energy with respect to the edges (n_edges, 3)."""
        import torch

        def tensor(array: np.ndarray, dtype: torch.dtype) -> torch.Tensor:
            return torch.as_tensor(array, device=self._device).to(dtype)

        system = np.repeat(np.arange(len(batch)), np.diff(batch.offsets))
        output = self._model(
            {
                "positions": torch.zeros((len(system), 3), device=self._device, dtype=self._dtype),
                "shifts": tensor(edges, self._dtype),
                "edge_index": tensor(index, torch.int64),
                "node_attrs": tensor(batch.numbers[:, None] == self._atomic_numbers, self._dtype),
                "cell": tensor(batch.cells.reshape(-1, 3), self._dtype),
                "batch": tensor(system, torch.int64),
                "ptr": tensor(batch.offsets, torch.int64),
            },
            compute_force=False,
            compute_edge_forces=True,
        )
        return tuple(output[key].detach().double().cpu().numpy() for key in ("node_energy", "edge_forces"))


def _checked_file(path: Path, trusted: bool) -> tuple[Path, PotentialCard | None]:
    """Return the model file and its card, if it has one, after comparing them."""
    file, card = find_model(path)
    if card:
        check_model(card, file)
    elif not trusted:
        logging.getLogger(__name__).warning(
            "%s has no %s beside it: loading a model runs code from the file, and nothing says that it is the right "
            "one",
            file,
            CARD,
        )
    return file, card


def _keep_freed_memory() -> None:
    """Have the C library reuse the memory of freed tensors.

    By default it returns that of large ones to the system at once, and the next ones are mapped anew: a tenth of the
    time of small models, and a bottleneck that all ranks of a node share.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    largest_in_heap, slack = (-3, 2**25), (-1, 2**30)  # M_MMAP_THRESHOLD at its upper limit, M_TRIM_THRESHOLD
    for option, size in (largest_in_heap, slack):
        ctypes.CDLL(None).mallopt(option, size)


def _loaded(file: Path) -> torch.nn.Module:
    """Load a pickled model on the CPU."""
    # Importing mace and e3nn prints about accelerators, and warns about torch.
    with _TURNS.loading(), ignoring(), contextlib.redirect_stdout(io.StringIO()):
        import mace  # noqa: F401  before anything of e3nn: it lifts torch's weights-only default
        import torch

        torch.jit.set_fusion_strategy([])  # fused after its first calls, a model would differ from itself in a bit
        try:
            model = torch.load(file, map_location="cpu", weights_only=False)
        except Exception as error:  # unpickling a damaged file may raise anything
            raise PotentialError(
                f"{file} cannot be loaded as a model ({error}); give a model that mace-torch wrote"
            ) from error
    if not hasattr(model, "r_max") or not hasattr(model, "atomic_numbers"):
        raise PotentialError(f"{file} holds a {type(model).__name__}, not a MACE model")
    return model

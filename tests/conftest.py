import contextlib
import io
import os
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from gasearch.potential.lennard_jones import LennardJones

SLURM = Path(__file__).parent / "slurm"


@pytest.fixture
def kob_andersen() -> LennardJones:
    """The mixture of Kob and Andersen, with Cu for A and Al for B."""
    return LennardJones({(29, 29): (1.0, 2.0), (13, 29): (1.5, 1.6), (13, 13): (0.5, 1.76)}, cutoff_sigma=5.0)


@pytest.fixture(scope="session")
def tiny_mace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MACE model file for H and S with random weights: quick, smooth, and right about nothing."""
    path = tmp_path_factory.mktemp("mace") / "tiny.model"
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        import mace.modules as modules
        import torch
        from e3nn.o3 import Irreps

        torch.manual_seed(0)
        block = modules.interaction_classes["RealAgnosticResidualInteractionBlock"]
        model = modules.ScaleShiftMACE(
            atomic_inter_scale=1.0,
            atomic_inter_shift=0.0,
            r_max=3.0,
            num_bessel=4,
            num_polynomial_cutoff=5,
            max_ell=1,
            interaction_cls=block,
            interaction_cls_first=block,
            num_interactions=2,
            num_elements=2,
            hidden_irreps=Irreps("4x0e"),
            MLP_irreps=Irreps("4x0e"),
            gate=torch.nn.functional.silu,
            atomic_energies=np.array([-13.6, -270.0]),
            avg_num_neighbors=20.0,
            atomic_numbers=[1, 16],
            correlation=2,
            radial_type="bessel",
            pair_repulsion=True,
        ).double()
        torch.save(model, path)
    return path


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch) -> Path:
    """Let small programs stand for Slurm's; return the folder where they keep what they were asked."""
    pytest.importorskip("submitit")
    folder = tmp_path / "slurm"
    folder.mkdir()
    monkeypatch.setenv("SLURM_STAND_IN", str(folder))
    monkeypatch.setenv("PATH", f"{SLURM}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SLURM), *sys.path]))
    monkeypatch.syspath_prepend(SLURM)
    monkeypatch.setattr("gasearch.parallel.cluster._POLL", 0.05)
    return folder

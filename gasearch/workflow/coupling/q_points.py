"""What a worker does for electron–phonon coupling: calculations that are kept when they are finished."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gasearch.crystal.convert import masses, masses_of_elements
from gasearch.crystal.crystal import Crystal
from gasearch.espresso import matdyn, ph
from gasearch.espresso.ph import Phonons, PhSettings
from gasearch.espresso.pw import ScfResult, read_scf
from gasearch.espresso.record import Record, ScfFailure, failure
from gasearch.espresso.runner import PwRunner
from gasearch.outcomes import Failure, Reason
from gasearch.superconductivity.electron_phonon import QPoint

#: A frequency below which a phonon is unstable, THz; rounding and finite grids make small ones imaginary.
UNSTABLE = -0.3


@dataclass(frozen=True)
class Linear:
    """How a crystal's response is computed.

    Parameters
    ----------
    runner : PwRunner
    crystal : Crystal
    settings : PhSettings
    """

    runner: PwRunner
    crystal: Crystal
    settings: PhSettings

    @property
    def masses(self) -> dict[int, float]:
        """u, by atomic number."""
        return masses_of_elements(self.crystal)

    @property
    def pseudo_dir(self) -> str:
        """As inputs name it."""
        return str(self.runner.pseudo_dir)


@dataclass(frozen=True, eq=False)
class Beginning:
    """What is known before the first phonon.

    Parameters
    ----------
    q_points : (n, 3) array
        Irreducible ones, in units of the reciprocal vectors.
    scf : ScfResult
        On the coarse grid.
    printed : str
        What pw.x said there.
    files : mapping
        ``dyn0``, as ph.x wrote it.
    """

    q_points: np.ndarray
    scf: ScfResult
    printed: str
    files: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Response:
    """What ph.x found at an irreducible q-point.

    Parameters
    ----------
    index : int
        From 1.
    phonons : Phonons
    files : mapping
        Name → text, see `gasearch.espresso.ph.results`.
    """

    index: int
    phonons: Phonons
    files: Mapping[str, str]

    def q_point(self, linear: Linear) -> QPoint:
        """Return it with its couplings."""
        return QPoint.of(
            text=self.files[f"elph.inp_lambda.{self.index}"],
            q=ph.fractional(self.phonons.q, linear.crystal),
            grid=linear.settings.q_grid,
            star=self.phonons.star,
            acoustic=self.phonons.acoustic(masses(linear.crystal.numbers)),
        )


def beginning(linear: Linear) -> Beginning | Failure:
    """Run the SCF on the coarse grid and list the irreducible q-points."""
    steps = ph.listing_steps(linear.crystal, linear.settings, linear.pseudo_dir, linear.masses)
    record = linear.runner.run(steps, linear.crystal, ["dyn0"])
    scf = read_scf(record.printed[0], len(linear.crystal))
    if scf is None or "dyn0" not in record.files:
        return _failed("the list of q-points", record)
    q_points = ph.fractional(ph.read_q_points(record.files["dyn0"]), linear.crystal)
    return Beginning(q_points, scf, record.printed[0], record.files)


def dense_eigenvalues(linear: Linear) -> str | Failure:
    """Return pw.x's file of eigenvalues on the dense grid."""
    record = linear.runner.run(
        [ph.dense_step(linear.crystal, linear.settings, linear.pseudo_dir)], linear.crystal, [ph.DENSE]
    )
    if read_scf(record.printed[0], len(linear.crystal)) is None or ph.DENSE not in record.files:
        return _failed("the electrons of the Fermi surface", record)
    return record.files[ph.DENSE]


def response(linear: Linear, eigenvalues: str, index: int) -> Response | Failure:
    """Return what ph.x finds at an irreducible q-point, counted from 1; where it does not converge, it mixes less."""
    settings = linear.settings
    for mixing in (settings.mixing, settings.mixing / 3):
        less = replace(settings, mixing=mixing)
        steps = ph.q_point_steps(linear.crystal, less, linear.pseudo_dir, linear.masses, index)
        record = linear.runner.run(steps, linear.crystal, ph.results(index), {ph.DENSE: eigenvalues})
        if len(record.files) == 2 + ph.SMEARINGS:
            return Response(index, ph.read_dynamical(record.files[f"dyn{index}"]), record.files)
    return _failed(f"q-point {index}", record)


def interpolated(
    linear: Linear, begun: Beginning, responses: Sequence[Response], path: np.ndarray
) -> Mapping[str, str] | Failure:
    """Return what matdyn.x writes, on a grid and along a path (n, 3), in units of the reciprocal vectors."""
    given = dict(begun.files)
    for one in responses:
        given |= {f"elph_dir/{name}" if name.startswith("a2F") else name: text for name, text in one.files.items()}
    record = linear.runner.run(
        matdyn.steps(linear.crystal, linear.settings, linear.masses, path), linear.crystal, matdyn.RESULTS, given
    )
    return record.files if len(record.printed) == 3 and record.files else _failed("the interpolation", record)


def instability(linear: Linear, phonons: Phonons) -> Failure | None:
    """Return the failure if a phonon other than Γ's translations is unstable, naming q and the frequency."""
    internal = phonons.frequencies[~phonons.acoustic(masses(linear.crystal.numbers))]
    lowest = internal.min(initial=np.inf)
    if lowest >= UNSTABLE:
        return None
    where = q_text(ph.fractional(phonons.q, linear.crystal))
    return Failure(Reason.UNSTABLE, crystal=linear.crystal, detail=f"q = {where}: {-lowest:.2f}i THz")


def q_text(q: np.ndarray) -> str:
    """Return q (3,), in units of the reciprocal vectors, as users read it."""
    return "(" + ", ".join(f"{x:.3g}" for x in np.round(q, 6) + 0.0) + ")"


def _failed(what: str, record: Record) -> Failure:
    problem: ScfFailure = failure(record)
    return Failure(Reason.CALCULATOR, detail=f"{what}: {problem.problem}: {problem.detail}")

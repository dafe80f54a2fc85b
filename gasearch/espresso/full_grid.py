"""Bands at the irreducible points of a uniform grid, for what needs the whole Brillouin zone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.crystal.symmetry import irreducible_points
from gasearch.espresso.electronic import XML, read_bands
from gasearch.espresso.pw import (
    Grid,
    PwSettings,
    cards,
    control_lines,
    electrons_lines,
    joined,
    row,
    smeared,
    structure_cards,
    system_lines,
)
from gasearch.espresso.record import ScfFailure, ScfProblem, Step, failure
from gasearch.espresso.runner import PwRunner, safer
from gasearch.outcomes import BandGrid

_RESULT = f"pwscf.save/{XML}"
_ENDED = "End of band structure calculation"


def _by_gradients(settings: PwSettings) -> PwSettings:
    """Return settings for where Davidson's method breaks down, as it may for states that are far from any atom's."""
    return replace(settings, diagonalization="cg")


_CURES = {ScfProblem.NOT_CONVERGED: safer, ScfProblem.CRASHED: _by_gradients}


def full_grid(runner: PwRunner, crystal: Crystal, grid: Grid, bands: int | None = None) -> BandGrid | ScfFailure:
    """Return the bands on a full Γ-centred grid, by symmetry and time reversal from the irreducible points.

    The density is that of the runner's settings and spins; ``bands`` is how many are computed, None for pw.x's choice,
    which suffices for what lies within some eV of the Fermi energy.
    """
    found = _full_grid(runner, runner.settings, crystal, grid, bands)
    if isinstance(found, ScfFailure) and found.problem in _CURES:
        found = _full_grid(runner, _CURES[found.problem](runner.settings), crystal, grid, bands)
    return found


def _full_grid(
    runner: PwRunner, settings: PwSettings, crystal: Crystal, grid: Grid, bands: int | None
) -> BandGrid | ScfFailure:
    points, images = irreducible_points(crystal, grid)
    record = runner.run(steps(replace(runner, settings=settings), crystal, points, bands), crystal, [_RESULT])
    if len(record.printed) < 2 or _ENDED not in record.printed[1]:
        return failure(record)
    return read_full_grid(record.files[XML], crystal, grid, images)


def steps(runner: PwRunner, crystal: Crystal, points: np.ndarray, bands: int | None = None) -> list[Step]:
    """Return the SCF and the bands at points (n, 3) in units of the reciprocal vectors."""
    settings, spins = runner.settings, runner.spins
    listed = [f"{row(point)} 1.0" for point in points]
    band_cards = [*structure_cards(crystal, spins), "K_POINTS crystal", str(len(listed)), *listed]
    also = f", nbnd = {bands}" if bands else ""

    def pw(calculation: str, occupations: str, structure_and_points: list[str]) -> Step:
        text = joined(
            control_lines(f"calculation = '{calculation}'", str(runner.pseudo_dir), disk_io="low"),
            system_lines(crystal, settings, occupations, spins),
            electrons_lines(settings),
            structure_and_points,
        )
        return Step("pw.x", text)

    metallic = smeared(settings)
    return [pw("scf", metallic, cards(crystal, settings.k_spacing, spins)), pw("bands", metallic + also, band_cards)]


def read_full_grid(xml: str, crystal: Crystal, grid: Grid, images: np.ndarray) -> BandGrid:
    """Read pw.x's XML of the irreducible points; ``images`` (n1·n2·n3,) says which of them each point is like."""
    bands = read_bands(xml)
    energies = bands.eigenvalues[:, images] - bands.fermi_energy
    return BandGrid(
        cell=crystal.cell,
        # From (spin, k, band) to one axis of bands, and the grid's three.
        energies=np.moveaxis(energies, 2, 1).reshape(-1, *grid),
        electrons=bands.electrons,
        per_band=2 // len(bands.eigenvalues),
    )

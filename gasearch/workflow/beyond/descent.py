"""Structures that go down in pressure, each from where the last pressure left it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from gasearch.crystal.crystal import Crystal
from gasearch.outcomes import Failure, Relaxed
from gasearch.parallel.executor import QueueExecutor
from gasearch.potential.load import identity
from gasearch.potential.relaxation import RelaxationSettings
from gasearch.potential.settings import PotentialSettings
from gasearch.schema import plain
from gasearch.screening.decompression import DecompressionSettings
from gasearch.workflow.beyond.diagram import relaxed_at
from gasearch.workflow.dft.refined_document import structure_document
from gasearch.workflow.dft.refinement import Proposal
from gasearch.workflow.dft.relaxed_document import relaxed_document, relaxed_from
from gasearch.workflow.record.kept import kept_answer

#: Structures that are relaxed together, as one task.
_BLOCK = 16

#: What became of a structure at one pressure after the other.
History = list[Relaxed | Failure]


def descend(
    settings: DecompressionSettings,
    potential: PotentialSettings,
    relaxation: RelaxationSettings,
    proposals: Sequence[Proposal],
    anew: range,
    folder: Path,
    executor: QueueExecutor,
) -> list[History]:
    """Return what becomes of each structure at each pressure; those to begin ``anew`` do not go on from the last."""
    histories: list[History] = [[] for _ in proposals]
    now = [p.crystal for p in proposals]
    for pressure in settings.pressures:
        relax = partial(relaxed_block, potential, relaxation, folder, pressure)
        blocks = [executor.submit(relax, now[k : k + _BLOCK]) for k in range(0, len(now), _BLOCK)]
        results = [result for block in blocks for result in block.result()]
        for history, result in zip(histories, results, strict=True):
            history.append(result)
        # Each time from where the last pressure left it.
        for i, result in enumerate(results):
            if isinstance(result, Relaxed) and i not in anew:
                now[i] = result.crystal
    return histories


def relaxed_block(
    potential: PotentialSettings,
    relaxation: RelaxationSettings,
    folder: Path,
    pressure: float,
    crystals: Sequence[Crystal],
) -> list[Relaxed | Failure]:
    """Relax a block of crystals at a pressure (eV/Å³), unless that has been done."""
    asked = {
        "potential_sha256": identity(potential),
        "relaxation": plain(relaxation, {}),
        "pressure": pressure,
        "structures": [structure_document(crystal) for crystal in crystals],
    }
    results = kept_answer(
        folder, asked, lambda: list(map(relaxed_document, relaxed_at(potential, relaxation, crystals, pressure)))
    )
    return [relaxed_from(result) for result in results]

"""Labels whose stress is the slope of their energy, although their plane waves are few.

A potential's stress is the slope of its energy: it cannot learn both from labels in which they differ by the Pulay
stress. That follows from how the energy falls with the cutoff, which is nearly a sum over the atoms: a number for each
element, from a few of the cells, completes all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace

import numpy as np

from gasearch.crystal.crystal import Crystal
from gasearch.errors import CalculationError
from gasearch.espresso.cutoff import basis_error, pulay_stress
from gasearch.espresso.record import ScfFailure
from gasearch.espresso.runner import PwRunner
from gasearch.espresso.timing import relative_scf_time
from gasearch.pretrain.labelling import Label
from gasearch.pretrain.validation import energies_per_element

#: Cells that are computed with other cutoffs, at most.
_CELLS = 16
#: Up to which enthalpy above hull, eV/atom.
_NEAR = 1.0


@dataclass(frozen=True)
class BasisError:
    """What the energies of labels lack, to first order.

    Parameters
    ----------
    per_atom : mapping
        Atomic number → dE/d ln(cutoff), eV; an element that is not named lacks nothing.
    """

    per_atom: Mapping[int, float] = field(default_factory=dict)

    @staticmethod
    def measured(crystals: Sequence[Crystal], runner: PwRunner, executor: Executor) -> BasisError:
        """Fit it to the basis errors of crystals; CalculationError if pw.x fails for all of them."""
        found = list(executor.map(basis_error, [runner] * len(crystals), crystals))
        pairs = [(c, error) for c, error in zip(crystals, found, strict=True) if not isinstance(error, ScfFailure)]
        if not pairs:
            raise CalculationError("pw.x fails with every other cutoff than dft.ecutwfc; change the settings under dft")
        elements = sorted({z for crystal, _ in pairs for z in crystal.composition.elements})
        counts = np.array([crystal.composition.vector(tuple(elements)) for crystal, _ in pairs])
        fitted = energies_per_element(counts, np.array([error for _, error in pairs]), np.ones(len(pairs)))
        return BasisError(dict(zip(elements, fitted.tolist(), strict=True)))

    def of(self, crystal: Crystal) -> float:
        """Return it of a crystal, eV per cell."""
        return sum(self.per_atom.get(z, 0.0) for z in crystal.numbers.tolist())

    def completed(self, labels: Sequence[Label]) -> list[Label]:
        """Return labels with the Pulay stress in their stress."""
        return [self._completed(label) for label in labels]

    def _completed(self, label: Label) -> Label:
        crystal, result = label.sample.crystal, label.result
        stress = result.stress + pulay_stress(self.of(crystal), crystal.volume)
        return replace(label, result=replace(result, stress=stress))


def typical(labels: Sequence[Label], above: np.ndarray, k_spacing: float) -> list[Crystal]:
    """Return the cell of each composition that pw.x is quickest with, of those near the hull (above it (n,), eV/atom).

    If there are many compositions, the quickest of all.
    """
    near = [label.sample.crystal for label, height in zip(labels, above, strict=True) if height < _NEAR]
    quickest: dict[str, Crystal] = {}
    for crystal in sorted(near, key=lambda crystal: relative_scf_time(crystal, k_spacing)):
        quickest.setdefault(crystal.composition.reduced.formula, crystal)
    return list(quickest.values())[:_CELLS]

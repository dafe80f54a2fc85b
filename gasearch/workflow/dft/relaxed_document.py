"""What became of a relaxation, as plain data and back: so that it need not be done again."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from gasearch.outcomes import Failure, Reason, Relaxed
from gasearch.workflow.dft.refined_document import structure_document, structure_from

_NUMBERS = ("energy", "enthalpy", "steps", "max_force", "max_stress")


def relaxed_document(result: Relaxed | Failure) -> dict[str, Any]:
    """Return a result as plain data; of a failure, without its last structure."""
    if isinstance(result, Failure):
        return {"reason": result.reason.name, "steps": result.steps, "detail": result.detail}
    numbers = {name: getattr(result, name) for name in _NUMBERS}
    spread = {} if math.isnan(result.spread) else {"spread": result.spread}
    return {"structure": structure_document(result.crystal)} | numbers | spread


def relaxed_from(document: Mapping[str, Any]) -> Relaxed | Failure:
    """Return the result of `relaxed_document`."""
    if "reason" in document:
        return Failure(Reason[document["reason"]], document["steps"], None, document["detail"])
    numbers = {name: value for name, value in document.items() if name != "structure"}
    return Relaxed(crystal=structure_from(document["structure"]), **numbers)

import json
import math

import numpy as np
import pytest

from gasearch.crystal.crystal import Crystal
from gasearch.outcomes import Failure, Reason, Relaxed
from gasearch.workflow.dft.relaxed_document import relaxed_document, relaxed_from


@pytest.mark.parametrize("spread", [math.nan, 0.25])
def test_a_result_is_read_as_it_was_written(spread: float):
    result = Relaxed(Crystal(2.1 * np.eye(3), [[0.1, 0.2, 0.3]], [16]), -1.0, 2.0, 7, 0.01, 0.02, spread)
    again = relaxed_from(json.loads(json.dumps(relaxed_document(result))))
    assert isinstance(again, Relaxed)
    assert (again.crystal.frac == result.crystal.frac).all()
    assert (again.energy, again.enthalpy, again.steps) == (-1.0, 2.0, 7)
    assert again.spread == pytest.approx(spread, nan_ok=True)


def test_so_is_a_failure():
    again = relaxed_from(relaxed_document(Failure(Reason.EXPLODED, 9, None, "why")))
    assert (again.reason, again.steps, again.detail) == (Reason.EXPLODED, 9, "why")

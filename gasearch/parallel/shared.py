"""Callables that travel to the workers with every task but are unpacked once."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from functools import lru_cache
from typing import Any


class Shared:
    """A callable that each process unpickles once, however many tasks use it.

    Parameters
    ----------
    function : callable
        Pickled here and now; what it caches later does not travel.
    """

    def __init__(self, function: Callable[..., Any]):
        self._function = function
        self._pickled = pickle.dumps(function)

    def __call__(self, *args: Any) -> Any:
        """Call the function."""
        return self._function(*args)

    def __reduce__(self) -> tuple[Callable[[bytes], Shared], tuple[bytes]]:
        return _unpickled, (self._pickled,)


@lru_cache(maxsize=8)
def _unpickled(pickled: bytes) -> Shared:
    return Shared(pickle.loads(pickled))

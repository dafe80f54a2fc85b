import threading
import warnings

import pytest

from gasearch.quiet import ignoring


def test_only_what_is_named_is_ignored():
    with ignoring(UserWarning, message="of no"):
        warnings.warn("of no use", UserWarning, stacklevel=1)
        with pytest.raises(UserWarning, match="of use"):
            warnings.warn("of use", UserWarning, stacklevel=1)
        with pytest.raises(DeprecationWarning):
            warnings.warn("of no use", DeprecationWarning, stacklevel=1)


def test_a_thread_that_leaves_takes_nothing_from_another():
    before = list(warnings.filters)
    inside, first_left = threading.Event(), threading.Event()
    raised = []

    def first() -> None:
        with ignoring():
            inside.set()
            first_left.wait(0.2)  # the other would enter here, were it let in
        first_left.set()

    def second() -> None:
        inside.wait()
        with ignoring():
            first_left.wait()
            try:
                warnings.warn("heard by nobody", UserWarning, stacklevel=1)
            except UserWarning as warning:
                raised.append(warning)

    threads = [threading.Thread(target=run) for run in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not raised and warnings.filters == before

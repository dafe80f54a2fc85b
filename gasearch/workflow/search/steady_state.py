"""The search loop: steady state with a fixed lag, whatever the number of workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from queue import SimpleQueue

from gasearch.evolution.candidate import Block, Outcome
from gasearch.evolution.search import Search


def run_search(
    search: Search,
    evaluate: Callable[[Block], list[Outcome]],
    executor: Executor,
    recorded: Iterable[Outcome] = (),
    record: Callable[[list[Outcome]], None] = lambda outcomes: None,
) -> str:
    """Run a search to its end and return the reason.

    A block that begins at id b is asked for when exactly the outcomes of ids below b − lag have been told, so
    that its candidates do not depend on how many workers there are or how fast they were.

    Parameters
    ----------
    search : Search
        Nothing told yet.
    evaluate : callable
        Turns a block into its outcomes; sent to the workers.
    executor : Executor
    recorded : iterable of Outcome
        What an earlier run has left; not done again.
    record : callable
        Called with each block's outcomes as they arrive, before they are told.
    """
    arrived = {outcome.id: outcome for outcome in recorded}
    done: SimpleQueue[Future[list[Outcome]]] = SimpleQueue()
    first, pending, reason = 0, 0, None
    while reason is None or pending:
        while reason is None and _tell(search, arrived, first - search.settings.lag):
            reason = search.stop_reason(first)
            if reason is None:
                ids = search.ids(first)
                if not all(id in arrived for id in ids):
                    executor.submit(evaluate, search.ask(first)).add_done_callback(done.put)
                    pending += 1
                first = ids.stop
        if pending:
            # Of a block that an earlier limit cut, the first outcomes are known.
            outcomes = [outcome for outcome in done.get().result() if outcome.id not in arrived]
            pending -= 1
            record(outcomes)
            arrived.update((outcome.id, outcome) for outcome in outcomes)
    _tell(search, arrived, first)
    return reason


def _tell(search: Search, arrived: dict[int, Outcome], end: int) -> bool:
    """Tell outcomes in order of id up to ``end``; return whether all of them had arrived."""
    while search.told < end and search.told in arrived:
        search.tell(arrived.pop(search.told))
    return search.told >= end

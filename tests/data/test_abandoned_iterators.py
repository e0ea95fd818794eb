"""Iterators with threads that nobody reads to the end: collecting them waits for no thread.

Garbage is collected in any thread at any moment, also while that thread holds a lock that the start
or the end of another one needs: whoever waits there waits forever.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator

import pytest

from convscope.data.batches import _prefetched
from convscope.data.parallel import in_parallel

SECONDS = 5


def prefetched(work: Callable[[int], int]) -> Iterator[int]:
    return _prefetched(map(work, range(9)), depth=2)


def worked_on(work: Callable[[int], int]) -> Iterator[int]:
    return in_parallel(work, range(9), ahead=2, workers=2)


@pytest.mark.parametrize("iterate", [prefetched, worked_on])
def test_collecting_an_abandoned_iterator_waits_for_no_thread(
    iterate: Callable[[Callable[[int], int]], Iterator[int]],
) -> None:
    is_over = threading.Event()

    def work(number: int) -> int:
        if number:
            is_over.wait()
        return number

    cycle: list[object] = [iterate(work)]
    cycle.append(cycle)  # only garbage collection finds out that nobody needs it
    assert next(cycle[0]) == 0  # type: ignore[call-overload]
    del cycle
    collecting = threading.Thread(target=gc.collect, daemon=True)
    collecting.start()
    collecting.join(SECONDS)
    was_waiting = collecting.is_alive()
    is_over.set()
    assert not was_waiting

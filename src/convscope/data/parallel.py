"""Work on many images with all cores, results in order."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from convscope.errors import UsageError

Item = TypeVar("Item")
Result = TypeVar("Result")


def num_threads(workers: int | None) -> int:
    """The number of threads that decode: as asked for, else one a core.

    Raises:
        UsageError: It is below 1.
    """
    if workers is not None and workers < 1:
        raise UsageError(
            f"`workers` can't be {workers}", hint="it is 1 or more; left out, it is one per core"
        )
    return workers or os.cpu_count() or 1


def in_parallel(
    work: Callable[[Item], Result], items: Iterable[Item], *, ahead: int, workers: int | None = None
) -> Iterator[Result]:
    """The results of `work` for each item, in the order of the items.

    Where the results are not all taken, `work` may still be running for a moment.

    Threads, not processes: Pillow decodes and resizes outside of Python's lock, nothing has to be
    copied from one process to another, and nothing is left behind when a training is killed.

    Args:
        work: Called from several threads at once.
        items: What it is called with.
        ahead: Number of items that are worked on before their results are asked for; it bounds the
            memory.
        workers: Number of threads; None for one a core.
    """
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(num_threads(workers))
    try:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # Whoever stops early leaves what was begun to end by itself. Nothing waits for it: garbage
        # collection may come here in any thread, also where that one holds a lock.
        pool.shutdown(wait=False, cancel_futures=True)

"""Work on many images with all cores, results in order.

Threads, not processes: Pillow decodes and resizes outside of Python's lock, nothing has to be
copied from one process to another, and nothing is left behind when a training is killed.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

Result = TypeVar("Result")
GROUP = 16  # images a thread takes at a time: handing over one by one costs more than a digit
GROUPS_AHEAD = 16  # worked on before they are asked for; bounds the memory of large images


def in_parallel(
    work: Callable[[int], Result],
    indices: NDArray[np.int64],
    *,
    workers: int | None = None,
    on_progress: Callable[[int], None] = lambda count: None,
) -> Iterator[tuple[int, Result]]:
    """What `work` gives for each index, in the order of the indices.

    Args:
        work: Called from several threads at once.
        indices: What it is called with.
        workers: Threads; None for one a core.
        on_progress: Called with the number of results just given.
    """

    def several(start: int) -> list[tuple[int, Result]]:
        return [(int(index), work(int(index))) for index in indices[start : start + GROUP]]

    with ThreadPoolExecutor(max_workers=workers or os.cpu_count()) as pool:
        for ahead in range(0, len(indices), GROUP * GROUPS_AHEAD):
            last = min(ahead + GROUP * GROUPS_AHEAD, len(indices))
            for group in pool.map(several, range(ahead, last, GROUP)):
                yield from group
                on_progress(len(group))


def ahead(values: Iterator[Result], *, depth: int) -> Iterator[Result]:
    """The same values, of which up to `depth` are made ahead of time by one thread."""
    end = object()
    with ThreadPoolExecutor(1, "ahead") as pool:
        waiting = deque(pool.submit(next, values, end) for _ in range(depth))
        while (value := waiting.popleft().result()) is not end:
            waiting.append(pool.submit(next, values, end))
            yield cast(Result, value)

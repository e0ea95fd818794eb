"""Survey: every image of a data set looked at once; what could be read, and what it is like."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from convscope.data.dataset import Dataset
from convscope.data.decode import USUAL, DamagedImageError, Decoding, decode_content
from convscope.data.facts import FACTS, measure

Result = TypeVar("Result")
GROUP = 16  # images a thread takes at a time: handing over one by one costs more than a digit
GROUPS_AHEAD = 16  # worked on before they are asked for; bounds the memory of large images


@dataclass(frozen=True, slots=True)
class Survey:
    """What the images of a data set are like.

    Attributes:
        facts: (N,) of `FACTS`; zeros where an image can't be read.
        damaged: Why images can't be read, by their index.
    """

    facts: NDArray[np.void]
    damaged: Mapping[int, str]

    @property
    def readable(self) -> NDArray[np.int64]:
        """Indices of the images that can be read."""
        is_readable = np.ones(len(self.facts), dtype=bool)
        is_readable[list(self.damaged)] = False
        return np.flatnonzero(is_readable)


def survey_images(
    dataset: Dataset,
    decoding: Decoding = USUAL,
    *,
    on_progress: Callable[[int], None] = lambda count: None,
) -> Survey:
    """Decodes every image once and measures it."""
    facts = np.zeros(len(dataset), dtype=FACTS)
    damaged: dict[int, str] = {}

    def one(index: int) -> NDArray[np.void] | DamagedImageError:
        try:
            return measure(decode_content(dataset.images.content(index), decoding))
        except DamagedImageError as error:
            return error

    for index, outcome in in_parallel(one, np.arange(len(dataset)), on_progress):
        if isinstance(outcome, DamagedImageError):
            damaged[index] = outcome.message
        else:
            facts[index] = outcome
    return Survey(facts, damaged)


def in_parallel(
    work: Callable[[int], Result],
    indices: NDArray[np.int64],
    on_progress: Callable[[int], None] = lambda count: None,
) -> Iterator[tuple[int, Result]]:
    """What `work` gives for each index, in order; on all cores, as Pillow frees Python's lock."""

    def several(start: int) -> list[tuple[int, Result]]:
        return [(int(index), work(int(index))) for index in indices[start : start + GROUP]]

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for ahead in range(0, len(indices), GROUP * GROUPS_AHEAD):
            last = min(ahead + GROUP * GROUPS_AHEAD, len(indices))
            for group in pool.map(several, range(ahead, last, GROUP)):
                yield from group
                on_progress(len(group))

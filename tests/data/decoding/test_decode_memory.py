"""How many pixels are decoded at once is bounded, whatever the number of threads."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from convscope.data.decoding.pillow import SMALL_PIXELS, PixelBudget

LARGE = 3 * SMALL_PIXELS


@pytest.mark.parametrize(("limit", "at_once"), [(LARGE, 1), (2 * LARGE, 2), (1, 1)])
def test_no_more_pixels_are_decoded_at_once_than_there_is_room_for(
    limit: int, at_once: int
) -> None:
    budget, lock, now, most = PixelBudget(limit), threading.Lock(), [0], [0]

    def decode(_: int) -> None:
        with budget.taken(LARGE):
            with lock:
                now[0] += 1
                most[0] = max(most[0], now[0])
            time.sleep(0.003)
            with lock:
                now[0] -= 1

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(decode, range(12)))
    assert most[0] == at_once


def test_small_images_wait_for_none() -> None:
    budget = PixelBudget(1)
    with budget.taken(LARGE), budget.taken(SMALL_PIXELS - 1):
        pass


def test_an_image_that_cannot_be_decoded_gives_its_room_back() -> None:
    budget = PixelBudget(LARGE)
    for _ in range(3):
        with pytest.raises(ValueError, match="damaged"), budget.taken(LARGE):
            raise ValueError("damaged")

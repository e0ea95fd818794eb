"""Pillow as decoding needs it: silent, strict about files that end early, and bounded in memory.

Pillow warns through the module `warnings` and is told to accept truncated files by a global. Both
belong to the whole process, and many threads decode at once: a filter that one thread sets is lost
when another leaves `warnings.catch_warnings`, and whether an image is refused would be a matter of
luck. So Pillow gets stand-ins for both, which ask whether their thread is decoding; for anyone
else in the process they do what was there before.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import ImageFile

SMALL_PIXELS = 1 << 20  # of an image that isn't worth counting
# That are decoded at once, at some 7 bytes each: at least a photo of 12 megapixels for each core.
PIXELS_AT_ONCE = max(100_000_000, 12_500_000 * (os.cpu_count() or 1))


class PixelBudget:
    """The pixels that all threads together decode at once.

    Args:
        limit: Their number; an image with more is decoded when no other is.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._taken = limit, 0
        self._changed = threading.Condition()

    @contextmanager
    def taken(self, num_pixels: int) -> Iterator[None]:
        """Context manager that waits until there is room for so many pixels, and takes it."""
        if num_pixels < SMALL_PIXELS:
            yield
            return
        with self._changed:
            self._changed.wait_for(
                lambda: not self._taken or self._taken + num_pixels <= self._limit
            )
            self._taken += num_pixels
        try:
            yield
        finally:
            with self._changed:
                self._taken -= num_pixels
                self._changed.notify_all()


PIXEL_BUDGET = PixelBudget(PIXELS_AT_ONCE)


class _Here(threading.local):
    """State of the current thread."""

    is_decoding = False


_here = _Here()


class _Warnings:
    """Stand-in for the module `warnings` in Pillow's modules."""

    def warn(
        self,
        message: Warning | str,
        category: type[Warning] | None = None,
        stacklevel: int = 1,
        **options: Any,
    ) -> None:
        if not _here.is_decoding:
            warnings.warn(message, category, stacklevel=stacklevel + 1, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(warnings, name)


class _ElsewhereOnly:
    """Stand-in for a global of Pillow that some code has set to true."""

    def __bool__(self) -> bool:
        return not _here.is_decoding


_warnings = _Warnings()


def _is_elsewhere(record: logging.LogRecord) -> bool:
    return not _here.is_decoding


def use_stand_ins() -> None:
    """Gives the stand-in for `warnings` to Pillow's modules that are loaded by now."""
    logging.getLogger("PIL.TiffImagePlugin").addFilter(_is_elsewhere)  # once, however often
    for name, module in list(sys.modules.items()):
        if name.startswith("PIL.") and getattr(module, "warnings", None) is warnings:
            module.warnings = _warnings  # type: ignore[attr-defined]


@contextmanager
def decoding_with_pillow() -> Iterator[None]:
    """Context manager in which, in this thread, Pillow doesn't warn or accept truncated files."""
    before, _here.is_decoding = _here.is_decoding, True
    try:
        if ImageFile.LOAD_TRUNCATED_IMAGES:
            ImageFile.LOAD_TRUNCATED_IMAGES = _ElsewhereOnly()  # type: ignore[assignment]
        yield
    finally:
        _here.is_decoding = before

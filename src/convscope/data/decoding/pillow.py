"""Pillow as decoding needs it: silent, and strict about files that end early, in this thread alone.

Pillow warns through the module `warnings` and is told to accept truncated files by a global. Both
belong to the whole process, and many threads decode at once: a filter that one thread sets is lost
when another leaves `warnings.catch_warnings`, and whether an image is refused would be a matter of
luck. So Pillow gets stand-ins for both, which ask whether their thread is decoding; for anyone
else in the process they do what was there before.
"""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PIL import ImageFile


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

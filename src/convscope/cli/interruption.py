"""Signals that end a command: at any moment of its start too, by one word and an exit code.

It imports next to nothing, as it comes before everything else.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from convscope.errors import HANGUPS, STOP_SIGNALS

# What is said; a terminal that was closed needs no word.
WORDS = {signal.SIGINT: b"\ninterrupted\n", signal.SIGTERM: b"terminated\n"}

_unwinds = False


def handle_signals() -> None:
    """Makes SIGINT, SIGTERM and SIGHUP end the command; those that are ignored stay ignored."""
    for number in STOP_SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # as `nohup` has it
            with suppress(ValueError):  # not in the main thread
                signal.signal(number, _end)


@contextmanager
def unwinding() -> Iterator[None]:
    """Context manager in which a signal is an exception, so that what was begun is cleaned up."""
    global _unwinds
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    handle_signals()
    _unwinds = True
    try:
        yield
    finally:
        _unwinds = False
        for number, handler in before.items():
            with suppress(ValueError):
                signal.signal(number, handler)


def ignore_signals() -> None:
    """Ignores what comes when the work is done: it is too late to stop."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _end(number: int, frame: FrameType | None) -> None:
    code = 128 + number
    if number in HANGUPS:  # the second one would break off what ends in good order
        signal.signal(number, signal.SIG_IGN)
    # Extensions that are being initialised abort at an exception, or come out half imported.
    is_importing = _unwinds and _within_import(frame)
    if _unwinds and not is_importing and number == signal.SIGINT:
        raise KeyboardInterrupt
    with suppress(OSError):  # the terminal may be closed; print may be what was interrupted
        os.write(2, WORDS.get(signal.Signals(number), b""))
    if is_importing or not _unwinds:
        os._exit(code)
    raise SystemExit(code)


def _within_import(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False

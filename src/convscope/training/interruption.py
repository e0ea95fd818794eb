"""Signals that ask a training to stop: it ends its step, saves, and can be continued."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from convscope.errors import ConvscopeError

SIGNALS = (signal.SIGINT, signal.SIGTERM)
WORDS: dict[int, str] = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


class StoppedError(ConvscopeError):
    """A training was asked to stop, and has saved what it had.

    Attributes:
        signal: What asked; its number added to 128 is the exit code, as in shells.
    """

    def __init__(self, number: int | None, *, step: int, place: Path) -> None:
        asked = signal.Signals(number or signal.SIGTERM)  # None: another process was asked
        super().__init__(
            f"stopped by {WORDS[asked]} after step {step:,}; everything is saved in `{place}`",
            hint="the same call continues it",
        )
        self.signal = asked
        self.exit_code = 128 + asked


class Interruption:
    """Within it SIGTERM and the first Ctrl-C only ask; the second acts as it did before.

    Args:
        on_ask: Called when a signal has come.
    """

    def __init__(self, on_ask: Callable[[], None]) -> None:
        self._on_ask = on_ask
        self._before: dict[int, Any] = {}
        self.signal: int | None = None

    def __enter__(self) -> Interruption:
        # Python lets only the main thread handle signals; elsewhere they are its business.
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._ask) for number in SIGNALS}
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._give_back()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.signal is None:
            self.signal = number
            self._on_ask()
            return
        self._give_back()
        os.kill(os.getpid(), number)

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

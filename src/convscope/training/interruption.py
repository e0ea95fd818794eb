"""Signals that ask a training to stop: it ends its step, saves, and can be continued."""

from __future__ import annotations

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
            hint="the same call continues it, without `fresh`",
        )
        self.signal = asked
        self.exit_code = 128 + asked


class Interruption:
    """Within it SIGTERM and the first Ctrl-C only ask; the second acts as it did before.

    Nothing is said in the handler: it may interrupt whoever is writing just then.

    Args:
        on_ask: Called when a signal has come.
        second_acts: Whether the second one is acted on. Of several processes each gets the same
            signal twice, from the terminal or the job and from torchrun.
    """

    def __init__(self, on_ask: Callable[[], None], *, second_acts: bool = True) -> None:
        self._on_ask, self._second_acts = on_ask, second_acts
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
        elif self._second_acts:
            self._give_back()
            signal.raise_signal(number)

    def _give_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

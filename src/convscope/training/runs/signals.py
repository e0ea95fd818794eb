"""Signals that ask a training to stop: it ends its step, saves, and can be resumed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from convscope.errors import HANGUPS, STOP_SIGNALS


class StopSignals:
    """Context manager in which SIGTERM, SIGHUP and the first Ctrl-C ask to stop; the second acts.

    A second SIGHUP does nothing: closing a terminal sends one or two, and asks for nothing more.
    The handler prints nothing: it may interrupt whoever is printing just then.

    Args:
        on_ask: Called when a signal is received.
        second_acts: Whether a second signal acts as it did before. Of several processes each gets
            the same signal twice, from the terminal or the job and from torchrun.
    """

    def __init__(self, on_ask: Callable[[], None], *, second_acts: bool = True) -> None:
        self._on_ask, self._second_acts = on_ask, second_acts
        self._before: dict[int, Any] = {}
        self.received: int | None = None

    def __enter__(self) -> StopSignals:
        # Python lets only the main thread handle signals; elsewhere they are its business.
        if threading.current_thread() is threading.main_thread():
            self._before = {
                number: signal.signal(number, self._ask)
                for number in STOP_SIGNALS
                if signal.getsignal(number) != signal.SIG_IGN  # as `nohup` has it
            }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._restore()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.received is None:
            self.received = number
            self._on_ask()
        elif self._second_acts and number not in HANGUPS:
            self._restore()
            signal.raise_signal(number)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}

"""Command lines in processes of their own whose terminal can be closed."""

from __future__ import annotations

import os
import pty
import select
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Any

from together import LOADED

TIMEOUT_SECONDS = 60.0


class OnTerminal:
    """Context manager that runs a command line on a terminal of its own.

    Args:
        words: After `convscope`.
        folder: The folder that it runs in.
    """

    def __init__(self, *words: str | Path, folder: Path) -> None:
        self._words, self._folder = [str(word) for word in words], folder
        self.said = ""

    def __enter__(self) -> OnTerminal:
        """Starts the process, a copy of one that has imported torch."""
        context: Any = get_context("forkserver")
        context.set_forkserver_preload(LOADED)
        self._terminal, other = pty.openpty()
        arguments = (self._words, os.ttyname(other), str(self._folder))
        self._process = context.Process(target=_run, args=arguments)
        self._process.start()
        self.read_until("begins")  # a terminal that nobody has open is closed
        os.close(other)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends what a test has left."""
        self._process.kill()
        self._process.join()

    def read_until(self, words: str) -> None:
        """Reads what the terminal shows until these words have come."""
        ends = time.monotonic() + TIMEOUT_SECONDS
        while words not in self.said:
            ready, _, _ = select.select([self._terminal], [], [], ends - time.monotonic())
            assert ready, f"`{words}` isn't in\n{self.said}"
            self.said += os.read(self._terminal, 1 << 16).decode(errors="replace")

    def close(self) -> int:
        """Closes the terminal; returns the exit code of the process."""
        os.close(self._terminal)
        self._process.join(TIMEOUT_SECONDS)
        code: int = self._process.exitcode
        return code


def _run(words: list[str], terminal: str, folder: str) -> None:
    import torch

    from convscope.cli.interruption import handle_signals
    from convscope.cli.main import run

    handle_signals()  # first of all, as the command does
    os.setsid()
    handle = os.open(terminal, os.O_RDWR)  # the first one becomes the session's own
    for number in (0, 1, 2):
        os.dup2(handle, number)
    os.chdir(folder)
    torch.set_num_threads(1)
    os.write(1, b"begins\n")
    sys.exit(run(words))

"""Progress of long work for people: a bar on a terminal, plain lines elsewhere.

Nothing appears for work that ends within two seconds. All of it goes to standard error, so that
standard output holds results alone. Where nobody reads it any more, the work goes on all the same.
"""

from __future__ import annotations

import sys
import time
from typing import IO, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Column

from convscope.streams import Output
from convscope.text import escaped

SHOW_AFTER_SECONDS = 2.0
PLAIN_EVERY_SECONDS = 10.0
BAR_COLUMNS, SHORTEST_BAR_COLUMNS = 30, 10
TIME_COLUMNS = 16  # the time left, gaps, and details that become a little longer
NOTE = "note: "  # beginning of a message that concerns the result


class Task:
    """A piece of work with a known number of units; its progress is shown once it takes long."""

    def __init__(self, reporter: Reporter, description: str, total: int, *, unit: str) -> None:
        self.description, self.total, self.unit = escaped(description), total, unit
        self._reporter = reporter
        self._done = 0
        self._started = time.monotonic()
        self._last_line = self._started
        self._bar: RichProgress | None = None

    def advance(self, count: int = 1, details: str = "") -> None:
        """Reports `count` more units as done; `details` are shown beside the bar."""
        self._done += count
        now = time.monotonic()
        if self._reporter.quiet or now - self._started < SHOW_AFTER_SECONDS:
            return
        if self._reporter.console.is_terminal:
            if self._bar is None:
                text = f"{self.description} {self.total}/{self.total} {details}"
                self._bar = self._reporter.bar(text)
                self._bar.add_task(self.description, total=self.total, details="")
            self._bar.update(self._bar.task_ids[0], completed=self._done, details=escaped(details))
            self._bar.start()
        elif now - self._last_line >= PLAIN_EVERY_SECONDS:
            self._last_line = now
            seconds_left = (now - self._started) / self._done * (self.total - self._done)
            self._reporter.say(
                f"{self.description}: {self._done}/{self.total} {self.unit}, {details}"
                f"{', ' if details else ''}{seconds_left:.0f} s left"
            )

    def hide(self) -> None:
        """Takes the bar away until more units are done, so that results can be printed."""
        if self._bar is not None:
            self._bar.stop()

    def __enter__(self) -> Task:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()


class Reporter:
    """Prints messages and the progress of tasks on standard error.

    Args:
        quiet: Show no progress, and of the messages only notes, which concern the result.
        file: Stream to write to instead of standard error.
    """

    def __init__(self, *, quiet: bool = False, file: IO[str] | None = None) -> None:
        self.quiet = quiet
        # Rich itself honours NO_COLOR; `highlight` would colour numbers inside sentences.
        stream = file or sys.stderr
        if isinstance(stream, Output):
            stream = stream.stream  # the signs of a bar steer the terminal
        output: Any = Output(stream, escapes=False)
        self.console = Console(file=output, highlight=False, emoji=False, soft_wrap=True)

    def say(self, line: str) -> None:
        """Prints one plain line."""
        if not self.quiet or line.startswith(NOTE):
            self.console.print(escaped(line), markup=False)

    def task(self, description: str, total: int, *, unit: str = "images") -> Task:
        """A task of `total` units, to be used as a context manager."""
        return Task(self, description, total, unit=unit)

    def bar(self, text: str) -> RichProgress:
        """A bar with description, count, details and time left.

        Args:
            text: All that stands beside the bar but the time. It is never cut: the bar becomes
                shorter or is left out, and where even that is not enough the details are wrapped.
        """
        room = min(BAR_COLUMNS, self.console.width - len(text) - TIME_COLUMNS)
        return RichProgress(
            TextColumn("{task.description}"),
            *([BarColumn(bar_width=room)] if room >= SHORTEST_BAR_COLUMNS else []),
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[details]}", table_column=Column()),
            TimeRemainingColumn(table_column=Column(no_wrap=True)),
            console=self.console,
            transient=True,
            redirect_stdout=False,  # else results would go where the bar is
            redirect_stderr=False,
        )


SILENT = Reporter(quiet=True)
SILENT.console.quiet = True  # without a reporter, calls from Python print no notes either

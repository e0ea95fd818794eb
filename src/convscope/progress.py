"""Progress of long work for people: a bar on a terminal and in a notebook, plain lines elsewhere.

Nothing appears for work that ends within two seconds. Outside notebooks all of it goes to standard
error, so that standard output holds results alone. Where nobody reads it any more, the work goes on
all the same.
"""

from __future__ import annotations

import sys
import time
from html import escape
from typing import IO, Any, Protocol

from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Column

from convscope.languages import translated
from convscope.streams import Output
from convscope.text import escaped

SHOW_AFTER_SECONDS = 2.0
PLAIN_EVERY_SECONDS, NOTEBOOK_EVERY_SECONDS = 10.0, 0.2
BAR_COLUMNS, SHORTEST_BAR_COLUMNS = 30, 10
TIME_COLUMNS = 16  # the time left, gaps, and details that become a little longer
NOTE = "note: "  # beginning of a message that concerns the result


class Task:
    """A piece of work with a known number of units; its progress is shown once it takes long."""

    def __init__(self, reporter: Reporter, description: str, total: int, *, unit: str) -> None:
        self.description, self.total, self.unit = description, total, unit
        self._reporter = reporter
        self._done = 0
        self._started = time.monotonic()
        self._view: _TaskView | None = None

    @property
    def num_done(self) -> int:
        """Number of units that are done."""
        return self._done

    @property
    def seconds(self) -> float:
        """Time since it began."""
        return time.monotonic() - self._started

    def advance(self, count: int = 1, details: str = "") -> None:
        """Reports `count` more units as done; `details` are shown beside the bar."""
        self._done += count
        if self._reporter.quiet or self.seconds < SHOW_AFTER_SECONDS:
            return
        if self._view is None:
            self._view = self._reporter.view_of(self)
        self._view.update(details)

    def sentence(self, details: str) -> str:
        """The units done of all, details, and the time left, in one line."""
        seconds_left = self.seconds / max(1, self._done) * (self.total - self._done)
        return (
            f"{self.description}: {self._done}/{self.total} {self.unit}, {details}"
            f"{', ' if details else ''}{seconds_left:.0f} s left"
        )

    def hide(self) -> None:
        """Takes the bar away until more units are done, so that results can be printed."""
        if self._view is not None:
            self._view.hide()

    def __enter__(self) -> Task:
        return self

    def __exit__(self, *error: object) -> None:
        if self._view is not None:
            self._view.close()


class _TaskView(Protocol):
    """What shows a task: a bar on a terminal, a bar in a notebook, or lines."""

    def update(self, details: str) -> None: ...

    def hide(self) -> None: ...

    def close(self) -> None: ...


class _TerminalBar:
    """A bar on a terminal, in one line that is drawn again and again, and away at the end."""

    def __init__(self, reporter: Reporter, task: Task) -> None:
        self._reporter, self._task = reporter, task
        self._bar: RichProgress | None = None

    def update(self, details: str) -> None:
        task, shown = self._task, escaped(translated(details))
        if self._bar is None:
            description = escaped(translated(task.description))
            self._bar = self._reporter.bar(f"{description} {task.total}/{task.total} {shown}")
            self._bar.add_task(description, total=task.total, details="")
        self._bar.update(self._bar.task_ids[0], completed=task.num_done, details=shown)
        self._bar.start()

    def hide(self) -> None:
        if self._bar is not None:
            self._bar.stop()

    close = hide


class _NotebookBar:
    """A bar in the output of a notebook's cell, which stays with the time that the task took."""

    def __init__(self, display: Any, task: Task) -> None:
        self._display, self._task = display, task
        self._handle: Any = None
        self._drawn = 0.0

    def update(self, details: str) -> None:
        now = time.monotonic()
        if now - self._drawn >= NOTEBOOK_EVERY_SECONDS:
            self._drawn = now
            self._draw(self._task.sentence(escaped(details)))

    def hide(self) -> None:
        """Stays: results come below it."""

    def close(self) -> None:
        task = self._task
        self._draw(
            f"{task.description}: {task.num_done}/{task.total} {task.unit} in {task.seconds:.0f} s"
        )

    def _draw(self, sentence: str) -> None:
        text = translated(sentence)
        bar = f'<progress value="{self._task.num_done}" max="{self._task.total}"></progress>'
        shown = {"text/html": f"<div>{bar} {escape(text)}</div>", "text/plain": text}
        if self._handle is None:
            self._handle = self._display.display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)


class _Lines:
    """A plain line every few seconds."""

    def __init__(self, reporter: Reporter, task: Task) -> None:
        self._reporter, self._task = reporter, task
        self._last_seconds = 0.0

    def update(self, details: str) -> None:
        if self._task.seconds - self._last_seconds >= PLAIN_EVERY_SECONDS:
            self._last_seconds = self._task.seconds
            self._reporter.say(self._task.sentence(details))

    def hide(self) -> None:
        """Has nothing to take away."""

    close = hide


class Reporter:
    """Prints messages and the progress of tasks on standard error, or in a notebook's cell.

    Without a reporter, calls from Python say what the command line says; `SILENT` says nothing.

    Args:
        quiet: Show no progress, and of the messages only notes, which concern the result.
        file: Stream to write to instead.
    """

    def __init__(self, *, quiet: bool = False, file: IO[str] | Output | None = None) -> None:
        self.quiet = quiet
        self._file = file
        self._console: Console | None = None
        self._stream: object = None  # what the console writes to

    def __repr__(self) -> str:
        return "Reporter(quiet=True)" if self.quiet else "Reporter()"

    @property
    def console(self) -> Console:
        """The console that it writes to: of the standard error at this time, if no file is given.

        A notebook and a test replace that stream, and a reporter may be older than they are.
        """
        stream = self._file
        if stream is None:  # the standard error has a red ground in notebooks
            stream = sys.stderr if _notebook() is None else sys.stdout
        if isinstance(stream, Output):
            stream = stream.stream  # the signs of a bar steer the terminal
        if self._console is None or stream is not self._stream:
            # Rich itself honours NO_COLOR; `highlight` would colour numbers inside sentences.
            output: Any = Output(stream, escapes=False)
            self._console = Console(
                file=output, highlight=False, emoji=False, soft_wrap=True, force_jupyter=False
            )
            self._stream = stream
        return self._console

    def say(self, line: str) -> None:
        """Prints one plain line, in the language that is spoken."""
        if not self.quiet or line.startswith(NOTE):
            self.console.print(escaped(translated(line)), markup=False)

    def task(self, description: str, total: int, *, unit: str = "images") -> Task:
        """A task of `total` units, to be used as a context manager."""
        return Task(self, description, total, unit=unit)

    def view_of(self, task: Task) -> _TaskView:
        """What shows a task where this reporter writes."""
        notebook = _notebook() if self._file is None else None
        if notebook is not None:
            return _NotebookBar(notebook, task)
        return _TerminalBar(self, task) if self.console.is_terminal else _Lines(self, task)

    def bar(self, text: str) -> RichProgress:
        """A bar with description, count, details and time left.

        Args:
            text: All that stands beside the bar but the time. It is never cut: the bar becomes
                shorter or is left out, and where even that is not enough the details are wrapped.
        """
        room = min(BAR_COLUMNS, self.console.width - cell_len(text) - TIME_COLUMNS)
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


def _notebook() -> Any:
    """IPython's module for output where this program is the kernel of a notebook; None elsewhere.

    It was imported then: nothing is looked for, and IPython needn't be installed.
    """
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    has_kernel = getattr(shell, "kernel", None) is not None  # IPython on a terminal has none
    return sys.modules.get("IPython.display") if has_kernel else None


DEFAULT_REPORTER = Reporter()
SILENT = Reporter(quiet=True, file=Output(None))  # prints no notes either

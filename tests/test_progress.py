"""Progress: silent at first, a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from convscope import progress
from convscope.progress import DEFAULT_REPORTER, SILENT, Reporter


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SHOW_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(progress, "PLAIN_EVERY_SECONDS", 0.0)


def test_short_work_shows_nothing() -> None:
    stream = io.StringIO()
    with Reporter(file=stream).task("decoding", 10) as task:
        task.advance(10)
    assert stream.getvalue() == ""


@pytest.mark.usefixtures("at_once")
def test_long_work_prints_plain_lines_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    with Reporter(file=stream).task("decoding", 10) as task:
        task.advance(5, "loss 0.5")
        task.advance(5)
    first, second = stream.getvalue().splitlines()
    assert first.startswith("decoding: 5/10 images, loss 0.5, ")
    assert first.endswith(" s left")
    assert second.startswith("decoding: 10/10 images, 0 s left")


@pytest.mark.usefixtures("at_once")
def test_a_terminal_gets_a_bar_with_count_details_and_time_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()
    reporter = Reporter(file=stream)
    assert reporter.console.is_terminal
    with reporter.task("training", 10) as task:
        task.advance(5, "loss 0.5")
    text = stream.getvalue()
    for words in ("training", "5/10", "loss 0.5", "\x1b["):
        assert words in text


@pytest.mark.skipif(sys.platform == "win32", reason="terminals are POSIX's")
@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("write", [print, lambda text: sys.stdout.write(f"{text}\n")])
def test_results_go_to_standard_output_while_a_terminal_shows_a_bar(
    capsys: pytest.CaptureFixture[str], write: Callable[[str], object]
) -> None:
    terminal, other = os.openpty()
    with os.fdopen(other, "w", encoding="utf-8") as stream:
        before = sys.stdout, sys.stderr
        with Reporter(file=stream).task("explaining", 2) as task:
            for _ in range(2):
                task.advance()
                task.hide()
                assert (sys.stdout, sys.stderr) == before
                write("result")
        shown = os.read(terminal, 1 << 16).decode()
    os.close(terminal)
    assert capsys.readouterr().out == "result\n" * 2
    assert "explaining" in shown
    assert "2/2" in shown
    assert "result" not in shown


@pytest.mark.usefixtures("at_once")
def test_a_bar_that_was_taken_away_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()
    with Reporter(file=stream).task("explaining", 3) as task:
        for count in range(1, 4):
            task.advance()
            assert f"{count}/3" in stream.getvalue()
            task.hide()
            stream.truncate(0)


@pytest.mark.usefixtures("at_once")
def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()
    with Reporter(file=stream).task("training", 10) as task:
        task.advance(5)
    assert "\x1b[3" not in stream.getvalue()
    assert "38;5" not in stream.getvalue()


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("is_terminal", [False, True])
@pytest.mark.parametrize(
    "error",
    [BrokenPipeError(), OSError(errno.EIO, ""), OSError(errno.ENOSPC, ""), ValueError("closed")],
)
def test_work_goes_on_when_nobody_listens_any_more(error: Exception, is_terminal: bool) -> None:
    class Gone(io.StringIO):
        def isatty(self) -> bool:
            return is_terminal

        def write(self, text: str) -> int:
            raise error

    reporter = Reporter(file=Gone())
    for _ in range(2):
        reporter.say("hello")
        with reporter.task("training", 2) as task:
            task.advance(1)
            task.advance(1)


def test_any_name_can_be_said_in_any_encoding_and_steers_nothing() -> None:
    content = io.BytesIO()
    reporter = Reporter(file=io.TextIOWrapper(content, encoding="cp1252"))
    reporter.say("note: no test images of 猫, \x1b[31mred")
    assert content.getvalue() == b"note: no test images of \\u732b, \\u001b[31mred\n"


@pytest.mark.usefixtures("at_once")
def test_a_bar_needs_no_sign_that_the_encoding_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    content = io.BytesIO()
    with Reporter(file=io.TextIOWrapper(content, encoding="ascii")).task("training", 10) as task:
        task.advance(5, "loss 0.5")
    assert b"loss 0.5" in content.getvalue()


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("columns", [120, 80, 60])
def test_no_width_of_a_terminal_cuts_what_a_bar_says(
    monkeypatch: pytest.MonkeyPatch, columns: int
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(columns))
    stream = io.StringIO()
    with Reporter(file=stream).task("training", 1_200_000) as task:
        task.advance(600_000, "epoch 10/60, loss 0.123, accuracy 95.1%, 12,345 images/s")
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    last = text[text.rindex("training") :]
    for words in ("600000/1200000", "0.123", "accuracy", "95.1%,", "images/s", "-:--:--"):
        assert words in last
    assert ("━" in last) == (columns == 120)
    assert "…" not in last


@pytest.mark.usefixtures("at_once")
def test_lines_are_never_cut_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    stream = io.StringIO()
    reporter = Reporter(file=stream)
    reporter.say("epoch 1/4 " * 20)
    with reporter.task("training", 10) as task:
        task.advance(5, "loss 0.5 " * 20)
    first, second = stream.getvalue().splitlines()
    assert first == "epoch 1/4 " * 20
    assert "loss 0.5 " * 20 in second


@pytest.mark.usefixtures("at_once")
def test_quiet_leaves_notes_and_nothing_else() -> None:
    stream = io.StringIO()
    reporter = Reporter(quiet=True, file=stream)
    reporter.say("hello")
    reporter.say("note: no test images of red")
    with reporter.task("decoding", 10) as task:
        task.advance(5)
    assert stream.getvalue() == "note: no test images of red\n"


def test_silent_says_nothing_at_all(capsys: pytest.CaptureFixture[str]) -> None:
    SILENT.say("note: no test images of red")
    assert capsys.readouterr() == ("", "")


def test_calls_from_python_speak_on_the_standard_error_of_their_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    DEFAULT_REPORTER.say("hello")
    assert capsys.readouterr() == ("", "hello\n")
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stderr", stream)
        DEFAULT_REPORTER.say("again")
    assert stream.getvalue() == "again\n"


class Cell(list[dict[str, str]]):
    """The outputs of a notebook's cell, as IPython's `display` fills it."""

    def display(self, shown: dict[str, str], *, raw: bool, display_id: bool) -> Cell:
        assert raw
        assert display_id
        self.append(shown)
        return self

    def update(self, shown: dict[str, str], *, raw: bool) -> None:
        assert raw
        self[-1] = shown


@pytest.fixture
def cell(monkeypatch: pytest.MonkeyPatch) -> Cell:
    """Stands in for IPython, which users of notebooks have, and we needn't."""
    outputs = Cell()
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setenv("FORCE_COLOR", "1")  # a kernel says so, and is no terminal
    modules: Any = sys.modules
    monkeypatch.setitem(modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.setitem(modules, "IPython.display", outputs)
    return outputs


@pytest.mark.usefixtures("at_once")
def test_a_notebook_gets_one_bar_that_changes_and_stays_with_its_time(
    cell: Cell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "NOTEBOOK_EVERY_SECONDS", 0.0)
    with Reporter().task("training", 1000) as task:
        task.advance(500, "loss <0.5>")
        assert '<progress value="500" max="1000"></progress>' in cell[0]["text/html"]
        assert "training: 500/1000 images, loss &lt;0.5&gt;, 0 s left" in cell[0]["text/html"]
        task.hide()
        for _ in range(500):
            task.advance()
    assert [shown["text/plain"] for shown in cell] == ["training: 1000/1000 images in 0 s"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.usefixtures("at_once")
def test_a_bar_in_a_notebook_is_not_sent_at_every_step(cell: Cell) -> None:
    with Reporter().task("training", 1000) as task:
        task.advance(1, "first")
        task.advance(1, "second")
        assert "first" in cell[0]["text/plain"]


def test_lines_in_a_notebook_are_plain_and_on_no_red_ground(
    cell: Cell, capsys: pytest.CaptureFixture[str]
) -> None:
    Reporter().say("epoch 1/4")
    assert capsys.readouterr() == ("epoch 1/4\n", "")
    assert not cell


@pytest.mark.usefixtures("at_once")
def test_a_file_gets_what_it_was_given_for_in_a_notebook_too(cell: Cell) -> None:
    stream = io.StringIO()
    with Reporter(file=stream).task("training", 10) as task:
        task.advance(5)
    assert "5/10" in stream.getvalue()
    assert not cell


def test_reporters_show_what_they_are() -> None:
    assert (repr(DEFAULT_REPORTER), repr(SILENT)) == ("Reporter()", "Reporter(quiet=True)")

"""Progress: silent at first, a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io

import pytest

from convscope import progress
from convscope.progress import Reporter


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
def test_work_goes_on_when_nobody_listens_any_more() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    reporter = Reporter(file=Gone())
    reporter.say("hello")
    with reporter.task("training", 2) as task:
        task.advance(2)
    assert reporter.console.quiet


@pytest.mark.usefixtures("at_once")
def test_quiet_means_silent() -> None:
    stream = io.StringIO()
    reporter = Reporter(quiet=True, file=stream)
    reporter.say("hello")
    with reporter.task("decoding", 10) as task:
        task.advance(5)
    assert stream.getvalue() == ""

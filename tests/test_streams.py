"""Output: any text arrives in any encoding, no name steers a terminal, and no reader is needed."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from convscope.errors import ConvscopeError
from convscope.streams import Output, safe_output

NAMES = ["猫", "Blüte", "🐈‍⬛", "чайка", "é", "\udcff", "a – b"]
STEERING = {
    "colours": "\x1b[31mred",
    "title": "\x1b]0;owned\x07",
    "eight-bit sequence": "\x9b2J",
    "carriage return": "right\rwrong",
    "backspace": "no\b\byes",
    "direction override": "gpj.\u202eexe",
    "isolate": "\u2067abc",
    "line separator": "a\u2028b",
    "delete": "a\x7f",
}


def encoded(text: str, encoding: str) -> bytes:
    """What a stream in this encoding gets."""
    content = io.BytesIO()
    output = Output(io.TextIOWrapper(content, encoding=encoding))
    output.write(text)
    output.flush()
    return content.getvalue()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "gbk", "utf-8"])
@pytest.mark.parametrize("name", NAMES)
def test_names_arrive_in_any_encoding_and_json_is_exact(name: str, encoding: str) -> None:
    if name == "a – b":  # a sign of ours has a look-alike
        assert encoded(name, encoding).decode(encoding) in (name, "a - b")
        return
    content = encoded(json.dumps({name: 1}, ensure_ascii=False), encoding)
    assert json.loads(content.decode(encoding)) == {name: 1}


def test_what_an_encoding_has_is_not_replaced() -> None:
    assert encoded("Blüte 猫", "cp1252") == "Blüte \\u732b".encode("cp1252")
    assert encoded("≤ 3 × 3", "ascii") == b"<= 3 x 3"


@pytest.mark.parametrize("text", STEERING.values(), ids=STEERING)
def test_no_name_steers_a_terminal_and_json_is_exact(text: str) -> None:
    shown = encoded(text, "utf-8").decode()
    assert "\\u" in shown
    assert all(sign.isprintable() for sign in shown)
    content = encoded(json.dumps(text, ensure_ascii=False), "utf-8").decode()
    assert json.loads(content) == text


def test_line_feeds_tabs_and_signs_that_only_join_others_pass() -> None:
    text = "a\tb\n🐈‍⬛ חתול\n"
    assert encoded(text, "utf-8") == text.encode()


class Failing(io.StringIO):
    """A stream that fails, as a terminal or not."""

    def __init__(self, error: Exception, *, is_terminal: bool = False) -> None:
        super().__init__()
        self._error, self._is_terminal = error, is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def write(self, text: str) -> int:
        raise self._error


GONE = {
    "closed pipe": Failing(BrokenPipeError(errno.EPIPE, "Broken pipe")),
    "closed terminal": Failing(OSError(errno.EIO, "Input/output error"), is_terminal=True),
    "closed file": Failing(ValueError("I/O operation on closed file")),
    "no console": None,
}


@pytest.mark.parametrize("raises", [False, True])
@pytest.mark.parametrize("stream", GONE.values(), ids=GONE)
def test_a_reader_that_is_gone_is_no_error(stream: io.StringIO | None, raises: bool) -> None:
    output = Output(stream, raises=raises)
    for _ in range(2):
        assert output.write("text") == 4
        output.flush()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EFBIG])
def test_results_that_a_disk_does_not_take_are_an_error_and_messages_are_not(number: int) -> None:
    error = OSError(number, os.strerror(number))
    Output(Failing(error)).write("message")
    output = Output(Failing(error), raises=True)
    with pytest.raises(ConvscopeError, match=f"standard output .+ {os.strerror(number)}"):
        output.write("result")
    output.write("result")  # it was said


@pytest.mark.skipif(sys.platform != "linux", reason="the full device is Linux's")
def test_what_a_full_disk_left_in_a_buffer_does_not_fail_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def write() -> None:
        with safe_output():
            sys.stdout.write("result")
            sys.stdout.flush()

    with Path("/dev/full").open("w", encoding="utf-8") as full:  # closing would raise
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(ConvscopeError, match="No space left"):
            write()


@pytest.mark.skipif(sys.platform == "win32", reason="such pipes are POSIX's")
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("text", ["a line of a table\n" * 9, "猫" * 3000, "x" * 200_000])
def test_a_reader_that_is_slow_gets_all_also_where_the_system_does_not_wait(
    text: str, encoding: str
) -> None:
    """Terminals and pipes don't wait once another process asked that of them."""
    reading, writing = os.pipe()
    received = bytearray()

    def read_slowly() -> None:
        while block := os.read(reading, 30_000):
            received.extend(block)
            time.sleep(0.0005)

    with os.fdopen(writing, "w", encoding=encoding) as stream:
        output = Output(stream, raises=True)
        output.write("begins\n")  # lies in Python's buffer
        os.set_blocking(writing, False)
        thread = threading.Thread(target=read_slowly)
        count = 1 + 150_000 // len(encoded(text, encoding))
        thread.start()
        for _ in range(count):
            output.write(text)
        output.flush()
    thread.join()
    os.close(reading)
    assert bytes(received) == encoded("begins\n" + text * count, encoding)


def test_the_caller_has_its_own_streams_back(capsys: pytest.CaptureFixture[str]) -> None:
    before = sys.stdout, sys.stderr
    with safe_output():
        sys.stderr.write("猫\x1b[0m")
    assert (sys.stdout, sys.stderr) == before
    assert capsys.readouterr().err == "猫\\u001b[0m"

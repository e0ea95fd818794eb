"""Text streams that take any text, and that outlive whoever reads them.

No output is a reason to lose what was computed: an encoding may lack a sign, a terminal may be
closed, a disk may be full, and names that come with data may hold what a terminal obeys.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import re
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO

from convscope.errors import ConvscopeError
from convscope.text import escaped

STDERR = 2  # its number
REPLACED = "convscope-replaced"  # the name of our handler of encoding errors
LOOKALIKES = {"≤": "<=", "≥": ">=", "–": "-", "×": "x", "…": "..."}


def _replacement(error: UnicodeError) -> tuple[str, int]:
    """Replaces what an encoding lacks by look-alikes, or by escapes that JSON has too."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(LOOKALIKES.get(sign) or _escape(sign) for sign in signs), error.end


def _escape(sign: str) -> str:
    return re.sub("(.{4})", r"\\u\1", sign.encode("utf-16-be", "surrogatepass").hex())


codecs.register_error(REPLACED, _replacement)


class Output(io.TextIOBase):
    """A text stream to which writing doesn't fail.

    Signs that its encoding lacks are replaced. Nothing more is written once its reader is gone.

    Args:
        stream: Where the text goes; None for nowhere, as in a program without a console.
        escapes: Whether control characters are escaped, so that no name steers the terminal.
        raises: Whether a full disk is an error; else it is like a reader that is gone.

    Attributes:
        stream: Where the text goes.
    """

    def __init__(
        self, stream: IO[str] | None, *, escapes: bool = True, raises: bool = False
    ) -> None:
        self.stream = stream
        self._escapes, self._raises = escapes, raises
        self._is_lost = stream is None
        self._was_terminal = self.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the stream."""
        return getattr(self.stream, "encoding", None) or "utf-8"

    def writable(self) -> bool:
        """Whether text can be written: always."""
        return True

    def isatty(self) -> bool:
        """Whether a terminal shows the text."""
        try:
            return self.stream is not None and self.stream.isatty()
        except (AttributeError, ValueError):  # one of a caller's own, or closed
            return False

    def fileno(self) -> int:
        """The number of the open file."""
        return super().fileno() if self.stream is None else self.stream.fileno()

    def write(self, text: str) -> int:
        """Writes text, as far as somebody reads it.

        Raises:
            ConvscopeError: It can't be written, and that is to be an error.
        """
        shown = escaped(text) if self._escapes else text
        shown = shown.encode(self.encoding, REPLACED).decode(self.encoding)
        self._try(lambda stream: _write(stream, shown, self.encoding))
        return len(text)

    def flush(self) -> None:
        """Passes on what was written.

        Raises:
            ConvscopeError: It can't be written, and that is to be an error.
        """
        self._try(_flush)

    def _try(self, action: Callable[[IO[str]], object]) -> None:
        if self.stream is None or self._is_lost:
            return
        try:
            action(self.stream)
        except ValueError:  # it was closed
            self._is_lost = True
        except OSError as error:
            self._is_lost = True
            is_reader_gone = error.errno == errno.EPIPE or (
                error.errno == errno.EIO and self._was_terminal
            )
            if self._raises and not is_reader_gone:
                raise ConvscopeError(
                    f"standard output can't be written to: {error.strerror or error}",
                    hint="send it to a place with room; files that the command writes are whole",
                ) from error


def _write(stream: IO[str], text: str, encoding: str) -> None:
    """Writes text; waits for a slow reader also where the system doesn't, as another asked it to.

    Python's own buffers would lose what such a stream doesn't take at once.
    """
    number = _unwaiting(stream)
    if number is None:
        stream.write(text)
        return
    _flush(stream)
    content = memoryview(text.encode(encoding))
    while content:
        _wait(number)
        with suppress(BlockingIOError):  # there was room for less
            content = content[os.write(number, content) :]


def _flush(stream: IO[str]) -> None:
    """Passes on what was written, and waits for a slow reader."""
    while True:
        try:
            stream.flush()
        except BlockingIOError:
            _wait(stream.fileno())
        else:
            return


def _unwaiting(stream: IO[str]) -> int | None:
    """The number of a stream that doesn't wait for its reader; None for one that does."""
    try:
        number = stream.fileno()
        return None if os.get_blocking(number) else number
    except (AttributeError, OSError, ValueError):  # no file, closed, or a system without that
        return None


def _wait(number: int) -> None:
    select.select([], [number], [])


@contextmanager
def safe_output() -> Iterator[None]:
    """Context manager in which standard output and standard error are of the kind `Output`."""
    _open_standard_streams()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = Output(before[0], raises=True), Output(before[1])
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        for stream in before:
            _give_up_unwritten(stream)


def _open_standard_streams() -> None:
    """Gives closed ones (`2>&-`) a place; else the next file that is opened takes their numbers."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        pass
    os.close(number)


def _give_up_unwritten(stream: IO[str] | None) -> None:
    """Lets go of text that can't be written; Python would fail with it once more when it ends."""
    if stream is None or stream.closed:
        return
    try:
        _flush(stream)
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)

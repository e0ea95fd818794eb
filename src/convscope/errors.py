"""The error family: what went wrong, how to get out, an exit code and an HTTP status each.

    ConvscopeError
      UsageError        a flag, a recipe field or an argument that can't be
      DataError         images, folders and tables that can't be used
      NetworkError      a network that can't be built, or can't take this input
      WeightsError      weights that can't be read or don't fit
      RunError          run and classifier folders: missing, unfinished, from another version
      DeviceError       a device or number format that this machine doesn't have
      TrainingError     a training that can't go on
      DownloadError     something asked for from the network that didn't come

    KeyboardInterrupt
      StoppedError      a training that was asked to stop, and has saved what it had

Every message names the thing in backticks and the value received; the hint is the way out.
"""

from __future__ import annotations

import difflib
import signal
from collections.abc import Iterable, Sequence

LISTED_AT_MOST = 20


class ConvscopeError(Exception):
    """Base of all errors that a user can act on.

    Attributes:
        message: What is wrong, in one sentence without a full stop.
        hint: The way out, or None where there is no general one.
        exit_code: What the command line exits with.
        http_status: What the server answers with.
        is_echo: Whether another process has the cause, and says it.
    """

    exit_code = 1
    http_status = 500
    is_echo = False

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\nhint: {self.hint}"


class UsageError(ConvscopeError):
    """A flag, a recipe field or an argument that can't be."""

    exit_code = 2
    http_status = 400


class DataError(ConvscopeError):
    """Images, folders or tables that can't be used."""

    exit_code = 3
    http_status = 422


class NetworkError(ConvscopeError):
    """A network that can't be built, or can't take this input."""

    exit_code = 4
    http_status = 422


class WeightsError(ConvscopeError):
    """Weights that can't be read or don't fit the network."""

    exit_code = 5
    http_status = 422


class RunError(ConvscopeError):
    """A run or classifier folder that is missing, unfinished or from another version."""

    exit_code = 6
    http_status = 409


class DeviceError(ConvscopeError):
    """A device or number format that this machine doesn't have."""

    exit_code = 7
    http_status = 503


class TrainingError(ConvscopeError):
    """A training that can't go on."""

    exit_code = 8
    http_status = 500


class DownloadError(ConvscopeError):
    """Something asked for from the network that did not come, or is not what it should be."""

    exit_code = 9
    http_status = 502


class StoppedError(KeyboardInterrupt):
    """A training was asked to stop, and has saved what it had.

    Like Ctrl-C itself it is no `Exception`: whoever goes on after errors should not go on after it.

    Attributes:
        message: What has happened, in one sentence without a full stop.
        hint: How it goes on.
        exit_code: 128 and the signal's number, as in shells.
    """

    http_status = 503

    def __init__(self, number: int | None, *, step: int, place: str) -> None:
        asked = signal.Signals(number or signal.SIGTERM)  # None: another process was asked
        words = "Ctrl-C" if asked == signal.SIGINT else asked.name
        self.message = f"stopped by {words} after step {step:,}; everything is saved in `{place}`"
        self.hint = "the same call continues it, without `fresh`"
        self.exit_code = 128 + asked
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}"


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """The known name nearest to `name`, as the beginning of a hint, or None if none is near."""
    near = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return f"did you mean `{near[0]}`?" if near else None


def counted(count: int, noun: str) -> str:
    """A number with its noun: `1 image`, `1,797 images`, `2 classes`."""
    if count == 1:
        return f"1 {noun}"
    return f"{count:,} {noun}{'es' if noun.endswith('s') else 's'}"


def either_of(names: Sequence[str]) -> str:
    """The names in backticks, joined by commas and "or"."""
    quoted = [f"`{name}`" for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"


def listed(lines: Sequence[str]) -> str:
    """The first lines indented below each other, with a count of the rest."""
    shown = [f"  {line}" for line in lines[:LISTED_AT_MOST]]
    if len(lines) > LISTED_AT_MOST:
        shown.append(f"  and {len(lines) - LISTED_AT_MOST} more")
    return "\n".join(shown)

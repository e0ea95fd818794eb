"""The error family: each error has a message, a hint, an exit code and an HTTP status.

Every message names the thing in backticks and the value received; the hint is the way out.
"""

from __future__ import annotations

import errno
import signal

# What torch, NumPy, Pillow and the system say where there is no memory.
NO_MEMORY = (
    *("not enough memory", "can't allocate memory", "cannot allocate memory", "out of memory"),
    *("unable to allocate", "failed to map segment", "bad_alloc"),
    *("could not create a primitive", "could not create a memory object"),  # in oneDNN's words
    "can't start new thread",  # there was none for its stack
)


# A terminal that is closed sends SIGHUP, its shell another one; Windows has none.
HANGUPS = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, *HANGUPS)


class ConvscopeError(Exception):
    """Base of all errors that a user can act on.

    Attributes:
        message: One sentence about what is wrong, without a full stop.
        hint: The way out, or None where there is no general one.
        exit_code: Exit code of the command line.
        http_status: HTTP status of the server's response.
        is_echo: Whether it only repeats the failure of another process, which reports it.
        is_of_memory: Whether it says that memory is lacking; if that caused another error, the
            command line says it in its place.
    """

    exit_code = 1
    http_status = 500
    is_echo = False
    is_of_memory = False

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


class NoMemoryError(TrainingError):
    """A training for which there is not enough memory."""

    is_of_memory = True


class DownloadError(ConvscopeError):
    """A download that fails, or gives other content than the published one."""

    exit_code = 9
    http_status = 502


class StoppedError(KeyboardInterrupt):
    """A training that was asked to stop, and has saved its state.

    Like `KeyboardInterrupt` it is no `Exception`, so that code which goes on after errors stops.

    Attributes:
        message: One sentence about what has happened, without a full stop.
        hint: The way to continue.
        exit_code: 128 plus the number of the signal, as in shells.
    """

    http_status = 503

    def __init__(self, number: int | None, *, step: int, place: str) -> None:
        received = signal.Signals(number or signal.SIGTERM)  # None: another process got it
        name = "Ctrl-C" if received == signal.SIGINT else received.name
        self.message = f"stopped by {name} after step {step:,}; everything is saved in `{place}`"
        self.hint = "the same call continues it, without `fresh`"
        self.exit_code = 128 + received
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether Python, torch or the system found no memory, on a GPU or on the CPU."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    kinds = (RuntimeError, ImportError, SystemError)
    return isinstance(error, kinds) and any(words in str(error).lower() for words in NO_MEMORY)

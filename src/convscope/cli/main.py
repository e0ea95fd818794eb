"""The command `convscope`: finds the verb, prints errors, returns exit codes.

Nothing heavy is imported before a verb needs it: help has to appear at once.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Sequence
from importlib import import_module

import click

from convscope import __version__
from convscope.cli.habits import no_such_verb
from convscope.cli.interruption import unwinding
from convscope.errors import (
    ConvscopeError,
    DataError,
    StoppedError,
    UsageError,
    is_out_of_memory,
)
from convscope.languages import ENGLISH, speaking, translated
from convscope.streams import safe_output

# Looking for plugins of pydantic, of which there are none, takes an eighth of the time of help.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

# Verb -> what it does. The verb's module in this folder has a `command` of that name.
VERBS = {
    "check": "Check a data set for problems.",
    "train": "Train a classifier on a folder of images, and evaluate it.",
    "evaluate": "Evaluate a classifier on images that training never saw.",
    "compare": "Say which of several classifiers is better, if the images can tell.",
    "calibrate": "Calibrate a classifier's probabilities, and choose a confidence threshold.",
    "predict": "Classify image files.",
    "explain": "Explain a classifier's predictions, with Grad-CAM and other methods.",
    "inspect": "Show what the layers of a classifier respond to in a data set.",
    "summary": "Show a network layer by layer.",
    "networks": "List the networks.",
    "runs": "List the runs in a folder.",
    "image-grid": "Put many images into one picture.",
    "device": "Show which device is used, and how fast it multiplies.",
    "cache": "Show or clear the cache of decoded images.",
}
INTERRUPTED = 130


class _Verbs(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command: click.Command = import_module(f"convscope.cli.{name.replace('-', '_')}").command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(
        self, context: click.Context, arguments: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = arguments[0]
        if name not in VERBS and not name.startswith("-"):
            raise no_such_verb(arguments, VERBS)
        return super().resolve_command(context, arguments)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="convscope %(version)s")
@click.option("--traceback", is_flag=True, help="Show where an error came from.")
def convscope(traceback: bool) -> None:
    """Train convolutional image classifiers, look inside them, and trust what they tell you.

    Begin with `convscope train digits`.
    """


def run(arguments: Sequence[str], *, began: float | None = None) -> int:
    """Runs a command line; returns its exit code. Errors are printed here and nowhere else.

    Args:
        arguments: The words behind `convscope`.
        began: When the program was started, by `time.monotonic()`; None for now. The verbs find it
            in click's context.
    """
    began = time.monotonic() if began is None else began
    # The flag may be anywhere: after an error one adds it at the end of the line.
    wants_traceback = "--traceback" in arguments
    rest = [each for each in arguments if each != "--traceback"] or ["--help"]
    with safe_output(), speaking(ENGLISH):
        try:
            with unwinding():
                outcome = convscope.main(
                    rest, prog_name="convscope", standalone_mode=False, obj=began
                )
                sys.stdout.flush()  # here, so that a full disk has its message
                return outcome if isinstance(outcome, int) else 0
        except (KeyboardInterrupt, click.Abort) as error:
            if isinstance(error.__cause__, StoppedError):  # click has its own name for it
                return _failed(error.__cause__, wants_traceback)
            hint = "; the same command continues a training" if rest[0] == "train" else ""
            print(translated(f"\ninterrupted{hint}"), file=sys.stderr)
            return INTERRUPTED
        except Exception as error:
            explained = _explained(error)
            if explained is None:
                raise
            return _failed(explained, wants_traceback)


def _explained(error: Exception) -> ConvscopeError | None:
    """The error as one of ours; None for one that nobody has foreseen."""
    lacks_memory = _lacks_memory(error)
    # What else failed for it, a network or a file, is not what is wrong.
    if isinstance(error, ConvscopeError) and (not lacks_memory or error.is_of_memory):
        return error
    if isinstance(error, click.ClickException):
        return _usage_error(error)
    if lacks_memory:
        return ConvscopeError(
            "there is not enough memory", hint="close other programs, or raise the limit (`ulimit`)"
        )
    if isinstance(error, OSError):
        place = f"`{error.filename}`: " if error.filename else ""
        return ConvscopeError(f"{place}{error.strerror or error}")
    return None


def _lacks_memory(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is a lack of memory."""
    return error is not None and (is_out_of_memory(error) or _lacks_memory(error.__cause__))


def _failed(error: ConvscopeError | StoppedError, wants_traceback: bool) -> int:
    if wants_traceback:
        traceback.print_exception(error)
    if _reports(error):
        # Each of several training processes may fail by itself: then it says which one it is.
        rank = os.environ.get("RANK", "0")
        which = "" if rank == "0" else f"process {rank}: "
        lines = [f"{which}error: {error.message}"]
        if error.hint:
            lines.append(f"{which}hint: {error.hint}")
        sys.stderr.write(translated("\n".join(lines)) + "\n")  # at once: others write there too
    return error.exit_code


def _reports(error: ConvscopeError | StoppedError) -> bool:
    """Whether this process prints the error: of several with the same error, the first does."""
    if os.environ.get("RANK", "0") == "0":
        return True
    is_elsewhere = os.environ.get("LOCAL_RANK", "0") == "0"  # on a machine of its own
    if isinstance(error, StoppedError | UsageError) or error.is_echo:
        return False
    return is_elsewhere or not isinstance(error, DataError)


def _usage_error(error: click.ClickException) -> UsageError:
    if isinstance(error, click.NoSuchOption):  # before the verb; what follows it `Verb` reads
        return UsageError(
            f"`convscope` has no flag `{error.option_name}`",
            hint="flags stand behind the verb: `convscope train DATA --epochs 20`",
        )
    if isinstance(error, click.BadParameter) and error.param is not None:
        name = error.param.opts[-1]
        return UsageError(f"`{name}` can't be this: {error.message.rstrip('.')}")
    message = error.format_message().rstrip(".")
    return UsageError(message[0].lower() + message[1:])

"""Networks that users wrote: `file.py:NAME`, a class or a function that gives a module.

This runs the file, as its author wants it to; nothing else here runs code from a file.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torch import nn

from convscope.errors import NetworkError, did_you_mean

HINT = "write FILE.py:NAME, where NAME is a class or a function that needs no arguments"


def is_user_code(text: str) -> bool:
    """Whether this is `file.py` or `file.py:NAME`."""
    return text.partition(":")[0].endswith(".py") or ".py:" in text


def module_from(text: str) -> nn.Module:
    """The module that the class or function `NAME` in `file.py:NAME` gives.

    Raises:
        NetworkError: There is no such file or name, or it gives no module.
    """
    place, separator, name = text.rpartition(":")
    if not separator or not place.endswith(".py"):
        raise NetworkError(f"`{text}` doesn't say which network of the file is meant", hint=HINT)
    path = Path(place)
    if not path.is_file():
        raise NetworkError(f"there is no file `{place}`", hint=HINT)
    with _importable_from(path.resolve().parent):  # also by what is made: it may import late
        content = _run(path)
        if name not in content:
            own = [key for key, value in content.items() if callable(value) and key[0] != "_"]
            raise NetworkError(f"`{place}` has no `{name}`", hint=did_you_mean(name, own) or HINT)
        return _made(text, content[name])


def _made(text: str, named: object) -> nn.Module:
    """The module that a name stands for, or that it gives when it is called."""
    if isinstance(named, nn.Module):
        return named
    if not callable(named):
        raise NetworkError(f"`{text}` is a `{type(named).__name__}`, no torch module", hint=HINT)
    try:
        made = named()
    except Exception as error:
        raise NetworkError(f"`{text}` gave no network: {_words(error)}", hint=HINT) from error
    if not isinstance(made, nn.Module):
        raise NetworkError(f"`{text}` gave a `{type(made).__name__}`, no torch module", hint=HINT)
    return made


def _run(path: Path) -> dict[str, object]:
    """What the file defines; it may import its neighbours."""
    spec = importlib.util.spec_from_file_location(f"user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise NetworkError(f"`{path}` can't be imported", hint=HINT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickles look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise NetworkError(
            f"`{path}` can't be run: {_words(error)}", hint="`--traceback` shows where"
        ) from error
    return vars(module)


@contextmanager
def _importable_from(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _words(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__

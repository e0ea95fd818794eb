"""The sides of a row, made from what their programs are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from suite.comparison import Comparison, Flags, Side
from suite.material import Material

Build = Callable[[Material, bool], Comparison]  # of the data, and whether it is a quick run

RECIPES = Path(__file__).parents[2] / "recipes"
BOTH: tuple[Flags, ...] = ("default", "best")
SIZE = 224
IN_TIMM = ("resnet18", "resnet50", "vgg16")


def peers(
    name: str, program: str, settings: dict[str, Any], flags: tuple[Flags, ...] = BOTH
) -> list[Side]:
    """The sides of one peer."""
    return [Side(name, flag, program, settings) for flag in flags]


def ours(work: str, **settings: Any) -> Side:
    """Our side, as a program."""
    return Side("convscope", "default", "ours.py", {"work": work, **settings})


def shell(*words: str) -> Side:
    """Our side, as a command line."""
    return Side("convscope", "default", command=("-m", "convscope", *words))

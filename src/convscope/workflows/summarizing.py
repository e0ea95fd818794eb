"""The layer table of anything that is a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn

from convscope.arithmetic import LayerTable, Verification, layer_table, verify
from convscope.errors import UsageError
from convscope.networks import build, entry
from convscope.run import Run
from convscope.workflows.user_code import is_user_code, module_from
from convscope.workflows.using import load


class Verified(NamedTuple):
    """A table, and what was measured beside it."""

    table: LayerTable
    verification: Verification


def summarize(
    network: nn.Module | str | Path,
    *,
    input_shape: tuple[int, int, int] | None = None,
    num_classes: int | None = None,
    batch_size: int = 1,
    training: bool = False,
    **options: Any,
) -> LayerTable:
    """The layer table of a network: output shapes, parameters, MACs, memory, receptive fields.

    Args:
        network: A name of the table of networks, a run, a classifier folder, any module, or
            `file.py:NAME`, a class or function there that gives a module.
        input_shape: Channels, height and width of one image; else what it was made for.
        num_classes: K; else what it was made for.
        batch_size: N.
        training: Whether the numbers are those of training mode.
        **options: Of the named network, for instance `stem="small"`.

    Raises:
        NetworkError: No network has this name, or it can't take this input.
        UsageError: A module without `input_shape`, or options for a network that is built already.
    """
    # Shapes are all that counts here; VGG has 550 MB of weights.
    with torch.device("meta") if is_named(network) else torch.device("cpu"):
        subject = _subject(network, input_shape, num_classes, options)
    return layer_table(subject.module, (batch_size, *subject.shape), training=training)


def verified_summary(
    network: nn.Module | str | Path,
    *,
    input_shape: tuple[int, int, int] | None = None,
    num_classes: int | None = None,
    batch_size: int = 1,
    training: bool = False,
    **options: Any,
) -> Verified:
    """The layer table of a network, and its numbers measured by other means.

    Arguments and errors are those of `summarize`.
    """
    subject = _subject(network, input_shape, num_classes, options)
    table = layer_table(subject.module, (batch_size, *subject.shape), training=training)
    return Verified(table, verify(subject.module, table))


def is_named(network: nn.Module | str | Path) -> bool:
    """Whether this is meant as a name of the table of networks."""
    if isinstance(network, nn.Module) or is_user_code(str(network)):
        return False
    return not _is_saved(Path(network)) and not Path(network).is_dir()


class _Subject(NamedTuple):
    module: nn.Module
    shape: tuple[int, int, int]


def _subject(
    network: nn.Module | str | Path,
    input_shape: tuple[int, int, int] | None,
    num_classes: int | None,
    options: dict[str, Any],
) -> _Subject:
    if is_named(network):
        if len(Path(str(network)).parts) > 1:
            Run.open(Path(str(network)))  # says what is wrong with the folder
        return _named(str(network), input_shape, num_classes, options)
    if num_classes is not None or options:
        raise UsageError(
            "`num_classes` and options only apply to a network given by name",
            hint="this one is built already",
        )
    if not isinstance(network, nn.Module) and not is_user_code(str(network)):
        classifier = load(network, device="cpu")
        choice = classifier.choice
        return _Subject(classifier.network, input_shape or (choice.in_channels, *choice.input_size))
    module = network if isinstance(network, nn.Module) else module_from(str(network))
    if input_shape is None:
        raise UsageError(
            "`input_shape` is missing",
            hint="a module doesn't say what images it takes; on the command line, "
            "`--input 3x224x224`",
        )
    return _Subject(module, input_shape)


def _named(
    name: str,
    input_shape: tuple[int, int, int] | None,
    num_classes: int | None,
    options: dict[str, Any],
) -> _Subject:
    shape = input_shape or entry(name).input
    network = build(
        name,
        num_classes=num_classes,
        in_channels=shape[0],
        input_size=(shape[1], shape[2]),
        **options,
    )
    return _Subject(network, shape)


def _is_saved(place: Path) -> bool:
    return any((place / name).is_file() for name in ("recipe.yaml", "classifier.json"))

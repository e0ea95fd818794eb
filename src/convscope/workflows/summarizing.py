"""The layer table of anything that is a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from convscope.arithmetic import LayerTable, layer_table
from convscope.errors import UsageError
from convscope.networks import build, entry
from convscope.run import Run
from convscope.workflows.using import load


def summarize(
    network: nn.Module | str | Path,
    *,
    input_shape: tuple[int, int, int] | None = None,
    num_classes: int | None = None,
    batch_size: int = 1,
    **options: Any,
) -> LayerTable:
    """The layer table of a network: output shapes, parameters, MACs, receptive fields.

    Args:
        network: A name of the table of networks, a run, a classifier folder, or any module.
        input_shape: Channels, height and width of one image; else what it was made for.
        num_classes: K; else what it was made for.
        batch_size: N.
        options: Of the named network, for instance `stem="small"`.

    Raises:
        NetworkError: No network has this name, or it can't take this input.
        UsageError: A module without `input_shape`, or options for a network that is built already.
    """
    if isinstance(network, str | Path) and not _is_saved(Path(network)):
        if Path(network).is_dir() or len(Path(network).parts) > 1:
            Run.open(network)  # says what is wrong with the folder
        return _summarize_named(str(network), input_shape, num_classes, batch_size, options)
    if num_classes is not None or options:
        raise UsageError(
            "`num_classes` and options only apply to a network given by name",
            hint="this one is built already",
        )
    if isinstance(network, nn.Module):
        if input_shape is None:
            raise UsageError(
                "`input_shape` is missing", hint="a module doesn't say what images it takes"
            )
        return layer_table(network, (batch_size, *input_shape))
    classifier = load(network, device="cpu")
    choice = classifier.choice
    shape = input_shape or (choice.in_channels, *choice.input_size)
    return layer_table(classifier.network, (batch_size, *shape))


def _summarize_named(
    name: str,
    input_shape: tuple[int, int, int] | None,
    num_classes: int | None,
    batch_size: int,
    options: dict[str, Any],
) -> LayerTable:
    shape = input_shape or entry(name).input
    with torch.device("meta"):  # shapes are all that counts here; VGG has 550 MB of weights
        network = build(
            name,
            num_classes=num_classes,
            in_channels=shape[0],
            input_size=(shape[1], shape[2]),
            **options,
        )
    return layer_table(network, (batch_size, *shape))


def _is_saved(place: Path) -> bool:
    return any((place / name).is_file() for name in ("recipe.yaml", "classifier.json"))

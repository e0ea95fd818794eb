"""The layer table of anything that is a network."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from convscope.arithmetic import LayerTable, Verification, layer_table, verify
from convscope.classifier import Classifier
from convscope.errors import NetworkError, UsageError
from convscope.inspection.effective_field import effective_field
from convscope.inspection.layers import map_axes_of
from convscope.networks import build, entry
from convscope.run import Run
from convscope.workflows.user_code import is_user_code, module_from
from convscope.workflows.using import load

Network = nn.Module | Classifier | str | Path

EFFECTIVE_ON_IMAGES = 4
WITH_AUXILIARIES = "forward_with_auxiliaries"  # the method that runs these heads, too


class Measured(NamedTuple):
    """A table, and what was measured beside it.

    Attributes:
        table: With effective fields, if these were asked for.
        verification: None if it wasn't asked for.
    """

    table: LayerTable
    verification: Verification | None


def summarize(
    network: Network,
    *,
    input_shape: tuple[int, int, int] | None = None,
    num_classes: int | None = None,
    batch_size: int = 1,
    training: bool = False,
    auxiliary_heads: bool = False,
    **options: Any,
) -> LayerTable:
    """The layer table of a network: output shapes, parameters, MACs, memory, receptive fields.

    Args:
        network: A name of the table of networks, a run, a classifier or its folder, any module,
            `file.py:NAME`, a class or function there that gives a module, or an ONNX file.
        input_shape: Channels, height and width of one image; else what it was made for.
        num_classes: K; else what it was made for.
        batch_size: N.
        training: Whether the numbers are those of training mode.
        auxiliary_heads: Whether auxiliary heads run, too, as in the training of a GoogLeNet.
        **options: Of the named network, for instance `stem="small"`.

    Raises:
        NetworkError: No network has this name, it can't take this input, or has no auxiliary heads;
            or an ONNX file has something in it that can't be read.
        UsageError: A module without `input_shape`, options for a network that is built already,
            or training mode of an ONNX file.
    """
    _refuse_training(network, training)
    # Shapes are all that counts here; VGG has 550 MB of weights.
    with torch.device("meta") if is_named(network) else torch.device("cpu"):
        subject = _subject(network, input_shape, num_classes, options)
    return _table(subject, batch_size, training=training, auxiliary_heads=auxiliary_heads)


def measured_summary(
    network: Network,
    *,
    verified: bool = False,
    effective: bool = False,
    input_shape: tuple[int, int, int] | None = None,
    num_classes: int | None = None,
    batch_size: int = 1,
    training: bool = False,
    auxiliary_heads: bool = False,
    **options: Any,
) -> Measured:
    """The layer table of a network with what only computing with values can tell.

    Errors are those of `summarize`.

    Args:
        network: As there; a named one has fresh weights.
        verified: Whether its numbers are measured by other means.
        effective: Whether effective receptive fields are measured, on random images.
        input_shape: As there.
        num_classes: As there.
        batch_size: N.
        training: As there; effective fields are always those of evaluation mode.
        auxiliary_heads: As there; no effective fields are measured in them.
        **options: Of the named network.
    """
    _refuse_training(network, training)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        subject = _subject(network, input_shape, num_classes, options)
        table = _table(subject, batch_size, training=training, auxiliary_heads=auxiliary_heads)
        if effective:
            weights = (each for each in subject.module.parameters() if each.is_floating_point())
            images = torch.randn(EFFECTIVE_ON_IMAGES, *subject.shape)
            images = images.to(next(weights, images))
            table = table.with_effective_fields(_effective_sizes(subject.module, images, table))
    return Measured(table, verify(subject.module, table) if verified else None)


def _effective_sizes(
    module: nn.Module, images: torch.Tensor, table: LayerTable
) -> dict[str, tuple[float, float]]:
    """Of all layers that give maps of more than one place."""
    sizes = {}
    for row in table.rows:
        shape, axes = row.output_shape or (), map_axes_of(row)
        if row.name and axes is not None and shape[axes[0]] * shape[axes[1]] > 1:
            with suppress(UsageError):  # all of its values are off: nothing counts
                field = effective_field(module, images, row.name, map_axes=axes)
                sizes[row.name] = field.size
    return sizes


def is_named(network: Network) -> bool:
    """Whether this is meant as a name of the table of networks.

    Raises:
        UsageError: It is nothing that has layers.
    """
    if not isinstance(network, Network):
        raise UsageError(
            f"a `{type(network).__name__}` has no layer table",
            hint="give a network's name, a run, a classifier, a module, `file.py:NAME` or an ONNX "
            "file",
        )
    if not isinstance(network, str | Path) or is_user_code(str(network)) or is_onnx(network):
        return False
    return not _is_saved(Path(network)) and not Path(network).is_dir()


def is_onnx(network: Network) -> bool:
    """Whether this is meant as an ONNX file."""
    if not isinstance(network, str | Path):
        return False
    place = Path(network)
    return place.suffix.lower() == ".onnx" and not _is_saved(place)


class _Subject(NamedTuple):
    module: nn.Module
    shape: tuple[int, int, int]


def _subject(
    network: Network,
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
    if is_onnx(network):
        from convscope.networks.from_onnx import read_onnx  # `onnx` only where it is needed

        return _Subject(*read_onnx(Path(str(network)), input_shape))
    if isinstance(network, str | Path) and not is_user_code(str(network)):
        network = load(network, device="cpu")
    if isinstance(network, Classifier):
        choice = network.choice
        return _Subject(network.network, input_shape or (choice.in_channels, *choice.input_size))
    module = network if isinstance(network, nn.Module) else module_from(str(network))
    if input_shape is None:
        raise UsageError(
            "`input_shape` is missing",
            hint="a module doesn't say what images it takes; on the command line, "
            "`--input 3x224x224`",
        )
    if module is not network:
        _give_shapes(module, input_shape)
    return _Subject(module, input_shape)


def _give_shapes(module: nn.Module, input_shape: tuple[int, int, int]) -> None:
    """Calls a module that was just made once if it has lazy layers: only then do they have shapes.

    Whatever goes wrong goes wrong again in the watched pass, which says where.
    """
    if any(is_lazy(parameter) for parameter in module.parameters()):
        with suppress(Exception), torch.no_grad():
            module(torch.zeros(2, *input_shape))


def _table(
    subject: _Subject, batch_size: int, *, training: bool, auxiliary_heads: bool
) -> LayerTable:
    module = subject.module
    if auxiliary_heads and not hasattr(module, WITH_AUXILIARIES):
        raise NetworkError(
            f"`{type(module).__name__}` has no auxiliary heads",
            hint="of the table of networks, only the forms of GoogLeNet have some",
        )
    method = WITH_AUXILIARIES if auxiliary_heads else "forward"
    shape = (batch_size, *subject.shape)
    return layer_table(module, shape, training=training, method=method)


def _refuse_training(network: Network, training: bool) -> None:
    """Exporters fold batch normalisation and leave out dropout: these numbers would be others."""
    if training and is_onnx(network):
        raise UsageError(
            f"`{network}` has no training mode: a network is exported as it predicts",
            hint="leave `--train` out, or give the network that was exported by its name, run or "
            "`file.py:NAME`",
        )


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

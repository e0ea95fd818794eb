"""The layer table of a network: given by name, run, classifier, module, Python or ONNX file."""

from __future__ import annotations

import importlib.util
import operator
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from convscope.api.arguments import checked
from convscope.api.destination import TABLES, OutputOptions, output_table, taken_language
from convscope.api.load import load
from convscope.api.summary_text import TableForm, show
from convscope.arithmetic import MACS, LayerTable, Verification, layer_table, verify
from convscope.arithmetic.failures import refuse_misplaced_channels
from convscope.arithmetic.table_text import DEFAULT
from convscope.arithmetic.wrappers import unwrapped
from convscope.classifier import Classifier
from convscope.errors import NetworkError, UsageError, is_out_of_memory
from convscope.files import write_text
from convscope.inspection.feature_maps.effective_field import effective_field
from convscope.inspection.layers import map_axes_of
from convscope.languages import speaking
from convscope.networks import build, network_entry
from convscope.paths import is_saved
from convscope.recipe.habits import likely_field
from convscope.run import Run
from convscope.text import did_you_mean

Network = nn.Module | Classifier | str | Path

EFFECTIVE_ON_IMAGES = 4
WITH_AUXILIARIES = "forward_with_auxiliaries"  # the method that also runs auxiliary heads
OWN = (
    *("input_shape", "num_classes", "batch_size", "training", "auxiliary_heads"),
    *("output", "language"),
)
FROM_SHAPE = ("name", "in_channels", "input_size")  # what `build` takes besides options
HINT = "write FILE.py:NAME, where NAME is a class or a function that needs no arguments"
NO_MODULE_HINT = "NAME is to be a module, or a class or a function that gives one"


class MeasuredSummary(NamedTuple):
    """A layer table, with what was measured for it.

    Attributes:
        table: The table, with effective receptive fields if these were asked for.
        verification: The table's numbers against measured ones; None if it wasn't asked for.
    """

    table: LayerTable
    verification: Verification | None


@checked(OutputOptions, names=("network",), is_open=True)
def summarize(
    network: Network,
    *,
    input_shape: tuple[int, int, int] | None = None,
    num_classes: int | None = None,
    batch_size: int = 1,
    training: bool = False,
    auxiliary_heads: bool = False,
    output: str | Path | None = None,
    **options: Any,
) -> LayerTable:
    """The layer table of a network: output shapes, parameters, MACs, memory, receptive fields.

    Args:
        network: A name of the table of networks, a run, a classifier or its folder, any module,
            `file.py:NAME` (a class or function there that returns a module), or an ONNX file.
        input_shape: Channels, height and width of one image; else what it was made for.
        num_classes: K; else what it was made for.
        batch_size: N.
        training: Whether the numbers are those of training mode.
        auxiliary_heads: Whether auxiliary heads run, too, as in the training of a GoogLeNet.
        output: File for the table, in the format of its ending: `.txt`, `.json`, `.csv`, `.md` or
            `.html`; or a folder for summary.txt. None to write nothing.
        **options: Options of the named network, for instance `stem="small"`; others see Options.

    Raises:
        NetworkError: No network has this name, it can't take this input, or has no auxiliary heads;
            or an ONNX file has something in it that can't be read.
        UsageError: A module without `input_shape`, a shape of a named network that is plainly
            (H, W, C), options for a network that is built already, training mode of an ONNX file,
            or a file or language that a table isn't written in.
        RunError: The file can't be written.
    """
    language = taken_language(options)
    file = None if output is None else output_table(output)
    # Only shapes matter here; VGG has 550 MB of weights.
    device = torch.device("meta") if is_named(network) else torch.device("cpu")
    _, table = _built_with_table(
        network,
        device=device,
        input_shape=input_shape,
        num_classes=num_classes,
        batch_size=batch_size,
        training=training,
        auxiliary_heads=auxiliary_heads,
        **options,
    )
    if file is not None:
        form = TableForm(TABLES[file.suffix.lower()], DEFAULT, MACS, None, fits=False)
        name = str(network) if isinstance(network, str | Path) else table.network
        with speaking(language):
            write_text(file, show(table, name, form))
    return table


def measured_summary(
    network: Network, *, verified: bool = False, effective: bool = False, **options: Any
) -> MeasuredSummary:
    """The layer table of a network, with what has to be measured by running it.

    A named network has fresh weights. Effective fields are always those of evaluation mode, without
    auxiliary heads. See `summarize` for what it raises.

    Args:
        network: What `summarize` takes.
        verified: Whether the table's numbers are measured by other means.
        effective: Whether effective receptive fields are measured, on random images.
        **options: Keyword arguments of `summarize`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)  # leaves those of GPUs alone
        built, table = _built_with_table(network, device=torch.device("cpu"), **options)
        if effective:
            weights = (each for each in built.module.parameters() if each.is_floating_point())
            images = torch.randn(EFFECTIVE_ON_IMAGES, *built.shape)
            images = images.to(next(weights, images))
            table = table.with_effective_fields(_effective_sizes(built.module, images, table))
    return MeasuredSummary(table, verify(built.module, table) if verified else None)


def _effective_sizes(
    module: nn.Module, images: torch.Tensor, table: LayerTable
) -> dict[str, tuple[float, float]]:
    """The effective field's size for each layer whose feature maps are larger than 1x1."""
    sizes = {}
    for row in table.rows:
        shape, axes = row.output_shape or (), map_axes_of(row)
        if row.name and axes is not None and shape[axes[0]] * shape[axes[1]] > 1:
            with suppress(UsageError):  # all of its values are 0, and so is their gradient
                field = effective_field(module, images, row.name, map_axes=axes)
                sizes[row.name] = field.size
    return sizes


def is_named(network: Network) -> bool:
    """Whether `network` is meant as a name of the table of networks.

    Raises:
        UsageError: It is nothing that has layers.
    """
    if not isinstance(network, Network):
        kinds = (
            "give a network's name, a run, a classifier, a module, `file.py:NAME` or an ONNX file"
        )
        raise UsageError(
            f"a `{type(network).__name__}` has no layer table",
            hint=f"{kinds}; call what makes a module" if callable(network) else kinds,
        )
    if not isinstance(network, str | Path) or is_user_code(str(network)) or is_onnx(network):
        return False
    return not is_saved(Path(network)) and not Path(network).is_dir()


def is_onnx(network: Network) -> bool:
    """Whether `network` is meant as an ONNX file."""
    if not isinstance(network, str | Path):
        return False
    place = Path(network)
    return place.suffix.lower() == ".onnx" and not is_saved(place)


class _Built(NamedTuple):
    """A module, and the shape (C, H, W) of one image that it takes."""

    module: nn.Module
    shape: tuple[int, int, int]


def _built_with_table(
    network: Network,
    *,
    device: torch.device,
    input_shape: tuple[int, int, int] | None = None,
    num_classes: int | None = None,
    batch_size: int = 1,
    training: bool = False,
    auxiliary_heads: bool = False,
    **options: Any,
) -> tuple[_Built, LayerTable]:
    """The module that `summarize` is given, built on a device, with its table."""
    if input_shape is not None:
        input_shape = _image_shape(input_shape)
    if training and is_onnx(network):
        # Exporters fold batch normalisation and leave out dropout: the numbers would differ.
        raise UsageError(
            f"`{network}` has no training mode: a network is exported as it predicts",
            hint="leave `--train` out, or give the network that was exported by its name, run or "
            "`file.py:NAME`",
        )
    with device:
        built = _build(network, input_shape, num_classes, options)
    module = built.module
    if auxiliary_heads and not hasattr(module, WITH_AUXILIARIES):
        raise NetworkError(
            f"`{type(module).__name__}` has no auxiliary heads",
            hint="of the table of networks, only the forms of GoogLeNet have some",
        )
    method = WITH_AUXILIARIES if auxiliary_heads else "forward"
    shape = (batch_size, *built.shape)
    return built, layer_table(module, shape, training=training, method=method)


def _image_shape(given: object) -> tuple[int, int, int]:
    try:
        channels, height, width = (operator.index(side) for side in given)  # type: ignore[attr-defined]
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"`{given}` is no shape of an image",
            hint="give channels, height and width, such as (3, 224, 224)",
        ) from error
    return channels, height, width


def _build(
    network: Network,
    input_shape: tuple[int, int, int] | None,
    num_classes: int | None,
    options: dict[str, Any],
) -> _Built:
    if is_named(network):
        return _build_named(str(network), input_shape, num_classes, options)
    if num_classes is not None or options:
        raise UsageError(
            "`num_classes` and options only apply to a network given by name",
            hint="this one is built already",
        )
    if is_onnx(network):
        from convscope.onnx_import import read_onnx  # `onnx` only where it is needed

        return _Built(*read_onnx(Path(str(network)), input_shape))
    if isinstance(network, str | Path) and not is_user_code(str(network)):
        network = load(network, device="cpu")
    if isinstance(network, Classifier):
        choice = network.choice
        return _Built(network.network, input_shape or (choice.in_channels, *choice.input_size))
    module = network if isinstance(network, nn.Module) else module_from(str(network))
    if input_shape is None:
        raise UsageError(
            "`input_shape` is missing",
            hint="a module doesn't say what images it takes; on the command line, "
            "`--input 3x224x224`",
        )
    if module is not network:
        _give_shapes(module, input_shape)
    return _Built(unwrapped(module), input_shape)


def _build_named(
    name: str,
    input_shape: tuple[int, int, int] | None,
    num_classes: int | None,
    options: dict[str, Any],
) -> _Built:
    if len(Path(name).parts) > 1:
        Run.open(Path(name))  # says what is wrong with the folder
    row = network_entry(name)
    for option in options.keys() - set(row.options):
        near = likely_field(option, OWN)
        if near is not None or option in FROM_SHAPE:
            raise UsageError(
                f"the network `{name}` has no option `{option}`",
                hint=near or "channels, height and width are `input_shape`",
            )
    shape = input_shape or row.input
    refuse_misplaced_channels(shape)  # a named network is built for any number of channels
    module = build(
        name,
        num_classes=num_classes,
        in_channels=shape[0],
        input_size=(shape[1], shape[2]),
        **options,
    )
    return _Built(module, shape)


def _give_shapes(module: nn.Module, input_shape: tuple[int, int, int]) -> None:
    """Runs a new module once if it has lazy layers: only then do they have shapes.

    Whatever goes wrong goes wrong again in the traced pass, which says where.
    """
    if any(is_lazy(parameter) for parameter in module.parameters()):
        with suppress(Exception), torch.no_grad():
            module(torch.zeros(2, *input_shape))


def is_user_code(text: str) -> bool:
    """Whether the text is `file.py` or `file.py:NAME`."""
    return text.partition(":")[0].endswith(".py") or ".py:" in text


def module_from(text: str) -> nn.Module:
    """The module that the class or function `NAME` in `file.py:NAME` returns.

    Raises:
        NetworkError: There is no such file or name, or it returns no module.
    """
    place, separator, name = text.rpartition(":")
    if not separator or not place.endswith(".py"):
        raise NetworkError(f"`{text}` doesn't say which network of the file is meant", hint=HINT)
    path = Path(place)
    if not path.is_file():
        raise NetworkError(f"there is no file `{place}`", hint=HINT)
    with _importable_from(path.resolve().parent):  # when it is called, too: it may import late
        content = _names_defined_in(path)
        if name not in content:
            own = [key for key, value in content.items() if callable(value) and key[0] != "_"]
            raise NetworkError(f"`{place}` has no `{name}`", hint=did_you_mean(name, own) or HINT)
        return _module_of(text, content[name])


def _module_of(text: str, named: object) -> nn.Module:
    """The module that a name stands for, or that it returns when it is called."""
    if isinstance(named, nn.Module):
        return named
    if not callable(named):
        kind = type(named).__name__
        raise NetworkError(f"`{text}` is a `{kind}`, no torch module", hint=NO_MODULE_HINT)
    try:
        module = named()
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise NetworkError(f"`{text}` gave no network: {_summary_of(error)}", hint=HINT) from error
    if not isinstance(module, nn.Module):
        kind = type(module).__name__
        raise NetworkError(f"`{text}` gave a `{kind}`, no torch module", hint=NO_MODULE_HINT)
    return module


def _names_defined_in(path: Path) -> dict[str, object]:
    """The names that a file defines; it may import its neighbours."""
    spec = importlib.util.spec_from_file_location(f"user_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise NetworkError(f"`{path}` can't be imported", hint=HINT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses and pickles look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise NetworkError(
            f"`{path}` can't be run: {_summary_of(error)}", hint="`--traceback` shows where"
        ) from error
    return vars(module)


@contextmanager
def _importable_from(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _summary_of(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__

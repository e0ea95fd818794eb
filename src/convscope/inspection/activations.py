"""What layers give for images: feature maps and vectors, by the layers' names."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from convscope.classifier import Classifier, ImageLike, evaluation_batch
from convscope.data.batches import normalise
from convscope.errors import UsageError, counted
from convscope.inspection.layers import check_several
from convscope.inspection.running import evaluation_mode, run, watched


def activations(
    network: nn.Module | Classifier, inputs: Tensor | Sequence[ImageLike], layers: Collection[str]
) -> dict[str, Tensor]:
    """What each of these layers gives, as it was at that moment, in the order of `layers`.

    The network runs once, in evaluation mode and without gradients, and is then as it was. Of a
    layer that is used several times it is what the last use gave; of one that gives several
    tensors, the first.

    Args:
        network: A classifier, or any network that takes one batch of images.
        inputs: (N, C, H, W), already normalised, on the network's device; or, for a classifier,
            a list of images as `predict` takes them.
        layers: Names as in `named_modules`.

    Returns:
        Copies, (N, C, H, W) for feature maps, (N, C) for vectors, by name.

    Raises:
        UsageError: There is no such layer, or it isn't computed.
        NetworkError: The network can't take these inputs.
        DataError: An image can't be read.
    """
    network, inputs = network_and_inputs(network, inputs)
    check_several("layers", layers)
    given: dict[str, Tensor] = {}

    def keep(name: str, output: Tensor) -> None:
        # A copy: a ReLU that works in place would change what the layer before it gave.
        given[name] = output.detach().clone()

    with torch.no_grad(), evaluation_mode(network), watched(network, layers, keep):
        run(network, inputs)
    missing = [name for name in layers if name not in given]
    if missing:
        raise _not_computed(network, missing)
    return {name: given[name] for name in layers}


def network_and_inputs(
    network: nn.Module | Classifier, inputs: Tensor | Sequence[ImageLike]
) -> tuple[nn.Module, Tensor]:
    """A classifier's network, and what that takes of images; a network with its inputs as it is.

    Raises:
        UsageError: Images are given for a network, which doesn't say how to prepare them.
        DataError: An image can't be read.
    """
    if isinstance(inputs, Tensor):
        return (network.network if isinstance(network, Classifier) else network), inputs
    if isinstance(network, Classifier):
        check_several("images", inputs)
        return network.network, network_inputs(network, inputs)
    raise UsageError(
        "a network takes images as a tensor (N, C, H, W)",
        hint="a classifier prepares images, too",
    )


def feature_map_shapes(network: nn.Module, inputs: Tensor) -> dict[str, tuple[int, int, int]]:
    """(C, H, W) of each layer that gives feature maps, in the order in which they are computed.

    A layer that contains others comes after them, since its maps are ready then. Maps of one
    position, as after a pooling of everything, are among them.

    Args:
        network: Any that takes one batch of images; it runs once, in evaluation mode.
        inputs: (N, C, H, W) whatever it takes; only the shape matters.
    """
    shapes: dict[str, tuple[int, int, int]] = {}

    def note(name: str, output: Tensor) -> None:
        shapes.pop(name, None)  # a layer used again belongs where it was used last
        if output.dim() == 4:
            shapes[name] = (output.shape[1], output.shape[2], output.shape[3])

    names = [name for name, _ in network.named_modules() if name]
    with torch.no_grad(), evaluation_mode(network), watched(network, names, note):
        run(network, inputs)
    return shapes


def network_inputs(classifier: Classifier, images: Sequence[ImageLike]) -> Tensor:
    """(N, C, H, W) of images as the classifier's network takes them, on its device.

    Args:
        classifier: Its preprocessing prepares the images, as in `predict`.
        images: Paths, encoded bytes, Pillow images or pixels.

    Raises:
        DataError: An image can't be read.
    """
    pixels = np.stack([classifier.prepare(image) for image in images])
    return normalise(torch.from_numpy(pixels).to(classifier.device), classifier.preprocessing)


def input_batches(classifier: Classifier, images: Sequence[ImageLike]) -> Iterator[Tensor]:
    """Batches (N, C, H, W) of images as the classifier's network takes them, read as they are used.

    Args:
        classifier: Its preprocessing prepares the images, as in `predict`.
        images: Paths, encoded bytes, Pillow images or pixels.

    Raises:
        DataError: An image can't be read.
    """
    size = evaluation_batch(classifier.preprocessing, classifier.device)
    for start in range(0, len(images), size):
        yield network_inputs(classifier, images[start : start + size])


def _not_computed(network: nn.Module, names: Collection[str]) -> UsageError:
    """The error for layers that exist, but gave nothing when the network ran."""
    quoted = ", ".join(f"`{name}`" for name in names)
    return UsageError(
        f"{counted(len(names), 'layer')} of `{type(network).__name__}` gave nothing: {quoted}",
        hint="heads that only training uses are not computed; choose a layer that is",
    )

"""Activations of layers by name, kernels of convolutions, and the inputs that images become."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from convscope.arithmetic.state_guard import in_mode
from convscope.classifier import Classifier, ImageLike, evaluation_batch
from convscope.data.batches import normalise
from convscope.errors import UsageError
from convscope.inspection.layers import (
    check_is_list,
    find_layer,
    layer_outputs,
    quoted,
    run,
    watched,
)
from convscope.networks.lenet1998 import PartialConvolution
from convscope.text import did_you_mean


def activations(
    network: nn.Module | Classifier, inputs: Tensor | Sequence[ImageLike], layers: Collection[str]
) -> dict[str, Tensor]:
    """The output of each of these layers, before anything changes it, in the order of `layers`.

    The network runs once, in evaluation mode and without gradients, and is left unchanged. For a
    layer that runs several times it is the last output; for one that returns several tensors, the
    first.

    Args:
        network: A classifier, or any network that takes one batch of images.
        inputs: (N, C, H, W), already normalised, on the network's device; or, for a classifier,
            a list of images as `predict` takes them.
        layers: Names of layers as in `named_modules`.

    Returns:
        Copies by layer name, (N, C, H, W) for feature maps, (N, C) for vectors.

    Raises:
        UsageError: There is no such layer, or it isn't computed.
        NetworkError: The network can't take these inputs.
        DataError: An image can't be read.
    """
    network, inputs = network_and_inputs(network, inputs)
    check_is_list("layers", layers)
    with torch.no_grad():
        outputs = layer_outputs(network, inputs, layers)
    return {name: output.detach() for name, output in outputs.items()}


def network_and_inputs(
    network: nn.Module | Classifier, inputs: Tensor | Sequence[ImageLike]
) -> tuple[nn.Module, Tensor]:
    """A classifier's network with the inputs that images become; a network with its inputs.

    Raises:
        UsageError: Images are given for a network, which has no preprocessing.
        DataError: An image can't be read.
    """
    if isinstance(inputs, Tensor):
        return (network.network if isinstance(network, Classifier) else network), inputs
    if isinstance(network, Classifier):
        check_is_list("images", inputs)
        return network.network, network_inputs(network, inputs)
    raise UsageError(
        "a network takes images as a tensor (N, C, H, W)", hint="a classifier takes images, too"
    )


def feature_map_shapes(network: nn.Module, inputs: Tensor) -> dict[str, tuple[int, int, int]]:
    """Shape (C, H, W) of each layer's feature maps, in the order in which they are computed.

    A layer that contains others comes after them, since its maps are ready then. Maps of one
    position, as after a global pooling, are included.

    Args:
        network: A network that takes one batch of images; it runs once, in evaluation mode.
        inputs: (N, C, H, W) any inputs that it takes; only the shape matters.
    """
    shapes: dict[str, tuple[int, int, int]] = {}

    def note(name: str, output: Tensor) -> None:
        shapes.pop(name, None)  # a layer that runs again belongs where it ran last
        if output.dim() == 4:
            shapes[name] = (output.shape[1], output.shape[2], output.shape[3])

    names = [name for name, _ in network.named_modules() if name]
    with torch.no_grad(), in_mode(network, training=False), watched(network, names, note):
        run(network, inputs)
    return shapes


def network_inputs(classifier: Classifier, images: Sequence[ImageLike]) -> Tensor:
    """Inputs (N, C, H, W) of the classifier's network for images, on its device.

    Args:
        classifier: The classifier, whose preprocessing prepares the images as in `predict`.
        images: Paths, encoded bytes, Pillow images or pixels.

    Raises:
        DataError: An image can't be read.
    """
    pixels = np.stack([classifier.prepare(image) for image in images])
    return prepared_inputs(classifier, torch.from_numpy(pixels))


def prepared_inputs(classifier: Classifier, pixels: Tensor) -> Tensor:
    """Inputs (N, C, H, W) of the classifier's network for prepared pixels (N, H, W, C)."""
    return normalise(pixels.to(classifier.device), classifier.preprocessing)


def network_input(classifier: Classifier, pixels: NDArray[np.uint8]) -> Tensor:
    """Input (1, C, H, W) of the classifier's network for prepared pixels (H, W, C)."""
    return prepared_inputs(classifier, torch.from_numpy(np.ascontiguousarray(pixels)[None].copy()))


def input_batches(classifier: Classifier, images: Sequence[ImageLike]) -> Iterator[Tensor]:
    """Batches of `network_inputs`, each of which is read when it is used."""
    size = evaluation_batch(classifier.preprocessing, classifier.device)
    for start in range(0, len(images), size):
        yield network_inputs(classifier, images[start : start + size])


def kernels(network: nn.Module, layer: str) -> NDArray[np.float32]:
    """Kernels (K, C, height, width) of a convolution; C is the number of channels of one group.

    Where a table leaves connections out, as in LeNet-5 of 1998, they are 0.

    Args:
        network: Any network.
        layer: Name of the convolution as in `named_modules`.

    Raises:
        UsageError: There is no such layer, or it is no convolution over rows and columns.
    """
    found = find_layer(network, layer)
    if not isinstance(found, nn.Conv2d | PartialConvolution):
        names = [
            name
            for name, module in network.named_modules()
            if isinstance(module, nn.Conv2d | PartialConvolution)
        ]
        first = f"`{names[0]}` is the first one that has" if names else "this network has none"
        raise UsageError(
            f"{quoted(layer)} is a `{type(found).__name__}`, which has no kernels",
            hint=did_you_mean(layer, names) or first,
        )
    weight = found.dense_weight if isinstance(found, PartialConvolution) else found.weight
    numbers: NDArray[np.float32] = weight.detach().float().cpu().numpy()
    return numbers

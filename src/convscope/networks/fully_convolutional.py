"""Dense layers turned into convolutions, so that a classifier slides over a larger image.

A dense layer on a flattened map (C, H, W) is a convolution whose kernel is as large as the map;
one on a vector is a 1x1 convolution. The weights are the same numbers in another shape.

Source: Sermanet et al. 2013, OverFeat, section 3.5; Simonyan and Zisserman 2014, section 3.2.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

import torch
from torch import nn

from convscope.errors import NetworkError
from convscope.networks.alexnet import FEATURE_SIDE as ALEXNET_FEATURE_SIDE
from convscope.networks.alexnet import AlexNet
from convscope.networks.lenet import LeNet
from convscope.networks.vgg import FEATURE_SIDE as VGG_FEATURE_SIDE
from convscope.networks.vgg import VGG


def to_fully_convolutional(network: nn.Module) -> nn.Sequential:
    """A copy that gives a map of logits (N, K, H', W') instead of one row (N, K).

    At the size that the network was built for, the map is 1x1 and its values are the network's,
    to rounding. On a larger image each position of the map has the network's logits for one window;
    they differ a little from those of the window cut out, since its padding is now the image around
    it.

    Args:
        network: LeNet, AlexNet or VGG of this package, which stays as it is.

    Raises:
        NetworkError: Any other network, or one with the stem for small images.
    """
    converted = nn.Sequential()
    side: tuple[int, int] = _feature_size(network)
    for layer in _layers(network):
        if isinstance(layer, nn.Linear):
            converted.append(_convolution(layer, side))
            side = (1, 1)
        elif isinstance(layer, nn.BatchNorm1d):
            converted.append(_normalization(layer))
        elif not isinstance(layer, nn.Flatten):
            converted.append(copy.deepcopy(layer))
    return converted.train(network.training)


def _feature_size(network: nn.Module) -> tuple[int, int]:
    """Height and width of the map that the first dense layer takes."""
    if isinstance(network, LeNet):
        return network.feature_size
    if isinstance(network, VGG):
        return (VGG_FEATURE_SIDE, VGG_FEATURE_SIDE)
    if isinstance(network, AlexNet) and not network.small_stem:
        return (ALEXNET_FEATURE_SIDE, ALEXNET_FEATURE_SIDE)
    if isinstance(network, AlexNet):
        raise NetworkError(
            "an AlexNet with the stem `small` can't be made fully convolutional",
            hint="its maps are stretched to 6x6 before the dense layers; use `stem=imagenet`",
        )
    raise NetworkError(
        f"a `{type(network).__name__}` can't be made fully convolutional",
        hint="LeNet, AlexNet and VGG can: their dense layers take maps",
    )


def _layers(network: nn.Module) -> Iterator[nn.Module]:
    """The layers in the order of computation, without the pooling to a fixed size."""
    if isinstance(network, nn.Sequential):
        yield from network
    else:
        for part in ("features", "classifier"):
            yield from network.get_submodule(part).children()


@torch.no_grad()
def _convolution(dense: nn.Linear, side: tuple[int, int]) -> nn.Conv2d:
    """The convolution that computes a dense layer's values at each position."""
    channels = dense.in_features // (side[0] * side[1])
    convolution = nn.Conv2d(
        channels,
        dense.out_features,
        side,
        bias=dense.bias is not None,
        device=dense.weight.device,
        dtype=dense.weight.dtype,
    )
    convolution.weight.copy_(dense.weight.reshape(convolution.weight.shape))
    if convolution.bias is not None:
        convolution.bias.copy_(dense.bias)
    return convolution


def _normalization(layer: nn.BatchNorm1d) -> nn.BatchNorm2d:
    """The normalisation of maps that computes what a layer does with vectors."""
    normalization = nn.BatchNorm2d(
        layer.num_features,
        eps=layer.eps,
        momentum=layer.momentum,
        device=layer.weight.device,
        dtype=layer.weight.dtype,
    )
    normalization.load_state_dict(layer.state_dict())
    return normalization

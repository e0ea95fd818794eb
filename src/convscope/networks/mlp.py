"""Fully connected networks: dense layers, alone or with activation and batch normalisation.

    form       between two dense layers
    mlp        nothing: together they are one linear layer
    mlp_relu   an activation
    mlp_bn     batch normalisation and an activation

With the widths 784, 300, 100, 10 there are 266,610 parameters, 267,010 with normalisation (whose
shift replaces the bias).

Source: LeCun et al. 1998, Gradient-based learning applied to document recognition, section III.C.5,
    for the widths 300 and 100.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence

from torch import nn

from convscope.networks.layers import ACTIVATIONS, channels_after
from convscope.networks.options import counts, flag, one_of, probability


class MLP(nn.Sequential):
    """Dense layers from the first width to the last, on vectors (N, D) or images (N, C, H, W).

    `MLP([3, 4, 4, 1])` has 3*4 + 4*4 + 4*1 = 32 weights and 9 biases.

    Args:
        widths: Values that go in, neurons of each hidden layer, values that come out.
        activation: A name of `ACTIVATIONS` between the layers, or None for none.
        batch_norm: Normalise before the activation; the layer's bias would have no effect there.
        dropout: Probability of dropping a value of each hidden layer.

    Raises:
        NetworkError: A width, or another option, has a value that can't be.
    """

    def __init__(
        self,
        widths: Sequence[int],
        *,
        activation: str | None = None,
        batch_norm: bool = False,
        dropout: float = 0.0,
    ) -> None:
        counts("widths", list(widths))
        flag("batch_norm", batch_norm)
        probability("dropout", dropout)
        if activation is not None:
            one_of("activation", activation, ACTIVATIONS)
        layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
        values, last = widths[0], len(widths) - 1
        for index, neurons in enumerate(widths[1:], start=1):
            hidden = index < last
            normalizes = batch_norm and hidden
            layers[f"fc{index}"] = nn.Linear(values, neurons, bias=not normalizes)
            values = neurons
            if normalizes:
                layers[f"bn{index}"] = nn.BatchNorm1d(neurons)
            if hidden and activation is not None:
                layers[f"act{index}"] = ACTIVATIONS[activation]()
                values = channels_after(activation, neurons)
            if hidden and dropout:
                layers[f"dropout{index}"] = nn.Dropout(dropout)
        super().__init__(layers)


def mlp(
    *,
    num_classes: int,
    in_channels: int,
    input_size: tuple[int, int],
    hidden: Sequence[int] = (300, 100),
    dropout: float = 0.0,
) -> MLP:
    """Dense layers without activation, from images (N, C, H, W) to logits (N, K).

    Args:
        num_classes: K.
        in_channels: C.
        input_size: H and W.
        hidden: Neurons of each hidden layer.
        dropout: Probability of dropping a value of each hidden layer.

    Raises:
        NetworkError: An option has a value that can't be.
    """
    counts("hidden", hidden)
    return MLP([in_channels * math.prod(input_size), *hidden, num_classes], dropout=dropout)


def activated_mlp(
    *,
    num_classes: int,
    in_channels: int,
    input_size: tuple[int, int],
    hidden: Sequence[int] = (300, 100),
    activation: str = "relu",
    batch_norm: bool = False,
    dropout: float = 0.0,
) -> MLP:
    """Dense layers with activation, from images (N, C, H, W) to logits (N, K).

    Args:
        num_classes: K.
        in_channels: C.
        input_size: H and W.
        hidden: Neurons of each hidden layer.
        activation: A name of `ACTIVATIONS`.
        batch_norm: Normalise before each activation.
        dropout: Probability of dropping a value of each hidden layer.

    Raises:
        NetworkError: An option has a value that can't be.
    """
    counts("hidden", hidden)
    return MLP(
        [in_channels * math.prod(input_size), *hidden, num_classes],
        activation=activation,
        batch_norm=batch_norm,
        dropout=dropout,
    )

"""LeNet-5 as it is taught today: two convolutions, two poolings, two or three dense layers.

    form          image     kernels of 5    padding   dense          parameters
    lenet5        1x28x28   6, 16           2         120, 84, K     61,706
    lenet_rgb     3x32x32   16, 32          0         120, 84, K     121,182
    lenet_caffe   1x28x28   20, 50          0         500, K         431,080

`lenet5` uses sigmoid and mean pooling, `lenet5_max` sigmoid and max pooling, `lenet5_relu` ReLU
and max pooling. `lenet_caffe` has no activation after its convolutions. The 1998 form is in
`lenet1998.py`.

Source: LeCun et al. 1998, Gradient-based learning applied to document recognition, figure 2.
Departs: the second convolution sees all maps, pooling has no parameters, the output is a dense
    layer; so do textbooks and Caffe. A padding of 2 lets MNIST's 28x28 stand for the paper's 32x32.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from torch import nn

from convscope.networks.layers import ACTIVATIONS, POOLINGS, channels_after
from convscope.networks.options import ImageTooSmallError, flag, one_of, probability

KERNEL = 5
WINDOW = 2


class LeNet(nn.Sequential):
    """Layers `conv1`, `pool1`, `conv2`, `pool2`, `flatten`, `fc1`, ... in the order of computation.

    Attributes:
        feature_size: Height and width of the maps that are flattened, (5, 5) in `lenet5`.
    """

    def __init__(self, layers: OrderedDict[str, nn.Module], feature_size: tuple[int, int]) -> None:
        super().__init__(layers)
        self.feature_size = feature_size


class LeNetForm(NamedTuple):
    """The layers of one form, as in the table above."""

    kernels: tuple[int, int]
    padding: int
    dense: tuple[int, ...]
    activates_convolutions: bool = True

    def build(
        self,
        *,
        num_classes: int,
        in_channels: int,
        input_size: tuple[int, int],
        activation: str = "relu",
        pooling: str = "max",
        batch_norm: bool = False,
        dropout: float = 0.0,
    ) -> LeNet:
        """A LeNet of this form, which maps images (N, C, H, W) to logits (N, K).

        Args:
            num_classes: K.
            in_channels: C.
            input_size: H and W; they decide the width of the first dense layer.
            activation: A name of `ACTIVATIONS`.
            pooling: A name of `POOLINGS`, or `none`.
            batch_norm: Normalise between each layer and its activation.
            dropout: Probability of dropping a value after each hidden dense layer.

        Raises:
            NetworkError: An option has a value that can't be, or the image is too small.
        """
        one_of("activation", activation, ACTIVATIONS)
        one_of("pooling", pooling, (*POOLINGS, "none"))
        flag("batch_norm", batch_norm)
        probability("dropout", dropout)
        layers: OrderedDict[str, nn.Module] = OrderedDict()

        channels, (height, width) = in_channels, input_size
        for index, kernels in enumerate(self.kernels, start=1):
            padding = self.padding if index == 1 else 0
            layers[f"conv{index}"] = nn.Conv2d(
                channels, kernels, KERNEL, padding=padding, bias=not batch_norm
            )
            channels = kernels
            height, width = (side + 2 * padding - KERNEL + 1 for side in (height, width))
            if batch_norm:
                layers[f"bn{index}"] = nn.BatchNorm2d(kernels)
            if self.activates_convolutions:
                layers[f"act{index}"] = ACTIVATIONS[activation]()
                channels = channels_after(activation, kernels)
            if pooling != "none":
                layers[f"pool{index}"] = POOLINGS[pooling](WINDOW)
                height, width = height // WINDOW, width // WINDOW
            if height < 1 or width < 1:
                raise ImageTooSmallError(f"nothing is left of an image of {input_size}")

        layers["flatten"] = nn.Flatten()
        values = channels * height * width
        for index, neurons in enumerate(self.dense, start=1):
            layers[f"fc{index}"] = nn.Linear(values, neurons, bias=not batch_norm)
            if batch_norm:
                layers[f"bn{index + 2}"] = nn.BatchNorm1d(neurons)
            layers[f"act{index + 2}"] = ACTIVATIONS[activation]()
            if dropout:
                layers[f"dropout{index}"] = nn.Dropout(dropout)
            values = channels_after(activation, neurons)
        layers[f"fc{len(self.dense) + 1}"] = nn.Linear(values, num_classes)
        return LeNet(layers, (height, width))


LENET5 = LeNetForm(kernels=(6, 16), padding=2, dense=(120, 84))
LENET_RGB = LeNetForm(kernels=(16, 32), padding=0, dense=(120, 84))
LENET_CAFFE = LeNetForm(kernels=(20, 50), padding=0, dense=(500,), activates_convolutions=False)

"""LeNet-5 as published: 60,000 trainable parameters.

    layer   output     kernels                                          trainable parameters
    C1      6x28x28    5x5                                                 156
    S2      6x14x14    2x2 sum, one coefficient and bias per map            12
    C3      16x10x10   5x5, each map sees 3, 4 or all 6 maps             1,516
    S4      16x5x5     2x2 sum, one coefficient and bias per map            32
    C5      120x1x1    5x5, all maps                                    48,120
    F6      84         dense                                            10,164
    output  K          distance to a fixed code of 84 numbers                0

Source: LeCun et al. 1998, Gradient-based learning applied to document recognition, section II.B.
Departs: The paper's codes are drawings of the characters; here they are random signs, which the
    paper allows, since they must exist for any K. An image of 28x28 is padded by 2 to the paper's
    32x32, which leaves the digit as large as it was there.
"""

from __future__ import annotations

import random

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from convscope.networks.layers import ScaledTanh
from convscope.networks.options import ImageTooSmallError

# Table I of the paper: which maps of S2 each map of C3 sees.
C3_INPUTS = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip
CODE_LENGTH = 84
CODE_SEED = 1998


class Subsampling(nn.Module):
    """The sum of each 2x2 window times a coefficient plus a bias, both trained, one per map.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.empty(channels, 1, 1))
        self.bias = nn.Parameter(torch.empty(channels, 1, 1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Starts as the mean of the window: a random coefficient could start a map at nothing."""
        nn.init.constant_(self.coefficient, 0.25)
        nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) becomes (N, C, H / 2, W / 2)."""
        return 4 * F.avg_pool2d(x, 2) * self.coefficient + self.bias


class PartialConvolution(nn.Module):
    """A convolution in which each output map sees only some input maps.

    Only the kernels that exist are parameters; forward puts them into a dense kernel of zeros.

    Args:
        in_channels: Input maps.
        table: For each output map, the input maps that it sees.
        kernel_size: Height and width of a kernel.
    """

    outputs: Tensor
    inputs: Tensor

    def __init__(
        self, in_channels: int, *, table: tuple[tuple[int, ...], ...], kernel_size: int
    ) -> None:
        super().__init__()
        pairs = [(output, source) for output, sources in enumerate(table) for source in sources]
        self.dense_shape = (len(table), in_channels, kernel_size, kernel_size)
        self.weight = nn.Parameter(torch.empty(len(pairs), kernel_size, kernel_size))
        self.bias = nn.Parameter(torch.empty(len(table)))
        # The table is in the code, not in the weights.
        self.register_buffer("outputs", torch.tensor([o for o, _ in pairs]), persistent=False)
        self.register_buffer("inputs", torch.tensor([i for _, i in pairs]), persistent=False)
        self.values_seen = [len(sources) * kernel_size**2 for sources in table]
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Uniform within 2.4 / fan-in, as in the paper; fan-in differs between output maps."""
        with torch.no_grad():
            self.weight.uniform_(-2.4, 2.4)
            seen = self.weight.new_tensor(self.values_seen)[self.outputs]
            self.weight.div_(seen[:, None, None])
            self.bias.zero_()

    @property
    def dense_weight(self) -> Tensor:
        """The kernel of the same convolution with zeros where there is no connection."""
        empty = self.weight.new_zeros(self.dense_shape)
        return empty.index_put((self.outputs, self.inputs), self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) becomes (N, len(table), H', W')."""
        return F.conv2d(x, self.dense_weight, self.bias)


class RadialBasisOutput(nn.Module):
    """Minus the squared distance to each class's fixed code: cross-entropy of it is equation 9.

    Args:
        num_classes: K.
    """

    codes: Tensor

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        # A generator of its own: building a network must not depend on, nor advance, another.
        signs = random.Random(CODE_SEED).choices((-1.0, 1.0), k=num_classes * CODE_LENGTH)
        self.register_buffer("codes", torch.tensor(signs).reshape(num_classes, CODE_LENGTH))

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, 84) becomes logits (N, K), all at most 0; 0 is a perfect match."""
        return -(x.unsqueeze(1) - self.codes).square().sum(dim=2)


class LeNet1998(nn.Module):
    """Maps images (N, C, H, W) to logits (N, K)."""

    def __init__(self, *, num_classes: int, in_channels: int, input_size: tuple[int, int]) -> None:
        super().__init__()
        padding = 2 if min(input_size) < 32 else 0
        height, width = (((side + 2 * padding - 4) // 2 - 4) // 2 for side in input_size)
        if height < 1 or width < 1:
            raise ImageTooSmallError(f"nothing is left of an image of {input_size}")
        self.c1 = nn.Conv2d(in_channels, 6, 5, padding=padding)
        self.c1_activation = ScaledTanh()
        self.s2 = Subsampling(6)
        self.s2_activation = ScaledTanh()
        self.c3 = PartialConvolution(6, table=C3_INPUTS, kernel_size=5)
        self.c3_activation = ScaledTanh()
        self.s4 = Subsampling(16)
        self.s4_activation = ScaledTanh()
        self.c5 = nn.Conv2d(16, 120, (height, width))
        self.c5_activation = ScaledTanh()
        self.f6 = nn.Linear(120, CODE_LENGTH)
        self.f6_activation = ScaledTanh()
        self.output = RadialBasisOutput(num_classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of images (N, C, H, W); shapes at 28x28 and at 32x32."""
        x = self.c1_activation(self.c1(images))  # 6 x 28 x 28
        x = self.s2_activation(self.s2(x))  # 6 x 14 x 14
        x = self.c3_activation(self.c3(x))  # 16 x 10 x 10
        x = self.s4_activation(self.s4(x))  # 16 x 5 x 5
        x = self.c5_activation(self.c5(x)).flatten(1)  # 120
        x = self.f6_activation(self.f6(x))  # 84
        logits: Tensor = self.output(x)
        return logits


def lenet1998(*, num_classes: int, in_channels: int, input_size: tuple[int, int]) -> LeNet1998:
    """The published LeNet-5, from images (N, C, H, W) to logits (N, K).

    Args:
        num_classes: K.
        in_channels: C.
        input_size: H and W. Sides below 32 are padded by 2; C5's kernel covers whatever map S4 has.

    Raises:
        NetworkError: The image is too small.
    """
    return LeNet1998(num_classes=num_classes, in_channels=in_channels, input_size=input_size)

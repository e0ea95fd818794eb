"""ResNet for 32x32 images: 20 to 110 layers, with shortcuts that have no parameters.

    stage    output    layers     channels
    conv1    32x32     1          16
    layer1   32x32     2n         16
    layer2   16x16     2n         32
    layer3   8x8       2n         64
    fc       mean over the map, dense layer to K

n is 3, 5, 7, 9 and 18 for 20, 32, 44, 56 and 110 layers. Parameters at 10 classes: 269,722 (20),
464,154 (32), 658,586 (44), 853,018 (56), 1,727,962 (110).

Source: He et al. 2015, Deep residual learning for image recognition, section 4.2, shortcuts of
    kind A; names as in the weights that are in circulation for it. Huang et al. 2016, Deep networks
    with stochastic depth, for `drop_path`.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from convscope.networks.options import flag
from convscope.networks.residual import BasicBlock, add_drop_path, check_drop_path, normalization

STAGE_CHANNELS = (16, 32, 64)
BLOCKS = {"resnet20": 3, "resnet32": 5, "resnet44": 7, "resnet56": 9, "resnet110": 18}


class PaddedShortcut(nn.Module):
    """A shortcut without parameters: every second pixel, with channels of zeros on both sides."""

    def forward(self, x: Tensor) -> Tensor:
        """`x` (N, C, H, W) becomes (N, 2C, H / 2, W / 2), rounded up as the convolutions do."""
        added = x.shape[1] // 2
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, added, added))


class CifarResNet(nn.Module):
    """Maps images (N, C, H, W) to logits (N, K)."""

    layer1: nn.Sequential
    layer2: nn.Sequential
    layer3: nn.Sequential

    def __init__(
        self,
        blocks: int,
        *,
        num_classes: int,
        in_channels: int,
        residual: bool,
        batch_norm: bool,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 16, 3, padding=1, bias=not batch_norm)
        self.bn1 = normalization(16, batch_norm)
        self.relu = nn.ReLU()
        channels = 16
        for stage, width in enumerate(STAGE_CHANNELS, start=1):
            layer = nn.Sequential()
            for _ in range(blocks):
                changes = channels != width
                around = PaddedShortcut() if changes else nn.Identity()
                layer.append(
                    BasicBlock(
                        channels,
                        width,
                        stride=2 if changes else 1,
                        shortcut=around if residual else None,
                        batch_norm=batch_norm,
                    )
                )
                channels = width
            self.add_module(f"layer{stage}", layer)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)
        add_drop_path(self, drop_path)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of images (N, C, H, W); shapes at 32x32."""
        x = self.relu(self.bn1(self.conv1(images)))  # 16 x 32 x 32
        x = self.layer1(x)  # 16 x 32 x 32
        x = self.layer2(x)  # 32 x 16 x 16
        x = self.layer3(x)  # 64 x 8 x 8
        x = self.avgpool(x).flatten(1)  # 64
        logits: Tensor = self.fc(x)
        return logits


def resnet_cifar(
    form: str,
    *,
    num_classes: int,
    in_channels: int,
    residual: bool = True,
    batch_norm: bool = True,
    drop_path: float = 0.0,
) -> CifarResNet:
    """A CIFAR ResNet that maps images (N, C, H, W) to logits (N, K).

    Args:
        form: A name of `BLOCKS`.
        num_classes: K.
        in_channels: C.
        residual: Add shortcuts; without them it is the plain network that the paper compares with.
        batch_norm: Normalise after each convolution.
        drop_path: Stochastic depth: the probability that an image in training skips the last
            block. It grows linearly from the first block on.

    Raises:
        NetworkError: An option has a value that can't be.
    """
    flag("residual", residual)
    flag("batch_norm", batch_norm)
    check_drop_path(drop_path, residual=residual)
    return CifarResNet(
        BLOCKS[form],
        num_classes=num_classes,
        in_channels=in_channels,
        residual=residual,
        batch_norm=batch_norm,
        drop_path=drop_path,
    )

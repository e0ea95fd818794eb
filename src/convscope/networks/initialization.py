"""Schemes for drawing the first weights, on which networks without normalisation depend.

    scheme            convolutions: variance   hidden dense layers      layers that give logits
    kaiming           2 / fan-in               2 / (fan-in + fan-out)   0.04 / fan-in
    kaiming_fan_out   2 / fan-out              as above                 as above
    xavier            2 / (fan-in + fan-out)   as convolutions          as convolutions
    notes             2 / fan-in               0.01 ** 2                as the others
    normal            0.01 ** 2                as convolutions          as convolutions
    lecun             uniform within 2.4 / fan-in, everywhere
    dirac             as pytorch, but the first kernels pass one channel each on
    pytorch           uniform within 1 / sqrt(fan-in), everywhere, biases too

Unless stated otherwise, weights are normal and biases 0. Batch normalisation starts as the
identity. Layers of other kinds that have parameters start as they define themselves. With kaiming,
logits that a ReLU follows (SqueezeNet) start at 1.

Source: He et al. 2015, Delving deep into rectifiers, equations 10 and 14; Glorot and Bengio 2010,
    Understanding the difficulty of training deep feedforward networks, equation 16; LeCun et al.
    1998, Gradient-based learning applied to document recognition, section III.B; Jordan 2024, 94%
    on CIFAR-10 in 3.29 seconds on a single GPU, section 3.1, for dirac.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch._ops import OpOverload

from convscope.networks.airbench import WhiteningConv2d
from convscope.networks.options import one_of
from convscope.networks.residual import ResidualBlock
from convscope.networks.squeezenet import SqueezeNet
from convscope.networks.structure import head_names
from convscope.uncompiled import UncompiledMode


class LayerFans(NamedTuple):
    """The properties of a layer that a scheme depends on."""

    fan_in: int  # number of values that each output sums
    fan_out: int  # number of outputs that each input feeds
    is_convolution: bool  # not a dense layer
    is_head: bool  # gives logits


def _kaiming(fans: LayerFans) -> float:
    if fans.is_head:
        return 0.2 / math.sqrt(fans.fan_in)
    return math.sqrt(2 / fans.fan_in) if fans.is_convolution else _xavier(fans)


def _kaiming_fan_out(fans: LayerFans) -> float:
    if fans.is_convolution and not fans.is_head:
        return math.sqrt(2 / fans.fan_out)
    return _kaiming(fans)


def _xavier(fans: LayerFans) -> float:
    return math.sqrt(2 / (fans.fan_in + fans.fan_out))


def _notes(fans: LayerFans) -> float:
    return math.sqrt(2 / fans.fan_in) if fans.is_convolution else 0.01


STANDARD_DEVIATIONS: dict[str, Callable[[LayerFans], float]] = {
    "kaiming": _kaiming,
    "kaiming_fan_out": _kaiming_fan_out,
    "xavier": _xavier,
    "notes": _notes,
    "normal": lambda fans: 0.01,
    "lecun": lambda fans: 2.4 / fans.fan_in / math.sqrt(3),  # of the uniform distribution
}
SCHEMES = (*STANDARD_DEVIATIONS, "dirac", "pytorch")


class Undrawn(UncompiledMode):  # type: ignore[no-untyped-call]
    """Context manager in which weights aren't drawn, and hold whatever their memory held.

    For networks that are given their weights next. All threads draw from the same random numbers,
    so to draw and to restore them would disturb a training in another thread.
    """

    def __torch_dispatch__(
        self,
        func: OpOverload[..., Any],
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Runs an operation unless it fills a tensor with random numbers."""
        is_drawn = torch.Tag.nondeterministic_seeded in func.tags
        if is_drawn and args and isinstance(args[0], Tensor):
            return args[0]
        return func(*args, **(kwargs or {}))


@torch.no_grad()
def initialize(network: nn.Module, scheme: str = "kaiming") -> None:
    """Draws all parameters of a network anew, from torch's default generator.

    `kaiming` is the default because all networks here can be trained from it: fan-in keeps the
    values in size through GoogLeNet's narrow branches, which fan-out does not; Glorot's middle way
    in dense layers serves sigmoid and tanh, and costs ReLU half the variance in each of at most two
    layers; logits start small, so that the first loss is near ln K.

    On the meta device there is nothing to draw, and nothing happens.

    Args:
        network: Any module.
        scheme: A name of `SCHEMES`.

    Raises:
        NetworkError: There is no such scheme.
    """
    one_of("initialization", scheme, SCHEMES)
    if any(parameter.is_meta for parameter in network.parameters()):
        return
    last = _logit_layers(network)
    for name, layer in network.named_modules():
        is_drawn = isinstance(layer, (nn.Conv2d, nn.Linear))
        if is_drawn and scheme in STANDARD_DEVIATIONS and not isinstance(layer, WhiteningConv2d):
            _draw(layer, scheme, is_head=name in last)
        elif callable(reset := getattr(layer, "reset_parameters", None)):
            reset()
        if scheme == "dirac" and isinstance(layer, nn.Conv2d) and name not in last:
            _pass_channels_on(layer)
    if scheme.startswith("kaiming"):
        _scale_residual_branches(network)
        _raise_rectified_logits(network)


def _logit_layers(network: nn.Module) -> set[str]:
    """The heads, and the last layer with weights.

    The two differ only where the head has no weights: distances to fixed codes, which grow with the
    weights of the layer before them.
    """
    weighted = [
        name for name, layer in network.named_modules() if isinstance(layer, (nn.Conv2d, nn.Linear))
    ]
    return {*head_names(network), *weighted[-1:]}


def _draw(layer: nn.Conv2d | nn.Linear, scheme: str, *, is_head: bool) -> None:
    fan_in, outputs = layer.weight[0].numel(), layer.weight.shape[0]
    is_convolution = isinstance(layer, nn.Conv2d)
    if isinstance(layer, nn.Conv2d):
        # Within a group; torch counts all output channels, as if there were one group.
        outputs = outputs * math.prod(layer.kernel_size) // layer.groups
    deviation = STANDARD_DEVIATIONS[scheme](LayerFans(fan_in, outputs, is_convolution, is_head))
    if scheme == "lecun":
        bound = deviation * math.sqrt(3)
        layer.weight.uniform_(-bound, bound)
    else:
        layer.weight.normal_(0, deviation)
    if layer.bias is not None:
        layer.bias.zero_()


def _pass_channels_on(layer: nn.Conv2d) -> None:
    """Makes the first kernels of each group pass one channel each on, as far as both go."""
    if not isinstance(layer, WhiteningConv2d):
        for kernels in layer.weight.chunk(layer.groups):
            nn.init.dirac_(kernels[: kernels.shape[1]])


def _raise_rectified_logits(network: nn.Module) -> None:
    """Raises SqueezeNet's first logits, which a ReLU follows, above 0.

    Around 0, the logit of a class may be cut off for all images at once, and have no gradient ever
    after. The same bias for all classes changes no probability.
    """
    if isinstance(network, SqueezeNet) and isinstance(head := network.classifier[1], nn.Conv2d):
        nn.init.ones_(head.bias)  # type: ignore[arg-type]  # it has one


def _scale_residual_branches(network: nn.Module) -> None:
    """Divides the last kernels of residual blocks without normalisation by sqrt(blocks).

    Each such block adds its own variance to that of what comes around it. Undivided, 54 blocks
    multiply it by 2 ** 54; divided, all of them together multiply it by less than e.

    Source: Zhang, Dauphin and Ma 2019, Fixup initialization, section 2, for the growth.
    """
    blocks = [
        module
        for module in network.modules()
        if isinstance(module, ResidualBlock)
        and module.downsample is not None
        and isinstance(module.bn1, nn.Identity)
    ]
    for block in blocks:
        kernel = block.get_parameter(f"{block.last_convolution}.weight")
        kernel.div_(math.sqrt(len(blocks)))

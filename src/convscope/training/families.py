"""Families of networks, and what each is trained with where a recipe doesn't say otherwise.

family      networks                              what decides
lenet       LeNet-5 with ReLU or tanh, MLPs       few layers: a high rate is safe
sigmoid     LeNet-5 with sigmoid                  small gradients: a higher rate
normalised  ResNet, GoogLeNet, VGG with BN        normalisation: a high rate is safe
plain       AlexNet, VGG, GoogLeNet of 2014, ...  many layers, none normalised: a low rate
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from convscope.networks import NORMALISATIONS

SATURATING = (nn.Sigmoid,)
DEEP = 6  # layers with weights from which on a network without normalisation is hard to train


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What a family is trained with.

    Attributes:
        lr_share: Of the optimizer's usual rate, which is that of normalised networks.
        clip_norm: Largest norm of the gradient; None for any.
    """

    lr_share: float = 1.0
    clip_norm: float | None = None


FAMILIES = {
    "lenet": Family(),
    "sigmoid": Family(lr_share=1.5),
    "normalised": Family(),
    "plain": Family(lr_share=0.25, clip_norm=1.0),
}


def family_of(network: nn.Module) -> str:
    """The family's name, read off the network's layers; it needs no weights."""
    layers = list(network.modules())
    if any(isinstance(layer, NORMALISATIONS) for layer in layers):
        return "normalised"
    if any(isinstance(layer, SATURATING) for layer in layers):
        return "sigmoid"
    weighted = [layer for layer in layers if isinstance(layer, nn.Conv2d | nn.Linear)]
    return "plain" if len(weighted) >= DEEP else "lenet"

"""Which form of a classic network this is: the same name stands for networks that differ.

A number quoted for "AlexNet" or "LeNet-5" belongs to one of several forms. Each group here is what
books, papers and libraries call by one name.
"""

from __future__ import annotations

from typing import NamedTuple

from convscope.networks.costs import COSTS
from convscope.networks.table import NETWORKS

FORMS = {
    "LeNet-5": (
        "lenet5_1998", "lenet5", "lenet5_max", "lenet5_relu", "lenet_caffe", "lenet_rgb",
    ),
    "AlexNet": ("alexnet_2012", "alexnet_96", "alexnet"),
    "VGG-11": ("vgg11", "vgg11_bn"),
    "VGG-13": ("vgg13", "vgg13_bn"),
    "VGG-16": ("vgg16", "vgg16_c", "vgg16_bn"),
    "VGG-19": ("vgg19", "vgg19_bn"),
    "GoogLeNet": ("googlenet_2014", "googlenet_notes", "googlenet"),
    "ResNet-50": ("resnet50", "wide_resnet50_2", "resnext50_32x4d"),
    "SqueezeNet": ("squeezenet1_0", "squeezenet1_1"),
}  # fmt: skip


# Beginning of a name -> what its family is called.
FAMILIES = {
    "mlp": "MLP",
    "lenet": "LeNet",
    "alexnet": "AlexNet",
    "vgg": "VGG",
    "googlenet": "GoogLeNet",
    "squeezenet": "SqueezeNet",
    "": "ResNet",
}


class Form(NamedTuple):
    """One form of a network.

    Attributes:
        name: In the table of networks.
        parameters: At the input and the classes that it was designed for, with auxiliary heads.
        macs: Of one image there, in evaluation.
        departs: What differs from the paper.
    """

    name: str
    parameters: int
    macs: int
    departs: str


class Variants(NamedTuple):
    """A network among its forms.

    Attributes:
        called: What all of them are called.
        form: Which of them this is.
        others: The others.
    """

    called: str
    form: Form
    others: tuple[Form, ...]


def variants_of(name: str) -> Variants | None:
    """The forms that share a name with this network; None where there is only one."""
    for called, names in FORMS.items():
        if name in names:
            forms = {other: _form(other) for other in names}
            return Variants(called, forms.pop(name), tuple(forms.values()))
    return None


def family_of(name: str) -> str:
    """What the family of this network is called."""
    return next(family for start, family in FAMILIES.items() if name.startswith(start))


def same_size(parameters: int) -> tuple[str, ...]:
    """The networks that have exactly so many parameters at the classes they were designed for."""
    return tuple(name for name, cost in COSTS.items() if cost.parameters == parameters)


def _form(name: str) -> Form:
    cost = COSTS[name]
    return Form(name, cost.parameters, cost.macs, NETWORKS[name].departs)

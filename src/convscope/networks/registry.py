"""Facts about the networks: entries of the table, accuracies, costs, families and variants."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, NamedTuple

from torch import nn

from convscope.paths import WEIGHTS, exists, run_around, shell_word
from convscope.text import did_you_mean, either_of, plain

# Arguments of every builder; whatever else it takes is an option of its network.
BUILDER_ARGUMENTS = ("num_classes", "in_channels", "input_size")


@dataclass(frozen=True, kw_only=True, slots=True)
class Preparation:
    """Preprocessing of the images that a network's public weights were trained on.

    Attributes:
        mean: Per channel, subtracted from pixels in 0..1.
        std: Per channel, by which the difference is divided.
        resize_px: The shorter side before the crop; None where images have the right size already.
        crop_px: Side of the square cut from the centre; None where nothing is cut.
        features_px: Shorter side, with no margin cut off, at which the features tell more than as
            the publisher prepared images; None where that wasn't measured.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize_px: int | None = None
    crop_px: int | None = None
    features_px: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PackagedFile:
    """A file in a Python package that is installed together with this one.

    Attributes:
        package: Name and version of the package, as pip takes it.
        path: Path of the file in the folder of installed packages.
        sha256: SHA-256 of the file.
    """

    package: str
    path: str
    sha256: str

    @property
    def name(self) -> str:
        """Name of the package, without its version."""
        return self.package.partition("==")[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedWeights:
    """Weights that their publisher offers, for download or in a Python package.

    Attributes:
        url: Address of the file, or of the project that packaged it.
        licence: Name of the licence.
        data: Data set that they were trained on.
        classes: Number of classes, K.
        packaged: The file in its package; None where it is downloaded.
    """

    url: str
    licence: str
    data: str
    classes: int
    packaged: PackagedFile | None = None

    @property
    def filename(self) -> str:
        """Name of the file."""
        return PurePosixPath(self.packaged.path if self.packaged else self.url).name

    @property
    def source(self) -> str:
        """Where they come from, for people."""
        if self.packaged is None:
            return self.url
        return f"the package `{self.packaged.name}`, trained on {self.data}"

    @property
    def sha256_prefix(self) -> str:
        """The first digits of the file's SHA-256, which its publisher puts into its name."""
        return PurePosixPath(self.filename).stem.rpartition("-")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkEntry:
    """An entry of the table of networks.

    Attributes:
        name: Name of the network.
        builder: Function that makes the network from `num_classes`, `in_channels`, options, and
            `input_size` if its layers depend on that.
        input: Channels, height and width of the images it was designed for.
        num_classes: Default K.
        paper: Paper that published it.
        departs: Differences from the paper, with their reasons.
        initialization: Default scheme of its first weights.
        preparation: Preprocessing that public weights expect, downloadable or not.
        published: Weights for download.
        renames: Prefixes of parameter names in others' weights, with ours in their place.
    """

    name: str
    builder: Callable[..., nn.Module]
    input: tuple[int, int, int] = (3, 224, 224)
    num_classes: int = 1000
    paper: str
    departs: str = ""
    initialization: str = "kaiming"
    preparation: Preparation | None = None
    published: PublishedWeights | None = None
    renames: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def options(self) -> dict[str, object]:
        """The options of this network and their defaults."""
        parameters = inspect.signature(self.builder).parameters
        return {
            name: parameter.default
            for name, parameter in parameters.items()
            if name not in BUILDER_ARGUMENTS
        }

    @property
    def needs_input_size(self) -> bool:
        """Whether its layers depend on the size of the image, so that it takes no other."""
        return "input_size" in inspect.signature(self.builder).parameters

    def to_dict(self) -> dict[str, Any]:
        """The entry with parameters, MACs and accuracy, ready for JSON."""
        weights = self.published
        return {
            "name": self.name,
            "paper": self.paper,
            "departs": self.departs,
            "input": list(self.input),
            "num_classes": self.num_classes,
            "parameters": COSTS[self.name].parameters,
            "macs": COSTS[self.name].macs,
            "options": list(self.options),
            "published": weights.url if weights else None,
            "imagenet_top1": IMAGENET_ACCURACY[self.name].top1 if weights else None,
            "licence": weights.licence if weights else None,
        }


class ImageNetAccuracy(NamedTuple):
    """Accuracy of published weights on the validation images of ImageNet, 0 to 1.

    Attributes:
        top1: Fraction of images whose class is the most probable one.
        top5: Fraction of images whose class is among the five most probable; None where the
            publisher doesn't say it.
    """

    top1: float
    top5: float | None = None


IMAGENET_ACCURACY = {
    "alexnet": ImageNetAccuracy(0.56522, 0.79066),
    "vgg11": ImageNetAccuracy(0.69020, 0.88628),
    "vgg13": ImageNetAccuracy(0.69928, 0.89246),
    "vgg16": ImageNetAccuracy(0.71592, 0.90382),
    "vgg19": ImageNetAccuracy(0.72376, 0.90876),
    "vgg11_bn": ImageNetAccuracy(0.70370, 0.89810),
    "vgg13_bn": ImageNetAccuracy(0.71586, 0.90374),
    "vgg16_bn": ImageNetAccuracy(0.73360, 0.91516),
    "vgg19_bn": ImageNetAccuracy(0.74218, 0.91842),
    "googlenet": ImageNetAccuracy(0.69778, 0.89530),
    "resnet18": ImageNetAccuracy(0.69758, 0.89078),
    "resnet34": ImageNetAccuracy(0.73314, 0.91420),
    "resnet50": ImageNetAccuracy(0.76130, 0.92862),
    "resnet101": ImageNetAccuracy(0.77374, 0.93546),
    "resnet152": ImageNetAccuracy(0.78312, 0.94046),
    "wide_resnet50_2": ImageNetAccuracy(0.78468, 0.94086),
    "resnext50_32x4d": ImageNetAccuracy(0.77618, 0.93698),
    "squeezenet1_0": ImageNetAccuracy(0.58092, 0.80420),
    "squeezenet1_1": ImageNetAccuracy(0.58178, 0.80624),
    "efficientnet_lite0": ImageNetAccuracy(0.751),
    "efficientnet_lite1": ImageNetAccuracy(0.767),
    "efficientnet_lite2": ImageNetAccuracy(0.776),
    "efficientnet_lite3": ImageNetAccuracy(0.798),
    "efficientnet_lite4": ImageNetAccuracy(0.815),
}


class NetworkCost(NamedTuple):
    """Size and work of a network at the input and classes that it was designed for.

    Attributes:
        parameters: Number of parameters, auxiliary heads included.
        macs: Multiply-accumulates of convolutions and matrix products, one image, evaluation.
    """

    parameters: int
    macs: int


COSTS = {
    "mlp": NetworkCost(266_610, 266_200),
    "mlp_relu": NetworkCost(266_610, 266_200),
    "mlp_bn": NetworkCost(267_010, 266_200),
    "lenet5": NetworkCost(61_706, 416_520),
    "lenet5_max": NetworkCost(61_706, 416_520),
    "lenet5_relu": NetworkCost(61_706, 416_520),
    "lenet_rgb": NetworkCost(121_182, 2_327_720),
    "lenet_caffe": NetworkCost(431_080, 2_293_000),
    "lenet5_1998": NetworkCost(60_000, 415_680),
    "resnet20": NetworkCost(269_722, 40_551_040),
    "resnet32": NetworkCost(464_154, 68_862_592),
    "resnet44": NetworkCost(658_586, 97_174_144),
    "resnet56": NetworkCost(853_018, 125_485_696),
    "resnet110": NetworkCost(1_727_962, 252_887_680),
    "alexnet": NetworkCost(61_100_840, 714_188_480),
    "alexnet_96": NetworkCost(62_378_344, 1_135_256_096),
    "alexnet_2012": NetworkCost(60_965_224, 724_406_816),
    "vgg11": NetworkCost(132_863_336, 7_609_090_048),
    "vgg13": NetworkCost(133_047_848, 11_308_466_176),
    "vgg16": NetworkCost(138_357_544, 15_470_264_320),
    "vgg16_c": NetworkCost(133_638_952, 11_770_888_192),
    "vgg19": NetworkCost(143_667_240, 19_632_062_464),
    "vgg11_bn": NetworkCost(132_868_840, 7_609_090_048),
    "vgg13_bn": NetworkCost(133_053_736, 11_308_466_176),
    "vgg16_bn": NetworkCost(138_365_992, 15_470_264_320),
    "vgg19_bn": NetworkCost(143_678_248, 19_632_062_464),
    "googlenet": NetworkCost(13_004_888, 1_498_376_192),
    "googlenet_2014": NetworkCost(13_378_280, 1_582_671_872),
    "googlenet_notes": NetworkCost(13_328_600, 1_572_937_728),
    "resnet18": NetworkCost(11_689_512, 1_814_073_344),
    "resnet34": NetworkCost(21_797_672, 3_663_761_408),
    "resnet50": NetworkCost(25_557_032, 4_089_184_256),
    "resnet101": NetworkCost(44_549_160, 7_801_405_440),
    "resnet152": NetworkCost(60_192_808, 11_513_626_624),
    "wide_resnet50_2": NetworkCost(68_883_240, 11_398_021_120),
    "resnext50_32x4d": NetworkCost(25_028_904, 4_230_479_872),
    "squeezenet1_0": NetworkCost(1_248_424, 818_924_576),
    "squeezenet1_1": NetworkCost(1_235_496, 349_151_936),
    "efficientnet_lite0": NetworkCost(4_652_008, 385_187_552),
    "efficientnet_lite1": NetworkCost(5_416_680, 600_185_232),
    "efficientnet_lite2": NetworkCost(6_092_072, 859_736_272),
    "efficientnet_lite3": NetworkCost(8_197_096, 1_383_321_872),
    "efficientnet_lite4": NetworkCost(13_006_568, 2_553_034_336),
    "airbench94": NetworkCost(1_972_504, 118_147_360),
}

# Name in the papers -> the networks of the table that are variants of it.
VARIANTS = {
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
    "EfficientNet-Lite": (
        "efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2", "efficientnet_lite3",
        "efficientnet_lite4",
    ),
}  # fmt: skip

# First letters of a name -> its family.
FAMILIES = {
    "mlp": "MLP",
    "lenet": "LeNet",
    "alexnet": "AlexNet",
    "vgg": "VGG",
    "googlenet": "GoogLeNet",
    "squeezenet": "SqueezeNet",
    "efficientnet": "EfficientNet-Lite",
    "airbench": "Airbench",
    "": "ResNet",
}


# What others call a network -> its name here.
OTHER_NAMES = {
    "inception": "googlenet",
    "inceptionv1": "googlenet",
    "wrn502": "wide_resnet50_2",
    **{f"efficientnetb{size}": f"efficientnet_lite{size}" for size in range(5)},  # its small form
}


class Variants(NamedTuple):
    """A network among the variants of one architecture, such as "LeNet-5"."""

    architecture: str
    others: tuple[str, ...]  # names of the other variants


def variants_of(name: str) -> Variants | None:
    """The other variants of a network's architecture; None where there are none."""
    for architecture, names in VARIANTS.items():
        if name in names:
            return Variants(architecture, tuple(other for other in names if other != name))
    return None


def family_of(name: str) -> str:
    """The family of a network, for instance "ResNet"."""
    return next(family for start, family in FAMILIES.items() if name.startswith(start))


def networks_of_size(parameters: int) -> tuple[str, ...]:
    """The networks with exactly this number of parameters at their default number of classes."""
    return tuple(name for name, cost in COSTS.items() if cost.parameters == parameters)


def likely_network(name: str) -> str:
    """A hint for a name that no network has: the nearest, those of its kind, or the families."""
    if exists(name) and (run_around(Path(name)) or Path(name).suffix.lower() in WEIGHTS):
        begins = f"`convscope train DATA --weights {shell_word(name)}` begins with these weights"
        return f"{begins}, `--model` takes a name;"
    kind = plain(name)
    of_kind = [other for other in COSTS if kind and plain(other).startswith(kind)]
    if len(of_kind) > 1 and not kind[-1].isdigit():
        return f"choose one of {either_of(of_kind)};"
    near = did_you_mean(name, COSTS, habits=OTHER_NAMES)
    return near or f"there are the families {', '.join(dict.fromkeys(FAMILIES.values()))};"

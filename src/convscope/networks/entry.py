"""What the table says about a network."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType

from torch import nn

# What every builder may be asked for; anything else that it takes is an option of that network.
GIVEN = ("num_classes", "in_channels", "input_size")


@dataclass(frozen=True, kw_only=True, slots=True)
class Preparation:
    """How images were prepared for the weights that exist for a network.

    Attributes:
        mean: Per channel, subtracted from pixels in 0..1.
        std: Per channel, by which the difference is divided.
        resize_px: The shorter side before the crop; None where images have the right size already.
        crop_px: Side of the square cut from the centre; None where nothing is cut.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize_px: int | None = None
    crop_px: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class PublishedWeights:
    """Weights that their publisher offers for download.

    Attributes:
        url: Where the file is.
        licence: Under which licence.
        data: What they were trained on.
        classes: Number of classes, K.
    """

    url: str
    licence: str
    data: str
    classes: int

    @property
    def filename(self) -> str:
        """The last part of the address."""
        return PurePosixPath(self.url).name

    @property
    def sha256_prefix(self) -> str:
        """The first digits of the file's SHA-256, which its publisher puts into its name."""
        return PurePosixPath(self.url).stem.rpartition("-")[2]


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkEntry:
    """One row of the table of networks.

    Attributes:
        name: What users call it.
        builder: Makes the network from `num_classes`, `in_channels`, options, and `input_size` if
            it depends on that.
        input: Channels, height and width of the image it was designed for.
        num_classes: K if nothing else is asked for.
        paper: Where it was published.
        departs: What differs from the paper, and why.
        initialization: The scheme that its weights are drawn by if nothing else is asked for.
        preparation: How images were prepared for the weights that exist, downloadable or not.
        published: Weights for download.
        renames: Prefixes of names in weights by others, and what they are here.
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
            name: parameter.default for name, parameter in parameters.items() if name not in GIVEN
        }

    @property
    def needs_input_size(self) -> bool:
        """Whether its layers depend on the size of the image, so that it takes no other."""
        return "input_size" in inspect.signature(self.builder).parameters

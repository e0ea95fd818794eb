"""What kind of images a data set has, found by looking at a few of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from convscope.cache import Cache
from convscope.data.catalogue import open_catalogue
from convscope.data.dataset import Dataset
from convscope.data.decode import USUAL, Decoding
from convscope.data.survey import survey_images

PROBED = 100


class ImageKind(NamedTuple):
    """What a data set's images are like.

    Attributes:
        channels: 1 if all probed images are grey, else 3.
        shorter_side_px: Median of the shorter sides.
    """

    channels: int
    shorter_side_px: int


def probe_images(
    dataset: Dataset, *, cache: Cache | None = None, decoding: Decoding = USUAL
) -> ImageKind:
    """Looks at up to 100 images, evenly spread; images that can't be read don't count here.

    If none of them can be read, colour and a side of 0 are returned: reading all will name them.
    """
    chosen = np.unique(np.linspace(0, len(dataset) - 1, min(PROBED, len(dataset))).astype(np.int64))
    with open_catalogue(cache) as catalogue:
        survey = survey_images(dataset.take(chosen), decoding, catalogue=catalogue)
    facts = survey.facts[survey.readable]
    channels = 1 if len(facts) and bool((facts["channels"] == 1).all()) else 3
    sides = np.minimum(facts["height"], facts["width"])
    return ImageKind(channels, int(np.median(sides)) if len(facts) else 0)

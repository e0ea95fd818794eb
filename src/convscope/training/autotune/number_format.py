"""The number format and the memory format of a training, chosen by the time of steps in each.

Which one is fastest depends on the network, on the processor, and on what else runs on it: bfloat16
is twice as fast on processors that have it, and several times slower where another program wants
the same core; channels last is faster for most networks, but not for all kernels of all processors.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from convscope.arithmetic.layer_table import layer_table
from convscope.errors import is_out_of_memory
from convscope.recipe import Recipe
from convscope.training.autotune.dry_run import FEWEST_IMAGES, DryRun
from convscope.training.autotune.forecast import on_images
from convscope.training.setup import MEMORY_FORMATS, Setup

FASTER = 1.3  # times as fast as the usual formats; below that, noise could decide
# Multiplications and additions of all forward passes: half a minute on two cores. Of a shorter
# training little is gained; and as no clock decides it, a busy machine makes no difference to it.
WORTH_MACS = 1e12
RUNS = 4  # of a step in each of the formats, about, in the time for measuring


class Formats(NamedTuple):
    """In which formats a training computes.

    Attributes:
        precision: Number format of convolutions and matrix products.
        memory_format: Order of the values of an image.
    """

    precision: str
    memory_format: str

    @property
    def text(self) -> str:
        """The formats, for people."""
        order = "channels last" if self.memory_format == "channels_last" else "channel by channel"
        return f"{self.precision}, {order}"


class FormatChoice(NamedTuple):
    """The chosen formats, and what was measured.

    Attributes:
        chosen: The formats.
        image_seconds: Formats -> seconds that an image takes in a step; the usual ones first.
    """

    chosen: Formats
    image_seconds: dict[Formats, float]

    @property
    def sentence(self) -> str:
        """The choice, for people; "" for the usual formats."""
        usual = next(iter(self.image_seconds))
        if self.chosen == usual:
            return ""
        times = self.image_seconds[usual] / self.image_seconds[self.chosen]
        return (
            f"computes in {self.chosen.text}: a step is {times:.1f} times as fast as in "
            f"{usual.text}"
        )

    def to_dict(self) -> dict[str, Any]:
        """The choice, ready for JSON."""
        measured = [
            {**formats._asdict(), "image_seconds": seconds}
            for formats, seconds in self.image_seconds.items()
        ]
        return {"chosen": self.chosen._asdict(), "measured": measured}


def choose_formats(
    recipe: Recipe, build: Callable[[Recipe], Setup], *, limit_seconds: float
) -> FormatChoice | None:
    """Measures some steps in each of the formats that the recipe leaves open.

    The usual ones (float32, channels last) stay unless others are clearly faster.

    Args:
        recipe: The recipe; which layers are trained may be open.
        build: Builds the setup of a recipe.
        limit_seconds: Seconds that measuring takes, about; slow steps take longer.

    Returns:
        The choice; None where nothing is open, where the training is too short to gain, or where a
        step finds no memory: the first one of the training will tell, and says what fits.
    """
    recipe = on_images(recipe)
    setup = build(recipe)
    candidates = _candidates(recipe, setup)
    if recipe.deterministic or len(candidates) == 1:
        return None
    if _image_macs(setup) * setup.image_batches.num_images * setup.recipe.epochs < WORTH_MACS:
        return None
    processes, few = setup.processes, FEWEST_IMAGES * setup.recipe.accumulate
    first = _image_seconds(setup, few)
    if math.isinf(first):
        return None
    fit = int(limit_seconds / (RUNS * len(candidates) * first))
    images = max(few, int(processes.broadcast(str(fit).encode())))
    best, began = dict.fromkeys(candidates, math.inf), time.monotonic()
    while True:
        for formats in candidates:
            setup = build(recipe.model_copy(update=formats._asdict()))
            seconds = _image_seconds(setup, images)
            if math.isinf(seconds):
                return None
            best[formats] = min(best[formats], seconds)
        if not processes.broadcast_decision(time.monotonic() - began < limit_seconds):
            break
    shares = [best[formats] / best[candidates[0]] for formats in candidates]
    place = shares.index(min(shares)) if min(shares) * FASTER <= 1 else 0
    return FormatChoice(candidates[int(processes.broadcast(str(place).encode()))], best)


def _candidates(recipe: Recipe, setup: Setup) -> list[Formats]:
    """The formats that the recipe leaves open, the usual ones first."""
    device = setup.device
    precisions, orders = device.measurable_precisions, tuple(MEMORY_FORMATS)
    if recipe.precision != "auto":
        precisions = (recipe.precision,)
    if recipe.memory_format != "auto":
        orders = (recipe.memory_format,)
    elif device.torch.type != "cpu" or setup.choice.in_channels == 1:
        orders = orders[:1]
    return [Formats(*pair) for pair in itertools.product(precisions, orders)]


def _image_macs(setup: Setup) -> int:
    """Multiplications and additions of the network's forward pass on an image."""
    choice = setup.choice
    return layer_table(setup.network, (1, choice.in_channels, *choice.input_size)).macs


def _image_seconds(setup: Setup, images: int) -> float:
    """Seconds of an image in a step; infinite where there is no memory for it."""
    try:
        with DryRun(setup) as dry_run:
            return dry_run.image_seconds(images)
    except (RuntimeError, MemoryError) as error:
        # Of several processes the others wait for the one that failed, and end with it.
        if setup.processes.is_distributed or not is_out_of_memory(error):
            raise
        setup.device.empty_cache()
        return math.inf

"""Which values of an augmentation mean something."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal, get_args

from convscope.data.augment.policies import LEVELS, OPERATIONS, Policy
from convscope.errors import UsageError, either_of

FlipMode = Literal["random", "alternating"]

# Field: lowest and highest value.
BOUNDS = {
    "crop_scale": (0, 1),
    "pad_crop": (0, math.inf),
    "hflip": (0, 1),
    "vflip": (0, 1),
    "translate": (0, 1),
    "rotate": (0, 180),
    "scale": (0, 0.9),
    "brightness": (0, math.inf),
    "contrast": (0, math.inf),
    "saturation": (0, math.inf),
    "hue": (0, 0.5),
    "grey": (0, 1),
    "blur": (0, 1),
    "erase": (0, 1),
    "policy_ops": (1, len(OPERATIONS)),
    "policy_magnitude": (0, LEVELS - 1),
}
RANGES = ("crop_ratio", "blur_sigma")
WORDS = {"flip_mode": get_args(FlipMode), "policy": get_args(Policy)}


def check_bounds(values: Mapping[str, Any]) -> None:
    """Refuses values that mean nothing.

    Args:
        values: Of the fields of `Augmentation`, by name.

    Raises:
        UsageError: A value is out of its bounds or no known word, or two don't go together.
    """
    for name, (low, high) in BOUNDS.items():
        if not low <= values[name] <= high or math.isinf(values[name]):
            bounds = f"from {low} to {high}" if high < math.inf else f"{low} or more"
            raise UsageError(f"`{name}` is {values[name]}; it has to be {bounds}")
    for name in RANGES:
        low, high = values[name]
        if not 0 < low <= high < math.inf:
            raise UsageError(
                f"`{name}` is {low:g}, {high:g}; it has to be two numbers above 0, "
                "the smaller one first"
            )
    for name, known in WORDS.items():
        if values[name] not in known:
            raise UsageError(f"`{name}` is `{values[name]}`", hint=f"choose {either_of(known)}")
    if values["flip_mode"] == "alternating" and values["hflip"] not in (0, 0.5):
        raise UsageError(
            f"`hflip` is {values['hflip']:g}, but alternating mirrors every image in half of the "
            "epochs",
            hint="leave `hflip` at 0.5, or set `flip_mode` to `random`",
        )

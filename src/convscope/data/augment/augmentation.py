"""Augmentation on the device, a function of (seed, epoch, image) alone."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from convscope.data.augment import policies
from convscope.data.augment.colour import FACTORS, ColourJitter, jitter_colours
from convscope.data.augment.geometry import (
    AffineTransforms,
    composed,
    full_boxes,
    identities,
    random_erasing,
    random_resized_crops,
    rotations,
)
from convscope.data.augment.policies import PolicyDraws
from convscope.data.augment.sampling import pad_and_crop, sample
from convscope.errors import UsageError
from convscope.recipe import AugmentationFields, FlipMode, Policy, validated
from convscope.rng import Draws, Integers
from convscope.text import counted, either_of

NEED_COLOUR = ("saturation", "hue", "grey")


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """Random changes of train images; the recipe declares the fields and their limits.

    The changes are made in this order: padded crop; random resized crop, shift, rotation and scale,
    the policy's geometry and flips, all in one resampling; brightness, contrast, saturation, hue
    and grey; the policy's colours; blur; erasing.

    Attributes:
        crop_scale: Smallest fraction of the area that a random resized crop keeps; 0 for none.
        crop_ratio: Smallest and largest width divided by height of such a crop.
        pad_crop: Black pixels around an image, out of which its own size is cropped; 0 for none.
        hflip: Probability of a horizontal flip.
        vflip: Probability of a vertical flip.
        flip_mode: `random`, or `alternating`: each image is flipped horizontally in every other
            epoch, and whether in the first is random (Jordan 2024); needs `hflip` of 0.5.
        translate: Largest shift, as a fraction of the image's size.
        rotate: Largest rotation in degrees.
        scale: Largest change of scale, as a fraction.
        brightness: Largest change of the factor on all values, around 1.
        contrast: Largest change of the factor on the distance to the mean lightness, around 1.
        saturation: Largest change of the factor on the distance to the grey version, around 1.
        hue: Largest shift around the colour circle, at most 0.5.
        grey: Probability of conversion to greyscale.
        blur: Probability of a Gaussian blur.
        blur_sigma: Smallest and largest standard deviation of the blur, in pixels.
        erase: Probability of a box filled with one colour.
        policy: `none`, `randaugment` or `trivialaugment`.
        policy_ops: Operations per image in RandAugment.
        policy_magnitude: Magnitude of RandAugment, from 0 to 30.
    """

    crop_scale: float = 0.0
    crop_ratio: tuple[float, float] = (3 / 4, 4 / 3)
    pad_crop: int = 0
    hflip: float = 0.0
    vflip: float = 0.0
    flip_mode: FlipMode = "random"
    translate: float = 0.0
    rotate: float = 0.0
    scale: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    blur_sigma: tuple[float, float] = (0.1, 2.0)
    erase: float = 0.0
    policy: Policy = "none"
    policy_ops: int = 2
    policy_magnitude: int = 9

    def __post_init__(self) -> None:
        """Raises a UsageError if a value is outside its limits."""
        shared = AugmentationFields.model_fields.keys() & self.__dataclass_fields__.keys()
        validated(AugmentationFields, {name: getattr(self, name) for name in sorted(shared)})
        for name in ("crop_ratio", "blur_sigma"):
            low, high = getattr(self, name)
            if not 0 < low <= high < math.inf:
                raise UsageError(
                    f"`{name}` can't be `{low:g}, {high:g}`",
                    hint="it is two numbers above 0, the smaller one first",
                )
        if self.flip_mode == "alternating" and self.hflip not in (0, 0.5):
            raise UsageError(
                f"`hflip` is {self.hflip:g}, but alternating flips images in half of the epochs",
                hint="leave `hflip` at 0.5, or set `flip_mode` to `random`",
            )

    def check_applies(self, channels: int) -> None:
        """Refuses changes of colour for images without colours.

        Args:
            channels: Number of channels; 3 are red, green and blue.

        Raises:
            UsageError: One of the changes needs red, green and blue.
        """
        names = [name for name in NEED_COLOUR if getattr(self, name)]
        if names and channels != 3:
            raise UsageError(
                f"{either_of(names)} can't be applied to images of {counted(channels, 'channel')}",
                hint="only red, green and blue together have a hue; leave it out",
            )

    def apply(
        self,
        pixels: Tensor,
        *,
        seed: int,
        epoch: int,
        indices: Integers,
        sizes: Integers | None = None,
        out_size: tuple[int, int] | None = None,
    ) -> Tensor:
        """Augmented images (N, h, w, C), uint8 or floats, of 0 to 255.

        Shifts, flips, crops and erasing give uint8, everything else floats, which lie plane by
        plane in memory. The result for an image depends only on the image, `seed`, `epoch` and its
        index, not on its batch.

        Args:
            pixels: (N, H, W, C) uint8; with `crop_scale`, pre-crops: whole images resized to one
                size, whatever their shape was.
            seed: Seed of the recipe.
            epoch: Epoch, from 0.
            indices: (N,) indices of the images in the data set.
            sizes: (N, 2) height and width of the images before the pre-crop; None where there was
                none.
            out_size: (h, w); None for the size of `pixels`.

        Raises:
            UsageError: `out_size` is another size, but nothing is cropped.
        """
        in_size = (pixels.shape[1], pixels.shape[2])
        out_size = out_size or in_size
        if not self.crop_scale and out_size != in_size:
            raise UsageError(
                f"images of {in_size[0]}x{in_size[1]} can't become {out_size[0]}x{out_size[1]} "
                "without `crop_scale`",
                hint="store them at the network's input size, or set `crop_scale`",
            )
        draws = Draws(seed, epoch, np.asarray(indices, dtype=np.int64))
        policy = None
        if self.policy != "none":
            policy = policies.draw(
                draws,
                self.policy,
                num_ops=self.policy_ops,
                magnitude=self.policy_magnitude,
                out_size=out_size,
            )
        augmented = self._resampled(pixels, draws, policy, sizes, out_size)
        jitter = ColourJitter(*(getattr(self, name) for name in ColourJitter._fields))
        if policy is not None or any(jitter[:-1]):  # without the widths of the blur
            augmented = jitter_colours(augmented, draws, jitter, policy)
        if self.erase:
            augmented = augmented.clone() if augmented is pixels else augmented
            augmented = random_erasing(augmented, draws, probability=self.erase)
        return augmented

    def _resampled(
        self,
        pixels: Tensor,
        draws: Draws,
        policy: PolicyDraws | None,
        sizes: Integers | None,
        out_size: tuple[int, int],
    ) -> Tensor:
        if self.pad_crop:
            down, right = (
                np.floor(draws.uniform(f"pad {side}") * (2 * self.pad_crop + 1)).astype(np.int64)
                for side in ("down", "right")
            )
            pixels = pad_and_crop(pixels, border=self.pad_crop, down=down, right=right)
        moves = (self.crop_scale, self.hflip, self.vflip, self.translate, self.rotate, self.scale)
        if policy is None and not any(moves):
            return pixels
        transforms = self._transforms(pixels, draws, policy, sizes, out_size)
        may_resample = bool(self.rotate or self.scale or (self.crop_scale and self.translate))
        return sample(pixels, transforms, out_size, as_floats=may_resample)

    def _transforms(
        self,
        pixels: Tensor,
        draws: Draws,
        policy: PolicyDraws | None,
        sizes: Integers | None,
        out_size: tuple[int, int],
    ) -> AffineTransforms:
        count, height, width = pixels.shape[:3]
        boxes = full_boxes(count, height=height, width=width)
        if self.crop_scale:
            boxes = random_resized_crops(
                draws,
                np.stack([boxes.height, boxes.width], axis=1) if sizes is None else sizes,
                smallest=self.crop_scale,
                ratios=self.crop_ratio,
                height=height,
                width=width,
            )
        warps = identities(count) if policy is None else policies.warps(policy)
        is_warped = np.zeros(count, dtype=np.bool_) if policy is None else policy.is_geometric
        if self.rotate or self.scale:
            angle = np.radians(draws.symmetric("rotate", self.rotate))
            warps = composed(warps, rotations(angle, 1 + draws.symmetric("scale", self.scale)))
            is_warped = np.ones(count, dtype=np.bool_)
        shifts = {
            side: np.round(draws.symmetric(side, self.translate) * size).astype(np.int64)
            for side, size in (("down", out_size[0]), ("right", out_size[1]))
        }
        is_hflipped = draws.bernoulli("hflip", self.hflip)
        if self.flip_mode == "alternating" and self.hflip:
            is_hflipped = draws.alternating("hflip side")
        return AffineTransforms(
            boxes=boxes,
            is_cropped=bool(self.crop_scale),
            is_hflipped=is_hflipped,
            is_vflipped=draws.bernoulli("vflip", self.vflip),
            down=shifts["down"],
            right=shifts["right"],
            warps=warps,
            is_warped=is_warped,
        )

    def describe(self) -> str:
        """The augmentation in one sentence, "none" if there is none."""
        hflip = f"flipped horizontally with probability {self.hflip:g}"
        if self.flip_mode == "alternating":
            hflip = "flipped horizontally in every other epoch"
        operations = counted(self.policy_ops, "operation")
        randaugment = f"{operations} of RandAugment at magnitude {self.policy_magnitude}"
        parts = [
            (self.crop_scale, f"cropped to at least {self.crop_scale:.0%} of the area and resized"),
            (self.pad_crop, f"padded by {self.pad_crop} px and cropped"),
            (self.hflip, hflip),
            (self.vflip, f"flipped vertically with probability {self.vflip:g}"),
            (self.translate, f"shifted by up to {self.translate:.0%}"),
            (self.rotate, f"rotated by up to {self.rotate:g} degrees"),
            (self.scale, f"scaled by up to {self.scale:.0%}"),
            *(
                (getattr(self, name), f"{name} changed by up to {getattr(self, name):.0%}")
                for name in FACTORS
            ),
            (self.hue, f"hue shifted by up to {360 * self.hue:g} degrees"),
            (self.grey, f"converted to grey with probability {self.grey:g}"),
            (self.policy == "randaugment", randaugment),
            (self.policy == "trivialaugment", "one operation of TrivialAugment"),
            (self.blur, f"blurred with probability {self.blur:g}"),
            (self.erase, f"a box erased with probability {self.erase:g}"),
        ]
        return ", ".join(text for is_on, text in parts if is_on) or "none"


def default_augmentation(*, channels: int, num_images: int) -> Augmentation:
    """The default augmentation, which keeps the class of most images.

    Grey images are often characters, whose mirror image means something else; colour images are
    mostly photos. The fewer images there are, the stronger their augmentation.
    """
    scarcity = min(1.0, max(0.0, (4.5 - math.log10(num_images)) / 1.5))  # 1 at 1,000, 0 at 31,600
    if channels == 1:
        return Augmentation(
            translate=round(0.04 + 0.04 * scarcity, 3),
            rotate=round(10 * scarcity, 1),
            scale=round(0.1 * scarcity, 3),
        )
    return Augmentation(hflip=0.5, translate=0.125, scale=round(0.2 * scarcity, 3))

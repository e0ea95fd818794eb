"""Augmentation on the device, a function of (seed, epoch, image) alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import numpy as np
from torch import Tensor

from convscope.data.augment import policies
from convscope.data.augment.bounds import FlipMode, check_bounds
from convscope.data.augment.boxes import random_resized_crops, whole
from convscope.data.augment.draws import Bools, Draws, Integers
from convscope.data.augment.erasing import erased
from convscope.data.augment.geometry import Geometry, composed, identities, turns
from convscope.data.augment.policies import Policy
from convscope.data.augment.recolouring import FACTORS, Jitter, recoloured
from convscope.data.augment.sampling import pad_cropped, sample
from convscope.errors import UsageError, counted, either_of

NEED_COLOUR = ("saturation", "hue", "grey")


@dataclass(frozen=True, slots=True, kw_only=True)
class Augmentation:
    """How train images are varied.

    What is done, in this order: padded crop; random resized crop, shift, rotation and scaling,
    the policy's geometry and mirroring, all in one resampling; brightness, contrast, saturation,
    hue and grey; the policy's colours; blur; erasing.

    Attributes:
        crop_scale: Share of an image's area that a random resized crop keeps at least; 0 for none.
        crop_ratio: Smallest and largest width divided by height of such a crop.
        pad_crop: Black pixels around an image, out of which its own size is cut; 0 for none.
        hflip: Probability of mirroring left and right.
        vflip: Probability of mirroring top and bottom.
        flip_mode: `random`, or `alternating`: an image is mirrored left and right in every second
            epoch, which ones begin is drawn (Jordan 2024); needs `hflip` of 0.5.
        translate: Largest shift, as a share of the image's size.
        rotate: Largest rotation in degrees.
        scale: Largest change of size, as a share of it.
        brightness: Largest change of the factor that values are multiplied by, around 1.
        contrast: Likewise of the distance to the mean lightness.
        saturation: Likewise of the distance to the grey version.
        hue: Largest turn around the circle of colours, at most 0.5.
        grey: Probability of losing the colours.
        blur: Probability of a Gaussian blur.
        blur_sigma: Smallest and largest standard deviation of the blur, in pixels.
        erase: Probability of hiding a box behind one colour.
        policy: `none`, `randaugment` or `trivialaugment`.
        policy_ops: Operations an image in RandAugment.
        policy_magnitude: Strength of RandAugment, from 0 to 30.
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
    policy_magnitude: float = 9.0

    def __post_init__(self) -> None:
        """Refuses values that mean nothing.

        Raises:
            UsageError: A value is out of its bounds or no known word, or two don't go together.
        """
        check_bounds({field.name: getattr(self, field.name) for field in fields(self)})

    def check_applies(self, channels: int) -> None:
        """Refuses changes of colour where the images have none.

        Args:
            channels: Of the images; 3 are red, green and blue.

        Raises:
            UsageError: One of the changes needs red, green and blue.
        """
        names = [name for name in NEED_COLOUR if getattr(self, name)]
        if names and channels != 3:
            raise UsageError(
                f"{either_of(names)} can't vary images of {counted(channels, 'channel')}",
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
        """Varied images (N, h, w, C): uint8 where no value is computed with, else floats 0 to 255.

        Shifts and mirrors alone keep the pixels; random resized crops, padded crops and erasing
        keep them uint8. Floats lie plane by plane in memory. An image's result depends on nothing
        but itself, `seed`, `epoch` and its index: not on its batch.

        Args:
            pixels: (N, H, W, C) uint8; with `crop_scale`, whole images resized to a canvas,
                whatever their shape was.
            seed: The recipe's.
            epoch: Counts from 0.
            indices: (N,) which images of the data set these are.
            sizes: (N, 2) height and width of the images before they were resized to the canvas;
                None where they were not.
            out_size: (h, w); None for the size of `pixels`.

        Raises:
            UsageError: `out_size` is another size, but nothing is cropped.
        """
        canvas = (pixels.shape[1], pixels.shape[2])
        out_size = out_size or canvas
        if not self.crop_scale and out_size != canvas:
            raise UsageError(
                f"images of {canvas[0]}x{canvas[1]} can't become {out_size[0]}x{out_size[1]} "
                "without `crop_scale`",
                hint="store them at the network's input size, or set `crop_scale`",
            )
        draws = Draws(seed, epoch, np.asarray(indices, dtype=np.int64))
        drawn = self._draw_policy(draws, out_size)
        varied = self._moved(pixels, draws, drawn, sizes, out_size)
        if self._recolours:
            varied = recoloured(varied, draws, self._jitter(), drawn)
        if self.erase:
            varied = varied.clone() if varied is pixels else varied
            varied = erased(varied, draws, probability=self.erase)
        return varied

    @property
    def _warps(self) -> bool:
        return bool(self.rotate or self.scale or self.policy != "none")

    @property
    def _recolours(self) -> bool:
        values = (self.brightness, self.contrast, self.saturation, self.hue, self.grey, self.blur)
        return any(values) or self.policy != "none"

    def _draw_policy(self, draws: Draws, out_size: tuple[int, int]) -> policies.Drawn | None:
        if self.policy == "none":
            return None
        return policies.draw(
            draws,
            self.policy,
            num_ops=self.policy_ops,
            magnitude=self.policy_magnitude,
            out_size=out_size,
        )

    def _moved(
        self,
        pixels: Tensor,
        draws: Draws,
        drawn: policies.Drawn | None,
        sizes: Integers | None,
        out_size: tuple[int, int],
    ) -> Tensor:
        if self.pad_crop:
            down, right = (
                np.floor(draws.share(f"pad {side}") * (2 * self.pad_crop + 1)).astype(np.int64)
                for side in ("down", "right")
            )
            pixels = pad_cropped(pixels, border=self.pad_crop, down=down, right=right)
        if not (self.crop_scale or self.hflip or self.vflip or self.translate or self._warps):
            return pixels
        geometry = self._geometry(draws, drawn, sizes, pixels, out_size)
        may_resample = bool(self.rotate or self.scale or (self.crop_scale and self.translate))
        return sample(pixels, geometry, out_size, as_floats=may_resample)

    def _geometry(
        self,
        draws: Draws,
        drawn: policies.Drawn | None,
        sizes: Integers | None,
        pixels: Tensor,
        out_size: tuple[int, int],
    ) -> Geometry:
        count, height, width = pixels.shape[:3]
        boxes = whole(count, height=height, width=width)
        if self.crop_scale:
            boxes = random_resized_crops(
                draws,
                np.stack([boxes.height, boxes.width], axis=1) if sizes is None else sizes,
                smallest=self.crop_scale,
                ratios=self.crop_ratio,
                height=height,
                width=width,
            )
        warps = identities(count) if drawn is None else policies.warps(drawn)
        is_warped = np.zeros(count, dtype=np.bool_) if drawn is None else drawn.is_geometric
        if self.rotate or self.scale:
            angle = np.radians(draws.signed("rotate", self.rotate))
            warps = composed(warps, turns(angle, 1 + draws.signed("scale", self.scale)))
            is_warped = np.ones(count, dtype=np.bool_)
        shifts = {
            side: np.round(draws.signed(side, self.translate) * size).astype(np.int64)
            for side, size in (("down", out_size[0]), ("right", out_size[1]))
        }
        return Geometry(
            boxes=boxes,
            is_cropped=bool(self.crop_scale),
            is_mirrored=self._is_mirrored(draws),
            is_upended=draws.chosen("vflip", self.vflip),
            down=shifts["down"],
            right=shifts["right"],
            warps=warps,
            is_warped=is_warped,
        )

    def _is_mirrored(self, draws: Draws) -> Bools:
        if self.flip_mode == "alternating" and self.hflip:
            return draws.alternating("hflip side")
        return draws.chosen("hflip", self.hflip)

    def _jitter(self) -> Jitter:
        return Jitter(**{name: getattr(self, name) for name in Jitter._fields})

    def describe(self) -> str:
        """The augmentation in words."""
        crop = f"cropped to {self.crop_scale:.0%} or more of the area and resized"
        padded = f"cropped from a border of {self.pad_crop} px"
        mirrored = f"mirrored with probability {self.hflip:g}"
        if self.flip_mode == "alternating":
            mirrored = "mirrored in every second epoch"
        wide = "varied by TrivialAugment"
        rand = (
            f"varied by {counted(self.policy_ops, 'operation')} of RandAugment "
            f"at magnitude {self.policy_magnitude:g}"
        )
        parts = [
            (self.crop_scale, crop),
            (self.pad_crop, padded),
            (self.hflip, mirrored),
            (self.vflip, f"turned upside down with probability {self.vflip:g}"),
            (self.translate, f"shifted by up to {self.translate:.0%}"),
            (self.rotate, f"rotated by up to {self.rotate:g} degrees"),
            (self.scale, f"scaled by up to {self.scale:.0%}"),
            *(
                (getattr(self, name), f"{name} changed by up to {getattr(self, name):.0%}")
                for name in FACTORS
            ),
            (self.hue, f"hue turned by up to {360 * self.hue:g} degrees"),
            (self.grey, f"made grey with probability {self.grey:g}"),
            (self.policy == "randaugment", rand),
            (self.policy == "trivialaugment", wide),
            (self.blur, f"blurred with probability {self.blur:g}"),
            (self.erase, f"a box erased with probability {self.erase:g}"),
        ]
        return ", ".join(words for is_done, words in parts if is_done) or "none"


def default_augmentation(*, channels: int, num_images: int) -> Augmentation:
    """Variation that leaves the class of most images alone.

    Grey images are often signs (digits, letters) whose mirror image means something else; colour
    images are mostly photos. The fewer images, the more each has to be varied.
    """
    scarcity = min(1.0, max(0.0, (4.5 - math.log10(num_images)) / 1.5))  # 1 at 1,000, 0 at 31,600
    if channels == 1:
        return Augmentation(
            translate=round(0.04 + 0.04 * scarcity, 3),
            rotate=round(10 * scarcity, 1),
            scale=round(0.1 * scarcity, 3),
        )
    return Augmentation(hflip=0.5, translate=0.125, scale=round(0.2 * scarcity, 3))

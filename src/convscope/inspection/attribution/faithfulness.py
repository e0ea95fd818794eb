"""Faithfulness of an attribution: deletion and insertion of pixels in its order.

If the pixels that a map calls important are deleted first, the score of the class should fall
quickly; if they are inserted first, it should rise quickly. How quickly is judged by random maps
that are as smooth: blobs, not noise, as deleting single pixels changes little.

Source: Petsiuk et al. 2018, RISE, section 4.2, for both curves.
Departs: Pixels are replaced by a blurred image, not by grey or black, which would put edges into
    the image; a map is compared with random ones, as an area alone says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from convscope.classifier import Classifier, evaluation_batch
from convscope.inspection.attribution.attribution import ZERO, Attribution, blurred, class_index
from convscope.text import counted

DRAWS = 20  # random maps; in pairs, see `_random_maps`
STEPS = 12  # equal parts in which all pixels are deleted
SIGNIFICANCE = 0.05  # largest p-value of a map that is called clearly better
BLURS = (0.1, 0.2, 0.4)  # of the shorter side, tried one after the other
GONE = 0.5  # of the score: an image blurred to less than this counts as without the class
UNHARMED = 0.8  # of the score: if blurring leaves more than this, nothing can be told

# All zeros; can't be judged; random maps do as well; some do; hardly any does.
Verdict = Literal["zero", "untold", "no better", "perhaps", "better"]

Floats = NDArray[np.float64]
Order = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Faithfulness:
    """Deletion and insertion curves of a map, beside those of random maps on the same image.

    The score is the probability of the class; where it is compared with another class, its
    fraction of the probability of both.

    Attributes:
        deletion: (S + 1,) the score with 0 to S of S equal parts of the pixels deleted, those that
            the map calls most important first.
        insertion: (S + 1,) the score of the blurred image with 0 to S parts inserted.
        random_deletion: (D, S + 1) deletion curves of D random maps.
        random_insertion: (D, S + 1) insertion curves of D random maps.
        is_zero: Whether the map is zero everywhere; then its own order is random, too.
        blur: Standard deviation of the blur that deletes pixels, as a fraction of the image's
            shorter side.
    """

    deletion: Floats
    insertion: Floats
    random_deletion: Floats
    random_insertion: Floats
    is_zero: bool
    blur: float = BLURS[0]

    @property
    def deletion_area(self) -> float:
        """Mean score while pixels are deleted; lower is better."""
        return area(self.deletion)

    @property
    def insertion_area(self) -> float:
        """Mean score while pixels are inserted; higher is better."""
        return area(self.insertion)

    @property
    def deletion_score(self) -> float:
        """By how much random maps' mean deletion area exceeds this one; higher is better."""
        return mean_area(self.random_deletion) - self.deletion_area

    @property
    def insertion_score(self) -> float:
        """By how much the insertion area exceeds random maps' mean one; higher is better."""
        return self.insertion_area - mean_area(self.random_insertion)

    @property
    def num_as_good(self) -> int:
        """Number of random maps whose deletion area is as low or lower."""
        return sum(area(curve) <= self.deletion_area for curve in self.random_deletion)

    @property
    def is_better_than_random(self) -> bool:
        """Whether the map isn't zero and deletes better than random maps do on average."""
        return not self.is_zero and self.deletion_score > 0

    @property
    def is_clearly_better(self) -> bool:
        """Whether the map is better than random with a p-value of 5 % at most.

        This needs 19 random maps: each of 20 maps in random order is the best with 5 %.
        """
        return self.is_better_than_random and self.chance <= SIGNIFICANCE

    @property
    def chance(self) -> float:
        """The p-value: the probability that another random map deletes as well or better."""
        return (self.num_as_good + 1) / (len(self.random_deletion) + 1)

    @property
    def can_tell(self) -> bool:
        """Whether blurring lowers the score; else the map can't be judged."""
        return bool(self.deletion[-1] < UNHARMED * self.deletion[0])

    @property
    def verdict(self) -> Verdict:
        """The verdict on the map, from the numbers above."""
        if self.is_zero:
            return "zero"
        if not self.can_tell:
            return "untold"
        if not self.is_better_than_random:
            return "no better"
        return "better" if self.is_clearly_better else "perhaps"

    @property
    def warning(self) -> str | None:
        """A warning in one sentence without a full stop; None if the map is clearly better."""
        random = f"{counted(len(self.random_deletion), 'random map')} as smooth"
        whole, blurred = self.deletion[[0, -1]]
        warnings: dict[Verdict, str] = {
            "zero": ZERO,
            "untold": "blurring the whole image doesn't take the class away "
            f"({whole:.2f} becomes {blurred:.2f}), so this can't tell whether the map is true",
            "no better": f"the map is no better than {random}: don't believe it",
            "perhaps": f"{self.num_as_good} of {random} do as well: the map may be luck",
        }
        if self.verdict == "perhaps" and not self.num_as_good:
            return f"none of {random} does as well, but so few can't tell it from luck"
        return warnings.get(self.verdict)

    def to_dict(self) -> dict[str, Any]:
        """The curves and their numbers, ready for JSON."""
        return {
            "deletion": self.deletion.tolist(),
            "insertion": self.insertion.tolist(),
            "deletion_area": self.deletion_area,
            "insertion_area": self.insertion_area,
            "deletion_score": self.deletion_score,
            "insertion_score": self.insertion_score,
            "blur": self.blur,
            "random_maps": len(self.random_deletion),
            "random_maps_as_good": self.num_as_good,
            "is_better_than_random": self.is_better_than_random,
            "is_clearly_better": self.is_clearly_better,
            "verdict": self.verdict,
            "warning": self.warning,
        }


def area(curve: Floats) -> float:
    """Area under a curve of equal steps from 0 to 1, which is its mean height."""
    return float(np.trapezoid(curve) / (len(curve) - 1))


def mean_area(curves: Floats) -> float:
    """Mean area under D curves (D, S + 1)."""
    return float(np.mean([area(curve) for curve in curves]))


def faithfulness(
    classifier: Classifier,
    pixels: NDArray[np.uint8],
    attributions: Sequence[Attribution],
    *,
    draws: int = DRAWS,
    steps: int = STEPS,
    seed: int = 0,
    on_progress: Callable[[int], None] = lambda count: None,
) -> list[Faithfulness]:
    """Faithfulness of the attributions of one image, each against the same random maps.

    Pixels are deleted by blurring them, by the weakest blur that takes the first map's class away:
    a photo needs less than a digit, whose coarse form is all there is.

    Args:
        classifier: The classifier that was explained.
        pixels: (H, W, C) the prepared image.
        attributions: The attributions to judge; at least one.
        draws: Number of random maps.
        steps: Number of parts in which pixels are deleted.
        seed: Seed of the random maps.
        on_progress: Called with the number of images that were just classified.
    """
    random = np.random.default_rng(seed)
    smoothest = max((a.map for a in attributions), key=lambda values: float(np.ptp(values)))
    drawn = _random_maps(smoothest.astype(np.float64), draws, random)
    blur = _blur(classifier, pixels, _score_of(classifier, attributions[0]))
    deleting = _Deletion(classifier, pixels, blurred(pixels, blur), steps, on_progress)
    # What one random map deletes, its negative inserts: each curve, reversed, is another one.
    random_logits = np.stack([deleting.logits(_order(values, values)) for values in drawn])
    found = []
    for each in attributions:
        ties = _random_maps(smoothest.astype(np.float64), 2, random)[0]
        order = _order(each.map.astype(np.float64), ties)
        score = _score_of(classifier, each)
        deletion, insertion = deleting.logits(order), deleting.logits(order[::-1])[::-1]
        scores = score(random_logits)
        found.append(
            Faithfulness(
                score(deletion), score(insertion), scores, scores[:, ::-1], each.is_zero, blur
            )
        )
    return found


class _Deletion:
    """Classifies an image while more and more of its pixels are deleted."""

    def __init__(
        self,
        classifier: Classifier,
        pixels: NDArray[np.uint8],
        without: NDArray[np.uint8],
        steps: int,
        on_progress: Callable[[int], None],
    ) -> None:
        self._classifier, self._on_progress = classifier, on_progress
        self._whole, self._blurred = pixels, without
        num_pixels = pixels.shape[0] * pixels.shape[1]
        self._cuts = np.linspace(0, num_pixels, steps + 1).round().astype(int)
        self._at_once = evaluation_batch(classifier.preprocessing, classifier.device)
        self._ends = self._logits(np.stack([self._whole, self._blurred]))

    def logits(self, order: Order) -> Floats:
        """(S + 1, K) logits with 0 to S parts of the pixels deleted, the first in `order` first."""
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        places = rank.reshape(*self._whole.shape[:2], 1)
        inner = [np.where(places < cut, self._blurred, self._whole) for cut in self._cuts[1:-1]]
        between = self._logits(np.stack(inner)) if inner else self._ends[:0]
        return np.concatenate([self._ends[:1], between, self._ends[1:]])

    def _logits(self, images: NDArray[np.uint8]) -> Floats:
        rows = []
        for start in range(0, len(images), self._at_once):
            part = images[start : start + self._at_once]
            rows.append(self._classifier.logits(part).double().numpy())
            self._on_progress(len(part))
        return np.concatenate(rows)


def _blur(
    classifier: Classifier, pixels: NDArray[np.uint8], score: Callable[[Floats], Floats]
) -> float:
    """The weakest blur that takes the class away; if none does, the one with the lowest score."""
    images = np.stack([pixels, *(blurred(pixels, share) for share in BLURS)])
    whole, *rest = score(classifier.logits(images).double().numpy()).tolist()
    left = dict(zip(BLURS, rest, strict=True))
    enough = (share for share, value in left.items() if value < GONE * whole)
    return next(enough, min(left, key=left.__getitem__))


def _score_of(classifier: Classifier, attribution: Attribution) -> Callable[[Floats], Floats]:
    """The function from logits (..., K) to scores (...), 0 to 1."""
    target = class_index(classifier, attribution.target)
    temperature = classifier.decision.temperature
    if attribution.against is None:
        return lambda logits: np.asarray(softmax(logits / temperature, axis=-1)[..., target])
    other = class_index(classifier, attribution.against)
    return lambda logits: np.asarray(
        expit((logits[..., target] - logits[..., other]) / temperature)
    )


def _order(values: Floats, ties: Floats) -> Order:
    """Indices of the flattened pixels by value, the largest first; equal values go by `ties`."""
    order: Order = np.lexsort((-ties.ravel(), -values.ravel()))
    return order


def _random_maps(values: Floats, count: int, random: np.random.Generator) -> list[Floats]:
    """Random maps (H, W) as smooth as `values`: the same power spectrum with random phases.

    Each comes with its negative, which is as random. For a map that is the same everywhere they are
    white noise.
    """
    power = np.abs(np.fft.rfft2(values - values.mean()))
    maps: list[Floats] = []
    for _ in range(-(-count // 2)):
        noise = np.fft.rfft2(random.standard_normal(values.shape))
        drawn = np.fft.irfft2(
            noise / np.maximum(np.abs(noise), 1e-12) * power if power.any() else noise,
            s=values.shape,
        )
        maps += [drawn, -drawn]
    return maps[:count]

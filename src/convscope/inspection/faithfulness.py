"""Whether a map over an image is true: pixels are taken away in its order, and put back in it.

Where the pixels that a map calls important are taken away first, the class should fall quickly
(deletion); where they are put back first, it should rise quickly (insertion). How quickly is quick
is told by random maps that are as smooth: blobs, not noise, as single pixels taken away change
little.

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
from convscope.errors import counted
from convscope.inspection.attribution import ZERO, Attribution, blurred, class_index

DRAWS = 20  # random maps; in pairs, see `_random_maps`
STEPS = 12  # how often pixels are taken away until none is left
SURE = 0.05  # probability of a random map to be called clearly better, at most
BLURS = (0.1, 0.2, 0.4)  # of the shorter side, tried one after the other
GONE = 0.5  # of the score: blurred to less than this, an image counts as without the class
UNHARMED = 0.8  # of the class's probability: what a blurred image leaves of it tells nothing

# The map says nothing; nothing can be told of it; random maps do as well; some do; hardly any does.
Verdict = Literal["zero", "untold", "no better", "perhaps", "better"]

Floats = NDArray[np.float64]
Order = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Faithfulness:
    """How a map does against random maps on the same image.

    The score is the probability of the class; where it is compared with another, its share of both.

    Attributes:
        deletion: (S + 1,) the score with 0 to S of S equal parts of the pixels taken away, what the
            map calls most important first.
        insertion: (S + 1,) the score of the blurred image with as many parts put back.
        random_deletion: (D, S + 1) the same for D random maps.
        random_insertion: (D, S + 1) likewise.
        is_zero: Whether the map says nothing; then its own order is random, too.
        blur: Standard deviation of what takes pixels away, as a share of the image's shorter side.
    """

    deletion: Floats
    insertion: Floats
    random_deletion: Floats
    random_insertion: Floats
    is_zero: bool
    blur: float = BLURS[0]

    @property
    def deletion_area(self) -> float:
        """Mean score while pixels are taken away; lower is better."""
        return area(self.deletion)

    @property
    def insertion_area(self) -> float:
        """Mean score while pixels are put back; higher is better."""
        return area(self.insertion)

    @property
    def deletion_score(self) -> float:
        """By how much the area is smaller than the mean one of random maps; above 0 is better."""
        return float(np.mean([area(curve) for curve in self.random_deletion])) - self.deletion_area

    @property
    def insertion_score(self) -> float:
        """By how much the area is larger than the mean one of random maps; above 0 is better."""
        random = float(np.mean([area(curve) for curve in self.random_insertion]))
        return self.insertion_area - random

    @property
    def num_as_good(self) -> int:
        """How many of the random maps delete as well or better."""
        return sum(area(curve) <= self.deletion_area for curve in self.random_deletion)

    @property
    def is_better_than_random(self) -> bool:
        """Whether it says something and deletes better than random maps do on average."""
        return not self.is_zero and self.deletion_score > 0

    @property
    def is_clearly_better(self) -> bool:
        """Whether a random map would be so good with a probability of 5 % at most.

        It needs 19 random maps: among 20 maps in random order each is the best with 5 %.
        """
        return self.is_better_than_random and self.chance <= SURE

    @property
    def chance(self) -> float:
        """How probably a random map, put among these, would be as good as this one or better."""
        return (self.num_as_good + 1) / (len(self.random_deletion) + 1)

    @property
    def can_tell(self) -> bool:
        """Whether the blurred image is something else to the network: else nothing can be told."""
        return bool(self.deletion[-1] < UNHARMED * self.deletion[0])

    @property
    def verdict(self) -> Verdict:
        """What these numbers come to."""
        if self.is_zero:
            return "zero"
        if not self.can_tell:
            return "untold"
        if not self.is_better_than_random:
            return "no better"
        return "better" if self.is_clearly_better else "perhaps"

    @property
    def warning(self) -> str | None:
        """What is to be minded, in one sentence without a full stop; None if nothing is."""
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
        """All of it, ready for JSON."""
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
    """The mean height of a curve of equal steps, 0 to 1."""
    return float(np.trapezoid(curve) / (len(curve) - 1))


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
    """How true maps over one image are, each against the same random maps.

    Pixels are taken away by blurring them: as little as takes the first map's class away, as a
    photo needs less of it than a digit, whose coarse form is all there is.

    Args:
        classifier: That the maps are about.
        pixels: (H, W, C) the prepared image.
        attributions: Whose maps are judged; at least one.
        draws: Random maps, an even number.
        steps: Parts in which pixels are taken away.
        seed: Of the random maps.
        on_progress: Is handed how many images were classified just now.
    """
    random = np.random.default_rng(seed)
    smoothest = max((a.map for a in attributions), key=lambda values: float(np.ptp(values)))
    drawn = _random_maps(smoothest.astype(np.float64), draws, random)
    blur = _blur(classifier, pixels, _score_of(classifier, attributions[0]))
    runs = _Runs(classifier, pixels, blurred(pixels, blur), steps, on_progress)
    # What one random map deletes, its negative puts back: each curve, reversed, is another one.
    random_logits = np.stack([runs.deleted(_order(values, values)) for values in drawn])
    found = []
    for each in attributions:
        ties = _random_maps(smoothest.astype(np.float64), 2, random)[0]
        order = _order(each.map.astype(np.float64), ties)
        score = _score_of(classifier, each)
        deletion, insertion = runs.deleted(order), runs.deleted(order[::-1])[::-1]
        scores = score(random_logits)
        found.append(
            Faithfulness(
                score(deletion), score(insertion), scores, scores[:, ::-1], each.is_zero, blur
            )
        )
    return found


class _Runs:
    """Classifies an image with more and more of it blurred."""

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

    def deleted(self, order: Order) -> Floats:
        """(S + 1, K) logits with 0 to S parts of the pixels blurred, first the first in `order`."""
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
    """The weakest blur that takes the class away; if none does, the one that does it most."""
    images = np.stack([pixels, *(blurred(pixels, share) for share in BLURS)])
    whole, *rest = score(classifier.logits(images).double().numpy()).tolist()
    left = dict(zip(BLURS, rest, strict=True))
    enough = (share for share, value in left.items() if value < GONE * whole)
    return next(enough, min(left, key=left.__getitem__))


def _score_of(classifier: Classifier, attribution: Attribution) -> Callable[[Floats], Floats]:
    """From logits (..., K) to scores (...) of 0 to 1."""
    target = class_index(classifier, attribution.target)
    temperature = classifier.decision.temperature
    if attribution.against is None:
        return lambda logits: np.asarray(softmax(logits / temperature, axis=-1)[..., target])
    other = class_index(classifier, attribution.against)
    return lambda logits: np.asarray(
        expit((logits[..., target] - logits[..., other]) / temperature)
    )


def _order(values: Floats, ties: Floats) -> Order:
    """The pixels, flat, the largest value first; where values are equal, the largest of `ties`."""
    order: Order = np.lexsort((-ties.ravel(), -values.ravel()))
    return order


def _random_maps(values: Floats, count: int, random: np.random.Generator) -> list[Floats]:
    """Maps (H, W) with the same power at each frequency and random phases: as smooth.

    Each comes with its negative, which is as random. What white noise would give stands for a map
    that is the same everywhere.
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

"""Which pixels speak for a class: maps over one image, computed by captum.

    grad-cam               what the last feature maps found, weighed by what they mean for the class
    guided-backprop        the gradient, of which each ReLU lets through what is positive
    integrated-gradients   the gradient along the way from an image of the mean colour, summed
    occlusion              what the class loses when a window is blurred

A map is a claim about a network; `faithfulness` measures whether it is true.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor

from convscope.classifier import Classifier
from convscope.data.batches import normalise
from convscope.errors import UsageError, did_you_mean, either_of, listed
from convscope.inspection.last_maps import LastMaps, given_maps, last_maps
from convscope.inspection.twin import Score

INTEGRATION_STEPS = 64
IMAGES_AT_ONCE = 8  # in memory
WINDOWS = 7  # windows of an occlusion side by side; they overlap by half
BLUR = 0.1  # standard deviation of what deletes pixels, as a share of the shorter side
ZERO = "the map is zero everywhere: it says nothing about this class"
INCOMPLETE = 0.05  # how far integrated gradients may be from the score's difference

FloatMap = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """What each pixel says about a class.

    Attributes:
        method: One of `METHODS`.
        target: Name of the class.
        against: Name of the class that it is compared with, or None.
        map: (H, W) of the network's input: above 0 speaks for the class, below 0 against it.
            Grad-CAM and guided backpropagation only show what speaks for it.
        weighed: The feature maps that Grad-CAM weighed; None for other methods.
        notes: What there is to know about this map, each in one sentence without a full stop.
    """

    method: str
    target: str
    against: str | None
    map: FloatMap
    weighed: LastMaps | None = None
    notes: tuple[str, ...] = ()

    @property
    def layer(self) -> str | None:
        """Path of the layer whose maps Grad-CAM weighed; None for other methods."""
        return self.weighed.layer if self.weighed else None

    @property
    def is_zero(self) -> bool:
        """Whether it says nothing about any pixel."""
        return not self.map.any()

    @property
    def warning(self) -> str | None:
        """What is to be minded without any comparison, without a full stop; None if nothing is."""
        return ZERO if self.is_zero else None

    def to_dict(self) -> dict[str, Any]:
        """All but the map, ready for JSON."""
        return {
            "method": self.method,
            "target": self.target,
            "against": self.against,
            "layer": self.layer,
            "reason": self.weighed.reason if self.weighed else None,
            "is_zero": self.is_zero,
            "notes": list(self.notes),
        }


@dataclass(slots=True)
class _Found:
    """What a method gives: a map (H, W), and what there is to know about it."""

    map: Tensor
    weighed: LastMaps | None = None
    notes: list[str] = field(default_factory=list)

    def of(self, method: str, target: str, against: str | None) -> Attribution:
        """The same with what was asked for, on the CPU."""
        values: FloatMap = self.map.detach().float().cpu().numpy()
        notes = tuple(self.notes)
        return Attribution(method, target, against, values, weighed=self.weighed, notes=notes)


def attribute(
    classifier: Classifier,
    pixels: NDArray[np.uint8],
    *,
    target: str | None = None,
    against: str | None = None,
    method: str = "grad-cam",
    layer: str | None = None,
) -> Attribution:
    """Which pixels of one image speak for a class.

    The classifier's network is copied first and stays as it is.

    Args:
        classifier: With any network.
        pixels: (H, W, C) as `Classifier.prepare` gives them, 0 to 255.
        target: Name of the class; None for the predicted one.
        against: Name of a class: what speaks for `target` rather than for this one.
        method: One of `METHODS`.
        layer: For Grad-CAM, by its name as in `named_modules`; None for the last feature maps.

    Raises:
        UsageError: There is no such class, method or layer, or the layer gives no maps.
        NetworkError: No gradient can be followed through the network.
    """
    check_method(method, layer)
    target = target or classifier.predict_prepared(pixels[None])[0].label
    index = class_index(classifier, target)
    other = None if against is None else class_index(classifier, against)
    if other == index:
        raise UsageError(
            f"`{target}` can't be compared with itself", hint="choose another class for `against`"
        )
    inputs = network_input(classifier, pixels)
    score = Score(classifier.network, target=index, against=other)
    score.check(classifier.network, inputs)
    with _silenced():
        if method == "grad-cam":
            network = score.network
            maps = given_maps(network, inputs, layer) if layer else last_maps(network, inputs)
            found = _grad_cam(score, inputs, maps)
        else:
            found = _PIXEL_METHODS[method](
                score, inputs, network_input(classifier, blurred(pixels))
            )
    return found.of(method, target, against)


def grad_cams(
    classifier: Classifier, asked: Sequence[tuple[NDArray[np.uint8], str]]
) -> list[Attribution]:
    """Grad-CAM of several images, each for a class, as `attribute` gives it for one.

    The network is copied, checked and searched for its last feature maps once, with the first
    image; then several maps are computed together.

    Args:
        classifier: With any network; it stays as it is.
        asked: Pixels (H, W, C) as `Classifier.prepare` gives them, and the name of a class.

    Raises:
        UsageError: There is no such class, or no feature maps to weigh.
        NetworkError: No gradient can be followed through the network.
    """
    if not asked:
        return []
    first = network_input(classifier, asked[0][0])
    score = Score(classifier.network)
    score.check(classifier.network, first)
    chosen = last_maps(score.network, first)
    attributions: list[Attribution] = []
    for start in range(0, len(asked), IMAGES_AT_ONCE):
        part = asked[start : start + IMAGES_AT_ONCE]
        inputs = torch.cat([network_input(classifier, pixels) for pixels, _ in part])
        indices = [class_index(classifier, target) for _, target in part]
        with _silenced():
            maps = _weighed(score, inputs, chosen, targets=indices)
        for values, (_, target) in zip(maps, part, strict=True):
            attributions.append(_Found(values, chosen).of("grad-cam", target, None))
    return attributions


def check_method(method: str, layer: str | None = None) -> None:
    """Refuses a method that doesn't exist, and a layer for one that takes none.

    Raises:
        UsageError: Either is so.
    """
    if method not in METHODS:
        raise UsageError(
            f"there is no method `{method}`",
            hint=did_you_mean(method, METHODS) or f"there are {either_of(METHODS)}",
        )
    if layer is not None and method != "grad-cam":
        raise UsageError(
            f"`{method}` takes no layer, but `{layer}` is given",
            hint="leave `layer` away, or choose `grad-cam`",
        )


def class_index(classifier: Classifier, name: str) -> int:
    """The number of a class.

    Raises:
        UsageError: There is none of this name.
    """
    if name in classifier.classes:
        return classifier.classes.index(name)
    if not isinstance(name, str):
        raise UsageError(f"a class can't be `{name!r}`", hint=f'it is named by a text: `"{name}"`')
    near = did_you_mean(name, classifier.classes)
    raise UsageError(
        f"there is no class `{name}`",
        hint=near or f"the classifier knows\n{listed(list(classifier.classes))}",
    )


def network_input(classifier: Classifier, pixels: NDArray[np.uint8]) -> Tensor:
    """(1, C, H, W) of prepared pixels (H, W, C), on the classifier's device."""
    batch = torch.from_numpy(np.ascontiguousarray(pixels)[None].copy())
    return normalise(batch.to(classifier.device), classifier.preprocessing)


def blurred(pixels: NDArray[np.uint8], share: float = BLUR) -> NDArray[np.uint8]:
    """The image without its details, of the same shape (H, W, C).

    It stands for pixels that are taken away: black or grey would put edges into the image that it
    never had, and the network would answer to those.

    Args:
        pixels: 0 to 255.
        share: Standard deviation of the blur, as a share of the shorter side.
    """
    radius = max(1.0, share * min(pixels.shape[:2]))
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    without = np.asarray(image.filter(ImageFilter.GaussianBlur(radius)))
    return without.reshape(pixels.shape)


@contextmanager
def _silenced() -> Iterator[None]:
    """Captum warns that it sets hooks, and that a layer's gradient needs the inputs'."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        yield


def _grad_cam(score: Score, inputs: Tensor, chosen: LastMaps) -> _Found:
    return _Found(_weighed(score, inputs, chosen)[0], chosen)


def _weighed(
    score: Score, inputs: Tensor, chosen: LastMaps, *, targets: list[int] | None = None
) -> Tensor:
    """(N, H, W) of inputs (N, C, H, W); `targets` where the score is of no class.

    Source: Selvaraju et al. 2017, Grad-CAM, equations 1 and 2.
    """
    from captum.attr import LayerAttribution, LayerGradCam

    layer = score.network.get_submodule(chosen.layer)
    coarse = LayerGradCam(score, layer).attribute(
        inputs.clone().requires_grad_(), target=targets, relu_attributions=True
    )
    size = (inputs.shape[2], inputs.shape[3])
    fine: Tensor = LayerAttribution.interpolate(coarse, size, interpolate_mode="bilinear")
    return fine[:, 0]


def _guided_backprop(score: Score, inputs: Tensor, _without: Tensor) -> _Found:
    """Source: Springenberg et al. 2015, Striving for simplicity, figure 1."""
    from captum.attr import GuidedBackprop

    gradient = GuidedBackprop(score).attribute(inputs.clone().requires_grad_())
    notes = [] if score.num_relus else ["the network has no ReLU, so this is its plain gradient"]
    return _Found(gradient[0].abs().sum(dim=0), notes=notes)


def _integrated_gradients(score: Score, inputs: Tensor, _without: Tensor) -> _Found:
    """Source: Sundararajan et al. 2017, Axiomatic attribution for deep networks, equation 1."""
    from captum.attr import IntegratedGradients

    start = torch.zeros_like(inputs)  # the mean colour, as inputs are normalised
    parts = IntegratedGradients(score).attribute(
        inputs.clone().requires_grad_(),
        baselines=start,
        n_steps=INTEGRATION_STEPS,
        internal_batch_size=IMAGES_AT_ONCE,
    )
    with torch.no_grad():
        difference = float(score(inputs) - score(start))
    missing = abs(float(parts.sum()) - difference) / max(abs(difference), 1e-6)
    notes = []
    if missing > INCOMPLETE:
        notes.append(
            f"the parts sum to {float(parts.sum()):.3g}, but the score changes by "
            f"{difference:.3g}: the map is only roughly right"
        )
    return _Found(parts[0].sum(dim=0), notes=notes)


def _occlusion(score: Score, inputs: Tensor, without: Tensor) -> _Found:
    """Source: Zeiler and Fergus 2014, Visualizing and understanding, section 4.2."""
    from captum.attr import Occlusion

    channels, height, width = inputs.shape[1:]
    window = (channels, max(1, height // WINDOWS), max(1, width // WINDOWS))
    strides = (channels, max(1, window[1] // 2), max(1, window[2] // 2))
    with torch.no_grad():
        losses = Occlusion(score).attribute(
            inputs,
            sliding_window_shapes=window,
            strides=strides,
            baselines=without,
            perturbations_per_eval=IMAGES_AT_ONCE,
        )
    return _Found(losses[0].mean(dim=0))


_PIXEL_METHODS: dict[str, Callable[[Score, Tensor, Tensor], _Found]] = {
    "guided-backprop": _guided_backprop,
    "integrated-gradients": _integrated_gradients,
    "occlusion": _occlusion,
}
METHODS = ("grad-cam", *_PIXEL_METHODS)

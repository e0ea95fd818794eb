"""Attribution: how much each pixel contributes to the score of a class, computed by captum.

    grad-cam               the last feature maps, weighted by the gradient of the score
    guided-backprop        the gradient, of which each ReLU passes only what is positive
    integrated-gradients   the gradient, integrated from an image of the mean colour to the image
    occlusion              by how much the score falls when a window is blurred

An attribution is a claim about a network; `faithfulness` measures whether it is true.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor, nn
from torch.nn import functional as F

from convscope.arithmetic.ops.operation import FunctionHook
from convscope.classifier import Classifier
from convscope.errors import NetworkError, UsageError
from convscope.inspection.attribution.grad_cam_layer import (
    GradCamLayer,
    find_grad_cam_layer,
    named_grad_cam_layer,
)
from convscope.inspection.feature_maps.activations import network_input
from convscope.inspection.layers import run
from convscope.text import did_you_mean, either_of, listed

INTEGRATION_STEPS = 64
IMAGES_AT_ONCE = 8  # in memory
WINDOWS = 7  # windows of an occlusion side by side; they overlap by half
BLUR = 0.1  # standard deviation of the blur that removes pixels, in lengths of the shorter side
ZERO = "the map is zero everywhere: it says nothing about this class"
INCOMPLETE = 0.05  # how far integrated gradients may be from the score's difference
RELUS = (F.relu, torch.relu, Tensor.relu)
RELUS_IN_PLACE = (F.relu_, torch.relu_, Tensor.relu_)
TOLERANCE = 1e-4  # of logits, relative to the largest

FloatMap = NDArray[np.float32]
MapAndNotes = tuple[Tensor, tuple[str, ...]]  # (H, W), and the notes of an attribution


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """How much each pixel contributes to the score of a class.

    Attributes:
        method: One of `METHODS`.
        target: Name of the class.
        against: Name of the class that it is compared with, or None.
        map: (H, W) of the network's input: above 0 is evidence for the class, below 0 against it.
            Grad-CAM and guided backpropagation only show evidence for it.
        grad_cam_layer: The layer whose maps Grad-CAM weighted; None for other methods.
        notes: Remarks about this map, each one sentence without a full stop.
    """

    method: str
    target: str
    against: str | None
    map: FloatMap
    grad_cam_layer: GradCamLayer | None = None
    notes: tuple[str, ...] = ()

    @property
    def layer(self) -> str | None:
        """Path of the layer whose maps Grad-CAM weighted; None for other methods."""
        return self.grad_cam_layer.layer if self.grad_cam_layer else None

    @property
    def is_zero(self) -> bool:
        """Whether every pixel of the map is 0."""
        return not self.map.any()

    @property
    def warning(self) -> str | None:
        """A warning that needs no comparison with random maps, without a full stop; or None."""
        return ZERO if self.is_zero else None

    def to_dict(self) -> dict[str, Any]:
        """The attribution without its map, ready for JSON."""
        return {
            "method": self.method,
            "target": self.target,
            "against": self.against,
            "layer": self.layer,
            "reason": self.grad_cam_layer.reason if self.grad_cam_layer else None,
            "is_zero": self.is_zero,
            "notes": list(self.notes),
        }


def attribute(
    classifier: Classifier,
    pixels: NDArray[np.uint8],
    *,
    target: str | None = None,
    against: str | None = None,
    method: str = "grad-cam",
    layer: str | None = None,
) -> Attribution:
    """How much each pixel of one image contributes to the score of a class.

    The classifier's network is copied first and stays as it is.

    Args:
        classifier: A classifier with any network.
        pixels: (H, W, C) as `Classifier.prepare` returns them, 0 to 255.
        target: Name of the class; None for the predicted one.
        against: Name of another class: the score is then by how much `target` exceeds it.
        method: One of `METHODS`.
        layer: For Grad-CAM, its layer by name as in `named_modules`; None for the last feature
            maps.

    Raises:
        UsageError: There is no such class, method or layer, or the layer gives no maps.
        NetworkError: No gradient can be computed through the network.
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
    score = ClassScore(classifier.network, target=index, against=other)
    score.check(classifier.network, inputs)
    chosen: GradCamLayer | None = None
    notes: tuple[str, ...] = ()
    with _silenced():
        if method == "grad-cam":
            chosen = (
                named_grad_cam_layer(score.network, inputs, layer)
                if layer
                else find_grad_cam_layer(score.network, inputs)
            )
            values = _grad_cam(score, inputs, chosen)[0]
        else:
            without = network_input(classifier, blurred(pixels))
            values, notes = _PIXEL_METHODS[method](score, inputs, without)
    return Attribution(method, target, against, _float_map(values), chosen, notes)


def grad_cams(
    classifier: Classifier, asked: Sequence[tuple[NDArray[np.uint8], str]]
) -> list[Attribution]:
    """Grad-CAM of several images, each for a class, as `attribute` returns it for one.

    The network is copied, checked and searched for its Grad-CAM layer once, with the first image;
    then several maps are computed together.

    Args:
        classifier: A classifier with any network; it stays as it is.
        asked: Pixels (H, W, C) as `Classifier.prepare` returns them, and the name of a class.

    Raises:
        UsageError: There is no such class, or no layer for Grad-CAM.
        NetworkError: No gradient can be computed through the network.
    """
    if not asked:
        return []
    first = network_input(classifier, asked[0][0])
    score = ClassScore(classifier.network)
    score.check(classifier.network, first)
    chosen = find_grad_cam_layer(score.network, first)
    attributions: list[Attribution] = []
    for start in range(0, len(asked), IMAGES_AT_ONCE):
        part = asked[start : start + IMAGES_AT_ONCE]
        inputs = torch.cat([network_input(classifier, pixels) for pixels, _ in part])
        indices = [class_index(classifier, target) for _, target in part]
        with _silenced():
            maps = _grad_cam(score, inputs, chosen, targets=indices)
        attributions += [
            Attribution("grad-cam", target, None, _float_map(values), chosen)
            for values, (_, target) in zip(maps, part, strict=True)
        ]
    return attributions


def check_method(method: str, layer: str | None = None) -> None:
    """Refuses, with a UsageError, an unknown method, and a layer for a method that takes none."""
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
    """The index of a class; a UsageError if the classifier has none of this name."""
    if name in classifier.classes:
        return classifier.classes.index(name)
    if not isinstance(name, str):
        raise UsageError(f"a class can't be `{name!r}`", hint=f'it is named by a text: `"{name}"`')
    near = did_you_mean(name, classifier.classes)
    raise UsageError(
        f"there is no class `{name}`",
        hint=near or f"the classifier knows\n{listed(list(classifier.classes))}",
    )


def blurred(pixels: NDArray[np.uint8], share: float = BLUR) -> NDArray[np.uint8]:
    """The image without its details, of the same shape (H, W, C).

    It replaces pixels that are deleted: black or grey would put edges into the image that it never
    had, and the network would respond to those.

    Args:
        pixels: The image, 0 to 255.
        share: Standard deviation of the blur, as a fraction of the shorter side.
    """
    radius = max(1.0, share * min(pixels.shape[:2]))
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    without = np.asarray(image.filter(ImageFilter.GaussianBlur(radius)))
    return without.reshape(pixels.shape)


class ClassScore(nn.Module):
    """The logit (N,) of a class, or by how much it exceeds that of another; or all logits (N, K).

    Every ReLU, whether a module, one module used often, or a function, is computed by `relu`: a
    hook on that module sees them all.

    Args:
        network: The network; it is copied, so that it never changes.
        target: Index of the class; None for all of them.
        against: Index of the other class; None for the plain logit.

    Attributes:
        network: The copy, in which no layer works in place.
        num_relus: Number of ReLUs in the last forward pass.
    """

    def __init__(
        self, network: nn.Module, *, target: int | None = None, against: int | None = None
    ) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        for layer in self.network.modules():
            if getattr(layer, "inplace", False):
                layer.inplace = False  # type: ignore[assignment]
        self.relu = nn.ReLU()
        self.num_relus = 0
        self._target, self._against = target, against

    def forward(self, inputs: Tensor) -> Tensor:
        """The score (N,) or the logits (N, K) of inputs (N, C, H, W)."""
        self.num_relus = 0
        with FunctionHook(self._with_relu_hooked):
            logits = run(self.network, inputs)
        if self._target is None:
            return logits
        score = logits[:, self._target]
        return score if self._against is None else score - logits[:, self._against]

    def check(self, original: nn.Module, inputs: Tensor) -> None:
        """Checks that the copy computes the same logits as the network.

        Raises:
            NetworkError: It doesn't, as the network needs its layers to overwrite their input.
        """
        with torch.no_grad():
            wanted, given = run(original, inputs), run(self.network, inputs)
        if not torch.allclose(wanted, given, rtol=0, atol=TOLERANCE * float(wanted.abs().max())):
            raise NetworkError(
                f"`{type(original).__name__}` gives other logits when its layers don't work in "
                "place, so no gradient can be computed through it",
                hint="use what a layer returns, as in `x = self.relu(x)`, not only its effect",
            )

    def _with_relu_hooked(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if func not in (*RELUS, *RELUS_IN_PLACE):
            return func(*args, **kwargs)
        values: Tensor = args[0] if args else kwargs["input"]
        self.num_relus += 1
        rectified = self.relu(values)
        is_in_place = func in RELUS_IN_PLACE or kwargs.get("inplace", args[1:] == (True,))
        return values.copy_(rectified) if is_in_place else rectified


def _silenced() -> AbstractContextManager[object]:
    """Context manager without captum's warnings about its hooks and about gradients of inputs."""
    return warnings.catch_warnings(action="ignore", category=UserWarning)


def _float_map(values: Tensor) -> FloatMap:
    numbers: FloatMap = values.detach().float().cpu().numpy()
    return numbers


def _grad_cam(
    score: ClassScore, inputs: Tensor, chosen: GradCamLayer, *, targets: list[int] | None = None
) -> Tensor:
    """Maps (N, H, W) of inputs (N, C, H, W); `targets` are classes where the score has none.

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


def _guided_backprop(score: ClassScore, inputs: Tensor, _without: Tensor) -> MapAndNotes:
    """Source: Springenberg et al. 2015, Striving for simplicity, figure 1."""
    from captum.attr import GuidedBackprop

    gradient = GuidedBackprop(score).attribute(inputs.clone().requires_grad_())
    note = "the network has no ReLU, so this is its plain gradient"
    return gradient[0].abs().sum(dim=0), () if score.num_relus else (note,)


def _integrated_gradients(score: ClassScore, inputs: Tensor, _without: Tensor) -> MapAndNotes:
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
    total = float(parts.sum())
    is_incomplete = abs(total - difference) > INCOMPLETE * max(abs(difference), 1e-6)
    note = (
        f"the parts sum to {total:.3g}, but the score changes by {difference:.3g}: the map is only "
        "roughly right"
    )
    return parts[0].sum(dim=0), (note,) if is_incomplete else ()


def _occlusion(score: ClassScore, inputs: Tensor, without: Tensor) -> MapAndNotes:
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
    return losses[0].mean(dim=0), ()


_PIXEL_METHODS: dict[str, Callable[[ClassScore, Tensor, Tensor], MapAndNotes]] = {
    "guided-backprop": _guided_backprop,
    "integrated-gradients": _integrated_gradients,
    "occlusion": _occlusion,
}
METHODS = ("grad-cam", *_PIXEL_METHODS)

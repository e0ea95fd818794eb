"""Classifier: a trained network with its preprocessing and classes, which every later step takes.

classifier/
    classifier.json      network and options, classes, preprocessing, decision, metrics, SHA-256
    model.safetensors    weights and buffers
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from safetensors.torch import save as safetensors_bytes
from torch import Tensor, nn

from convscope.data.batch import Batch
from convscope.data.batches import normalise
from convscope.data.dataset import read_file
from convscope.data.decoding.content import DEFAULT_DECODING, Decoding
from convscope.data.decoding.decode import decode, decode_content, pixels_of
from convscope.data.pixels.preprocessing import Preprocessing
from convscope.errors import (
    DataError,
    NetworkError,
    RunError,
    UsageError,
    WeightsError,
    is_out_of_memory,
)
from convscope.files import (
    new_folder,
    printable,
    restore_replaced,
    sha256,
    write_new,
    write_sealed_json,
)
from convscope.networks import Undrawn, build, check_weights, with_folded_batch_norm
from convscope.paths import CLASSIFIER_FILE, WEIGHTS_FILE, may_hold_classifier
from convscope.records import check_fields, read_json
from convscope.schemas import ClassifierFile
from convscope.short_repr import Shown, short_repr

FORMAT = max(ClassifierFile.formats)
PREDICT_BATCH = 64
EVALUATION_BATCH = 256
# On a CPU the feature maps of larger batches leave its cache and are allocated anew for each layer,
# which is three times as slow at 224 pixels (docs/performance.md).
EVALUATION_VALUES_ON_A_CPU = 2_500_000

# What damaged weights, or options that a network doesn't have, raise.
UNLOADABLE = (OSError, RuntimeError, TypeError, SafetensorError, NetworkError, WeightsError)

ImageLike = str | os.PathLike[str] | bytes | Image.Image | NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class NetworkChoice:
    """The arguments that a network was built with.

    Attributes:
        name: Name of the network.
        num_classes: K.
        in_channels: C.
        input_size: Height and width in pixels.
        options: Options of the network.
    """

    name: str
    num_classes: int
    in_channels: int
    input_size: tuple[int, int]
    options: Mapping[str, Any] = field(default_factory=dict)

    def build(self, *, initialization: str = "pytorch") -> nn.Module:
        """The network with new weights."""
        return build(
            self.name,
            num_classes=self.num_classes,
            in_channels=self.in_channels,
            input_size=self.input_size,
            initialization=initialization,
            **self.options,
        )

    def to_dict(self) -> dict[str, Any]:
        """The fields, ready for JSON."""
        options = dict(self.options)
        return {**asdict(self), "input_size": list(self.input_size), "options": options}


@dataclass(frozen=True, slots=True)
class Decision:
    """The rule that turns logits into a prediction, calibrated on images that no metric is from.

    Attributes:
        temperature: Divisor of the logits before the softmax.
        min_confidence: Lowest probability of a prediction that is accepted.
    """

    temperature: float = 1.0
    min_confidence: float = 0.0

    def __post_init__(self) -> None:
        """Raises a UsageError if a value is outside its limits."""
        if not 0 < self.temperature < math.inf:
            raise UsageError(
                f"`temperature` can't be {self.temperature:g}",
                hint="it is above 0; 1 leaves the probabilities as they are",
            )
        if not 0 <= self.min_confidence <= 1:
            raise UsageError(
                f"`min_confidence` can't be {self.min_confidence:g}",
                hint="it is 0 to 1; 0 accepts all predictions",
            )


@dataclass(frozen=True, slots=True)
class Prediction(Shown):
    """The prediction of a classifier for one image.

    Attributes:
        image: Path of the image, or "" for pixels.
        label: The most probable class.
        probability: Probability of that class.
        probabilities: Probabilities of all classes, by name; they sum to 1.
        is_unsure: Whether `probability` is too low for the prediction to be accepted.
    """

    image: str
    label: str
    probability: float
    probabilities: dict[str, float]
    is_unsure: bool = False

    __repr__ = short_repr

    def top(self, count: int) -> list[tuple[str, float]]:
        """The most probable classes with their probabilities, best first."""
        return sorted(self.probabilities.items(), key=lambda item: -item[1])[:count]


class Classifier(Shown):
    """A trained network with everything that prediction needs.

    Args:
        network: Module from (N, C, H, W) floats to logits (N, K).
        choice: Arguments that the network was built with.
        preprocessing: Preprocessing from any image to the network's input.
        classes: K names, in the order of the logits.
        decision: Rule that turns logits into a prediction.
        metrics: Validation metrics of the epoch that was chosen, for people who find the folder.
        device: Device that computes.
    """

    def __init__(
        self,
        network: nn.Module,
        choice: NetworkChoice,
        *,
        preprocessing: Preprocessing,
        classes: Sequence[str],
        decision: Decision | None = None,
        metrics: Mapping[str, Any] | None = None,
        device: torch.device | None = None,
    ) -> None:
        if len(classes) != choice.num_classes:
            raise RunError(f"{len(classes)} classes for a network of {choice.num_classes} outputs")
        self.device = device or torch.device("cpu")
        # Images come with their channels last; with kernels in the same format none is converted.
        channels_last = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network: nn.Module = channels_last.to(self.device).eval()
        self.choice = choice
        self.preprocessing = preprocessing
        self.classes = tuple(classes)
        self.decision = decision or Decision()
        self.metrics = dict(metrics or {})

    def __repr__(self) -> str:
        size = f"{self.preprocessing.height}x{self.preprocessing.width}"
        return f"Classifier({self.choice.name}, {len(self.classes)} classes, {size} px)"

    @cached_property
    def inference_network(self) -> nn.Module:
        """The network that computes predictions: faster than `network`, and equal but for rounding.

        It is made from the weights at its first use; later changes of `network` don't reach it.
        """
        return with_folded_batch_norm(self.network)

    @overload
    def predict(self, images: ImageLike, *, decoding: Decoding = ...) -> Prediction: ...

    @overload
    def predict(
        self, images: list[ImageLike] | tuple[ImageLike, ...], *, decoding: Decoding = ...
    ) -> list[Prediction]: ...

    def predict(
        self,
        images: ImageLike | list[ImageLike] | tuple[ImageLike, ...],
        *,
        decoding: Decoding = DEFAULT_DECODING,
    ) -> Prediction | list[Prediction]:
        """The prediction for an image, or a list of predictions for a list of images.

        Args:
            images: A path, encoded bytes, a Pillow image or pixels (H, W), (H, W, 1) or (H, W, 3)
                of 0 to 255; or a list of such.
            decoding: Limits and formats of files; the range of values is always that of training.

        Raises:
            DataError: An image can't be read.
        """
        if not isinstance(images, list | tuple):
            return self.predict([images], decoding=decoding)[0]
        predictions: list[Prediction] = []
        batch_size = min(PREDICT_BATCH, evaluation_batch(self.preprocessing, self.device))
        for start in range(0, len(images), batch_size):
            part = images[start : start + batch_size]
            pixels = np.stack([self.prepare(image, decoding=decoding) for image in part])
            names = [printable(i) if isinstance(i, str | os.PathLike) else "" for i in part]
            predictions += self.predict_prepared(pixels, names=names)
        return predictions

    def predict_prepared(
        self, pixels: NDArray[np.uint8], *, names: Sequence[str] | None = None
    ) -> list[Prediction]:
        """The predictions for images (N, height, width, C) that `prepare` gave.

        Args:
            pixels: Values of 0 to 255.
            names: N names for the predictions.
        """
        scaled = self.logits(pixels).double() / self.decision.temperature
        rows = scaled.softmax(dim=1).tolist()
        return [
            self._prediction(name, row)
            for name, row in zip(names or [""] * len(rows), rows, strict=True)
        ]

    def prepare(
        self, image: ImageLike, *, decoding: Decoding = DEFAULT_DECODING
    ) -> NDArray[np.uint8]:
        """The network's input (height, width, channels), 0 to 255, before mean and std.

        Raises:
            DataError: The image can't be read, or is no image.
        """
        decoding = self.preprocessing.decoding(decoding)
        return self.preprocessing.apply(_to_pixels(image, decoding))

    def logits(self, pixels: NDArray[np.uint8]) -> Tensor:
        """Logits (N, K) on the CPU, from prepared pixels (N, H, W, C)."""
        writeable = pixels if pixels.flags.writeable else pixels.copy()  # as torch requires
        with torch.inference_mode():
            inputs = normalise(torch.from_numpy(writeable).to(self.device), self.preprocessing)
            outputs: Tensor = self.inference_network(inputs)
            return outputs.float().cpu()

    def save(self, folder: str | Path) -> None:
        """Writes the folder of the classifier, which appears whole or not at all.

        Where a classifier with the same weights is, only its description is replaced; in either
        case other files that lie beside the two stay.

        Raises:
            RunError: The folder can't be written, or holds something else; or this is no classifier
                that could be read again, as two of its classes have the same name.
            WeightsError: A weight is non-finite.
        """
        target = Path(folder)
        restore_replaced(target)
        if target.exists() and not may_hold_classifier(target) and any(target.iterdir()):
            raise RunError(
                f"`{target}` holds something that is no classifier, and would be replaced",
                hint="give a new folder",
            )
        state = portable_state(self.network)
        check_weights(self.network, state, source="of this classifier")
        weights = safetensors_bytes(state)
        digest = hashlib.sha256(weights).hexdigest()
        description = {
            "format": FORMAT,
            "network": self.choice.to_dict(),
            "classes": list(self.classes),
            "preprocessing": self.preprocessing.to_dict(),
            "decision": asdict(self.decision),
            "metrics": self.metrics,
            "weights": {"sha256": digest},
        }
        check_fields(description, target / CLASSIFIER_FILE, ClassifierFile)  # else it is lost
        before = target / WEIGHTS_FILE
        if before.is_file() and sha256(before) == digest:
            write_sealed_json(target / CLASSIFIER_FILE, description)
            return
        with new_folder(target, keep_others=True) as temporary:
            write_new(temporary / WEIGHTS_FILE, weights)
            write_sealed_json(temporary / CLASSIFIER_FILE, description)

    @classmethod
    def load(cls, folder: str | Path, *, device: torch.device | None = None) -> Classifier:
        """The classifier in a folder that `save` wrote; no code in it is run.

        Raises:
            RunError: It is missing, damaged or of another format.
        """
        path = Path(folder)
        if not path.exists():
            restore_replaced(path)
        content = read_json(path / CLASSIFIER_FILE, ClassifierFile)
        weights = path / WEIGHTS_FILE
        fields = {**content["network"], "input_size": tuple(content["network"]["input_size"])}
        choice = NetworkChoice(**fields)
        try:
            if sha256(weights) != content["weights"]["sha256"]:
                raise RunError(
                    f"`{weights}` is damaged or belongs to another classifier.json",
                    hint=ClassifierFile.way_out,
                )
            state = load_file(weights)
            with torch.device("meta"):  # without memory, until the weights fit
                check_weights(choice.build(), state, source=f"in `{weights}`")
            with Undrawn():
                network = choice.build()
            network.load_state_dict(state)
        except UNLOADABLE as error:
            if is_out_of_memory(error):
                raise
            raise RunError(
                f"`{path}` holds no whole classifier: {error}", hint=ClassifierFile.way_out
            ) from error
        return cls(
            network,
            choice,
            preprocessing=Preprocessing.from_dict(content["preprocessing"]),
            classes=content["classes"],
            decision=Decision(**content["decision"]),
            metrics=content["metrics"],
            device=device,
        )

    def _prediction(self, image: str, row: list[float]) -> Prediction:
        probabilities = dict(zip(self.classes, row, strict=True))
        label = max(probabilities, key=probabilities.__getitem__)
        probability = probabilities[label]
        is_unsure = probability < self.decision.min_confidence
        return Prediction(image, label, probability, probabilities, is_unsure)


def evaluation_batch(preprocessing: Preprocessing, device: torch.device) -> int:
    """The batch size at which a device classifies images fastest."""
    if device.type != "cpu":
        return EVALUATION_BATCH
    values = preprocessing.height * preprocessing.width * preprocessing.channels
    return max(1, min(EVALUATION_BATCH, EVALUATION_VALUES_ON_A_CPU // values))


def collect_logits(
    network: Callable[[Tensor], Tensor],
    batches: Iterable[Batch],
    *,
    on_progress: Callable[[int], None] = lambda count: None,
) -> Tensor:
    """Logits (N, K) of all batches as float32 on the CPU, without gradients."""
    parts = []
    with torch.inference_mode():
        for batch in batches:
            parts.append(network(batch.inputs).float().cpu())
            on_progress(len(batch.inputs))
    return torch.cat(parts)


def _to_pixels(image: ImageLike, decoding: Decoding) -> NDArray[np.uint8]:
    if isinstance(image, Image.Image):
        return pixels_of(image, decoding)
    if isinstance(image, np.ndarray | bytes):
        return decode_content(image, decoding).pixels
    try:
        return decode(read_file(Path(image)), decoding)
    except DataError as error:
        raise type(error)(f"`{printable(image)}` {error.message}", hint=error.hint) from error


def portable_state(network: nn.Module) -> dict[str, Tensor]:
    """The weights and buffers on the CPU and contiguous, as safetensors takes them."""
    state = network.state_dict()
    return {name: value.detach().cpu().contiguous() for name, value in state.items()}

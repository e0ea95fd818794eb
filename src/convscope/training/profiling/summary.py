"""What a profile says, for people: phases of a step, layers, operators, and what would help."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import cell_len

from convscope.recipe import Recipe
from convscope.text import counted

PHASES = {
    "waiting": "waiting for images",
    "augmentation": "augmentation and normalisation",
    "forward": "forward pass",
    "loss": "loss",
    "backward": "backward pass",
    "exchange": "exchange between processes",
    "optimizer": "optimizer",
    "step": "metrics, progress and checkpoints",
}
NETWORK = ("forward", "loss", "backward")
SHOWN = 10  # layers, and operators
WORTH_CHANGING = 0.2  # of a step
LEFT_BY_OTHERS = 0.6  # of the processor's time; a thread that computes alone has nearly all of it
LONGEST_NAME = 40  # letters of an operator's name that is worth its room
BUSY = 0.7  # of the time in which a GPU computes; with less it waits for the program
# Random changes of images, the one that costs most first: see docs/performance.md.
COSTLY = ("policy", "hue", "saturation", "contrast", "rotate", "scale", "blur", "mixup")

# What an operator does, by a pattern of its name, the first that fits.
OPERATORS = {
    "convolution|conv2d": "convolution",
    "batch_norm": "batch normalisation",
    "layer_norm|group_norm": "normalisation",
    "max_pool": "max pooling",
    "avg_pool": "average pooling",
    "dropout|bernoulli": "dropout",
    "relu|threshold|clamp|hardtanh|silu|gelu|sigmoid|tanh": "activation",
    "softmax|nll_loss|cross_entropy": "softmax and loss",
    r"fused_|foreach_|lerp|addcdiv|addcmul": "update of the weights",
    r"mm\b|matmul|linear": "matrix product",
    "upsample|grid_sampler|interpolate": "resampling of images",
    r"\b_?index|gather|\btake|\bflip|\broll": "gathering of images",
    "all_?reduce|broadcast|c10d|gloo|nccl": "exchange between processes",
    "copy|contiguous|clone|cat|stack": "copying and change of format",
    r"autograd::|Backward\d*$": "automatic differentiation itself",
    r"empty|zero|fill|full|ones": "new tensors",
    r"add|sub|mul|div|sum|mean|sqrt|pow|rsub|neg": "sums and products",
}


class ImageSource(NamedTuple):
    """Where the images of a training come from when it begins.

    Attributes:
        is_of_features: Whether features are taken that were computed once, and no images.
        is_at_hand: Whether images are only copied; False where they have to be decoded.
        are_kept: Whether decoded images are kept for later epochs.
        workers: Number of threads that decode; None where none do.
    """

    is_of_features: bool = False
    is_at_hand: bool = True
    are_kept: bool = False
    workers: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepProfile:
    """Where the time of a training's steps went.

    Attributes:
        epoch: Epoch of the first step that was timed, from 0.
        step: The first step that was timed, in its epoch, from 0.
        num_steps: Number of steps that were timed.
        num_traced: Number of steps that were traced after them.
        num_images: Number of images of all steps that were timed.
        phases: Seconds of each phase in a step.
        layers: Seconds of each layer's forward pass in a step that was traced.
        operators: Seconds of each operator alone in a step that was traced.
        source: Where the images came from.
        processor: Type and name of the device.
        precision: Number format of the network.
        num_threads: Number of threads of the processor; None on a GPU, whose kernels are timed.
        running: The share of the time, but for waiting, in which the main thread really ran.
    """

    epoch: int
    step: int
    num_steps: int
    num_traced: int
    num_images: int
    phases: Mapping[str, float]
    layers: Mapping[str, float]
    operators: Mapping[str, float]
    source: ImageSource
    processor: str
    precision: str
    num_threads: int | None = None
    running: float = 1.0

    @property
    def step_seconds(self) -> float:
        """Seconds of a step."""
        return sum(self.phases.values())

    @property
    def network_seconds(self) -> float:
        """Seconds of a step in which the network was run forward and backward."""
        return sum(self.phases.get(name, 0.0) for name in NETWORK)

    @property
    def busy(self) -> float:
        """The share of a step in which operators ran, as far as they were traced."""
        return sum(self.operators.values()) / self.step_seconds


Words = Callable[[str], str]


def summary_text(found: StepProfile, recipe: Recipe, *, in_words: Words = str) -> str:
    """All that a profile says, as text in columns.

    Args:
        found: The profile.
        recipe: The resolved recipe.
        in_words: Translates each sentence and title.
    """
    images = found.num_images / found.num_steps
    threads = "" if found.num_threads is None else f", {counted(found.num_threads, 'thread')}"
    lines = [
        f"profile of {counted(found.num_steps, 'step')} of {images:,.0f} images, from step "
        f"{found.step + 1} of epoch {found.epoch + 1} on",
        f"{recipe.model} at {recipe.img_size} px in {found.precision} on {found.processor}"
        f"{threads}",
    ]
    if found.source.is_of_features:
        lines.append("steps run the last layers alone, on features that were computed once")
    return "\n".join(
        [
            *map(in_words, lines),
            "",
            *_phase_table(found, in_words),
            in_words(
                f"{_number(images / found.step_seconds)} images/s; the network alone would come to "
                f"{_number(images / max(found.network_seconds, 1e-9))}"
            ),
            "",
            *_layer_table(found, in_words),
            "",
            *_operator_table(found, in_words),
            in_words(
                f"layers and operators: of {counted(found.num_traced, 'further step')}, which "
                "tracing makes slower"
            ),
            "",
            in_words(verdict(found, recipe)),
            "",
        ]
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _phase_table(found: StepProfile, in_words: Words) -> list[str]:
    rows = [
        (in_words(title), found.phases[name])
        for name, title in PHASES.items()
        if name in found.phases
    ]
    whole = found.step_seconds
    header = in_words("phase")
    return _columns(header, [*rows, (in_words("whole step"), whole)], whole, in_words)


def _layer_table(found: StepProfile, in_words: Words) -> list[str]:
    whole = sum(found.layers.values())
    return _columns(in_words("layer, forward pass"), _largest(found.layers), whole, in_words)


def _operator_table(found: StepProfile, in_words: Words) -> list[str]:
    """The operators that do the same are one row, with the name of the one that took longest."""
    groups: dict[str, dict[str, float]] = defaultdict(dict)
    for name, seconds in found.operators.items():
        groups[operator_words(name)][name] = seconds
    totals = {}
    for words, members in groups.items():
        longest = max(members, key=lambda name: members[name])
        title = in_words(words)
        if words != longest and len(longest) <= LONGEST_NAME:
            title += f": {longest}"
        totals[title] = sum(members.values())
    whole = sum(totals.values())
    return _columns(in_words("operator, by itself"), _largest(totals), whole, in_words)


def operator_words(name: str) -> str:
    """What an operator does, in words; its name where that isn't known."""
    short = name.removeprefix("aten::")
    for pattern, words in OPERATORS.items():
        if re.search(pattern, short):
            return f"{words}, backward" if "backward" in short else words
    return name


def _largest(seconds: Mapping[str, float]) -> list[tuple[str, float]]:
    """The entries that took longest, the longest first."""
    return sorted(seconds.items(), key=lambda pair: -pair[1])[:SHOWN]


def _columns(
    title: str, rows: Sequence[tuple[str, float]], whole: float, in_words: Words
) -> list[str]:
    """Lines with a name, milliseconds and the share of the whole."""
    cells = [(title, in_words("ms a step"), in_words("share"))]
    for name, seconds in rows:
        cells.append((name, f"{seconds * 1000:,.2f}", f"{seconds / max(whole, 1e-9):.1%}"))
    widths = [max(map(cell_len, column)) for column in zip(*cells, strict=True)]
    return [_line(row, widths) for row in cells]


def _line(row: Iterable[str], widths: Sequence[int]) -> str:
    name, *numbers = (
        (cell, " " * (width - cell_len(cell))) for cell, width in zip(row, widths, strict=True)
    )
    return "".join([*name, *(f"   {gap}{cell}" for cell, gap in numbers)])


def verdict(found: StepProfile, recipe: Recipe) -> str:
    """One sentence: what takes the time, and the flags that would change it."""
    if found.num_threads is not None and found.running < LEFT_BY_OTHERS:
        return (
            f"other programs: they leave this training {found.running:.0%} of the time of a "
            "processor; it is faster without them"
        )
    shares = {name: seconds / found.step_seconds for name, seconds in found.phases.items()}
    others = {name: share for name, share in shares.items() if name not in NETWORK}
    largest = max(others, key=lambda name: others[name], default="")
    if largest and others[largest] >= WORTH_CHANGING:
        takes = f"{PHASES[largest]}: {others[largest]:.0%} of a step"
        return f"{takes}; {_WAYS_OUT[largest](found, recipe)}"
    if found.num_threads is None and found.busy < BUSY:
        return (
            f"the GPU computes in {found.busy:.0%} of a step, and else waits for the program; a "
            "larger `--batch-size` gives it more to do at once"
        )
    return (
        f"the network: {found.network_seconds / found.step_seconds:.0%} of a step, so this is as "
        f"fast as `{recipe.model}` gets here in {found.precision}; {_smaller(found, recipe)}"
    )


def _smaller(found: StepProfile, recipe: Recipe) -> str:
    ways = ["a smaller `--img-size`", "a smaller `--model`"]
    if recipe.tune == "all" and recipe.weights is not None:
        ways.append("`--tune head`")
    if found.source.is_of_features:
        ways = ["fewer `--epochs`"]
    return f"what takes less: {', '.join(ways)}"


def _about_waiting(found: StepProfile, recipe: Recipe) -> str:
    source, cores = found.source, os.cpu_count() or 1
    if source.is_of_features:
        return _fewer_steps(found, recipe)
    if source.is_at_hand:
        return "they are only copied, so a smaller `--img-size` has less to copy"
    if source.workers is not None and source.workers < cores:
        return f"`--workers {cores}` decodes them with all cores"
    if source.are_kept:
        return "all cores decode them now; later epochs read them from the cache"
    return (
        "all cores decode them in each epoch, as the cache has no room for them; "
        "`convscope cache --limit 100GB` gives it more"
    )


def _about_augmentation(found: StepProfile, recipe: Recipe) -> str:
    flags = [
        f"`--{name} {'none' if name == 'policy' else 0}`"
        for name in COSTLY
        if getattr(recipe, name) not in (None, 0, "none")
    ]
    if not flags:
        return "a smaller `--img-size` has fewer pixels to change"
    return f"what takes less: {', '.join(flags[:3])}"


def _about_optimizer(found: StepProfile, recipe: Recipe) -> str:
    cheaper = ", and `--opt adamw` takes less" if recipe.opt in ("muon", "lbfgs") else ""
    return f"{_fewer_steps(found, recipe)}{cheaper}"


def _fewer_steps(found: StepProfile, recipe: Recipe) -> str:
    return "with a larger `--batch-size` there are fewer steps"


_WAYS_OUT: Mapping[str, Callable[[StepProfile, Recipe], str]] = {
    "waiting": _about_waiting,
    "augmentation": _about_augmentation,
    "exchange": _fewer_steps,
    "optimizer": _about_optimizer,
    "step": _fewer_steps,
}

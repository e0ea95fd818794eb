"""What classifiers may have given: made up, random and odd."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from convscope.evaluation.outputs import Outputs

LETTERS = "abcdefghijkl"

# Without a deadline: busy machines take long, and that is no fault.
MANY = settings(max_examples=40, deadline=None)
FEW = settings(max_examples=15, deadline=None)


def names(num_classes: int) -> tuple[str, ...]:
    """K class names."""
    return tuple(LETTERS[:num_classes])


def answers(predicted: Sequence[int], targets: Sequence[int], *, num_classes: int = 3) -> Outputs:
    """Of a classifier that is surer the later the image, so that no two confidences are equal."""
    logits = np.zeros((len(predicted), num_classes), dtype=np.float32)
    logits[np.arange(len(predicted)), predicted] = 2 + np.arange(len(predicted)) / 8192
    return Outputs(logits, np.array(targets, dtype=np.int64), names(num_classes))


def with_confidences(
    confidences: Sequence[float] | NDArray[np.float64],
    is_correct: Sequence[bool | int] | NDArray[np.bool_],
) -> Outputs:
    """Of a classifier for two classes, all images predicted as the first; confidences above 0.5."""
    odds = [math.log(each) - math.log1p(-each) if each < 1 else 100.0 for each in confidences]
    logits = np.stack([odds, np.zeros(len(odds))], axis=1).astype(np.float32)
    return Outputs(logits, 1 - np.array(is_correct, dtype=np.int64), names(2))


def drawn(
    count: int, *, seed: int = 0, num_classes: int = 5, margin: float = 2.0, sureness: float = 1.0
) -> Outputs:
    """Labels drawn from the probabilities; then the logits are made `sureness` times as large."""
    random = np.random.default_rng(seed)
    logits = random.standard_normal((count, num_classes))
    logits[np.arange(count), random.integers(0, num_classes, count)] += margin
    plain = Outputs((1.5 * logits).astype(np.float32), np.zeros(count, int), names(num_classes))
    is_below = plain.probabilities.cumsum(axis=1) > random.random((count, 1))
    return Outputs(plain.logits * np.float32(sureness), is_below.argmax(axis=1), names(num_classes))


@st.composite
def some_outputs(draw: st.DrawFn) -> Outputs:
    """1 to 40 images of 2 to 12 classes: perfect ones, single classes, absent ones, ties."""
    num_classes, count = draw(st.integers(2, 12)), draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    num_present = draw(st.integers(1, num_classes))
    present = random.permutation(num_classes)[:num_present]
    targets = present[random.integers(0, num_present, count)]
    logits = random.uniform(-4, 4, (count, num_classes))
    if draw(st.booleans()):
        logits = np.round(logits / 3)  # ties in nearly all rows
    if draw(st.booleans()):
        logits[np.arange(count), targets] = draw(st.sampled_from([4.5, 0.0]))  # perfect, or level
    temperature = draw(st.sampled_from([0.4, 1.0, 3.0]))
    return Outputs(
        logits.astype(np.float32), targets.astype(np.int64), names(num_classes), temperature
    )

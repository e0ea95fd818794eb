"""A class map is the classifier's own prediction at each position."""

from __future__ import annotations

import numpy as np
import pytest
from made import made_classifier

from convscope.classifier import Decision
from convscope.errors import NetworkError, UsageError
from convscope.figures.attribution import draw_class_map
from convscope.figures.style import as_svg
from convscope.inspection.attribution.class_map import class_map
from convscope.inspection.receptive_fields import Box

PICTURE = np.random.default_rng(0).integers(0, 256, (60, 75, 3), dtype=np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lenet_caffe", "lenet_rgb", "alexnet"])
def test_at_the_training_size_it_is_the_prediction(name: str) -> None:
    side = 32 if name == "lenet_rgb" else 28 if name == "lenet_caffe" else 224
    classifier = made_classifier(name, side=side, resize=side + 8)
    found = class_map(classifier, PICTURE, size=(side, side))
    logits = classifier.logits(classifier.prepare(PICTURE)[None])[0].numpy()
    assert found.logits.shape == (4, 1, 1)
    np.testing.assert_allclose(
        found.logits[:, 0, 0], logits, rtol=0, atol=1e-5 * np.abs(logits).max()
    )
    assert found.labels[0, 0] == classifier.predict(PICTURE).label
    assert found.box(0, 0) == Box(0, 0, side, side)


def test_its_probabilities_have_the_temperature_of_the_classifier() -> None:
    classifier = made_classifier("lenet_caffe", side=28)
    classifier.decision = Decision(temperature=3.0)
    found = class_map(classifier, PICTURE, size=(28, 28))
    expected = list(classifier.predict(PICTURE).probabilities.values())
    assert found.probabilities[:, 0, 0] == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
def test_without_padding_each_position_is_the_prediction_for_its_window_cut_out() -> None:
    classifier = made_classifier("lenet_caffe", side=28)
    found = class_map(classifier, PICTURE, size=(60, 75))
    assert found.step == (4, 4)
    assert found.logits.shape == (4, 9, 12)
    assert (found.pixels == PICTURE).all()
    for row, column in np.ndindex(9, 12):
        box = found.box(row, column)
        cut = PICTURE[box.top : box.bottom, box.left : box.right]
        assert found.probabilities[:, row, column] == pytest.approx(
            list(classifier.predict(cut).probabilities.values()), abs=1e-5
        )


def test_networks_and_sizes_that_cannot_slide_are_errors() -> None:
    with pytest.raises(NetworkError, match="can't be made fully convolutional"):
        class_map(made_classifier("resnet20"), PICTURE, size=(64, 64))
    with pytest.raises(UsageError, match="a class map can't be of 16x64"):
        class_map(made_classifier(), PICTURE, size=(16, 64))


@pytest.mark.slow
def test_it_is_drawn_over_the_image_with_the_window_of_the_most_probable_position() -> None:
    found = class_map(made_classifier("lenet_caffe", side=28), PICTURE, size=(60, 75))
    probabilities = np.zeros((9, 12))
    probabilities[2, 3] = 1.0
    figure = draw_class_map(found.pixels, probabilities, window=found.window, step=found.step)
    (frame,) = figure.axes[0].patches
    assert frame.get_xy() == (11.5, 7.5)  # type: ignore[attr-defined]
    veil = figure.axes[0].images[1]
    left, right, bottom, top = veil.get_extent()
    assert (top, bottom) == (11.5, 11.5 + 9 * 4)  # a place is in the middle of its window
    assert (left, right) == (11.5, 11.5 + 12 * 4)
    alpha = np.asarray(veil.get_array())[..., 3]
    assert alpha[2, 3] > 0
    assert alpha.sum() == alpha[2, 3]
    assert "probability of the class" in as_svg(figure)

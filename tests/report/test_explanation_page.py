"""The page that explains an image is whole, says what was found, and asks for nothing."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from made import made_classifier
from reading import LOADING, POLICY, Page

from convscope.classifier import Classifier, Decision
from convscope.inspection.explained_image import Explainer, Explanation, Question, parse_position
from convscope.report.explanation import (
    explanation_page,
    explanation_panels,
    index_entry,
    index_page,
    short_name,
)

MOST_BYTES = 5_000_000


def explained(classifier: Classifier, **asked: object) -> Explanation:
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    question = Question(**{"draws": 4, "steps": 3, **asked})  # type: ignore[arg-type]
    found = Explainer(classifier, question).explain(pixels)
    prediction = dataclasses.replace(found.prediction, image="photos/<a>.jpg")
    return dataclasses.replace(found, image="photos/<a>.jpg", prediction=prediction)


def page_of(found: Explanation, classifier: Classifier, language: str = "en") -> str:
    return explanation_page(
        found, classifier, name="runs & co", command="convscope explain <x>", language=language
    )


@pytest.mark.slow
@pytest.mark.parametrize(("language", "method"), [("en", "grad-cam"), ("zh", "occlusion")])
def test_the_page_is_whole_and_asks_for_nothing(language: str, method: str) -> None:
    classifier = made_classifier()
    text = page_of(explained(classifier, method=method), classifier, language)
    page = Page(text)
    assert page.open == []
    assert len(text.encode()) < MOST_BYTES
    assert not {tag for tag, _ in page.tags} & LOADING
    assert any(values.get("content") == POLICY for _, values in page.tags)
    for tag, values in page.tags:
        if tag == "img":
            assert values["alt"]
            assert str(values["src"]).startswith("data:")
    assert "<a>.jpg" in page.words
    assert "<x>" not in text


@pytest.mark.slow
def test_each_class_has_its_map_its_probability_and_its_verdict() -> None:
    classifier = made_classifier()
    found = explained(classifier, top=3)
    words = " ".join(Page(page_of(found, classifier)).words)
    assert f"runs & co predicts {found.prediction.label} for this image" in words
    for attribution in found.attributions:
        assert attribution.target in words
    assert "of 4 random maps are as good" in words or "Blurring the whole image" in words
    rows = Page(page_of(found, classifier)).rows
    assert sum(row[0] in classifier.classes and len(row) == 6 for row in rows) == 3


@pytest.mark.slow
def test_what_was_asked_is_said() -> None:
    classifier = made_classifier()
    found = explained(
        classifier,
        target="class 1",
        against="class 2",
        layer="conv1",
        value=parse_position("conv1:0,1,2"),
    )
    words = " ".join(Page(page_of(found, classifier)).words)
    assert "Attribution for class 1 rather than class 2" in words
    assert "share of the probability of both classes" in words
    assert words.count("class 1 rather than class 2") == 3  # contents, heading, sentence
    assert "equals what the network computed" in words
    assert "channel 0, row 1, column 2" in words


@pytest.mark.slow
def test_without_a_comparison_there_is_no_verdict() -> None:
    classifier = made_classifier()
    text = page_of(explained(classifier, draws=0), classifier)
    assert "Faithfulness of the maps" not in text
    assert 'class="badge' not in text


@pytest.mark.slow
def test_a_classifier_that_is_unsure_says_so() -> None:
    classifier = made_classifier()
    classifier.decision = Decision(min_confidence=0.99)
    words = " ".join(Page(page_of(explained(classifier, draws=0), classifier)).words)
    assert "runs & co is unsure" in words
    assert "below its threshold of 99.0" in words


@pytest.mark.slow
def test_a_network_without_maps_has_a_page_without_stages() -> None:
    classifier = made_classifier("mlp", side=32)
    found = explained(classifier, method="integrated-gradients")
    text = page_of(found, classifier)
    assert "Feature maps by stage" not in text
    assert "Kernels of the first convolution" not in text


def test_the_index_leads_to_every_page_with_its_verdict() -> None:
    found = explained(made_classifier())
    text = index_page([index_entry(found, "a.html"), index_entry(found, "a-2.html")], name="mine")
    page = Page(text)
    assert page.open == []
    assert [v["href"] for tag, v in page.tags if tag == "a"] == ["a.html", "a-2.html"]
    assert "2 images." in text


def test_the_picture_has_the_image_and_a_map_for_each_class() -> None:
    found = explained(made_classifier(), top=2)
    first, *maps = explanation_panels(found)
    assert first.title == short_name(found) == "<a>.jpg"
    assert first.values is None
    assert [panel.values is each.map for panel, each in zip(maps, found.attributions, strict=True)]
    assert all("\N{NO-BREAK SPACE}" not in panel.title for panel in maps)

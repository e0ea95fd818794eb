"""The report on an evaluation: its metrics are those of the record, and its verdict is true."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_answers import HARD_NAMES, Known, evaluation_of, sure_of
from markupsafe import Markup
from reading import Page, check_asks_for_nothing

from convscope.api.evaluate import save_figures, write_evaluation
from convscope.audit.findings import Finding, FoundImage, finding
from convscope.classifier import Decision
from convscope.evaluation.evaluate import Evaluation
from convscope.languages import speaking, translated
from convscope.report.page import isolated, percent, with_contents
from convscope.report.run import run_page, verdict
from convscope.report.translations import TRANSLATIONS, translations_of

CLASSES = ("cat", "dog", "owl")
EVIL_NAME = "<script>alert('1')&\"`x`.png"
RANDOM = np.random.default_rng(0)


def known(
    count: int = 300,
    *,
    confidence: float = 0.9,
    accuracy: float = 0.9,
    classes: tuple[str, ...] = CLASSES,
    **more: Any,
) -> Known:
    """Evenly spread classes; of each stretch of images the first ones are right."""
    targets = np.arange(count) % len(classes)
    is_right = np.random.default_rng(count).permutation(count) < round(accuracy * count)
    predicted = np.where(is_right, targets, (targets + 1) % len(classes))
    logits = sure_of(predicted, len(classes), confidence=confidence)
    return Known(logits=logits, targets=targets, classes=classes, **more)


def page_of(evaluation: Evaluation, language: str = "en") -> str:
    return run_page(evaluation, run=None, command="convscope evaluate x", language=language)


def said_of(evaluation: Evaluation, language: str = "en") -> str:
    said = verdict(evaluation, name="pets", translations=translations_of("run", language))
    return said.replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture(scope="module")
def rich() -> Evaluation:
    """Hard names, columns, a class without images, a threshold and a temperature."""
    classes = (*HARD_NAMES, "absent")
    targets = np.arange(240) % 6
    is_bad = np.arange(240) % 5 == 0  # a camera
    predicted = np.where(is_bad & (RANDOM.random(240) < 0.8), (targets + 1) % 6, targets)
    return evaluation_of(
        Known(
            logits=sure_of(predicted, 7, confidence=RANDOM.uniform(0.5, 0.99, 240)),
            targets=targets,
            classes=classes,
            names=[f"{number} {EVIL_NAME}" for number in range(240)],
            columns={"<camera>": np.where(is_bad, "bad & old", "good").tolist()},
            decision=Decision(temperature=1.25, min_confidence=0.6),
        )
    )


@pytest.fixture(scope="module")
def rich_page(rich: Evaluation) -> str:
    return page_of(rich)


@pytest.mark.slow
def test_the_page_is_one_well_formed_document_that_asks_for_nothing(
    rich: Evaluation, rich_page: str
) -> None:
    check_asks_for_nothing(rich_page)
    check_asks_for_nothing(page_of(rich, "zh"))


def test_names_from_data_are_shown_and_do_nothing(rich_page: str) -> None:
    text = Page(rich_page).text
    assert "<script" not in rich_page
    assert "<b onclick" not in rich_page
    for name in (*HARD_NAMES, "alert('1')", "<camera> bad & old"):
        assert name in text


def test_the_table_of_contents_has_every_heading_once(rich_page: str) -> None:
    linked = re.findall(r'<li><a href="#([^"]+)">([^<]+)</a></li>', rich_page)
    assert linked == re.findall(r'<h2 id="([^"]+)">([^<]+)</h2>', rich_page)
    assert len({id for id, _ in linked}) == len(linked) > 5


def test_headings_without_an_id_get_one_and_marks_are_left_out_of_the_contents() -> None:
    plain = "<h2>a &lt; b</h2><h3>part</h3>"
    kept = '<h2 id="own"><code>fc</code> last</h2>'
    content, sections = with_contents(Markup(plain + kept))
    assert content == Markup(plain.replace("<h2>", '<h2 id="section-1">') + kept)
    assert sections == (("section-1", "a < b"), ("own", "fc last"))


def test_every_thumbnail_opens_itself_and_is_in_the_page_once(rich_page: str) -> None:
    tags = Page(rich_page).tags
    opened = [of["popovertarget"] for tag, of in tags if tag == "button"]
    popovers = [of["id"] for tag, of in tags if "popover" in of]
    assert opened == popovers
    assert len(set(opened)) == len(opened) == sum(tag == "img" for tag, _ in tags) > 0


@pytest.mark.slow
def test_the_page_has_the_same_bytes_each_time() -> None:
    few = known(40, decision=Decision(temperature=1.2))
    assert page_of(evaluation_of(few)) == page_of(evaluation_of(few))


def in_percent(text: str) -> list[float]:
    return [float(number) / 100 for number in re.findall(r"[\d.]+(?=\N{NO-BREAK SPACE}%)", text)]


@pytest.mark.slow
def test_metrics_of_the_page_are_those_of_the_record(rich: Evaluation, tmp_path: Path) -> None:
    written = write_evaluation(rich, tmp_path)
    record = json.loads(written.numbers.read_text())
    rows = Page(written.report.read_text(encoding="utf-8")).rows
    words = translations_of("run", "en")
    for name in ("accuracy", "top5_accuracy", "balanced_accuracy", "calibration_error"):
        _, value, interval, *_ = next(row for row in rows if row[0] == words[name])
        low, high = record[f"{name}_interval"]["low"], record[f"{name}_interval"]["high"]
        assert in_percent(value) == pytest.approx([record[name]], abs=5.1e-4)
        assert in_percent(interval) == pytest.approx([low, high], abs=5.1e-4)
    for name in ("macro_f1", "log_loss", "brier"):
        _, value, interval, *_ = next(row for row in rows if row[0] == words[name])
        assert float(value) == pytest.approx(record[name], abs=5.1e-5)
        low, high = (float(end) for end in interval.split(" – "))
        assert low == pytest.approx(record[f"{name}_interval"]["low"], abs=5.1e-5)
        assert high == pytest.approx(record[f"{name}_interval"]["high"], abs=5.1e-5)


def test_cells_and_classes_of_the_page_are_those_of_the_record(
    rich: Evaluation, rich_page: str
) -> None:
    record, rows = rich.to_dict(), Page(rich_page).rows
    for index, found in enumerate(record["classes"]):
        cells, numbers, *_ = [row for row in rows if row[0] == found["name"] and len(row) >= 8]
        assert [int(cell or 0) for cell in cells[1:]] == record["confusion"][index]
        assert int(numbers[1]) == found["num_images"]
        for place, name in ((2, "precision"), (3, "recall")):
            interval = found[f"{name}_interval"]
            expected = interval and [found[name], interval["low"], interval["high"]]
            assert in_percent(numbers[place]) == pytest.approx(expected or [], abs=5.1e-4)
        assert numbers[4] == ("–" if found["f1"] is None else f"{found['f1']:.4f}")


def test_classes_come_with_the_lowest_f1_first_and_those_without_any_last(
    rich: Evaluation, rich_page: str
) -> None:
    classes = rich.outputs.classes
    rows = [row for row in Page(rich_page).rows if len(row) == 8 and row[0] in classes]
    f1 = [row[4] for row in rows[len(classes) :]]
    assert f1[:-1] == sorted(f1[:-1])
    assert f1[-1] == "–"


@pytest.mark.slow
def test_ten_thousand_images_of_a_thousand_classes_stay_below_five_megabytes() -> None:
    classes = tuple(f"{number:04d} {'long name ' * 8}" for number in range(1000))
    names = [f"folder/{'with a long name/' * 8}{number:06d}.png" for number in range(10_000)]
    page = page_of(evaluation_of(known(10_000, classes=classes, accuracy=0.7, names=names)))
    assert len(page.encode()) < 5_000_000
    text = Page(page).text
    assert "The 12 classes with the most mistakes, of 1,000." in text
    assert "950 classes in between" in text
    assert "12 of 3,000 are shown." in text


SENTENCES = {
    "unseen": (known(num_seen=0), "On 300 images that neither training nor selection saw, pets"),
    "seen": (known(num_seen=20), "On 300 images, 20 of which training or selection saw, pets has"),
    "unknown": (known(num_seen=None), "if training saw none of them; that isn't known)."),
    "interval": (
        known(),
        "accuracy of 90.0 % (95 % confidence interval: 86.1 % to 92.9 %)",
    ),
    "baseline": (known(), "Always predicting cat would reach 33.3 %."),
    "pair": (known(), "The most frequent mistake is dog predicted as"),
    "perfect": (known(accuracy=1.0), "No image is misclassified."),
    "few": (known(50), "With so few images the interval is wide"),
    "overconfident": (known(accuracy=0.6), "its probabilities are too high by 30.1 % on average."),
    "underconfident": (
        known(confidence=0.6, accuracy=0.95),
        "its probabilities are too low by 35.0 % on average.",
    ),
    "calibrated": (known(accuracy=0.9), "Its probabilities are well calibrated"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("planted", "sentence"), SENTENCES.values(), ids=list(SENTENCES))
def test_the_verdict_says_what_is_so(planted: Known, sentence: str) -> None:
    said = said_of(evaluation_of(planted))
    assert sentence in said
    others = {"seen": "new images.", "perfect": "No image", "few": "so few"}
    for name, word in others.items():
        assert (word in said) == (SENTENCES[name][1] == sentence)


@pytest.mark.slow
def test_the_verdict_calls_probabilities_uneven_that_are_off_both_ways() -> None:
    half = known(300, confidence=0.95, accuracy=0.55)
    other = known(300, confidence=0.5, accuracy=0.9)
    both = replace(
        half,
        logits=np.concatenate([half.logits, other.logits]),
        targets=np.concatenate([half.targets, other.targets]),
    )
    assert "on average, some too high and some too low." in said_of(evaluation_of(both))


@pytest.mark.slow
def test_the_verdict_names_slices_that_are_significantly_worse(
    rich: Evaluation, rich_page: str
) -> None:
    assert "It is significantly worse on <camera> bad & old (" in said_of(rich)
    assert "significantly worse" not in said_of(evaluation_of(known()))
    table = next(row for row in Page(rich_page).rows if row[0] == "<camera> bad & old")
    found = next(each for each in rich.slices if each.grouped_by == "<camera>")
    assert in_percent(table[2])[0] == pytest.approx(found.accuracy.value, abs=5.1e-4)


@pytest.mark.slow
def test_every_verdict_can_be_said_in_chinese() -> None:
    for planted, _ in SENTENCES.values():
        said = said_of(evaluation_of(planted), "zh")
        assert "{" not in said
        assert "。" in said


def test_few_images_cannot_tell_whether_probabilities_are_calibrated() -> None:
    said = said_of(evaluation_of(known(30)))
    assert "So few images can't tell whether its probabilities are calibrated." in said


def test_names_read_from_the_right_do_not_turn_the_words_around_them(rich_page: str) -> None:
    name = HARD_NAMES[-1]
    assert f"\N{FIRST STRONG ISOLATE}{name}\N{POP DIRECTIONAL ISOLATE}," in rich_page
    assert isolated("abc 三花猫 🐈") == "abc 三花猫 🐈"


@pytest.mark.slow
def test_a_long_table_shows_classes_with_images_and_counts_the_others() -> None:
    classes = tuple(f"class {number:03d}" for number in range(100))
    few = known(300, classes=classes[:70])
    wide = np.zeros((300, 100))
    wide[:, :70] = few.logits
    for language, words in (
        ("en", "30 classes without images here"),
        ("zh", "另有 30 个类别在这里"),
    ):
        evaluation = evaluation_of(replace(few, logits=wide, classes=classes))
        page = Page(page_of(evaluation, language))
        listed = [row for row in page.rows if len(row) == 8 and row[0] in classes]
        assert len(listed) == 50
        assert all(row[1] != "0" for row in listed)
        assert words in page.text


@pytest.mark.slow
def test_the_mean_of_one_image_is_reported_with_its_doubt() -> None:
    evaluation = evaluation_of(known(1))
    assert "20.7 % to 100.0 %" in said_of(evaluation)
    check_asks_for_nothing(page_of(evaluation))


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_says_what_several_views_gave(language: str) -> None:
    evaluation = evaluation_of(known(60, tta="flip"))
    assert evaluation.gain is not None
    gained = f"{100 * evaluation.gain.difference.accuracy.value:+.2f}"
    assert gained.startswith("-")  # mirrored, these pictures say something else
    text = Page(page_of(evaluation, language)).text
    assert f"changes by {gained} points" in text or f"准确率变化 {gained} 个百分点" in text


@pytest.mark.slow
def test_the_page_says_what_the_temperature_was_chosen_on_where_that_is_known() -> None:
    evaluation = evaluation_of(known(60, decision=Decision(temperature=2.0)))
    text = Page(page_of(evaluation)).text
    assert "Logits are divided by 2.000" in text
    assert "The temperature was chosen on" not in text
    evaluation.classifier.metrics["calibration"] = {"images": "photos of May"}
    assert "The temperature was chosen on: photos of May." in Page(page_of(evaluation)).text
    assert "There is no temperature scaling" in Page(page_of(evaluation_of(known(60)))).text


def test_every_method_of_an_interval_has_its_words(rich: Evaluation) -> None:
    methods = {value["method"] for name, value in rich.to_dict().items() if "_interval" in name}
    for language in TRANSLATIONS:
        assert methods <= set(translations_of("run", language)["methods"])


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 40])
def test_figures_are_saved_by_name_in_either_language(count: int, tmp_path: Path) -> None:
    evaluation = evaluation_of(known(count))
    for language in ("en", "zh"):
        paths = save_figures(evaluation, tmp_path / language, language=language)
        assert {"reliability", "risk", "confusion"} <= {path.stem for path in paths}
        assert all(path.read_text(encoding="utf-8").lstrip().startswith("<?xml") for path in paths)


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_share_is_never_called_none_or_all_unless_it_is(share: float) -> None:
    text = percent(share)
    number = float(re.sub(r"[<>%\s]", "", text))
    assert 0 < number < 100
    assert number == pytest.approx(100 * share, abs=0.0501)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.0, "0.0 %"),
        (1.0, "100.0 %"),
        (0.25, "25.0 %"),
        (0.9996, "99.96 %"),
        (0.99999, "99.999 %"),
        (1 - 1e-9, "> 99.9999 %"),
        (1e-9, "< 0.0001 %"),
    ],
)
def test_shares_have_as_many_digits_as_they_need(share: float, text: str) -> None:
    assert percent(share).replace("\N{NO-BREAK SPACE}", " ") == text


def copies_in(*sizes: int) -> Finding:
    """A finding about groups of these numbers of images; about single images for zeros."""
    images = [
        FoundImage(0, "x.png", "cat", "", "same", group=group if size else -1)
        for group, size in enumerate(sizes)
        for _ in range(size or 1)
    ]
    return finding("exact_duplicates", severity="warning", images=images, where="")


@pytest.mark.parametrize(
    ("sizes", "english", "chinese"),
    [
        ((2,), "2 images in 1 group", "2 张图像，1 组"),
        ((3, 2), "5 images in 2 groups", "5 张图像，2 组"),
        ((2,) * 1000, "2,000 images in 1,000 groups", "2,000 张图像，1,000 组"),
        ((0,), "1 image", "1 张图像"),
        ((0, 0), "2 images", "2 张图像"),
    ],
)
def test_copies_are_counted_as_the_check_counts_them(
    sizes: tuple[int, ...], english: str, chinese: str
) -> None:
    found = copies_in(*sizes)
    assert found.count_text == english
    with speaking("zh"):
        assert translated(found.count_text) == chinese
    saved = found.to_dict()
    assert saved["num_images"] == sum(max(1, size) for size in sizes)
    assert saved["num_groups"] == (len(sizes) if all(sizes) else None)

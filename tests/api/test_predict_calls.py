"""Predictions for files: full batches give what single images give, in the files' order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from made import made_classifier
from PIL import Image

from convscope.api import predict as module
from convscope.api.image_grid import save_image_grid
from convscope.api.predict import find_images, predict
from convscope.classifier import Classifier
from convscope.errors import DataError, UsageError
from convscope.files import mark_output
from convscope.progress import Reporter


@pytest.fixture
def classifier() -> Classifier:
    return made_classifier()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twenty photos of several sizes, two of them damaged, beside a file that is no image."""
    random = np.random.default_rng(0)
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(20):
        pixels = random.integers(0, 256, (20 + number, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    for number in (3, 11):
        (folder / f"{number:02d}.png").write_bytes(b"damaged")
    (folder / "notes.txt").write_text("no image")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("batch_size", [1, 7, 18, 256])
def test_full_batches_predict_what_single_images_do(
    classifier: Classifier, photos: Path, batch_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "evaluation_batch", lambda *_: batch_size)
    predicted = predict(classifier, [str(photos)])
    found = list(predicted)
    readable = [path for path in predicted.paths if Path(path).name not in ("03.png", "11.png")]
    assert [each.image for each in found] == readable
    assert [Path(line.split("`")[1]).name for line in predicted.unreadable] == ["03.png", "11.png"]
    assert len(predicted) == 20
    for each in found:
        alone = classifier.predict(each.image)
        assert each.label == alone.label
        assert each.probabilities == pytest.approx(alone.probabilities, abs=1e-6)


def test_inputs_are_saved_as_the_network_gets_them(
    classifier: Classifier, photos: Path, tmp_path: Path
) -> None:
    found = list(predict(classifier, [str(photos)], save_inputs=tmp_path / "inputs"))
    saved = sorted((tmp_path / "inputs").glob("*.png"))
    stems = [Path(each.image).stem for each in found]
    assert [path.name for path in saved] == [f"{i:05d}-{stem}.png" for i, stem in enumerate(stems)]
    for each, path in zip(found, saved, strict=True):
        with Image.open(path) as image:
            assert np.array_equal(np.asarray(image), classifier.prepare(each.image).squeeze())


def test_iterating_again_predicts_again(classifier: Classifier, photos: Path) -> None:
    predicted = predict(classifier, [str(photos)])
    assert list(predicted) == list(predicted)
    assert len(predicted.unreadable) == 2


def test_a_threshold_marks_predictions_and_leaves_the_classifier_alone(
    classifier: Classifier, photos: Path
) -> None:
    assert all(each.is_unsure for each in predict(classifier, [str(photos)], min_confidence=1.0))
    assert classifier.decision.min_confidence == 0
    with pytest.raises(UsageError, match="`min_confidence` can't be 2"):
        predict(classifier, [str(photos)], min_confidence=2)


def test_files_folders_and_patterns_give_each_file_once(photos: Path) -> None:
    first = str(photos / "00.png")
    found = find_images([first, str(photos / "0?.png"), str(photos)])
    assert found[0] == first
    assert len(found) == len(set(found)) == 20
    with pytest.raises(DataError, match="no image is found for 2 arguments") as refused:
        find_images(["none.png", first, str(photos / "*.gif")])
    assert "`none.png`" in refused.value.message


def test_files_of_a_format_that_is_asked_for_are_found_in_folders(photos: Path) -> None:
    Image.new("RGB", (8, 8)).save(photos / "other.tga")
    assert len(find_images([str(photos)])) == 20
    assert str(photos / "other.tga") in find_images([str(photos)], extra_formats=("TGA",))


def test_what_is_passed_over_in_a_folder_is_said(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mark_output(photos / "explanations")
    (photos / "explanations" / "a.png").write_bytes(b"x")
    found = find_images([str(photos)], reporter=Reporter())
    assert len(found) == 20
    said = "note: 1 folder passed over: written by convscope\n  explanations\n"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["[a].png", "a[0-9].png", "what?.png", "*.png", "[.png", "a*[b]?.png"]
)
def test_a_file_that_is_there_is_no_pattern(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = name.removesuffix(".png")
    for each in (name, "a.png", "a5.png", f"{folder}/x.png"):
        Path(each).parent.mkdir(exist_ok=True)
        Image.new("RGB", (8, 8)).save(each)
    assert find_images([name]) == [name]
    assert find_images([f"{folder}/*.png"]) == [f"{folder}/x.png"]
    assert find_images([f"{tmp_path}/{folder}/?.png"]) == [f"{tmp_path}/{folder}/x.png"]


def test_an_image_grid_says_what_it_lacks(photos: Path, tmp_path: Path) -> None:
    saved = save_image_grid([str(photos)], tmp_path / "grid.png", at_most=6)
    assert saved.num_left_out == 14
    assert [Path(line.split("`")[1]).name for line in saved.unreadable] == ["03.png"]
    assert (tmp_path / "grid.png").is_file()

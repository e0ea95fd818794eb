"""Flags and verbs about data, as a user types them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import Convscope, MakeFolder

QUICK = ("--model", "lenet_rgb", "--epochs", "1", "-b", "16", "-q")


def uses(run: str) -> dict[str, str]:
    with Path(run, "splits.csv").open(encoding="utf-8") as file:
        return {row["image"]: row["used_for"] for row in csv.DictReader(file)}


@pytest.mark.slow
def test_show_batch_saves_what_the_network_sees(
    convscope: Convscope, make_folder: MakeFolder
) -> None:
    outcome = convscope("train", make_folder(), *QUICK[:-1], "--show-batch", "batch.png")
    assert outcome.code == 0
    assert "the first batch, as the network sees it: batch.png" in outcome.err
    with Image.open("batch.png") as image:
        assert min(image.size) > 300


@pytest.mark.slow
def test_crops_mixing_and_policies_train(convscope: Convscope, make_folder: MakeFolder) -> None:
    words = ("--crop-scale", "0.3", "--mixup", "0.4", "--cutmix", "1", "--policy", "randaugment")
    outcome = convscope("train", make_folder(), *QUICK, *words, "--json")
    assert outcome.code == 0, outcome.err
    recipe = Path("runs/pictures-lenet_rgb/recipe.yaml").read_text()
    assert "crop_scale: 0.3" in recipe
    assert "translate: 0.0" in recipe
    history = Path("runs/pictures-lenet_rgb/history.csv").read_text().splitlines()
    row = dict(zip(*(line.split(",") for line in history[:2]), strict=True))
    assert float(row["train_accuracy"]) > 0


@pytest.mark.slow
def test_a_rectangular_input_is_trained_and_predicted(
    convscope: Convscope, make_folder: MakeFolder
) -> None:
    data = make_folder({"a": 30, "b": 30}, side=40)
    assert convscope("train", data, *QUICK, "--img-size", "24x36", "--fit", "pad").code == 0
    assert "img_size: 24x36" in Path("runs/pictures-lenet_rgb/recipe.yaml").read_text()
    words = ("runs/pictures-lenet_rgb", data / "a" / "000.png", "--save-inputs", "inputs")
    assert convscope("predict", *words, "-q").code == 0
    with Image.open("inputs/00000-000.png") as image:
        assert image.size == (36, 24)


@pytest.mark.slow
def test_workers_change_nothing(convscope: Convscope, make_folder: MakeFolder) -> None:
    data = make_folder()
    for workers in ("1", "3"):
        assert convscope("train", data, *QUICK, "-j", workers, "--name", f"w{workers}").code == 0
    weights = [Path(f"runs/w{workers}/classifier/model.safetensors") for workers in "13"]
    assert weights[0].read_bytes() == weights[1].read_bytes()


@pytest.mark.slow
def test_excluded_images_are_left_out(convscope: Convscope, make_folder: MakeFolder) -> None:
    data = make_folder()
    Path("list.txt").write_text("red/003.png\nblue/000.png\n")
    outcome = convscope("train", data, *QUICK[:-1], "--exclude", "list.txt")
    assert outcome.code == 0
    assert "2 images left out as `list.txt` says" in outcome.err
    names = uses("runs/pictures-lenet_rgb")
    assert len(names) == 80
    assert {name for name, use in names.items() if use == "excluded"} == {
        "red/003.png",
        "blue/000.png",
    }


@pytest.mark.slow
def test_excluded_images_do_not_count_as_unseen(
    convscope: Convscope, make_folder: MakeFolder
) -> None:
    data = make_folder()
    Path("list.txt").write_text("red/003.png\nblue/000.png\n")
    convscope("train", data, *QUICK, "--exclude", "list.txt")
    unseen = json.loads(convscope("evaluate", "runs/pictures-lenet_rgb", data, "--json").out)
    tested = sum(use == "test" for use in uses("runs/pictures-lenet_rgb").values())
    assert unseen["num_images"] == tested
    assert "or that were excluded" in unseen["images"]


@pytest.mark.slow
def test_a_words_that_splits_csv_does_not_have_is_an_error(
    convscope: Convscope, make_folder: MakeFolder
) -> None:
    data = make_folder()
    convscope("train", data, *QUICK, "--name", "first")
    text = Path("runs/first/splits.csv").read_text().replace("validation", "val")
    Path("mine.csv").write_text(text)
    outcome = convscope("train", data, *QUICK, "--splits", "mine.csv")
    assert outcome.code == 6
    assert (
        "`used_for` can't be `val` in row 6: it must be 'train', 'validation', 'test'"
        in outcome.err
    )


@pytest.mark.slow
def test_a_range_of_values_is_taken_over_with_the_weights(
    convscope: Convscope, tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    for label, low in (("a", 0), ("b", 2000)):
        (tmp_path / "wide" / label).mkdir(parents=True)
        for number in range(40):
            pixels = (low + random.integers(0, 2000, (28, 28))).astype(np.uint16)
            Image.fromarray(pixels).save(tmp_path / "wide" / label / f"{number}.png")
    quick = ("--epochs", "2", "-b", "16", "-q")
    words = ("--value-range", "0,4095", "--name", "source", "--model", "lenet5_relu")
    assert convscope("train", "wide", *quick, *words).code == 0
    tuned = convscope("train", "wide", *quick, "--weights", "runs/source", "--name", "tuned")
    assert tuned.code == 0, tuned.err
    assert "- 4095.0" in Path("runs/tuned/recipe.yaml").read_text()
    own = json.loads(Path("runs/tuned/evaluation.json").read_text())
    again = json.loads(convscope("evaluate", "runs/tuned", "--json").out)
    assert (own["num_images"], own["accuracy"]) == (again["num_images"], again["accuracy"])


@pytest.mark.slow
def test_an_evaluation_decodes_as_training_did(
    convscope: Convscope, make_folder: MakeFolder
) -> None:
    data = make_folder()
    for number in range(10):
        (data / "red" / f"{number:03d}.png").write_bytes(b"damaged")
    assert convscope("train", data, *QUICK).code == 3
    assert convscope("train", data, *QUICK, "--allow-damaged").code == 0
    assert convscope("evaluate", "runs/pictures-lenet_rgb", data).code == 0


@pytest.mark.slow
def test_data_that_is_not_where_the_recipe_says_gets_a_hint(
    convscope: Convscope, make_folder: MakeFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_folder()
    convscope("train", "pictures", *QUICK)
    monkeypatch.chdir(tmp_path / "runs")
    outcome = convscope("evaluate", "pictures-lenet_rgb")
    assert outcome.code == 3
    assert "hint: its recipe says `pictures`, as seen from the folder" in outcome.err


@pytest.mark.slow
def test_a_batch_is_shown_in_a_picture_or_not_at_all(
    convscope: Convscope, make_folder: MakeFolder
) -> None:
    outcome = convscope("train", make_folder(), *QUICK, "--show-batch", "batch.doc")
    assert outcome.code == 2
    assert (
        "`batch.doc` can't be written: it doesn't end in `.png`, `.jpg` or `.jpeg`" in outcome.err
    )
    assert not list(Path("runs").glob("*"))


@pytest.mark.slow
def test_images_keep_the_side_of_an_earlier_run(
    convscope: Convscope, make_folder: MakeFolder
) -> None:
    data = make_folder()
    convscope("train", data, *QUICK, "--name", "first")
    before = uses("runs/first")
    moved = {name: "test" if use == "train" else "train" for name, use in before.items()}
    rows = list(csv.reader(Path("runs/first/splits.csv").read_text().splitlines()))
    for row in rows[1:]:
        row[3] = "validation" if before[row[0]] == "validation" else moved[row[0]]
    with Path("mine.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    assert convscope("train", data, *QUICK, "--splits", "mine.csv", "--name", "second").code == 0
    assert uses("runs/second") == {row[0]: row[3] for row in rows[1:]}
    outcome = convscope("train", data, *QUICK, "--splits", "none", "--name", "third")
    assert (outcome.code, outcome.err.splitlines()[0]) == (
        2,
        "error: `splits` is `none`, which isn't there",
    )


@pytest.mark.slow
def test_copies_fall_on_one_side_of_a_drawn_split(
    convscope: Convscope, make_folder: MakeFolder
) -> None:
    data = make_folder({"a": 60, "b": 60}, side=48)
    rng = np.random.default_rng(0)
    for number in range(20):
        smooth = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8)).resize(
            (48, 48), 3
        )
        for quality in (95, 60, 40):
            smooth.save(data / "a" / f"copy{number:02d}-{quality}.jpg", quality=quality)
    assert convscope("train", data, *QUICK).code == 0
    sides = uses("runs/pictures-lenet_rgb")
    for number in range(20):
        own = {use for name, use in sides.items() if f"copy{number:02d}-" in name}
        assert len(own) == 1


@pytest.mark.slow
def test_a_table_with_groups_keeps_groups_together(
    convscope: Convscope, make_folder: MakeFolder
) -> None:
    data = make_folder({"a": 60, "b": 60})
    names = sorted(path.relative_to(data).as_posix() for path in data.rglob("*.png"))
    lines = [f"{name},{name[0]},p{number // 6}" for number, name in enumerate(names)]
    (data / "table.csv").write_text("\n".join(["path,label,patient", *lines]))
    outcome = convscope("train", data / "table.csv", *QUICK, "--group", "patient", "--name", "x")
    assert outcome.code == 0, outcome.err
    sides = uses("runs/x")
    for first in range(0, 120, 6):
        assert len({sides[name] for name in names[first : first + 6]}) == 1


@pytest.mark.slow
def test_evaluate_and_predict_read_as_they_are_told(
    convscope: Convscope, make_folder: MakeFolder
) -> None:
    data = make_folder()
    convscope("train", data, *QUICK)
    run = "runs/pictures-lenet_rgb"
    small = convscope("evaluate", run, data, "--max-pixels", "100", "--allow-damaged")
    assert small.code == 3
    assert "12x12 pixels, over the limit of 100" in small.err
    tiny = convscope("predict", run, data / "red" / "000.png", "--max-pixels", "100")
    assert tiny.code == 3
    assert "over the limit of 100" in tiny.err


def test_image_grid_puts_images_into_one_picture(
    convscope: Convscope, make_folder: MakeFolder
) -> None:
    data = make_folder()
    outcome = convscope("image-grid", data / "red", "-o", "grid.png", "--columns", "8")
    assert (outcome.code, outcome.out) == (0, "grid.png\n")
    with Image.open("grid.png") as image:
        assert image.width > image.height
    (data / "red" / "000.png").write_bytes(b"")
    outcome = convscope("image-grid", data / "red", "-o", "grid.png")
    assert outcome.code == 3
    assert "000.png` is empty" in outcome.err


@pytest.mark.parametrize(
    ("size", "hint"),
    [
        ("plenty", "give a size such as 500MB, 20GB or 1TB"),
        ("5XB", "give a size such as 500MB, 20GB or 1TB"),
        ("-5GB", "give a size such as 500MB, 20GB or 1TB"),
        ("5", "which unit? `5GB` and `5MB` are sizes"),
        ("2.5", "which unit? `2.5GB` and `2.5MB` are sizes"),
        ("64000000000", "which unit? `64000000000GB` and `64000000000MB` are sizes"),
        ("0", "`--clear` removes all decoded images; a limit is a size such as 500MB"),
        ("0.0", "`--clear` removes all decoded images; a limit is a size such as 500MB"),
    ],
)
def test_a_limit_without_a_unit_removes_nothing(
    convscope: Convscope,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: str,
    hint: str,
) -> None:
    monkeypatch.setenv("CONVSCOPE_CACHE", str(tmp_path / "own"))
    outcome = convscope("cache", "--limit", size)
    assert outcome.code == 2
    assert outcome.err == f"error: `--limit` can't be `{size}`\nhint: {hint}\n"
    assert not (tmp_path / "own").exists()


def test_damaged_settings_of_the_cache_are_said_and_repaired_by_a_new_limit(
    convscope: Convscope, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONVSCOPE_CACHE", str(tmp_path))
    settings = tmp_path / "settings.json"
    settings.write_text('{"format": 1, "limit_bytes": "much"}')
    outcome = convscope("cache")
    assert outcome.code == 6
    assert f"error: `{settings}` can't be used: `limit_bytes` can't be `much`" in outcome.err
    assert "hint: `convscope cache --limit 64GB`, or another size, writes it anew" in outcome.err
    assert "0 bytes of at most 5.0 GB" in convscope("cache", "--limit", "5 gb").out
    assert convscope("cache", "--limit", "1.5T").code == 0


@pytest.mark.slow
def test_cache_lists_bounds_and_clears(
    convscope: Convscope,
    make_folder: MakeFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONVSCOPE_CACHE", str(tmp_path / "own"))
    convscope("train", make_folder(), *QUICK)
    listed = convscope("cache")
    assert "pictures, 80 images at" in listed.out
    assert f"in {tmp_path / 'own'}" in listed.out
    assert convscope("cache", "--limit", "20GB").code == 0
    fields = json.loads(convscope("cache", "--json").out)
    assert fields["limit_bytes"] == 20 * 10**9
    assert len(fields["entries"]) == 1
    cleared = convscope("cache", "--clear")
    assert cleared.out.startswith("removed ")
    assert json.loads(convscope("cache", "--json").out)["entries"] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--img-size", "12x"), "`img_size` can't be `12x`: it must be a number of pixels or"),
        (("--value-range", "9,1"), "`value_range` can't be `9,1`: it must be LOW,HIGH"),
        (("--crop-scale", "0.5", "--pad-crop", "2"), "`crop_scale` and `pad_crop` exclude"),
        (("--policy-ops", "2"), "`policy_ops` has no effect with `policy=none`"),
        (("--flip-mode", "alternating", "--hflip", "0"), "`flip_mode=alternating` has no effect"),
        (("--folds", "3", "--splits", "x"), "`folds` and `splits` exclude each other"),
    ],
)
def test_flags_that_cannot_be_are_errors(
    convscope: Convscope, make_folder: MakeFolder, words: tuple[str, ...], message: str
) -> None:
    outcome = convscope("train", make_folder(), *words)
    assert outcome.code == 2
    assert message in outcome.err


@pytest.mark.slow
def test_colour_changes_of_grey_images_are_an_error(convscope: Convscope) -> None:
    outcome = convscope("train", "digits", "--saturation", "0.4", "-q")
    assert outcome.code == 2
    assert "`saturation` can't be applied to images of 1 channel" in outcome.err
